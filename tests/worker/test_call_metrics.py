"""Counts of calls reach the store once, also those on their way when the worker stops."""

import asyncio

from redis.asyncio import Redis

from service.store import keys
from tests.polling import until
from worker.call_metrics import CallMetrics


async def counted(redis: Redis) -> int:
    stored = await redis.hgetall(keys.COUNTERS)  # type: ignore[misc]
    return sum(int(value) for field, value in stored.items() if field.startswith(b"provider_retries_total"))


async def test_what_was_counted_is_added_once(redis: Redis) -> None:
    measurements = CallMetrics(redis)
    for calls in (1, 2):
        measurements.on_retry("openai/m", calls)
    await asyncio.gather(measurements.flush(), measurements.flush())
    await measurements.flush()
    assert await counted(redis) == 3


async def test_counts_on_their_way_when_the_worker_stops_are_not_lost(redis: Redis) -> None:
    measurements = CallMetrics(redis)
    flushing = asyncio.create_task(measurements.keep_flushing())
    measurements.on_retry("openai/m", 1)
    await until(lambda: not measurements._waiting._counts, "the first flush")
    flushing.cancel()
    await asyncio.gather(flushing, return_exceptions=True)
    await measurements.flush()
    assert await counted(redis) == 1
