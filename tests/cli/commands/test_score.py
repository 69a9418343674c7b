"""`judged score`: its requests, output and exit codes."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import service
from service.cli.main import main
from tests.cli.stub_api import Asked, JobApi, served

Captured = pytest.CaptureFixture[str]


def test_score_sends_the_file_and_shows_a_table(job_api: JobApi, items: str, capsys: Captured) -> None:
    code = main(["score", items, "--judge", "politeness", "--models", "a/b, c/d", "--url", job_api.url, "--key", "k"])
    printed = capsys.readouterr()
    _, path, query, body, headers = job_api.posted[0]
    assert (code, path) == (0, "/v1/jobs")
    assert query == {"judge": "politeness", "models": "a/b,c/d"}
    assert body == Path(items).read_bytes()
    assert (headers["Content-Type"], headers["Authorization"]) == ("application/x-ndjson", "Bearer k")
    assert "Kind [bold]words[/bold]." in printed.out
    assert "unscored (no_score)" in printed.out
    assert "job_1: 1 scored, 1 unscored; mean score 4; cost $0.0123" in printed.out
    assert printed.err == ""


def test_score_prints_json_for_machines_and_writes_it(
    job_api: JobApi, items: str, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUDGED_URL", job_api.url)
    out = tmp_path / "out.jsonl"
    assert main(["score", items, "--judge", "politeness", "--json", "--out", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["item_id"] for line in lines] == ["i0", "i1"]
    assert out.read_text().splitlines() == lines


def test_score_sends_a_judge_from_a_file_as_a_definition(job_api: JobApi, items: str, tmp_path: Path) -> None:
    judge = {"criterion": "tone", "method": "pass_fail", "instructions": "Kind?"}
    (tmp_path / "judge.json").write_text(json.dumps(judge))
    assert main(["score", items, "--judge", "judge.json", "--url", job_api.url]) == 0
    sent = json.loads(job_api.posted[0].body)
    assert (sent["judge"], [item["id"] for item in sent["items"]], sent["models"]) == (
        judge,
        ["i0", "i1"],
        None,
    )


def test_score_reads_a_spreadsheet_with_columns_of_other_names(job_api: JobApi, capsys: Captured) -> None:
    Path("items.csv").write_text("\ufeffid;question;answer;stars\r\n7;Why?;Because.;4\r\n;;;\r\n", encoding="utf-8")
    mapped = ["--map", "question=input", "--map", "output=answer"]
    assert main(["score", "items.csv", "--judge", "j", *mapped, "--url", job_api.url]) == 0
    assert json.loads(job_api.posted[0].body) == {"id": "7", "input": "Why?", "output": "Because."}
    assert capsys.readouterr().err == "columns that are not used: stars\n"


def test_score_keeps_an_empty_output_of_json_lines(job_api: JobApi, tmp_path: Path) -> None:
    Path("items.jsonl").write_text('{"id": 3, "output": "", "human": {"wit": [4]}}\n')
    assert main(["score", "items.jsonl", "--judge", "j", "--url", job_api.url]) == 0
    assert json.loads(job_api.posted[0].body) == {"id": "3", "output": ""}


def test_score_ends_with_1_where_an_item_failed(job_api: JobApi, items: str) -> None:
    job_api.outcomes = ["scored", "failed"]
    assert main(["score", items, "--judge", "politeness", "--url", job_api.url]) == 1


def test_score_bears_with_a_service_that_is_away(job_api: JobApi, items: str, capsys: Captured) -> None:
    job_api.busy = 1
    assert main(["score", items, "--judge", "politeness", "--url", job_api.url]) == 0


def test_score_says_each_place_of_a_refusal(job_api: JobApi, items: str, capsys: Captured) -> None:
    errors = [
        {"pointer": "/items/0", "detail": "unknown field"},
        {"pointer": "/items/1", "detail": "no output"},
    ]
    job_api.refusal = (400, {"title": "Bad items", "detail": "2 items are wrong", "errors": errors})
    assert main(["score", items, "--judge", "politeness", "--url", job_api.url]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "line 1: unknown field",
        "line 2: no output",
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


class RunningApi(JobApi):
    """A job that never ends; `seen` once somebody waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = threading.Event()

    def answer(self, asked: Asked) -> tuple[int, bytes]:
        if asked.method == "GET":
            if "wait" in asked.query:
                self.seen.set()
            return 200, json.dumps(self.job("running")).encode()
        return super().answer(asked)


@pytest.mark.parametrize(
    "command",
    [
        ["score", "items.jsonl", "--judge", "j"],
        ["gate", "items.jsonl", "--judge", "j", "--min", "3"],
        ["jobs", "job_1", "--follow"],
    ],
    ids=lambda command: str(command[0]),
)
def test_who_is_interrupted_learns_the_job_that_goes_on(command: list[str], items: str) -> None:
    api = RunningApi()
    with served(api.answer) as url:
        process = subprocess.Popen(
            [sys.executable, "-m", "service.cli", *command, "--url", url],
            env={**os.environ, "PYTHONPATH": str(Path(service.__path__[0]).parent)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert api.seen.wait(60)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode == 130
    assert said == "job_1 goes on in the background: `judged jobs job_1` shows it, --cancel cancels it\n"


def test_who_loses_the_service_learns_the_job_that_goes_on(items: str, capsys: Captured) -> None:
    api = JobApi()
    with served(lambda asked: (404, b"{}") if asked.method == "GET" else api.answer(asked)) as url:
        assert main(["score", items, "--judge", "j", "--url", url]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("job_1 goes on in the background")
