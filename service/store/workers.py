"""Which workers are alive, and how many calls each may have in flight to a provider."""

import time

from redis.asyncio import Redis

from service.store import keys
from service.store.connection import Script, pipeline, reply

ALIVE_S = 10.0  # a worker that was not heard of for so long is taken for dead

_lease_slots = Script("lease_slots")


async def note_heartbeat(redis: Redis, worker_id: str) -> None:
    """Says that a worker is alive."""
    now = time.time()
    async with pipeline(redis) as pipe:
        pipe.zadd(keys.WORKERS, {worker_id: now + ALIVE_S})
        pipe.zremrangebyscore(keys.WORKERS, "-inf", now - ALIVE_S)
        await pipe.execute()


async def forget_worker(redis: Redis, worker_id: str) -> None:
    """Takes a worker that stops off the list."""
    await reply(redis.zrem(keys.WORKERS, worker_id))


async def count_alive(redis: Redis) -> int:
    """The number of workers that were heard of lately."""
    return int(await reply(redis.zcount(keys.WORKERS, time.time(), "+inf")))


async def lease_slots(
    redis: Redis, provider: str, worker_id: str, *, wanted: int, held: int, limit: int
) -> tuple[int, int]:
    """How many of a provider's `limit` calls in flight this worker may have, and how many workers want some.

    `held` is the most that the worker may have in flight until it hears the answer. It stays the worker's, also
    where it is granted less, until the worker says that it holds less: so all workers together never have more
    than `limit`, and one that has more than its share gives it back as its calls end, once others want theirs.
    """
    granted, active = await _lease_slots(
        redis, [keys.call_slots(provider)], [worker_id, wanted, held, limit, int(time.time()), int(ALIVE_S)]
    )
    return int(granted), int(active)
