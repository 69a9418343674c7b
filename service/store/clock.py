"""Times: in Redis milliseconds since the epoch, everywhere else aware datetimes in UTC."""

import time
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import cast

from redis.asyncio import Redis


def now() -> datetime:
    return datetime.now(UTC)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def store_seconds(redis: Redis) -> float:
    """Returns the store's own time in seconds since the epoch, which is the same for all machines."""
    seconds, microseconds = await cast("Awaitable[tuple[int, int]]", redis.time())
    return seconds + microseconds / 1e6


def at(ms: bytes | str | int | None) -> datetime | None:
    """Returns a stored time, None for None."""
    return None if ms is None else datetime.fromtimestamp(int(ms) / 1000, UTC)


def today() -> str:
    """Returns the UTC day, such as 2026-01-31."""
    return now().date().isoformat()


def seconds_left_today() -> int:
    """Returns the seconds until the next UTC midnight, at least 1."""
    midnight = datetime.combine(now().date() + timedelta(days=1), datetime.min.time(), UTC)
    return max(int((midnight - now()).total_seconds()), 1)
