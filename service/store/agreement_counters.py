"""Reads the counters of agreement: of a series, over a window of time."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from redis.asyncio import Redis

from service.agreement.counter_fields import added, unquoted
from service.contracts.labels import Window
from service.store import keys
from service.store.connection import pipeline, reply

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
_HOURS_KEPT_MS = 48 * _HOUR_MS
_DAYS_KEPT_MS = 400 * _DAY_MS


class Wanted(NamedTuple):
    """`kind` is agreed, seen, panel, between or ceiling (rows.lua); `criterion` as its judge has it."""

    kind: str
    series: str
    criterion: str


def buckets_of(window: Window, now_ms: int) -> list[str]:
    """The buckets of a window, in the order of time; the first and the last one may be there in part."""
    if window == "24h":
        return hours(now_ms, first=-24, last=0)
    if window == "all":
        return ["all"]
    return days(now_ms, first=-int(window.removesuffix("d")), last=0)


def hours(now_ms: int, *, first: int, last: int) -> list[str]:
    """The buckets of the hours from `first` to `last`, 0 being the present one."""
    return [f"h{now_ms // _HOUR_MS + each}" for each in range(first, last + 1)]


def days(now_ms: int, *, first: int, last: int) -> list[str]:
    """The buckets of the UTC days from `first` to `last`, 0 being today."""
    return [f"d{now_ms // _DAY_MS + each}" for each in range(first, last + 1)]


def buckets_at(at_ms: int, now_ms: int) -> list[str]:
    """The buckets that a judgment of this time is counted in, those that are kept yet."""
    found = ["all", f"d{at_ms // _DAY_MS}", f"h{at_ms // _HOUR_MS}"]
    return [bucket for bucket in found if (expires := expiry_ms(bucket)) is None or expires > now_ms]


def expiry_ms(bucket: str) -> int | None:
    """When a bucket goes away, in milliseconds since the epoch; None for the one that stays. As in rows.lua."""
    if bucket == "all":
        return None
    size, kept = (_HOUR_MS, _HOURS_KEPT_MS) if bucket[0] == "h" else (_DAY_MS, _DAYS_KEPT_MS)
    return (int(bucket[1:]) + 1) * size + kept


async def read(redis: Redis, wanted: Sequence[Wanted], buckets: Sequence[str]) -> list[dict[str, int]]:
    """The counters of each, field -> count, summed over the buckets."""
    found = await _read(redis, [(each, bucket) for each in wanted for bucket in buckets])
    in_one = len(buckets)
    return [_sum(found[start : start + in_one]) for start in range(0, len(found), in_one)]


async def read_each(redis: Redis, wanted: Wanted, buckets: Sequence[str]) -> list[dict[str, int]]:
    """The counters of one, bucket by bucket."""
    return await _read(redis, [(wanted, bucket) for bucket in buckets])


async def series_of(redis: Redis, limit: int) -> list[tuple[str, str]]:
    """(criterion, series), those judged most recently first."""
    found = await reply(redis.zrevrange(keys.SERIES, 0, limit - 1))
    return [(unquoted(criterion), series) for criterion, series in (each.decode().split("\t") for each in found)]


async def pairs_of(redis: Redis, limit: int) -> list[tuple[str, str, str]]:
    """(criterion, one series, another) that judged one content, those that did most recently first."""
    found = await reply(redis.zrevrange(keys.MET, 0, limit - 1))
    return [(unquoted(of), one, other) for of, one, other in (each.decode().split("\t") for each in found)]


async def models_of(redis: Redis, judge: str) -> list[tuple[str, str]]:
    """(criterion, model) of all series of a judge, which is `name@version` or an inline one's digest."""
    found = await series_of(redis, 0)  # all
    return [
        (criterion, model)
        for criterion, (token, _, model) in ((criterion, series.partition(" ")) for criterion, series in found)
        if token == judge
    ]


async def _read(redis: Redis, places: Iterable[tuple[Wanted, str]]) -> list[dict[str, int]]:
    async with pipeline(redis) as pipe:
        for wanted, bucket in places:
            pipe.hgetall(keys.tally(wanted.kind, bucket, wanted.series, wanted.criterion))
        stored = await pipe.execute()
    return [{field.decode(): int(count) for field, count in each.items()} for each in stored]


def _sum(counts: Sequence[dict[str, int]]) -> dict[str, int]:
    if len(counts) == 1:
        return counts[0]
    return {field: count for field, count in added(counts).items() if count}
