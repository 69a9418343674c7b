"""Snapshots of a running store, in both forms in which a server sends them, whole and broken off."""

import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis

from service.launch.embedded_store import find_binary
from service.store.errors import StoreError, StoreUnavailableError
from service.store.snapshots import SNAPSHOT_START, copy_keys, save_snapshot
from tests.launch.test_backup import client_of, nothing, served

MARK = b"0123456789" * 4


@contextmanager
def sending(*parts: bytes) -> Iterator[str]:
    """The URL of a server that says OK to every command before SYNC, then sends these parts and closes."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            while b"SYNC" not in (got := connection.recv(4096)):
                connection.sendall(b"+OK\r\n" * got.count(b"*"))
            for part in parts:
                connection.sendall(part)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


@pytest.mark.parametrize(
    "parts",
    [
        (b"\n", b"\n\n$11\r\nREDIS0011!!and more",),
        (b"$EOF:" + MARK + b"\r\nREDIS0011!!" + MARK,),
        (b"\n$EOF:" + MARK + b"\r\nREDIS", b"0011!!" + MARK[:7], MARK[7:]),
    ],
    ids=["length", "mark", "mark in pieces"],
)  # fmt: skip
def test_a_snapshot_ends_by_its_length_or_its_mark(parts: tuple[bytes, ...]) -> None:
    file = io.BytesIO()
    with sending(*parts) as url:
        save_snapshot(url, file, nothing)
    assert file.getvalue() == b"REDIS0011!!"


@pytest.mark.parametrize(
    ("parts", "error", "words"),
    [
        ((b"$11\r\nREDIS",), StoreUnavailableError, "in the middle"),
        ((b"$EOF:" + MARK + b"\r\nREDIS0011!!" + MARK[:-1],), StoreUnavailableError, "in the middle"),
        ((b"\n\n",), StoreUnavailableError, "before it sent a snapshot"),
        ((b"-ERR unknown command 'SYNC'\r\n",), StoreError, "unknown command 'SYNC'"),
        ((b"$EOF:short\r\n",), StoreError, "unknown here"),
    ],
)
def test_a_snapshot_that_breaks_off_or_is_refused_is_an_error(
    parts: tuple[bytes, ...], error: type[Exception], words: str
) -> None:
    with sending(*parts) as url, pytest.raises(error, match=words):
        save_snapshot(url, io.BytesIO(), nothing)


@pytest.mark.parametrize("diskless", ["yes", "no"])
def test_a_real_store_sends_it_in_either_form(diskless: str, tmp_path: Path) -> None:
    file = io.BytesIO()
    with served(tmp_path / "from", find_binary(None), "--repl-diskless-sync", diskless) as store:
        client_of(store).set("judged:a", "1")
        save_snapshot(store.url, file, nothing)
    assert SNAPSHOT_START.match(file.getvalue())
    assert b"judged:a" in file.getvalue()


def test_of_a_copy_that_fails_nothing_is_left(tmp_path: Path) -> None:
    with (
        served(tmp_path / "from", find_binary(None)) as source,
        served(tmp_path / "to", find_binary(None)) as target,
    ):
        client_of(source).mset({f"judged:{n}": "x" * 10_000 for n in range(2_000)})
        full: Redis = client_of(target)
        full.config_set("maxmemory", "8mb")
        with pytest.raises(StoreUnavailableError, match="maxmemory"):
            copy_keys(source.url, 0, target.url, "", nothing)
        assert full.dbsize() == 0
        full.config_set("maxmemory", "0")
        noted = list[tuple[int, int]]()
        assert copy_keys(source.url, 0, target.url, "", lambda *numbers: noted.append(numbers)) == 2_000
        assert (full.dbsize(), noted[-1]) == (2_000, (2_000, 2_000))
