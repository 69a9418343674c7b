"""Snapshots of a whole running store: one is taken as a replica takes it, and its keys are copied to another store.

A snapshot is the store at one moment (an RDB file with its checksum), however much is written meanwhile.
"""

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, BinaryIO

from redis import ConnectionPool, Redis
from redis.exceptions import ResponseError

from service.store.addresses import primary_url
from service.store.connection import translated_errors
from service.store.errors import StoreError, StoreUnavailableError
from service.store.installations import own_patterns

SNAPSHOT_START = re.compile(rb"REDIS\d{4}|VALKEY\d{3}")

_CONNECT_LIMIT_S = 5.0
_SILENCE_LIMIT_S = 90.0  # the server sends an empty line every 10 seconds while it prepares the snapshot
_COMMAND_LIMIT_S = 60.0
_PART_BYTES = 1 << 20
_MARK_BYTES = 40
_KEYS_AT_ONCE = 200
_REWRITE_POLL_S = 0.05
_ABSENT, _NO_END = -2, -1  # replies of PEXPIRETIME


def save_snapshot(url: str, file: BinaryIO, note_bytes: Callable[[int], None]) -> None:
    """Writes a snapshot of the store to a file, in the format RDB; calls `note_bytes` with the bytes written so far.

    Raises StoreUnavailableError if the store can't be reached or the transfer broke off, StoreError if the store
    refuses replicas.
    """
    with translated_errors():
        pool = ConnectionPool.from_url(
            asyncio.run(primary_url(url)),
            socket_connect_timeout=_CONNECT_LIMIT_S,
            socket_timeout=_SILENCE_LIMIT_S,
            retry_on_timeout=False,
        )
        with closing(pool):
            connection = pool.get_connection()
            for option in (("capa", "eof"), ("rdb-only", "1")):
                connection.send_command("REPLCONF", *option)
                connection.read_response()
            connection.send_command("SYNC")
            _receive(connection, file, note_bytes)


def _receive(connection: Any, file: BinaryIO, note_bytes: Callable[[int], None]) -> None:
    """Writes the snapshot that follows SYNC. It is not a reply of the protocol: it is read from the socket itself."""
    with connection._sock.makefile("rb") as incoming:
        line = b"\n"
        while line == b"\n":
            line = incoming.readline()
        if line.startswith(b"-"):
            raise ResponseError(line[1:].decode(errors="replace").strip().removeprefix("ERR "))
        if line.startswith(b"$EOF:"):
            parts = _parts_until(incoming, line[5:].strip())
        elif line.startswith(b"$"):
            parts = _parts_of_length(incoming, int(line[1:]))
        else:
            raise StoreUnavailableError("the store ended the connection before it sent a snapshot")
        written = 0
        for part in parts:
            file.write(part)
            written += len(part)
            note_bytes(written)


def _parts_of_length(incoming: BinaryIO, length: int) -> Iterator[bytes]:
    while length:
        part = incoming.read1(min(length, _PART_BYTES))  # type: ignore[attr-defined]
        if not part:
            raise StoreUnavailableError("the store ended the connection in the middle of the snapshot")
        length -= len(part)
        yield part


def _parts_until(incoming: BinaryIO, mark: bytes) -> Iterator[bytes]:
    """Yields what comes before the mark, 40 random characters that the server announced."""
    if len(mark) != _MARK_BYTES:
        raise StoreError("the store announced its snapshot in a form that is unknown here")
    held = b""
    while not held.endswith(mark):
        part = incoming.read1(_PART_BYTES)  # type: ignore[attr-defined]
        if not part:
            raise StoreUnavailableError("the store ended the connection in the middle of the snapshot")
        held += part
        if held.endswith(mark):
            yield held[:-_MARK_BYTES]
        else:
            yield held[:-_MARK_BYTES]
            held = held[-_MARK_BYTES:]


def databases_in_use(url: str, prefix: str) -> list[int]:
    """Returns the numbers of the databases that have keys of the installation with this prefix."""
    with _opened(url, 0) as first:
        numbers = sorted(int(name[2:]) for name in first.info("keyspace"))
    found = []
    for number in numbers:
        with _opened(url, number) as each:
            if next(_batches(each, prefix), None) is not None:
                found.append(number)
    return found


def keep_database(url: str, number: int, prefix: str) -> None:
    """Makes a database the one with the number 0, empties all others, and removes keys of other installations."""
    with _opened(url, 0) as first:
        others = [int(name[2:]) for name in first.info("keyspace") if int(name[2:]) != number]
        if number:
            first.swapdb(0, number)
            others = [number if each == 0 else each for each in others]
    for other in others:
        with _opened(url, other) as each:
            each.flushdb()
    own = re.compile(rf"{re.escape(prefix)}(judged|arq):".encode())
    with _opened(url, 0) as kept:
        for keys in _scanned(kept, "*"):
            if others_keys := [key for key in keys if not own.match(key)]:
                kept.unlink(*others_keys)


def turn_on_append_only(url: str) -> None:
    """Makes a store write all that it has to an append-only file, and returns once that is on the disk.

    Raises StoreError if it could not be written.
    """
    with _opened(url, 0) as client:
        client.config_set("appendonly", "yes")
        while (state := client.info("persistence"))["aof_rewrite_in_progress"] or state["aof_rewrite_scheduled"]:
            time.sleep(_REWRITE_POLL_S)
        if state["aof_last_bgrewrite_status"] != "ok" or state["aof_last_write_status"] != "ok":
            raise StoreError("the store could not write its append-only file: is the disk full?")


def what_is_in_the_way(url: str, prefix: str) -> str | None:
    """Returns why nothing can be restored into the store's database, None if it has no key of the installation."""
    with _opened(url, None) as client:
        names = next(_batches(client, prefix), None)
    if names is None:
        return None
    return (
        f"the store is not empty (it has the key {names[0].decode(errors='replace')}): restore into an empty one, and"
        " stop the API and the workers until it is restored"
    )


def copy_keys(source_url: str, number: int, target_url: str, prefix: str, note_keys: Callable[[int, int], None]) -> int:
    """Copies the keys of an installation from a database to a store that has none of it; returns their number.

    Their times of expiry are kept. `note_keys` is called with the number of keys copied so far, and of all in the
    database. If it fails, the keys that were copied are removed again.
    """
    with _opened(source_url, number) as source, _opened(target_url, None) as target:
        total, copied = source.dbsize(), 0
        try:
            for keys in _batches(source, prefix):
                copied += _copy(source, target, keys)
                note_keys(copied, total)
        except BaseException:
            for keys in _batches(source, prefix):
                target.unlink(*keys)
            raise
    return copied


def _copy(source: Any, target: Any, keys: list[bytes]) -> int:
    """Copies some keys, except those that have expired meanwhile, and returns how many."""
    reading = source.pipeline(transaction=False)
    for key in keys:
        reading.dump(key)
        reading.execute_command("PEXPIRETIME", key)
    replies = reading.execute()
    writing = target.pipeline(transaction=False)
    for key, payload, expires_at in zip(keys, replies[::2], replies[1::2], strict=True):
        if payload is not None and expires_at != _ABSENT:
            ttl = 0 if expires_at == _NO_END else expires_at
            writing.restore(key, ttl, payload, replace=True, absttl=True)  # a scan may return a key twice
    return len(writing.execute())


def _batches(client: Any, prefix: str) -> Iterator[list[bytes]]:
    """Yields the keys of the installation with this prefix, some at a time."""
    for pattern in own_patterns(prefix):
        yield from _scanned(client, pattern)


def _scanned(client: Any, pattern: str) -> Iterator[list[bytes]]:
    cursor = 0
    while True:
        cursor, keys = client.scan(cursor, match=pattern, count=_KEYS_AT_ONCE)
        if keys:
            yield keys
        if cursor == 0:
            return


@contextmanager
def _opened(url: str, number: int | None) -> Iterator[Any]:
    """Opens a blocking client; `number` is a database, None is that of the URL. Translates redis-py's errors."""
    limits = {"socket_connect_timeout": _CONNECT_LIMIT_S, "socket_timeout": _COMMAND_LIMIT_S}
    with translated_errors():
        client = Redis.from_url(asyncio.run(primary_url(url)), **limits)
        if number is not None:
            client.connection_pool.connection_kwargs["db"] = number
        with closing(client):
            yield client
