"""`judged backup` and `judged restore` as processes: their words and exit codes."""

import sys
from pathlib import Path

import pytest

from tests.launch.processes import watched

LIMIT_S = 60.0


def said(folder: Path, *arguments: str, environ: dict[str, str] | None = None) -> tuple[int, str]:
    with watched((sys.executable, "-m", "service.cli", *arguments), folder, environ) as running:
        return running.ends_with(LIMIT_S), running.printed


@pytest.mark.timeout(240)  # two starts of everything and six commands
def test_a_running_installation_is_saved_and_runs_again_elsewhere(tmp_path: Path) -> None:
    environ = {"JUDGED_MODELS": "control/overlap"}
    up = (sys.executable, "-m", "service.cli", "up", "--port", "0", "--data")
    (tmp_path / "items.jsonl").write_text('{"id": "i0", "input": "Thanks", "output": "Thanks!"}\n')
    with watched((*up, "one"), tmp_path, environ) as running:
        address = running.until(r"judged   (http\S+)", limit_s=LIMIT_S)
        running.until("ready", limit_s=LIMIT_S)
        score = ("score", "items.jsonl", "--judge", "helpfulness", "--url", address)
        assert said(tmp_path, *score)[0] == 0
        code, printed = said(tmp_path, "backup", "all.rdb", "--data", "one")
        assert (code, printed.startswith("all.rdb: "), printed.endswith(" bytes\n")) == (0, True, True)
        running.process.terminate()
        assert running.ends_with(LIMIT_S) == 0
    code, printed = said(tmp_path, "restore", "all.rdb", "--data", "two")
    assert code == 0, printed
    assert printed == f"{tmp_path}/two has what all.rdb had; jobs go on as soon as the API and the workers run\n"
    with watched((*up, "two"), tmp_path, environ) as running:
        address = running.until(r"judged   (http\S+)", limit_s=LIMIT_S)
        running.until("ready", limit_s=LIMIT_S)
        code, printed = said(tmp_path, "jobs", "--url", address)
        assert (code, printed.count("completed")) == (0, 1)
        running.process.terminate()
        assert running.ends_with(LIMIT_S) == 0


def test_what_can_not_be_done_is_one_line(tmp_path: Path) -> None:
    assert said(tmp_path, "backup", "all.rdb") == (
        2,
        f"there is no store in {tmp_path}/judged-data: name its folder with --data, or set JUDGED_REDIS_URL\n",
    )
    environ = {"JUDGED_REDIS_URL": "redis://:hidden@127.0.0.1:1"}
    code, printed = said(tmp_path, "backup", "all.rdb", environ=environ)
    assert (code, "Redis is unavailable" in printed, "hidden" in printed) == (2, True, False)
    assert said(tmp_path, "backup", "absent/all.rdb") == (2, "can't write absent/all.rdb: no such file or directory\n")
