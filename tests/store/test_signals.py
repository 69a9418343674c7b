"""Tasks of a process are woken by what others publish."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from redis.asyncio import Redis

from service.store.connection import connect
from service.store.signals import Signals
from tests.polling import until

CHANNELS = [f"channel {number}" for number in range(5)]


async def _nobody_listens(redis: Redis) -> bool:
    return not await redis.pubsub_channels()


async def test_subscriptions_that_begin_at_the_same_time_are_all_heard(redis: Redis) -> None:
    signals, events = Signals(redis), {channel: asyncio.Event() for channel in CHANNELS}
    async with AsyncExitStack() as stack:
        await asyncio.gather(
            *(stack.enter_async_context(signals.subscribed(channel, event)) for channel, event in events.items())
        )
        for channel in CHANNELS:
            assert await redis.publish(channel, "now") == 1
        async with asyncio.timeout(5):
            await asyncio.gather(*(event.wait() for event in events.values()))
    await signals.aclose()


async def test_two_tasks_that_wait_for_one_channel_are_both_woken(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.store.signals._SILENCE_S", 0.2)  # after which channels are left
    signals, events = Signals(redis), [asyncio.Event(), asyncio.Event()]
    async with AsyncExitStack() as stack:
        await asyncio.gather(*(stack.enter_async_context(signals.subscribed("channel", event)) for event in events))
        await redis.publish("channel", "now")
        async with asyncio.timeout(5):
            await asyncio.gather(*(event.wait() for event in events))
    await until(lambda: _nobody_listens(redis), "the end of the subscription")
    await signals.aclose()


async def test_a_task_that_waits_for_one_message_is_not_woken_by_others(redis: Redis) -> None:
    signals, at_any, at_end = Signals(redis), asyncio.Event(), asyncio.Event()
    with signals.subscribing("channel", at_any), signals.subscribing("channel", at_end, "end") as subscription:
        await subscription.wait()
        await redis.publish("channel", "progress")
        async with asyncio.timeout(5):
            await at_any.wait()
        assert not at_end.is_set()
        await redis.publish("channel", "end")
        async with asyncio.timeout(5):
            await at_end.wait()
    await signals.aclose()


async def test_a_subscription_can_begin_before_the_store_confirms_it(redis: Redis) -> None:
    signals, event = Signals(redis), asyncio.Event()
    with signals.subscribing("channel", event) as subscription:
        assert not subscription.is_confirmed
        await subscription.wait()
        assert subscription.is_confirmed
        assert await redis.publish("channel", "now") == 1
        async with asyncio.timeout(5):
            await event.wait()
    await signals.aclose()


async def test_subscriptions_outlive_broken_connections_that_others_subscribe_on(store_url: str, redis: Redis) -> None:
    """The reader connects again while tasks subscribe: one of them at a time makes the connection and signs in."""
    user = ("ACL", "SETUSER", "listener", "reset", "on", ">pw", "~*", "&*", "+@all")
    await redis.execute_command(*user)  # type: ignore[no-untyped-call]
    client = connect(f"{store_url}?username=listener&password=pw", retries=3, max_connections=2)
    signals, kept = Signals(client), asyncio.Event()

    async def subscribe(name: str) -> None:
        async with signals.subscribed(name, asyncio.Event()):
            await asyncio.sleep(0)

    async def is_heard() -> bool:
        await redis.publish("kept", "now")
        return kept.is_set()

    async with signals.subscribed("kept", kept):
        for round_ in range(20):
            await redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")  # type: ignore[no-untyped-call]
            await asyncio.gather(*(subscribe(f"{round_} {number}") for number in range(5)))
        kept.clear()
        await until(is_heard, "a message")
    await signals.aclose()
    await client.aclose()
    await redis.acl_deluser("listener")
