"""Computes the gauges of agreement from the counters, again and again: a scrape only reads what is saved here.

The series of judges are of unbounded number, those of gauges are not: what was judged least recently is added up under
judge and model `other`, and counted as dropped.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from redis.asyncio import Redis

from service.agreement.coding import Coding
from service.agreement.criteria import find_scale
from service.agreement.evidence import PANEL
from service.arena import ARENA_GAUGES, arena_gauge_rows, read_vote_counts, standings
from service.contracts.labels import Window
from service.store import agreement_counters as tallies
from service.store import arena, clock, counters, gauges, label_queue
from service.store.agreement_counters import Wanted
from service.store.gauges import MAX_GAUGE_SERIES, MAX_JUDGE_SERIES, Gauge, GaugeRow
from worker.gauges import computing as gauging
from worker.gauges.computing import TRUST_GAUGES, CounterFields, GaugeValues, Memo, WindowCounters, merged

NAME = "refresh_gauges"
MAX_READ = 1_000  # series of judges that are looked at, the most recently judged; those beyond are only counted
MAX_PAIRS = 500  # of two models of a panel
MAX_CRITERIA = 100

_WINDOWS: tuple[Window, ...] = ("24h", "7d", "30d", "all")
# The first and the last day of the time before a window, counted from today.
_REFERENCES: dict[Window, tuple[int, int]] = {"24h": (-31, -2), "7d": (-37, -8), "30d": (-90, -31)}
OTHERS = MAX_GAUGE_SERIES // 20  # kept for what is added up under `other`
BESIDE = MAX_GAUGE_SERIES // 4  # at most so many for people and panels
_OTHER = counters.OTHER
_INLINE = "sha256:"
_LATE = 2  # the last buckets of hours or days: something may still be written there that was judged before

Spans = Mapping[Window, Sequence[str]]


class Labels(NamedTuple):
    """What a gauge names a series by. All inline judges of a criterion and model are one."""

    judge: str
    version: str
    criterion: str
    model: str

    @classmethod
    def of(cls, criterion: str, series: str) -> "Labels":
        """From a series' name in counters."""
        token, _, model = series.partition(" ")
        if token.startswith(_INLINE):
            return cls("inline", "", criterion, model)
        name, _, version = token.rpartition("@")
        return cls(name, version, criterion, model)

    @property
    def key(self) -> str:
        """Seeds the resampling: for a named judge as in the answers of the API."""
        token = f"{self.judge}@{self.version}" if self.version else self.judge
        return f"{token} {self.model} {self.criterion}"


class _Board:
    """The rows of all gauges, as they come together."""

    def __init__(self) -> None:
        self.rows: dict[str, list[GaugeRow]] = {name: [] for name in TRUST_GAUGES}
        self.size = 0
        self.dropped = 0

    def put(self, found: Sequence[tuple[tuple[str, ...], GaugeValues]], most: int) -> bool:
        """Adds the values of one thing with their labels, unless there would be more than `most` rows in all."""
        known = [
            (name, GaugeRow(labels, value))
            for labels, values in found
            for name, value in values.items()
            if value is not None
        ]
        if self.size + len(known) > most:
            return False
        for name, row in known:
            self.rows[name].append(row)
        self.size += len(known)
        return True


class Refresher:
    """Remembers what does not change between two refreshes of one process."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._memo = Memo()
        self._empty: set[tuple[str, str, str]] = set()  # criterion, series, bucket in which nothing was judged
        self._empty_since = -1  # the hour

    async def refresh(self) -> None:
        """Computes and saves all gauges. Raises StoreError where the store is away."""
        now_ms = clock.now_ms()
        self._memo.turn()
        if self._empty_since != now_ms // 3_600_000:
            self._empty_since = now_ms // 3_600_000
            self._empty.clear()
        found = await tallies.newest_series(self._redis, 0)
        named = list(dict.fromkeys(criterion for criterion, _ in found))[:MAX_CRITERIA]  # the most recently judged
        codings = await self._codings(named)
        known = [each for each in found if each[0] in codings]
        board = _Board()
        board.dropped = sum(criterion not in named for criterion, _ in found) + max(len(known) - MAX_READ, 0)
        await self._people(board, codings, now_ms)
        await self._panels(board, codings, known[:MAX_READ], now_ms)
        await self._judges(board, codings, known[:MAX_READ], now_ms)
        all_gauges = [Gauge(name, what, labels, board.rows[name]) for name, (what, labels) in TRUST_GAUGES.items()]
        all_gauges += await self._arena()
        board.dropped += await gauges.save_gauges(self._redis, all_gauges, now_ms / 1000)
        if board.dropped:
            await counters.add_counts(self._redis, [counters.increment(counters.SERIES_DROPPED, by=board.dropped)])

    async def _codings(self, names: Iterable[str]) -> dict[str, Coding]:
        found = {}
        for criterion in names:
            scale = await find_scale(self._redis, criterion)
            if scale is not None:
                found[criterion] = Coding(scale)
        return found

    async def _arena(self) -> list[Gauge]:
        """The ratings by all votes, whatever their criterion."""
        counted = read_vote_counts(await arena.arena_counts(self._redis, None))
        rows = arena_gauge_rows(await asyncio.to_thread(standings, counted.battles, counted.elo))
        return [
            Gauge(name, what, ("model",), [GaugeRow(labels, value) for labels, value in rows[name]])
            for name, what in ARENA_GAUGES.items()
        ]

    async def _people(self, board: _Board, codings: dict[str, Coding], now_ms: int) -> None:
        for criterion, coding in codings.items():
            waiting: GaugeValues = {"label_queue_items": await label_queue.count_waiting(self._redis, criterion)}
            found: list[tuple[tuple[str, ...], GaugeValues]] = [((criterion,), waiting)]
            for window in _WINDOWS:
                fields = await self._sum([Wanted("ceiling", "", criterion)], window, now_ms)
                if fields:
                    values = await asyncio.to_thread(
                        gauging.of_people, coding, fields, f"{criterion} {window}", self._memo
                    )
                    found.append(((criterion, window), values))
            board.dropped += not board.put(found, BESIDE)

    async def _panels(
        self, board: _Board, codings: dict[str, Coding], known: Sequence[tuple[str, str]], now_ms: int
    ) -> None:
        panels: defaultdict[Labels, list[Wanted]] = defaultdict(list)
        for criterion, series in known:
            token, _, model = series.partition(" ")
            if model == PANEL:
                panels[Labels.of(criterion, series)].append(Wanted("panel", token, criterion))
        for labels, wanted in panels.items():
            found: list[tuple[tuple[str, ...], GaugeValues]] = []
            for window in _WINDOWS:
                fields = await self._sum(wanted, window, now_ms)
                values = await asyncio.to_thread(gauging.of_panel, codings[labels.criterion], fields)
                found.append(((*labels[:3], window), values))
            board.dropped += not board.put(found, BESIDE)
        await self._pairs(board, codings, now_ms)

    async def _pairs(self, board: _Board, codings: dict[str, Coding], now_ms: int) -> None:
        """Each two models of a judge version; series of different judges meet too, and are left out."""
        pairs: defaultdict[tuple[Labels, str], list[Wanted]] = defaultdict(list)
        for criterion, one, two in await tallies.newest_pairs(self._redis, 0):
            (token, _, model), (other_token, _, other) = one.partition(" "), two.partition(" ")
            if token == other_token and PANEL not in (model, other) and criterion in codings:
                pairs[Labels.of(criterion, one), other].append(Wanted("between", f"{one}|{two}", criterion))
        board.dropped += max(len(pairs) - MAX_PAIRS, 0)
        for (labels, other), wanted in list(pairs.items())[:MAX_PAIRS]:
            found: list[tuple[tuple[str, ...], GaugeValues]] = []
            for window in _WINDOWS:
                fields = await self._sum(wanted[:MAX_READ], window, now_ms)
                key = f"{labels.key} {other} {window}"
                values = await asyncio.to_thread(gauging.of_models, codings[labels.criterion], fields, key, self._memo)
                found.append(((*labels, other, window), values))
            board.dropped += not board.put(found, BESIDE)

    async def _judges(
        self, board: _Board, codings: dict[str, Coding], known: Sequence[tuple[str, str]], now_ms: int
    ) -> None:
        """One after the other, so that the counters of one series at a time are in memory."""
        groups: defaultdict[Labels, list[str]] = defaultdict(list)
        for criterion, series in known:
            groups[Labels.of(criterion, series)].append(series)
        others: dict[str, dict[Window, WindowCounters]] = {}
        for place, (labels, members) in enumerate(groups.items()):
            windows = await self._windows(labels.criterion, members, now_ms)
            if place < MAX_JUDGE_SERIES and not others:
                found = await asyncio.to_thread(self._computed, codings[labels.criterion], labels, windows)
                if board.put(found, MAX_GAUGE_SERIES - OTHERS):
                    continue
            board.dropped += 1
            before = others.get(labels.criterion)
            others[labels.criterion] = (
                windows if before is None else {each: merged(before[each], windows[each]) for each in windows}
            )
        for criterion, windows in others.items():
            labels = Labels(_OTHER, "", criterion, _OTHER)
            found = await asyncio.to_thread(self._computed, codings[criterion], labels, windows)
            board.put(found, MAX_GAUGE_SERIES)

    def _computed(
        self, coding: Coding, labels: Labels, windows: dict[Window, WindowCounters]
    ) -> list[tuple[tuple[str, ...], GaugeValues]]:
        return [
            ((*labels, window), gauging.of_judge(coding, counted, f"{labels.key} {window} random", self._memo))
            for window, counted in windows.items()
        ]

    async def _windows(self, criterion: str, members: Sequence[str], now_ms: int) -> dict[Window, WindowCounters]:
        """The counters of these series together, by window."""
        spans = {window: tallies.buckets_of(window, now_ms) for window in _WINDOWS}
        before = {window: tallies.days(now_ms, first=first, last=last) for window, (first, last) in _REFERENCES.items()}
        every = list(dict.fromkeys(each for names in (*spans.values(), *before.values()) for each in names))
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
        return await asyncio.to_thread(_by_window, seen, agreed, spans, before)

    async def _each(self, kind: str, series: str, criterion: str, buckets: Sequence[str]) -> list[dict[str, int]]:
        return await tallies.read_buckets(self._redis, Wanted(kind, series, criterion), buckets)

    async def _sum(self, wanted: Sequence[Wanted], window: Window, now_ms: int) -> dict[str, int]:
        return tallies.sum_fields(await tallies.read_windows(self._redis, wanted, tallies.buckets_of(window, now_ms)))


def _by_window(
    seen: Mapping[str, list[CounterFields]], agreed: Mapping[str, list[CounterFields]], spans: Spans, before: Spans
) -> dict[Window, WindowCounters]:
    """From the counters of each bucket, one of each series; buckets that are not there are empty."""

    def total(counts: Mapping[str, list[CounterFields]], names: Sequence[str]) -> dict[str, int]:
        return tallies.sum_fields(fields for name in names for fields in counts.get(name, ()))

    return {
        window: WindowCounters(
            agreed=total(agreed, names),
            seen=total(seen, names),
            agreed_each=[total(agreed, [name]) for name in names],
            reference_agreed=total(agreed, before.get(window, ())),
            reference_seen=total(seen, before.get(window, ())),
        )
        for window, names in spans.items()
    }


def _settled(buckets: Sequence[str], now_ms: int) -> set[str]:
    """Those whose time is long over: in what is empty there, nothing will be judged any more."""
    late = {*tallies.hours(now_ms, first=1 - _LATE, last=0), *tallies.days(now_ms, first=1 - _LATE, last=0), "all"}
    return set(buckets) - late
