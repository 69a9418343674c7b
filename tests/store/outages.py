"""Outages of a store: as it tells of them, and made for real."""

import contextlib
from collections.abc import AsyncIterator

from redis.asyncio import Redis

from service.store import clock, keys

OUTAGE_S = 5  # as in service/store/lua/outages.lua
GRACE_S = 6


@contextlib.asynccontextmanager
async def refused_writes(redis: Redis) -> AsyncIterator[None]:
    """NOREPLICAS."""
    await redis.config_set("min-replicas-to-write", "1")
    try:
        yield
    finally:
        await redis.config_set("min-replicas-to-write", "0")


async def note_outage(redis: Redis, seconds: int) -> None:
    """Has the store believe that no worker wrote to it for so long, until now."""
    await redis.hset(keys.OUTAGE, "seen", str(int(clock.seconds()) - seconds))  # type: ignore[misc]


async def end_grace(redis: Redis) -> None:
    """Has the store believe that the time is over in which workers renew their leases."""
    await redis.hset(keys.OUTAGE, "ended", str(int(clock.seconds()) - GRACE_S))  # type: ignore[misc]
