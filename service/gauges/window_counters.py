"""Reads the counters of judges' series, window by window."""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from service.agreement.drift_reports import LabelHistory
from service.contracts.labels import Window
from service.gauges.computing import CounterFields, WindowCounters, score_count
from service.stats.drift import LEAST_SCORES
from service.store import agreement_counters
from service.store.agreement_counters import Wanted, sum_fields

GAUGE_WINDOWS: tuple[Window, ...] = ("24h", "7d", "30d", "all")
_HISTORY_DAYS = 90  # in which a fall is looked for
_LATE = 2  # the last buckets of hours or days: a judgment made earlier may still be written there
_HOUR_MS = 3_600_000
_DAY_HOURS = 24

_Spans = Mapping[Window, Sequence[str]]


class SeriesCounters(NamedTuple):
    """The counters of a series by window, and the history of its labels."""

    windows: dict[Window, WindowCounters]
    history: LabelHistory


class _ServedCounters(NamedTuple):
    """The counters of each bucket of the series of one served model, one entry per series."""

    seen: defaultdict[str, list[CounterFields]]
    agreed: defaultdict[str, list[CounterFields]]

    def total_seen(self, buckets: Sequence[str]) -> dict[str, int]:
        """Returns the counters `seen` of these buckets together."""
        return sum_fields(fields for bucket in buckets for fields in self.seen.get(bucket, ()))

    def total_agreed(self, buckets: Sequence[str]) -> dict[str, int]:
        """Returns the counters `agreed` of these buckets together."""
        return sum_fields(fields for bucket in buckets for fields in self.agreed.get(bucket, ()))

    def agreed_each(self, buckets: Sequence[str]) -> list[CounterFields]:
        """Returns the counters `agreed` bucket by bucket."""
        return [sum_fields(self.agreed.get(bucket, ())) for bucket in buckets]


class _Recent(NamedTuple):
    """The buckets of the history: whole days up to the day before yesterday, then the hours since."""

    days: Sequence[str]
    hours: Sequence[str]

    @classmethod
    def at(cls, now_ms: int) -> "_Recent":
        since = now_ms // _HOUR_MS % _DAY_HOURS  # midnight
        return cls(
            agreement_counters.days(now_ms, first=-_HISTORY_DAYS, last=-2),
            agreement_counters.hours(now_ms, first=-since - _DAY_HOURS, last=0),
        )


class WindowReader:
    """Reads the counters of series. Remembers for an hour in which past buckets a series judged nothing."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._now_ms = 0
        self._empty: set[tuple[str, str, str]] = set()  # criterion, series, bucket
        self._empty_since = -1  # the hour

    def begin(self, now_ms: int) -> None:
        """Begins a refresh at this time: windows end with it. Forgets the empty buckets once an hour."""
        self._now_ms = now_ms
        if self._empty_since != now_ms // _HOUR_MS:
            self._empty_since = now_ms // _HOUR_MS
            self._empty.clear()

    async def total(self, wanted: Sequence[Wanted], window: Window) -> dict[str, int]:
        """Returns the counters of these series over a window, added up."""
        buckets = agreement_counters.buckets_of(window, self._now_ms)
        return sum_fields(await agreement_counters.read_windows(self._redis, wanted, buckets))

    async def state(self, criterion: str, members: Sequence[str]) -> bytes:
        """Returns a value that is another one if these series have counted anything since, and in each hour.

        Whatever is counted in an hour and a day is counted for all times too, so that these counters alone are read.
        """
        wanted = [Wanted(kind, series, criterion) for series in members for kind in ("seen", "agreed")]
        found = await agreement_counters.read_windows(self._redis, wanted, ["all"])
        counted = [sorted(fields.items()) for fields in found]
        return hashlib.blake2b(msgspec.msgpack.encode((self._now_ms // _HOUR_MS, members, counted))).digest()

    async def counters(
        self, criterion: str, members: Sequence[str], older: Sequence[Sequence[str]] = ()
    ) -> SeriesCounters:
        """Returns the counters of the series `members` of a criterion together, which are of one served model.

        `older` has the series of served models that answered before. The reference of a window is that of the first
        served model with 100 scores in it, and the history of labels is that of all of them, one after the other.
        """
        now_ms = self._now_ms
        spans = {window: agreement_counters.buckets_of(window, now_ms) for window in GAUGE_WINDOWS}
        before = {window: agreement_counters.reference_of(window, now_ms) for window in GAUGE_WINDOWS}
        recent = _Recent.at(now_ms)
        parts = (*spans.values(), *before.values(), *recent)
        every = list(dict.fromkeys(each for names in parts for each in names))
        settled = _settled(every, now_ms)
        by_served = [await self._buckets(criterion, series, every, settled) for series in (members, *older)]
        return await asyncio.to_thread(_series_counters, by_served, spans, before, recent)

    async def _buckets(
        self, criterion: str, members: Sequence[str], every: Sequence[str], settled: set[str]
    ) -> _ServedCounters:
        """Returns the counters of each of these buckets, one entry per series; a missing bucket is empty."""
        found = _ServedCounters(defaultdict(list), defaultdict(list))
        for series in members:
            asked = [bucket for bucket in every if (criterion, series, bucket) not in self._empty]
            read = dict(zip(asked, await self._each("seen", series, criterion, asked), strict=True))
            self._empty |= {
                (criterion, series, each) for each, fields in read.items() if not fields and each in settled
            }
            filled = [bucket for bucket, fields in read.items() if fields]  # without a judgment there is no pair either
            for bucket, fields in zip(filled, await self._each("agreed", series, criterion, filled), strict=True):
                found.seen[bucket].append(read[bucket])
                found.agreed[bucket].append(fields)
        return found

    async def _each(self, kind: str, series: str, criterion: str, buckets: Sequence[str]) -> list[dict[str, int]]:
        return await agreement_counters.read_buckets(self._redis, Wanted(kind, series, criterion), buckets)


def _series_counters(
    by_served: Sequence[_ServedCounters], spans: _Spans, before: _Spans, recent: _Recent
) -> SeriesCounters:
    """Adds up the counters over windows; those of the windows themselves are of the first served model alone."""
    mine = by_served[0]

    def window_counters(window: Window) -> WindowCounters:
        names, earlier = spans[window], before.get(window, ())
        reference = next((each for each in by_served if score_count(each.total_seen(earlier)) >= LEAST_SCORES), mine)
        return WindowCounters(
            agreed=mine.total_agreed(names),
            seen=mine.total_seen(names),
            agreed_each=[*reference.agreed_each(earlier), *mine.agreed_each(names)],
            reference_agreed=reference.total_agreed(earlier),
            reference_seen=reference.total_seen(earlier),
        )

    def history(names: Sequence[str]) -> list[CounterFields]:
        each_served = [each.agreed_each(names) for each in by_served]
        return [sum_fields(fields) for fields in zip(*each_served, strict=True)]

    [everything] = history(spans["all"])
    return SeriesCounters(
        {window: window_counters(window) for window in spans},
        LabelHistory(everything, history(recent.days), history(recent.hours)),
    )


def _settled(buckets: Sequence[str], now_ms: int) -> set[str]:
    """Returns the buckets whose time is long over: nothing will be judged any more in those that are empty."""
    late = {
        *agreement_counters.hours(now_ms, first=1 - _LATE, last=0),
        *agreement_counters.days(now_ms, first=1 - _LATE, last=0),
        "all",
    }
    return set(buckets) - late
