"""`judged archive` and `judged restore --archive` on a real store and a local folder."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from service.agreement.recording import record_judgments
from service.cli.main import main
from service.config.settings import load_settings
from service.launch.archive import archive_status
from service.store import archiving
from service.store.connection import connect
from tests.store.made import committed, finished

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, store_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an archive, with an empty store, which the environment names."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JUDGED_REDIS_URL", store_url)
    monkeypatch.setenv("JUDGED_ARCHIVE_URL", str(tmp_path / "archive"))
    with_store(store_url, lambda redis: redis.flushall())
    return tmp_path / "archive"


def with_store(url: str, act: Any) -> Any:
    async def run() -> Any:
        redis = connect(url, retries=1, max_connections=2)
        try:
            return await act(redis)
        finally:
            await redis.aclose()

    return asyncio.run(run())


async def ended_job(redis: Redis) -> None:
    """A job of two judgments that has ended."""
    record = await committed(redis, 2)
    await record_judgments(redis, [finished(record, 0), finished(record, 1)], keep_s=1_000)


def shown(capsys: Captured) -> Any:
    return json.loads(capsys.readouterr().out)


def test_without_an_archive_each_action_says_what_to_set(
    folder: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JUDGED_ARCHIVE_URL")
    for arguments in (["archive", "status"], ["archive", "run"], ["restore", "--archive"]):
        assert main(arguments) == 2
        assert "there is no archive: set archive.url, or JUDGED_ARCHIVE_URL" in capsys.readouterr().err
    monkeypatch.delenv("JUDGED_REDIS_URL")
    assert main(["archive", "status"]) == 2
    assert "name the store: set JUDGED_REDIS_URL" in capsys.readouterr().err


def test_an_archive_is_written_shown_shortened_and_restored(folder: Path, store_url: str, capsys: Captured) -> None:
    assert main(["archive", "run", "--older-than-hours", "0", "--json"]) == 0
    assert shown(capsys) == {"judgments": 0, "jobs": 0, "labelled": 0}
    with_store(store_url, ended_job)
    assert main(["archive", "run", "--older-than-hours", "0"]) == 0
    assert capsys.readouterr().out == "archived: 2 judgments, 1 jobs, labels of 0 items\n"
    assert main(["archive", "status"]) == 0
    assert f"archive   {folder} (on)\nwaiting   0 jobs" in (text := capsys.readouterr().out)
    assert "judgments 2 rows in 1 files" in text
    assert main(["archive", "status", "--json"]) == 0
    assert shown(capsys) == msgspec.to_builtins(archive_status(load_settings(None, os.environ)))
    assert main(["restore", "--archive"]) == 2
    assert "the store is not empty" in capsys.readouterr().err
    with_store(store_url, lambda redis: redis.flushall())
    assert main(["restore", "--archive", "--since", "2026-01-01"]) == 0
    assert capsys.readouterr().out.startswith("restored: 2 judgments of 1 jobs, 0 labels, ")
    assert main(["archive", "forget"]) == 2
    assert "name what to forget" in capsys.readouterr().err
    assert main(["archive", "forget", "--item", "t-0"]) == 0
    assert capsys.readouterr().out.startswith("forgotten; 1 files replaced")
    assert main(["archive", "compact", "--json"]) == 0
    assert shown(capsys) == {"replaced": 0, "removed": 0, "leftovers": 0, "damaged": []}
    [file] = folder.glob("judgments/*/*.parquet")
    [index] = folder.glob("index/judgments/*/*")
    index.unlink()
    file.write_bytes(file.read_bytes()[:-1])
    assert main(["archive", "status", "--json"]) == 1
    assert shown(capsys)["missing"] == [str(each.relative_to(folder)) for each in (file, index)]
    file.unlink()
    assert main(["archive", "compact"]) == 1
    assert f"{file.relative_to(folder)} is missing" in capsys.readouterr().err
    assert main(["archive", "status"]) == 1
    assert f"missing   {file.relative_to(folder)}" in capsys.readouterr().out
    for hours in ("nan", "inf", "-1"):
        with pytest.raises(SystemExit, match="2"):
            main(["archive", "run", "--older-than-hours", hours])
    capsys.readouterr()
    assert main(["archive", "off"]) == 0
    assert capsys.readouterr().out == "0 jobs no longer wait for the archive, and expire in their time\n"


def test_an_archive_that_has_vanished_is_not_begun_anew(
    folder: Path, store_url: str, tmp_path: Path, capsys: Captured
) -> None:
    with_store(store_url, ended_job)
    assert main(["archive", "run", "--older-than-hours", "0"]) == 0
    folder.rename(tmp_path / "unmounted")
    with_store(store_url, ended_job)
    for action in (["run", "--older-than-hours", "0"], ["compact"], ["forget", "--item", "t-0"], ["status"]):
        assert main(["archive", *action]) == 2
        assert f"there is no catalog at {folder}" in capsys.readouterr().err
    assert not list(folder.rglob("*.*"))
    assert main(["archive", "off"]) == 0
    assert main(["archive", "run", "--older-than-hours", "0"]) == 0


def test_an_index_that_is_gone_or_damaged_is_made_anew(folder: Path, store_url: str, capsys: Captured) -> None:
    with_store(store_url, ended_job)
    assert main(["archive", "run", "--older-than-hours", "0"]) == 0
    [index] = folder.glob("index/judgments/*/*")
    index.unlink()
    assert main(["archive", "compact"]) == 0
    assert main(["archive", "status"]) == 0
    [index] = folder.glob("index/judgments/*/*")
    index.write_bytes(b"no index")
    assert main(["archive", "forget", "--item", "t-0"]) == 0
    [index] = folder.glob("index/judgments/*/*")
    assert index.read_bytes() != b"no index"


def test_forgetting_waits_for_a_writer_and_says_what_is_left_to_do(
    folder: Path, store_url: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.launch.archive._LEASE_WAIT_S", 0.0)
    with_store(store_url, ended_job)
    assert main(["archive", "run", "--older-than-hours", "0"]) == 0
    with_store(store_url, lambda redis: archiving.hold_lease(redis, "w_other"))
    assert main(["archive", "forget", "--item", "t-0"]) == 2
    assert "hidden from all readers, but not removed" in capsys.readouterr().err
    with_store(store_url, lambda redis: archiving.end_lease(redis, "w_other"))
    assert main(["archive", "compact"]) == 0
    assert capsys.readouterr().out.startswith("1 files replaced")


@pytest.mark.parametrize("arguments", [["restore"], ["restore", "x.rdb", "--archive"]])
def test_a_restore_is_of_a_file_or_of_the_archive(folder: Path, capsys: Captured, arguments: list[str]) -> None:
    assert main(arguments) == 2
    assert "--archive" in capsys.readouterr().err
