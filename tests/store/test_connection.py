"""redis-py's errors end at one seam, and scripts outlive a store that forgets them."""

import asyncio
import contextlib
import gc
import inspect
import weakref
from collections.abc import Callable
from traceback import format_exception
from typing import Any

import pytest
import redis.exceptions
from redis.asyncio import Redis

from service.store import clock, connection
from service.store.connection import Script, connect, pipeline, reply, translated_errors
from service.store.errors import StoreError, StoreUnavailableError
from tests.store.outages import silent_store

FOREIGN = [
    each
    for _, each in inspect.getmembers(redis.exceptions, inspect.isclass)
    if issubclass(each, redis.exceptions.RedisError)
]
AWAY = (
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
    redis.exceptions.ReadOnlyError,
    redis.exceptions.OutOfMemoryError,
    redis.exceptions.InvalidResponse,
)


def made(kind: type[Exception]) -> Exception:
    """One of this kind, whatever its constructor asks for."""
    needed = [
        each
        for each in inspect.signature(kind.__init__).parameters.values()
        if each.default is each.empty and each.kind is each.POSITIONAL_OR_KEYWORD and each.name != "self"
    ]
    return kind(*["1 127.0.0.1:1" for _ in needed])


@pytest.mark.parametrize("kind", FOREIGN, ids=lambda kind: kind.__name__)
def test_every_error_of_redis_is_translated(kind: type[Exception]) -> None:
    with pytest.raises(StoreError) as caught, translated_errors():
        raise made(kind)
    assert isinstance(caught.value, StoreUnavailableError) is issubclass(kind, AWAY)
    assert isinstance(caught.value.__cause__, kind)


@pytest.mark.parametrize("error", [ConnectionResetError(), TimeoutError(), FileNotFoundError()])
def test_errors_of_the_socket_mean_that_the_store_is_away(error: OSError) -> None:
    with pytest.raises(StoreUnavailableError), translated_errors():
        raise error


@pytest.mark.parametrize(
    "text",
    [
        "MASTERDOWN Link with MASTER is down",
        "MISCONF can't save",
        "OOM in a script",
        "CLUSTERDOWN",
        "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
        "UNKILLABLE Sorry the script already executed write commands against the dataset.",
        "NOREPLICAS Not enough good replicas to write.",
        "READONLY You can't write against a read only script.",
        "LOADING the dataset",
        "EXECABORT Transaction discarded because of: OOM command not allowed",
        "ERR Error running script (call to f_1): @user_script:1: -OOM command not allowed",
        "ERR Error running script: @user_script: 3: -NOREPLICAS Not enough good replicas to write.",
        "ERR Error running script: Script killed by user with SCRIPT KILL...",
        "Command # 2 (SET a b) of pipeline caused error: NOREPLICAS Not enough good replicas to write.",
        "Command # 2 (SET a b) of pipeline caused error: ('NOREPLICAS Not enough good replicas to write.',)",
    ],
)
def test_answers_that_say_so_mean_that_the_store_is_away(text: str) -> None:
    with pytest.raises(StoreUnavailableError), translated_errors():
        raise redis.exceptions.ResponseError(text)


@pytest.mark.parametrize(
    "text",
    [
        "WRONGTYPE Operation against a key holding the wrong kind of value",
        "Command # 1 (SET x -BUSY OOM) of pipeline caused error: WRONGTYPE Operation against a key",
        "ERR value is not an integer or out of range: busy",
    ],
)
def test_a_defect_is_no_store_that_is_away(text: str) -> None:
    with pytest.raises(StoreError) as caught, translated_errors():
        raise redis.exceptions.ResponseError(text)
    assert not isinstance(caught.value, StoreUnavailableError)


async def test_a_write_in_a_pipeline_that_is_refused_means_away_and_its_texts_are_in_no_message(redis: Redis) -> None:
    await redis.config_set("min-replicas-to-write", 1)

    async def write() -> None:
        async with pipeline(redis) as pipe:
            pipe.set("a", "a judged text")
            await pipe.execute()

    try:
        with pytest.raises(StoreUnavailableError, match="NOREPLICAS") as caught:
            await write()
    finally:
        await redis.config_set("min-replicas-to-write", 0)
    assert "judged text" not in "".join(format_exception(caught.value))


def test_other_errors_are_left_alone() -> None:
    with pytest.raises(ZeroDivisionError), translated_errors():
        raise ZeroDivisionError


async def test_a_store_that_is_not_there_is_away() -> None:
    client = connect("unix:///nowhere/store.sock", retries=1, max_connections=1)
    for command in (reply(client.get("a")), clock.store_seconds(client)):
        with pytest.raises(StoreUnavailableError, match="Redis is unavailable"):
            await command
    await client.aclose()


async def test_another_kind_of_server_at_the_address_of_the_store_is_away() -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        client = connect(f"redis://127.0.0.1:{port}/0", retries=0, max_connections=1)
        with pytest.raises(StoreUnavailableError):
            await reply(client.ping())
        await client.aclose()


async def test_a_pool_with_no_connection_left_means_away_and_does_not_hang(store_url: str) -> None:
    client = connect(store_url, retries=0, max_connections=1, timeout_s=0.05)
    taken = await client.connection_pool.get_connection()
    with pytest.raises(StoreUnavailableError):
        await reply(client.get("a"))
    await client.connection_pool.release(taken)
    assert await reply(client.get("a")) is None
    await client.aclose()


async def test_a_refused_command_is_a_store_error(redis: Redis) -> None:
    await redis.set("text", "x")

    async def refused() -> None:
        async with pipeline(redis) as pipe:
            pipe.hgetall("text")
            await pipe.execute()

    with pytest.raises(StoreError, match="refused"):
        await refused()


async def test_a_script_runs_on_after_the_store_has_forgotten_it(redis: Redis) -> None:
    count = Script("counting", "count")
    entry = b"\x91\x93\xa1s\x02\xa1o"  # msgpack of [["s", 2, "o"]]
    await count(redis, ["counters", "added"], [10, entry, 1, 60])
    await redis.script_flush()
    await count(redis, ["counters", "added"], [10, entry, 2, 60])
    assert await redis.hgetall("counters") == {b"s": b"4"}  # type: ignore[misc]


async def test_a_task_that_swallows_a_cancellation_ends_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_CANCEL_AGAIN_S", 0.01)
    swallowed: list[int] = []

    async def work() -> None:
        while True:
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                if len(swallowed) == 2:
                    raise
                swallowed.append(1)

    async def fail() -> None:
        raise ZeroDivisionError

    tasks = [asyncio.create_task(work()), asyncio.create_task(fail())]
    await asyncio.sleep(0)
    await asyncio.wait_for(connection.cancelled(*tasks), 5)
    assert all(task.done() for task in tasks)


class Text(str):
    """A text that tells when it is gone."""


def pushed(redis: Redis, text: Text) -> Any:
    return reply(redis.lpush("text", text))


async def pushed_twice(redis: Redis, text: Text) -> None:
    async with pipeline(redis) as pipe:
        pipe.lpush("text", text)
        pipe.lpush("text", text)
        await pipe.execute()


def claimed(redis: Redis, text: Text) -> Any:
    return Script("claim")(redis, ["text", "results", "queue", "turns"], [text])


@pytest.mark.parametrize("refused", [pushed, pushed_twice, claimed])
async def test_what_a_refused_command_was_about_goes_with_it(redis: Redis, refused: Callable[..., Any]) -> None:
    await redis.set("text", "no list, and no job")
    text = Text("x")
    known = weakref.ref(text)
    gc.collect()
    gc.disable()
    try:
        with contextlib.suppress(StoreError):
            await refused(redis, text)
        del text
        await asyncio.sleep(0)  # the event loop lets the answer go
        assert known() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(("retries", "timeout_s", "tries"), [(2, 0.05, 3), (1, 1.1, 1)])
async def test_a_store_that_answers_nothing_is_tried_as_often_as_said(
    retries: int, timeout_s: float, tries: int
) -> None:
    """With an end to it: neither each step of a connection is tried again, nor a command after `retries` seconds."""
    async with silent_store() as (url, taken):
        silent = connect(url, retries=retries, max_connections=1, timeout_s=timeout_s)
        with pytest.raises(StoreUnavailableError):
            await reply(silent.get("a"))
        assert len(taken) == tries
        await silent.aclose()
