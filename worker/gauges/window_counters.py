"""Reads the counters of judges' series, window by window."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from redis.asyncio import Redis

from service.agreement.drift_reports import LabelHistory
from service.contracts.labels import Window
from service.store import agreement_counters
from service.store.agreement_counters import Wanted, sum_fields
from worker.gauges.computing import CounterFields, WindowCounters

GAUGE_WINDOWS: tuple[Window, ...] = ("24h", "7d", "30d", "all")
# The first and the last day of the time before a window, counted from today.
_REFERENCES: dict[Window, tuple[int, int]] = {"24h": (-31, -2), "7d": (-37, -8), "30d": (-90, -31)}
_HISTORY_DAYS = 90  # in which a fall is looked for
_LATE = 2  # the last buckets of hours or days: a judgment made earlier may still be written there
_HOUR_MS = 3_600_000
_DAY_HOURS = 24

_Spans = Mapping[Window, Sequence[str]]


class SeriesCounters(NamedTuple):
    """The counters of a series by window, and the history of its labels."""

    windows: dict[Window, WindowCounters]
    history: LabelHistory


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
        self._empty: set[tuple[str, str, str]] = set()  # criterion, series, bucket
        self._empty_since = -1  # the hour

    def begin(self, now_ms: int) -> None:
        """Begins a refresh: forgets the empty buckets once an hour."""
        if self._empty_since != now_ms // _HOUR_MS:
            self._empty_since = now_ms // _HOUR_MS
            self._empty.clear()

    async def total(self, wanted: Sequence[Wanted], window: Window, now_ms: int) -> dict[str, int]:
        """Returns the counters of these series over a window, added up."""
        buckets = agreement_counters.buckets_of(window, now_ms)
        return sum_fields(await agreement_counters.read_windows(self._redis, wanted, buckets))

    async def counters(self, criterion: str, members: Sequence[str], now_ms: int) -> SeriesCounters:
        """Returns the counters of the series `members` of a criterion together."""
        spans = {window: agreement_counters.buckets_of(window, now_ms) for window in GAUGE_WINDOWS}
        before = {
            window: agreement_counters.days(now_ms, first=first, last=last)
            for window, (first, last) in _REFERENCES.items()
        }
        recent = _Recent.at(now_ms)
        parts = (*spans.values(), *before.values(), *recent)
        every = list(dict.fromkeys(each for names in parts for each in names))
        seen: defaultdict[str, list[CounterFields]] = defaultdict(list)
        agreed: defaultdict[str, list[CounterFields]] = defaultdict(list)
        settled = _settled(every, now_ms)
        for series in members:
            asked = [bucket for bucket in every if (criterion, series, bucket) not in self._empty]
            read = dict(zip(asked, await self._each("seen", series, criterion, asked), strict=True))
            self._empty |= {
                (criterion, series, each) for each, fields in read.items() if not fields and each in settled
            }
            filled = [bucket for bucket, fields in read.items() if fields]  # without a judgment there is no pair either
            for bucket, fields in zip(filled, await self._each("agreed", series, criterion, filled), strict=True):
                seen[bucket].append(read[bucket])
                agreed[bucket].append(fields)
        return await asyncio.to_thread(_series_counters, seen, agreed, spans, before, recent)

    async def _each(self, kind: str, series: str, criterion: str, buckets: Sequence[str]) -> list[dict[str, int]]:
        return await agreement_counters.read_buckets(self._redis, Wanted(kind, series, criterion), buckets)


def _series_counters(
    seen: Mapping[str, list[CounterFields]],
    agreed: Mapping[str, list[CounterFields]],
    spans: _Spans,
    before: _Spans,
    recent: _Recent,
) -> SeriesCounters:
    """Adds up the counters of each bucket, one entry per series; a missing bucket is empty."""
    agreed_in = {name: sum_fields(fields) for name, fields in agreed.items()}

    def total(counts: Mapping[str, Sequence[CounterFields]], names: Sequence[str]) -> dict[str, int]:
        return sum_fields(fields for name in names for fields in counts.get(name, ()))

    def each(names: Sequence[str]) -> list[CounterFields]:
        return [agreed_in.get(name, {}) for name in names]

    windows = {
        window: WindowCounters(
            agreed=total(agreed, names),
            seen=total(seen, names),
            agreed_each=each([*before.get(window, ()), *names]),
            reference_agreed=total(agreed, before.get(window, ())),
            reference_seen=total(seen, before.get(window, ())),
        )
        for window, names in spans.items()
    }
    return SeriesCounters(windows, LabelHistory(windows["all"].agreed, each(recent.days), each(recent.hours)))


def _settled(buckets: Sequence[str], now_ms: int) -> set[str]:
    """Returns the buckets whose time is long over: nothing will be judged any more in those that are empty."""
    late = {
        *agreement_counters.hours(now_ms, first=1 - _LATE, last=0),
        *agreement_counters.days(now_ms, first=1 - _LATE, last=0),
        "all",
    }
    return set(buckets) - late
