"""Times: in Redis milliseconds since the epoch, everywhere else aware datetimes in UTC.

All times are the store's: the machines that submit and that work may have other clocks.
"""

import time
from datetime import UTC, datetime, timedelta

from redis.asyncio import Redis

from service.store.connection import reply

_LEAST_S = 0.1  # a smaller difference may be the time of the way to the store


class _StoreClock:
    """The store's clock as this process knows it."""

    behind_s = 0.0  # how far this machine's clock is behind the store's


_clock = _StoreClock()


def seconds() -> float:
    """Returns the seconds since the epoch by the store's clock."""
    return time.time() + _clock.behind_s


def now() -> datetime:
    return datetime.fromtimestamp(seconds(), UTC)


def now_ms() -> int:
    return round(seconds() * 1000)


def note_store_time(store_s: float) -> None:
    """Takes over the store's time, in seconds since the epoch."""
    behind_s = store_s - time.time()
    if abs(behind_s - _clock.behind_s) >= _LEAST_S:
        _clock.behind_s = behind_s if abs(behind_s) >= _LEAST_S else 0.0


async def store_seconds(redis: Redis) -> float:
    """Returns the store's own time in seconds since the epoch, and takes it over. Raises StoreError."""
    answer: tuple[int, int] = await reply(redis.time())
    store_s = answer[0] + answer[1] / 1e6
    note_store_time(store_s)
    return store_s


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
