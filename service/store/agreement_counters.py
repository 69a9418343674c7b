"""Reads the counters of agreement, each of a kind, a series and a criterion, summed over a window of time."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast

from redis.asyncio import Redis
from redis.exceptions import WatchError

from service.contracts.labels import Window
from service.contracts.names import quoted, unquoted
from service.store import keys
from service.store.connection import pipeline, reply, scanned_hashes, translated_errors

GROUP_MARK = "\t"  # stands in a series' name before the group of items that is counted

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
_HOURS_KEPT_MS = 48 * _HOUR_MS
_DAYS_KEPT_MS = 400 * _DAY_MS
# The first and the last day of the time before a window, counted from today.
_REFERENCES: dict[Window, tuple[int, int]] = {"24h": (-31, -2), "7d": (-37, -8), "30d": (-90, -31)}


class Wanted(NamedTuple):
    """The name of some counters; `kind` is one of `keys.agreement_counters`, `criterion` is not quoted."""

    kind: str
    series: str
    criterion: str


def buckets_of(window: Window, now_ms: int) -> list[str]:
    """Returns the buckets of a window in the order of time. The first and the last one may be only partly covered."""
    if window == "24h":
        return hours(now_ms, first=-24, last=0)
    if window == "all":
        return ["all"]
    return days(now_ms, first=-int(window.removesuffix("d")), last=0)


def group_buckets_of(window: Window, now_ms: int, keep_s: int) -> list[str]:
    """Returns the buckets of a window for a group of items; all time is the time for which judgments are kept."""
    if window != "all":
        return buckets_of(window, now_ms)
    return days(now_ms, first=-min(-(-keep_s * 1000 // _DAY_MS), _DAYS_KEPT_MS // _DAY_MS), last=0)


def window_start_ms(window: Window, now_ms: int) -> int:
    """Returns the start of the first bucket of a window, in milliseconds since the epoch; 0 for all times."""
    if window == "all":
        return 0
    if window == "24h":
        return (now_ms // _HOUR_MS - 24) * _HOUR_MS
    return (now_ms // _DAY_MS - int(window.removesuffix("d"))) * _DAY_MS


def reference_of(window: Window, now_ms: int) -> list[str]:
    """Returns the buckets of the days before a window with which it is compared; none for all times."""
    first, last = _REFERENCES.get(window, (0, -1))
    return days(now_ms, first=first, last=last)


def hours(now_ms: int, *, first: int, last: int) -> list[str]:
    """Returns the buckets of the hours from `first` to `last`; 0 is the present hour."""
    return [f"h{now_ms // _HOUR_MS + each}" for each in range(first, last + 1)]


def days(now_ms: int, *, first: int, last: int) -> list[str]:
    """Returns the buckets of the UTC days from `first` to `last`; 0 is today."""
    return [f"d{now_ms // _DAY_MS + each}" for each in range(first, last + 1)]


def buckets_of_hour(hour: int, now_ms: int) -> list[str]:
    """Returns the buckets that count an hour (since the epoch), without those that have expired."""
    found = ["all", f"d{hour // 24}", f"h{hour}"]
    return [bucket for bucket in found if (expires := expiry_ms(bucket)) is None or expires > now_ms]


def kept_buckets(series: str, hour: int, now_ms: int, keep_ms: int) -> list[tuple[str, int | None]]:
    """Returns the buckets that count an hour of a series, and when each expires, None for never.

    The counters of a group of items, of which there may be one for each run of a test, have no bucket for all time, and
    last for the keep time.
    """
    found = [(bucket, expiry_ms(bucket)) for bucket in buckets_of_hour(hour, now_ms)]
    if GROUP_MARK not in series:
        return found
    return [(bucket, min(ms, (hour + 1) * _HOUR_MS + _DAY_MS + keep_ms)) for bucket, ms in found if ms is not None]


def expiry_ms(bucket: str) -> int | None:
    """Returns when a bucket expires, in milliseconds since the epoch; None for the one that never does."""
    if bucket == "all":
        return None
    size, kept = (_HOUR_MS, _HOURS_KEPT_MS) if bucket[0] == "h" else (_DAY_MS, _DAYS_KEPT_MS)
    return (int(bucket[1:]) + 1) * size + kept


def sum_fields(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Returns the sum of several counters, field by field."""
    total: dict[str, int] = {}
    for each in parts:
        if not total:
            total = dict(each)
            continue
        for name, count in each.items():
            total[name] = total.get(name, 0) + count
    return total


async def read_windows(redis: Redis, wanted: Sequence[Wanted], buckets: Sequence[str]) -> list[dict[str, int]]:
    """Returns the counters of each, field -> count, summed over the buckets."""
    found = await _read(redis, [(each, bucket) for each in wanted for bucket in buckets])
    in_one = len(buckets)
    return [_sum(found[start : start + in_one]) for start in range(0, len(found), in_one)]


async def read_buckets(redis: Redis, wanted: Wanted, buckets: Sequence[str]) -> list[dict[str, int]]:
    """Returns the counters of one, bucket by bucket."""
    return await _read(redis, [(wanted, bucket) for bucket in buckets])


async def newest_series(redis: Redis) -> list[tuple[str, str]]:
    """Returns (criterion, series), those with the newest judgments first."""
    found = await reply(redis.zrevrange(keys.SERIES, 0, -1))
    return [(unquoted(criterion), series) for criterion, series in (each.decode().split("\t") for each in found)]


async def first_served(redis: Redis, criterion: str, judge: str, model: str) -> dict[str, int]:
    """Returns the served models of a judge and model with the times, in milliseconds, at which each first answered."""
    found = await reply(redis.zrange(keys.served_by(criterion, judge, model), 0, -1, withscores=True))
    return {served.decode(): int(ms) for served, ms in found}


async def last_answered(redis: Redis, criterion: str, series: Sequence[str]) -> list[int]:
    """Returns when each series last answered, in milliseconds; 0 if it never did."""
    members = [f"{quoted(criterion)}\t{name}" for name in series]
    return [int(ms or 0) for ms in await reply(redis.zmscore(keys.SERIES, members))]


async def series_since(redis: Redis, since_ms: int) -> list[tuple[str, str]]:
    """Returns (criterion, series) of those that have judged since a time, in milliseconds since the epoch."""
    found = await reply(redis.zrangebyscore(keys.SERIES, since_ms, "+inf"))
    return [(unquoted(criterion), series) for criterion, series in (each.decode().split("\t") for each in found)]


async def newest_pairs(redis: Redis) -> list[tuple[str, str, str]]:
    """Returns (criterion, series, series) of those that scored the same content, the newest first."""
    found = await reply(redis.zrevrange(keys.MET, 0, -1))
    return [(unquoted(of), one, other) for of, one, other in (each.decode().split("\t") for each in found)]


async def all_counters(redis: Redis, kinds: Iterable[str]) -> dict[str, dict[str, int]]:
    """Returns all counters of these kinds by their keys."""
    return {
        key: {field.decode(): int(count) for field, count in fields.items()}
        for kind in kinds
        async for key, fields in scanned_hashes(redis, keys.agreement_counters_of(kind))
    }


async def labelled_changes(redis: Redis) -> bytes | None:
    """Returns a value that is another one after each change of a labelled item."""
    found: Any = await reply(redis.get(keys.CHANGES))
    return cast("bytes | None", found)


async def replace_counters(redis: Redis, since: bytes | None, counters: Mapping[str, Mapping[str, int]]) -> bool:
    """Writes these counters, by their keys, in place of the stored ones; empty ones are removed.

    Returns False, and writes nothing, if a labelled item was changed after `labelled_changes` returned `since`.
    """
    with translated_errors():
        async with redis.pipeline(transaction=True) as pipe:
            await pipe.watch(keys.CHANGES)
            if await pipe.get(keys.CHANGES) != since:
                return False
            pipe.multi()  # type: ignore[no-untyped-call]
            for key, fields in counters.items():
                pipe.delete(key)
                if fields:
                    pipe.hset(key, mapping=cast("Any", fields))
                    if expires := expiry_ms(keys.bucket_of(key)):
                        pipe.pexpireat(key, expires)
            try:
                await pipe.execute()
            except WatchError:
                return False
    return True


async def _read(redis: Redis, places: Iterable[tuple[Wanted, str]]) -> list[dict[str, int]]:
    async with pipeline(redis) as pipe:
        for wanted, bucket in places:
            pipe.hgetall(keys.agreement_counters(wanted.kind, bucket, wanted.series, wanted.criterion))
        stored = await pipe.execute()
    return [{field.decode(): int(count) for field, count in each.items()} for each in stored]


def _sum(counts: Sequence[dict[str, int]]) -> dict[str, int]:
    if len(counts) == 1:
        return counts[0]
    return {field: count for field, count in sum_fields(counts).items() if count}
