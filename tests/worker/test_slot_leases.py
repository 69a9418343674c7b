"""A worker's share of a provider's calls: asked for in time, and given back at once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from redis.asyncio import Redis

from service.config.settings import ProviderSettings
from service.store import keys
from service.store.connection import cancelled
from tests.polling import until
from worker.limits import CallLimits
from worker.places import Slots
from worker.slot_leases import keep_leasing

LIMIT = 4


@contextlib.asynccontextmanager
async def leasing(redis: Redis, worker_id: str) -> AsyncIterator[Slots]:
    """The slots of a worker that keeps asking for its share."""
    settings = ProviderSettings(kind="openai", base_url="http://127.0.0.1:9", max_concurrency=LIMIT)
    limits = CallLimits(100, {"openai": settings})
    task = asyncio.create_task(keep_leasing(redis, worker_id, limits))
    try:
        yield limits.providers["openai"].slots
    finally:
        await cancelled(task)


async def granted(redis: Redis, worker_id: str) -> int:
    stored = await redis.hget(keys.call_slots("openai"), worker_id)  # type: ignore[misc]
    return int((stored or b"0 0 0").split()[0])


async def test_a_call_that_waits_gets_its_slot_long_before_the_next_round(redis: Redis) -> None:
    async with leasing(redis, "a") as slots:
        await asyncio.sleep(0)
        began = asyncio.get_running_loop().time()
        await asyncio.wait_for(slots.acquire(), 30)
        assert asyncio.get_running_loop().time() - began < 0.5
        assert slots.size == LIMIT


async def test_a_worker_with_nothing_to_do_gives_all_back(redis: Redis) -> None:
    async with leasing(redis, "a") as slots:
        await asyncio.wait_for(slots.acquire(), 30)
        slots.release()

        async def is_back() -> bool:
            return slots.size == 0 and await granted(redis, "a") == 0

        await until(is_back, "the slots")


async def test_a_worker_that_is_never_idle_shares_with_one_that_comes_later(redis: Redis) -> None:
    async def work(slots: Slots) -> None:
        while True:
            await slots.acquire()
            try:
                await asyncio.sleep(0.005)
            finally:
                slots.release()

    async with leasing(redis, "busy") as busy, leasing(redis, "late") as late:
        tasks = [asyncio.create_task(work(busy)) for _ in range(20)]
        await until(lambda: busy.in_use == LIMIT, "all slots for the first")
        tasks += [asyncio.create_task(work(late)) for _ in range(20)]

        async def is_shared() -> bool:
            assert busy.held + late.held <= LIMIT
            return (busy.in_use, late.in_use) == (LIMIT // 2, LIMIT // 2)

        await until(is_shared, "half of them for the second")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
