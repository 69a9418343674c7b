"""Periodic tasks: each runs once in its period, however many processes would run it."""

from redis.asyncio import Redis

from service.store import clock, keys
from service.store.connection import reply


def left_s(every_s: float) -> float:
    """Returns the seconds until the next period begins, by the store's clock."""
    return every_s - clock.seconds() % every_s


async def claim_period(redis: Redis, task: str, every_s: float) -> bool:
    """Returns whether this process is the one to run a task in the present period. Raises StoreError."""
    key = keys.due(task, int(clock.seconds() // every_s))
    return bool(await reply(redis.set(key, b"1", nx=True, px=int(2000 * every_s))))
