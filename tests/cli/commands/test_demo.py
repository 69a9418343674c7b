"""`judged demo` as a real process: ready, its findings, its page, and nothing left at the end."""

import json
import signal
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from service.cli.commands.demo import demo_environ, show_findings
from tests.cli.stub_api import served
from tests.launch.processes import Watched, all_end, children_of, watched

LIMIT_S = 120.0  # 2 s on an idle machine
DEAD_PROXY = "http://127.0.0.1:9"

# What a user may have: nothing of it concerns the demo.
USERS_OWN = {
    "JUDGED_REDIS_URL": "redis://127.0.0.1:9/0",
    "JUDGED_MODELS": "openai/gpt-6-luna",
    "JUDGED_HOST": "0.0.0.0",
    "OPENAI_API_KEY": "sk-users-own",
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), DEAD_PROXY),
}

pytestmark = pytest.mark.timeout(4 * LIMIT_S)


@contextmanager
def demo(folder: Path, *arguments: str) -> Iterator[Watched]:
    argv = (sys.executable, "-m", "service.cli", "demo", "--no-model", *arguments)
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    (folder / "judged.toml").write_text("[[keys]]\nwrong = 1\n")
    with watched(argv, folder, {**USERS_OWN, "TMPDIR": str(temporary)}) as running:
        yield running


def findings(running: Watched) -> tuple[str, list[str]]:
    """Returns the address and the three sentences, once they are printed."""
    address = running.until(r"The page that shows it: (http://127\.0\.0\.1:\d+)/\n", limit_s=LIMIT_S)
    printed = running.printed.partition("What can be trusted here:\n")[2]
    return address, [line for line in printed.splitlines() if line.startswith("- ")]


def get(address: str) -> str:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(address, timeout=LIMIT_S) as answer:
        return str(answer.read().decode())


def got(address: str) -> Any:
    return json.loads(get(address))


def end(running: Watched) -> None:
    """Ends it as Ctrl-C does, and checks that no process is left."""
    pids = children_of(running.process.pid)
    assert len(pids) == 3
    running.send(signal.SIGINT)
    assert running.process.wait(LIMIT_S) == 0
    assert all_end(pids, limit_s=0)


def test_the_demo_says_what_can_be_trusted_and_leaves_nothing(tmp_path: Path) -> None:
    with demo(tmp_path, "--port", "0") as running:
        address, (people, judges, versions) = findings(running)
        assert "the 2 people who labelled 40 answers" in people
        assert "word overlap 0.66 (0.44 to 0.79)" in judges
        assert "bot-v2" in versions
        page = get(f"{address}/")
        assert "this judge 0.66 (0.44 to 0.79)" in page
        assert "0.92 (0.80 to 0.96)" in page
        models = {each["model"] for each in got(f"{address}/v1/models")["models"]}
        assert {each for each in models if not each.startswith("control/")} == set()
        end(running)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_second_demo_with_the_same_data_doubles_nothing(tmp_path: Path) -> None:
    seen = []
    for _ in range(2):
        with demo(tmp_path, "--port", "0", "--data", "kept") as running:
            address, sentences = findings(running)
            jobs = got(f"{address}/v1/jobs")["jobs"]
            labels = got(f"{address}/v1/labels?limit=1000")["labels"]
            item = got(f"{address}/v1/items/track-parcel-v1")
            seen.append((sentences, [each["id"] for each in jobs], len(labels), len(item["judgments"])))
            end(running)
    first, second = seen
    assert first == second
    assert len(first[1]) == 2
    assert first[2:] == (80, 2)


def test_the_demo_does_not_mix_with_other_data(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "lock").write_text("")
    with demo(tmp_path, "--data", "own") as running:
        assert running.process.wait(LIMIT_S) == 2
    assert running.printed == "--data own: holds something else than a demo; name a new folder\n"
    assert [each.name for each in (tmp_path / "own").iterdir()] == ["lock"]


def test_the_demo_has_neither_settings_nor_keys_of_the_user(tmp_path: Path) -> None:
    environ = {**USERS_OWN, "PATH": "/bin", "JUDGED_STORE_BINARY": "redis-server", "JUDGED_LOG_LEVEL": "debug"}
    found = demo_environ(environ, tmp_path, None, has_model=False)
    assert found["PATH"] == "/bin"
    assert found["JUDGED_STORE_BINARY"] == "redis-server"
    assert found["JUDGED_LOG_LEVEL"] == "debug"
    assert found["JUDGED_DATA"] == str(tmp_path)
    assert found["JUDGED_MODELS"] == "control/overlap"
    assert set(found) & {"JUDGED_REDIS_URL", "JUDGED_HOST", "JUDGED_PORT", "OPENAI_API_KEY"} == set()


def test_a_demo_that_is_told_to_end_says_nothing_of_its_service(capsys: pytest.CaptureFixture[str]) -> None:
    away = (503, b'{"detail": "the store is unavailable"}')
    with served(lambda asked: (200, b'{"labels": []}') if asked.method == "GET" else away) as address:
        show_findings(None, address, lambda: True)
    assert capsys.readouterr() == ("", "")
