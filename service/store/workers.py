"""The workers that are alive, and the number of calls that each may have in flight to a provider."""

from redis.asyncio import Redis

from service.store import clock, keys
from service.store.connection import Script, reply

ALIVE_S = 10.0  # a worker without a heartbeat for so long counts as dead

_heartbeat = Script("outages", "heartbeat")
_lease_slots = Script("outages", "lease_slots")


async def note_heartbeat(redis: Redis, worker_id: str) -> None:
    """Notes that a worker is alive."""
    await _heartbeat(redis, [keys.WORKERS, keys.OUTAGE], [worker_id, int(ALIVE_S)])


async def forget_worker(redis: Redis, worker_id: str) -> None:
    """Removes a worker that stops."""
    await reply(redis.zrem(keys.WORKERS, worker_id))


async def count_alive(redis: Redis) -> int:
    """Returns the number of workers with a recent heartbeat."""
    return int(await reply(redis.zcount(keys.WORKERS, await clock.store_seconds(redis), "+inf")))


async def lease_slots(
    redis: Redis, provider: str, worker_id: str, *, wanted: int, held: int, limit: int
) -> tuple[int, int]:
    """Returns how many of a provider's `limit` calls in flight this worker may have, and how many workers want some.

    `held` is the maximum that the worker may have in flight until it gets the answer. It keeps them, even if it is
    granted fewer, until it says that it holds fewer. So all workers together never have more than `limit`, and a worker
    with more than its share gives it back as its calls end, once others want theirs.
    """
    granted, active = await _lease_slots(
        redis,
        [keys.call_slots(provider), keys.WORKERS, keys.OUTAGE],
        [worker_id, wanted, held, limit, int(ALIVE_S)],
    )
    return int(granted), int(active)
