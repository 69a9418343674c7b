"""`judged score`, `check-config`, `up` and the command as a whole: output and exit codes."""

import json
import socket
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from service.cli.command import Command
from service.cli.main import COMMANDS, main
from service.cli.tables.judgment_table import job_summary, verdict_text
from service.config.sections import ArenaSettings
from service.config.settings import Settings
from service.launch.preflight import claimed
from tests.cli.stub_api import Asked, served
from tests.launch.processes import watched

Captured = pytest.CaptureFixture[str]


class Api:
    """Answers as the service does for one job, and keeps the requests."""

    def __init__(self) -> None:
        self.url = ""
        self.posted: list[Asked] = []
        self.outcomes = ["scored", "unscored"]
        self.refusal: tuple[int, dict[str, Any]] | None = None
        self.busy = 0  # how often to answer 503 before the job is shown

    def answer(self, asked: Asked) -> tuple[int, bytes]:
        if asked.method == "POST":
            self.posted.append(asked)
            status, body = self.refusal or (202, self.job("queued"))
            return status, json.dumps(body).encode()
        if self.busy:
            self.busy -= 1
            return 503, b""
        if asked.path.endswith("/judgments"):
            return 200, self.judgments()
        return 200, json.dumps(self.job("completed")).encode()

    def job(self, status: str) -> dict[str, Any]:
        pending = 0 if status == "completed" else len(self.outcomes)
        counts = {"total": len(self.outcomes), "pending": pending}
        counts |= {name: self.outcomes.count(name) for name in ("scored", "unscored", "failed")}
        return {"id": "job_1", "status": status, "counts": counts, "usage": {"cost_usd": 0.0123}}

    def judgments(self) -> bytes:
        told = [
            {
                "item_id": f"i{n}",
                "criterion": "politeness",
                "outcome": outcome,
                "reason": None if outcome == "scored" else "no_score",
                "score": 4 if outcome == "scored" else None,
                "label": None,
                "ranking": None,
                "explanation": "Kind [bold]words[/bold].",
            }
            for n, outcome in enumerate(self.outcomes)
        ]
        return b"".join(json.dumps(each).encode() + b"\n" for each in told)


@pytest.fixture
def api() -> Iterator[Api]:
    known = Api()
    with served(known.answer) as known.url:
        yield known


@pytest.fixture
def items(tmp_path: Path) -> str:
    path = tmp_path / "items.jsonl"
    path.write_text('{"id": "i0", "output": "Thanks!"}\n{"id": "i1", "output": "No."}\n')
    return str(path)


def test_score_sends_the_file_and_shows_a_table(api: Api, items: str, capsys: Captured) -> None:
    code = main(["score", items, "--judge", "politeness", "--models", "a/b, c/d", "--url", api.url, "--key", "k"])
    printed = capsys.readouterr()
    _, path, query, body, headers = api.posted[0]
    assert (code, path) == (0, "/v1/jobs")
    assert query == {"judge": "politeness", "models": "a/b,c/d"}
    assert body == Path(items).read_bytes()
    assert (headers["Content-Type"], headers["Authorization"]) == ("application/x-ndjson", "Bearer k")
    assert "Kind [bold]words[/bold]." in printed.out
    assert "unscored (no_score)" in printed.out
    assert "job_1: 1 scored, 1 unscored; mean score 4; cost $0.0123" in printed.out
    assert printed.err == ""


def test_score_prints_json_for_machines_and_writes_it(
    api: Api, items: str, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUDGED_URL", api.url)
    out = tmp_path / "out.jsonl"
    assert main(["score", items, "--judge", "politeness", "--json", "--out", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["item_id"] for line in lines] == ["i0", "i1"]
    assert out.read_text().splitlines() == lines


def test_score_sends_a_judge_from_a_file_as_a_definition(api: Api, items: str, tmp_path: Path) -> None:
    judge = {"criterion": "tone", "method": "pass_fail", "instructions": "Kind?"}
    (tmp_path / "judge.json").write_text(json.dumps(judge))
    assert main(["score", items, "--judge", "judge.json", "--url", api.url]) == 0
    sent = json.loads(api.posted[0].body)
    assert (sent["judge"], [item["id"] for item in sent["items"]], sent["models"]) == (
        judge,
        ["i0", "i1"],
        None,
    )


def test_score_ends_with_1_where_an_item_failed(api: Api, items: str) -> None:
    api.outcomes = ["scored", "failed"]
    assert main(["score", items, "--judge", "politeness", "--url", api.url]) == 1


def test_score_bears_with_a_service_that_is_away(api: Api, items: str, capsys: Captured) -> None:
    api.busy = 1
    assert main(["score", items, "--judge", "politeness", "--url", api.url]) == 0


def test_score_says_each_place_of_a_refusal(api: Api, items: str, capsys: Captured) -> None:
    errors = [
        {"pointer": "/items/0", "detail": "unknown field"},
        {"pointer": "/items/1", "detail": "no output"},
    ]
    api.refusal = (400, {"title": "Bad items", "detail": "2 items are wrong", "errors": errors})
    assert main(["score", items, "--judge", "politeness", "--url", api.url]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "refused (400): 2 items are wrong",
        "/items/0: unknown field",
        "/items/1: no output",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["absent.jsonl", "--judge", "j"], "No such file"),
        (["items.jsonl", "--judge", "broken.json"], "broken.json: not valid JSON"),
        (["items.jsonl", "--judge", "list.json"], "list.json: a judge must be a JSON object"),
        (["items.jsonl", "--judge", "j", "--url", "http://127.0.0.1:1"], "is `judged up` running?"),
        (["items.jsonl", "--judge", "j", "--url", "nonsense"], "nonsense"),
    ],
)
def test_score_says_what_it_can_not_do(
    arguments: list[str], said: str, items: str, tmp_path: Path, capsys: Captured
) -> None:
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    assert main(["score", *arguments]) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert len(printed.err.splitlines()) == 1


def test_verdict_is_what_the_judge_gives() -> None:
    assert verdict_text({"score": 0.5, "label": "partly"}) == "partly"
    assert verdict_text({"score": None, "label": None, "ranking": [1, [0, 2]]}) == "[1, [0, 2]]"
    assert verdict_text({"score": 4.0, "label": None, "ranking": None}) == "4"
    assert verdict_text({"score": None, "label": None, "ranking": None}) == ""


def test_summary_knows_no_mean_of_nothing_and_no_price_that_nobody_knows() -> None:
    job = {"id": "j", "counts": {"total": 1, "failed": 1}, "usage": {"cost_usd": None}}
    assert job_summary([{"outcome": "failed", "score": None}], job) == "j: 1 failed; no score; cost unknown"


def test_check_config_shows_what_is_in_effect_and_no_secret(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hidden")
    monkeypatch.setenv("JUDGED_REDIS_URL", "redis://u:pw-hidden@h/0")
    monkeypatch.setenv("JUDGED_PORT", "9000")
    (tmp_path / "judged.toml").write_text("[providers.openai]\nkind = 'openai'")
    assert main(["check-config"]) == 0
    printed = capsys.readouterr()
    assert "hidden" not in printed.out + printed.err
    assert "port = 9000" in printed.out
    assert 'api_key_env = "OPENAI_API_KEY"' in printed.out
    assert 'redis_url = "redis://u:***@h/0"' in printed.out


def test_check_config_shows_every_section_and_its_output_is_a_valid_file(tmp_path: Path, capsys: Captured) -> None:
    keys = f"[[keys]]\nname = 'bot'\nsha256 = '{'0' * 64}'\n"
    providers = "[providers.vllm]\nkind = 'openai'\nbase_url = 'http://h/v1'\n"
    prices = "[prices.'vllm/m']\ninput = 0.1\noutput = 0.4\n"
    (tmp_path / "judged.toml").write_text(providers + prices + keys)
    assert main(["check-config"]) == 0
    printed = capsys.readouterr().out
    (tmp_path / "again.toml").write_text(printed)
    assert main(["check-config", "--config", "again.toml"]) == 0
    shown = tomllib.loads(printed)
    assert tomllib.loads(capsys.readouterr().out) == shown
    assert set(shown) == {field.name for field in msgspec.structs.fields(Settings)}
    assert set(shown["arena"]) == {field.name for field in msgspec.structs.fields(ArenaSettings)}


def test_check_config_says_each_problem_in_a_line(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "bad.toml").write_text("[server]\nprot = 1\n[log]\nlevel = 'x'")
    assert main(["check-config", "--config", "bad.toml"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "server.prot: unknown key, did you mean port?",
        "log.level: expected one of debug, info, warning, error",
    ]


def test_api_needs_a_store(capsys: Captured) -> None:
    assert main(["api"]) == 2
    assert "JUDGED_REDIS_URL" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["nothing"], ["up", "--port", "x"], ["score"]])
def test_usage_ends_with_2(arguments: list[str], capsys: Captured) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["scor", "items.jsonl"], "did you mean 'score'?"),
        (["score", "items.jsonl", "--judge", "j", "--modles", "a/b"], "did you mean '--models'?"),
        (["agreement", "j", "--selection", "randon"], "did you mean 'random'?"),
    ],
)
def test_a_misspelt_word_is_answered_with_the_nearest_known_one(
    arguments: list[str], said: str, capsys: Captured
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert said in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command.name))
def test_each_command_has_its_exit_codes_in_its_help(command: Command, capsys: Captured) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command.name, "--help"])
    assert ended.value.code == 0
    assert "Exit codes: 0 " in " ".join(capsys.readouterr().out.split())


def test_the_version_is_that_of_the_package(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("judged ")


def test_no_proxy_stands_between_a_command_and_this_machine(
    api: Api, items: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert main(["score", items, "--judge", "politeness", "--url", api.url]) == 0
    assert main(["score", items, "--judge", "politeness", "--url", api.url.replace("127.0.0.1", "localhost")]) == 0
    assert main(["score", items, "--judge", "politeness", "--url", "http://judged.invalid"]) == 2


def up_says(folder: Path, *arguments: str, environ: dict[str, str] | None = None) -> list[str]:
    """Returns the lines that `judged up` prints if it can't start."""
    with watched((sys.executable, "-m", "service.cli", "up", *arguments), folder, environ) as running:
        assert running.ends_with() == 2
    return running.printed.splitlines()


def test_up_says_that_the_port_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = up_says(tmp_path, "--port", port)
    assert said == [
        f"judged: port {port} on 127.0.0.1 is taken: stop what listens there, or choose another with --port"
    ]


def test_up_says_that_it_can_not_keep_data_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = up_says(tmp_path, "--port", "0", "--data", "file/data")
    assert said == [f"judged: can't keep data in {tmp_path}/file/data: not a directory"]


def test_up_says_that_the_data_is_in_use(tmp_path: Path) -> None:
    with claimed(tmp_path / "data"):
        said = up_says(tmp_path, "--port", "0", "--data", "data")
    assert len(said) == 1
    assert said[0].startswith(f"judged: {tmp_path}/data is in use by another judged (process ")


def test_up_says_all_that_is_wrong_with_the_configuration(tmp_path: Path) -> None:
    said = up_says(tmp_path, "--host", "0.0.0.0", "--workers", "0", environ={"JUDGED_PROT": "1"})
    assert said == [
        "judged: JUDGED_WORKERS: expected `int` >= 1",
        "judged: JUDGED_PROT: unknown variable, did you mean JUDGED_PORT?",
        "judged: server.host: 0.0.0.0 can be reached from outside: add [[keys]] or use 127.0.0.1",
    ]


def test_up_says_that_there_is_no_store_to_run(tmp_path: Path) -> None:
    said = up_says(tmp_path, "--port", "0", environ={"JUDGED_STORE_BINARY": "no-such-server"})
    assert said == ["judged: store.binary: no-such-server is not an executable program"]


def test_up_says_that_the_model_file_is_not_there(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="the extra `local` is not installed")
    assert up_says(tmp_path, "--port", "0", "--local", "absent.gguf") == ["judged: absent.gguf: no such model file"]


def test_up_says_why_the_store_ended(tmp_path: Path) -> None:
    """An append-only file that is no such file ends the store at its start."""
    folder = tmp_path / "data" / "appendonlydir"
    folder.mkdir(parents=True)
    (folder / "appendonly.aof.manifest").write_text("nonsense\n")
    said = up_says(tmp_path, "--port", "0", "--data", "data", environ={"JUDGED_MODELS": "control/overlap"})
    assert said[0].startswith("judged   http://127.0.0.1:")
    assert said[-1] == (
        "judged: the store ended as soon as it was started: Invalid AOF manifest file format"
        f" (see {tmp_path}/data/store.log)"
    )
