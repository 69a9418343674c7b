"""The gauges that a periodic task computes. They are stored as one value, which a scrape only reads."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from service.store import keys
from service.store.connection import reply
from service.store.records import from_msgpack, readable

MAX_GAUGE_SERIES = 10_000  # in all
MAX_JUDGE_SERIES = 200  # of judge version, criterion and model; the most recently judged ones


class GaugeRow(NamedTuple):
    """One series of a gauge: a value for each label name, and the gauge's value, None if it is undefined."""

    labels: tuple[str, ...]
    value: float | None


class Gauge(msgspec.Struct, frozen=True, array_like=True):
    """`labels` are the label names. `help` is a sentence, with the unit if there is one."""

    name: str
    help: str
    labels: tuple[str, ...]
    rows: list[GaugeRow]


class Refreshed(msgspec.Struct, frozen=True, array_like=True):
    """All gauges, and when they were computed, in seconds since the epoch."""

    at: float
    gauges: list[Gauge]


async def save_gauges(redis: Redis, gauges: Sequence[Gauge], at: float) -> int:
    """Replaces all gauges, and returns the number of series that were dropped past MAX_GAUGE_SERIES.

    Rows without a finite value are dropped and not counted: a scrape never shows NaN.
    """
    left, dropped, kept = MAX_GAUGE_SERIES, 0, []
    for each in gauges:
        rows = [row for row in each.rows if row.value is not None and math.isfinite(row.value)]
        kept.append(Gauge(each.name, each.help, each.labels, rows[:left]))
        dropped += max(len(rows) - left, 0)
        left -= len(rows[:left])
    await reply(redis.set(keys.SAVED_GAUGES, msgspec.msgpack.encode(Refreshed(at, kept))))
    return dropped


async def load_gauges(redis: Redis) -> Refreshed | None:
    """Returns the gauges as they were last saved, None before the first time, and if a newer version saved them."""
    stored = await reply(redis.get(keys.SAVED_GAUGES))
    found = readable([stored], lambda each: None if each is None else from_msgpack(each, Refreshed, "the gauges"))
    return next((gauges for _, gauges in found), None)
