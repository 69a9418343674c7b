"""Commands of one turn of the event loop are sent together, and each ends as if it were sent alone."""

import asyncio
from collections.abc import AsyncIterator
from socket import create_server
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError, TimeoutError

from service.store.connection import connect, reply
from service.store.errors import StoreError, StoreUnavailableError
from tests.polling import until
from tests.store.outages import silent_store

Command = tuple[str, ...]

KEYS = st.sampled_from(["a", "b", "c"])
COMMANDS = st.one_of(
    st.tuples(st.just("SET"), KEYS, st.sampled_from(["1", "text"])),
    st.tuples(st.just("GET"), KEYS),
    st.tuples(st.just("INCR"), KEYS),
    st.tuples(st.just("LPUSH"), KEYS, st.just("x")),
    st.tuples(st.just("HSET"), KEYS, st.just("field"), st.just("1")),
    st.tuples(st.just("HGETALL"), KEYS),
    st.tuples(st.just("DEL"), KEYS),
    st.tuples(st.just("SET"), KEYS, st.just("\ud800")),  # can't be encoded
    st.tuples(st.just("NO_SUCH_COMMAND")),
)


@pytest.fixture
async def client(store_url: str, redis: Redis) -> AsyncIterator[Redis]:
    client = connect(store_url, retries=5, max_connections=32)
    yield client
    await client.aclose()


async def outcome(redis: Redis, command: Command) -> Any:
    try:
        return await redis.execute_command(*command)  # type: ignore[no-untyped-call]
    except (RedisError, UnicodeError) as error:
        return type(error), str(error)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(turns=st.lists(st.lists(COMMANDS, min_size=1, max_size=8), max_size=4))
def test_each_command_ends_as_it_does_alone(store_url: str, turns: list[list[Command]]) -> None:
    async def outcomes(redis: Redis, *, together: bool) -> list[Any]:
        await redis.flushdb()
        found: list[Any] = []
        for turn in turns:
            if together:
                found += await asyncio.gather(*(outcome(redis, each) for each in turn))
            else:
                found += [await outcome(redis, each) for each in turn]
        return found

    async def run() -> None:
        plain, batching = Redis.from_url(store_url), connect(store_url, retries=1, max_connections=4)
        alone = await outcomes(plain, together=False)
        assert await outcomes(batching, together=True) == alone
        await plain.aclose()
        await batching.aclose()

    asyncio.run(run())


async def test_the_commands_of_a_turn_share_a_connection(client: Redis) -> None:
    await client.mset({str(each): each for each in range(100)})
    others = {each["id"] for each in await client.client_list()}
    assert await asyncio.gather(*(client.get(str(each)) for each in range(100))) == [b"%d" % n for n in range(100)]
    assert {each["id"] for each in await client.client_list()} == others


async def test_a_command_whose_caller_is_cancelled_before_the_turn_ends_is_not_sent(client: Redis) -> None:
    given_up, other = (asyncio.ensure_future(client.set(key, "1")) for key in ("given up", "other"))
    await asyncio.sleep(0)
    given_up.cancel()
    assert await other
    assert given_up.cancelled()
    assert not await client.exists("given up")


async def test_a_caller_that_is_cancelled_later_harms_no_other(client: Redis, redis: Redis) -> None:
    await redis.client_pause(300)
    given_up, other = (asyncio.ensure_future(client.set(key, "1")) for key in ("given up", "other"))
    await asyncio.sleep(0.1)
    given_up.cancel()
    assert await other
    assert given_up.cancelled()


async def test_writes_wait_for_the_successor_of_a_primary(client: Redis, redis: Redis) -> None:
    await redis.replicaof("127.0.0.1", 1)
    try:
        writes = [asyncio.ensure_future(client.set(key, "1")) for key in ("a", "b")]
        await asyncio.sleep(0.2)
        assert not any(each.done() for each in writes)
    finally:
        await redis.replicaof("NO", "ONE")
    assert await asyncio.gather(*writes) == [True, True]


async def test_each_write_ends_by_itself_if_no_successor_comes(store_url: str, redis: Redis) -> None:
    client = connect(store_url, retries=0, max_connections=4)
    await redis.replicaof("127.0.0.1", 1)
    try:
        writes = (reply(client.set(str(each), "1")) for each in range(4))
        ends = await asyncio.gather(*writes, return_exceptions=True)
    finally:
        await redis.replicaof("NO", "ONE")
    assert [type(each) for each in ends] == [StoreUnavailableError] * 4
    await client.aclose()


async def test_no_write_waits_until_others_of_its_turn_give_up(client: Redis, redis: Redis) -> None:
    async def are_all_tried_again() -> bool:
        stats = await redis.info("commandstats")
        return all(stats.get(f"cmdstat_{each}", {}).get("rejected_calls", 0) > 2 for each in ("set", "incr", "lpush"))

    await redis.config_resetstat()
    await redis.replicaof("127.0.0.1", 1)
    try:
        commands: list[Command] = [("SET", "a", "1"), ("INCR", "b"), ("LPUSH", "c", "x")]
        writes = [asyncio.ensure_future(outcome(client, each)) for each in commands]
        await until(are_all_tried_again, "further tries")
        assert not any(each.done() for each in writes)
    finally:
        await redis.replicaof("NO", "ONE")
    assert await asyncio.gather(*writes) == [True, 1, 1]


async def test_an_error_that_a_caller_has_cleared_ends_no_other_command(client: Redis) -> None:
    async def end(command: Command) -> Any:
        try:
            return await reply(client.execute_command(*command))  # type: ignore[no-untyped-call]
        except (StoreError, UnicodeError) as error:
            return type(error)

    await client.set("text", "no list")
    commands: list[Command] = [("SET", "a", "\ud800"), ("LPUSH", "text", "x"), ("GET", "text"), ("GET", "text")]
    ends = await asyncio.gather(*map(end, commands))
    assert ends == [UnicodeEncodeError, StoreError, b"no list", b"no list"]


async def test_a_refusal_is_of_its_command_only(client: Redis) -> None:
    await client.set("text", "no list")
    refused, taken = await asyncio.gather(
        client.lpush("text", "x"),  # type: ignore[arg-type]
        client.set("other", "1"),
        return_exceptions=True,
    )
    assert isinstance(refused, ResponseError)
    assert taken is True


async def test_all_commands_of_a_turn_end_if_the_store_does_not_answer() -> None:
    async with silent_store() as (url, _):
        client = connect(url, retries=0, max_connections=2, timeout_s=0.2)
        ends = await asyncio.gather(*(client.get(str(each)) for each in range(3)), return_exceptions=True)
        assert [type(each) for each in ends] == [TimeoutError] * 3
        assert len({id(each) for each in ends}) == 3
        await client.aclose()


@pytest.mark.parametrize("after_s", [0, 0.05])
async def test_a_client_that_is_closed_ends_its_commands_and_connects_no_more(after_s: float) -> None:
    async with silent_store() as (url, taken):
        client = connect(url, retries=30, max_connections=2, timeout_s=0.1)
        waiting = [asyncio.ensure_future(client.get(str(each))) for each in range(2)]
        await asyncio.sleep(after_s)
        async with asyncio.timeout(10):
            await client.aclose()
            ends = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(each) for each in ends] == [asyncio.CancelledError] * 2
        connections = len(taken)
        await asyncio.sleep(0.3)
        assert len(taken) == connections


def test_an_event_loop_ends_with_a_command_under_way() -> None:
    async def leave(port: int) -> "asyncio.Task[Any]":
        client = connect(f"redis://127.0.0.1:{port}/0", retries=0, max_connections=2, timeout_s=60)
        waiting = asyncio.ensure_future(client.get("a"))
        await asyncio.sleep(0.05)
        return waiting

    with create_server(("127.0.0.1", 0)) as silent:
        assert asyncio.run(leave(silent.getsockname()[1])).cancelled()
