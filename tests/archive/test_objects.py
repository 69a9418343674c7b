"""Objects are put once, read in parts, listed and removed; calls have a time limit, and errors tell no secret."""

import socket
from pathlib import Path

import msgspec
import pytest

from service.archive.errors import ArchiveAwayError
from service.archive.objects import Objects
from service.config.settings import ArchiveSettings
from tests.archive.conftest import SECRET


async def test_an_object_is_put_once_and_never_changed(objects: Objects) -> None:
    path = "judgments/day=2026-11-30/a.parquet"
    assert await objects.put_new(path, b"0123456789")
    assert not await objects.put_new(path, b"other")
    assert await objects.get(path) == b"0123456789"
    assert await objects.get_part(path, 2, 3) == b"234"
    assert [(each.path, each.size) for each in await objects.listed("judgments")] == [(path, 10)]
    assert await objects.listed("labels") == []
    await objects.delete(path)
    await objects.delete(path)
    with pytest.raises(FileNotFoundError):
        await objects.get(path)
    with pytest.raises(FileNotFoundError):
        await objects.get_part(path, 0, 1)


async def test_a_store_that_refuses_is_away_and_the_error_has_no_secret(s3_archive: ArchiveSettings) -> None:
    objects = Objects(msgspec.structs.replace(s3_archive, url="s3://no-such-bucket/x"))
    with pytest.raises(ArchiveAwayError, match="a can't be written") as caught:
        await objects.put_new("a", b"1")
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_store_that_is_silent_is_waited_for_until_the_limit(s3_archive: ArchiveSettings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        objects = Objects(msgspec.structs.replace(s3_archive, endpoint=endpoint, timeout_seconds=0.2))
        with pytest.raises(ArchiveAwayError):
            await objects.get("a")


async def test_a_folder_that_can_t_be_written_is_away(tmp_path: Path) -> None:
    objects = Objects(ArchiveSettings(url=str(tmp_path / "archive")))
    (tmp_path / "archive").write_text("a file in the place of a folder")
    with pytest.raises(ArchiveAwayError, match="a can't be written"):
        await objects.put_new("a", b"1")
    (tmp_path / "archive").unlink()
    assert await objects.put_new("a", b"1")


async def test_a_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "archive"
    assert await Objects(ArchiveSettings(url=f"file://{folder}")).put_new("a", b"1")
    assert folder.stat().st_mode & 0o777 == 0o700
