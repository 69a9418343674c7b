"""The periodic task that computes the gauges of agreement from the counters: a scrape only reads the saved gauges.

The number of gauge series is bounded, while the number of judges' series is not. The series that were judged least
recently are added up under judge and model `other`, and counted as dropped.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from redis.asyncio import Redis

from service.agreement.coding import Coding
from service.agreement.criteria import find_scale
from service.agreement.drift_reports import LabelHistory, fall_of_agreement
from service.agreement.evidence import PANEL
from service.arena import ARENA_GAUGES, arena_gauge_rows, current_leaderboard, leaderboard_version
from service.contracts.labels import Window
from service.store import agreement_counters, clock, counters, gauges, label_queue
from service.store.agreement_counters import Wanted
from service.store.gauges import MAX_GAUGE_SERIES, MAX_JUDGE_SERIES, Gauge, GaugeRow
from worker.gauges.catalogue import (
    AGREEMENT_GAUGES,
    CEILING_GAUGES,
    FALL_GAUGES,
    JUDGE_GAUGES,
    PAIR_GAUGES,
    PANEL_GAUGES,
    QUEUE_GAUGES,
    GaugeValues,
    gauge_values,
)
from worker.gauges.computing import (
    Memo,
    WindowCounters,
    ceiling_figures,
    judge_figures,
    merged,
    pair_figures,
    panel_figure,
)
from worker.gauges.series_scales import SeriesScales
from worker.gauges.window_counters import GAUGE_WINDOWS, WindowReader

REFRESH_GAUGES = "refresh_gauges"
MAX_READ = 1_000  # series of judges that are read, the most recently judged; the others are only counted
MAX_PAIRS = 500  # of two models of a panel
MAX_CRITERIA = 100
OTHERS = MAX_GAUGE_SERIES // 20  # kept for the series that are added up under `other`
BESIDE = MAX_GAUGE_SERIES // 4  # at most so many for people and panels

_INLINE = "sha256:"

_Found = list[tuple[tuple[str, ...], GaugeValues]]  # label values, and the gauges of one series


class SeriesLabels(NamedTuple):
    """The names of a series in gauges. All inline judges of a criterion and model are one series."""

    judge: str
    version: str
    criterion: str
    model: str

    @classmethod
    def of(cls, criterion: str, series: str) -> "SeriesLabels":
        """Returns the labels of a series, from its name in counters."""
        token, _, model = series.partition(" ")
        if token.startswith(_INLINE):
            return cls("inline", "", criterion, model)
        name, _, version = token.rpartition("@")
        return cls(name, version, criterion, model)

    @property
    def key(self) -> str:
        """The seed of the resampling: for a named judge the same as in the answers of the API."""
        token = f"{self.judge}@{self.version}" if self.version else self.judge
        return f"{token} {self.model} {self.criterion}"


class _Rows:
    """The rows of all gauges, as they are computed."""

    def __init__(self) -> None:
        self.by_gauge: dict[str, list[GaugeRow]] = {name: [] for name in AGREEMENT_GAUGES}
        self.size = 0
        self.dropped = 0

    def put(self, found: _Found, most: int) -> bool:
        """Adds the gauges of one thing, and returns whether it did: not if there would be more than `most` rows."""
        known = [
            (name, GaugeRow(labels, value))
            for labels, values in found
            for name, value in values.items()
            if value is not None
        ]
        if self.size + len(known) > most:
            return False
        for name, row in known:
            self.by_gauge[name].append(row)
        self.size += len(known)
        return True


class Refresher:
    """Computes all gauges. Remembers the results that do not change between two refreshes of one process."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._memo = Memo()
        self._reader = WindowReader(redis)

    async def refresh(self) -> None:
        """Computes and saves all gauges. Raises StoreError if the store is away."""
        now_ms = clock.now_ms()
        self._memo.turn()
        self._reader.begin(now_ms)
        found = await agreement_counters.newest_series(self._redis, 0)
        named = list(dict.fromkeys(criterion for criterion, _ in found))[:MAX_CRITERIA]  # the most recently judged
        codings = await self._codings(named)
        known = [each for each in found if each[0] in codings]
        rows = _Rows()
        rows.dropped = sum(criterion not in named for criterion, _ in found) + max(len(known) - MAX_READ, 0)
        await self._ceilings(rows, codings, now_ms)
        scales = await SeriesScales.read(self._redis, codings, known)
        await self._panels(rows, scales, known[:MAX_READ], now_ms)
        await self._pairs(rows, scales, codings.keys(), now_ms)
        await self._judges(rows, scales, known[:MAX_READ], now_ms)
        await self._save([*_agreement_gauges(rows), *await self._arena_gauges()], rows.dropped, now_ms)

    async def _save(self, all_gauges: Sequence[Gauge], dropped: int, now_ms: int) -> None:
        dropped += await gauges.save_gauges(self._redis, all_gauges, now_ms / 1000)
        if dropped:
            await counters.add_counts(self._redis, [counters.increment(counters.SERIES_DROPPED, by=dropped)])

    async def _codings(self, names: Iterable[str]) -> dict[str, Coding]:
        scales = {criterion: await find_scale(self._redis, criterion) for criterion in names}
        return {criterion: Coding(scale) for criterion, scale in scales.items() if scale is not None}

    async def _arena_gauges(self) -> list[Gauge]:
        """Returns the ratings from all votes, of all criteria together."""
        version = await leaderboard_version(self._redis, None)
        rows = arena_gauge_rows((await current_leaderboard(self._redis, None, version)).leaderboard)
        return [
            Gauge(name, text, ("model",), [GaugeRow(labels, value) for labels, value in rows[name]])
            for name, text in ARENA_GAUGES.items()
        ]

    async def _ceilings(self, rows: _Rows, codings: dict[str, Coding], now_ms: int) -> None:
        """Adds, for each criterion, how well people agree and how many items wait for a label."""
        for criterion, coding in codings.items():
            waiting = await label_queue.count_waiting(self._redis, criterion)
            found: _Found = [((criterion,), gauge_values(QUEUE_GAUGES, waiting))]
            for window in GAUGE_WINDOWS:
                fields = await self._reader.total([Wanted("ceiling", "", criterion)], window, now_ms)
                if fields:
                    key = f"{criterion} {window}"
                    measures = await asyncio.to_thread(ceiling_figures, coding, fields, key, self._memo)
                    found.append(((criterion, window), gauge_values(CEILING_GAUGES, measures)))
            rows.dropped += not rows.put(found, BESIDE)

    async def _panels(self, rows: _Rows, scales: SeriesScales, known: Sequence[tuple[str, str]], now_ms: int) -> None:
        """Adds, for each panel, how well all its models agree."""
        panels: defaultdict[SeriesLabels, list[str]] = defaultdict(list)
        for criterion, series in known:
            if series.endswith(f" {PANEL}"):
                panels[SeriesLabels.of(criterion, series)].append(series)
        for labels, members in panels.items():
            scale, alike = scales.shared(labels.criterion, members)
            wanted = [Wanted("panel", series.partition(" ")[0], labels.criterion) for series in alike]
            found: _Found = []
            for window in GAUGE_WINDOWS:
                fields = await self._reader.total(wanted, window, now_ms)
                alpha = await asyncio.to_thread(panel_figure, scale.coding, fields)
                found.append(((*labels[:3], window), gauge_values(PANEL_GAUGES, alpha)))
            rows.dropped += not rows.put(found, BESIDE)

    async def _pairs(self, rows: _Rows, scales: SeriesScales, criteria: Collection[str], now_ms: int) -> None:
        """Adds each two models of a judge version; pairs of series of different judges are left out."""
        pairs: defaultdict[tuple[SeriesLabels, str], dict[str, str]] = defaultdict(dict)  # the pair by its first series
        for criterion, one, two in await agreement_counters.newest_pairs(self._redis, 0):
            (token, _, model), (other_token, _, other) = one.partition(" "), two.partition(" ")
            if token == other_token and PANEL not in (model, other) and criterion in criteria:
                pairs[SeriesLabels.of(criterion, one), other][one] = f"{one}|{two}"
        rows.dropped += max(len(pairs) - MAX_PAIRS, 0)
        for (labels, other), by_first in list(pairs.items())[:MAX_PAIRS]:
            scale, alike = scales.shared(labels.criterion, list(by_first))
            wanted = [Wanted("between", by_first[one], labels.criterion) for one in alike]
            found: _Found = []
            for window in GAUGE_WINDOWS:
                fields = await self._reader.total(wanted[:MAX_READ], window, now_ms)
                key = f"{labels.key} {other} {window}"
                figures = await asyncio.to_thread(pair_figures, scale.coding, fields, key, self._memo)
                found.append(((*labels, other, window), gauge_values(PAIR_GAUGES, figures)))
            rows.dropped += not rows.put(found, BESIDE)

    async def _judges(self, rows: _Rows, scales: SeriesScales, known: Sequence[tuple[str, str]], now_ms: int) -> None:
        """Adds the judges' series one after the other, so that one series' counters at a time are in memory."""
        groups: defaultdict[SeriesLabels, list[str]] = defaultdict(list)
        for criterion, series in known:
            groups[SeriesLabels.of(criterion, series)].append(series)
        others: dict[str, dict[Window, WindowCounters]] = {}
        for place, (labels, members) in enumerate(groups.items()):
            scale, alike = scales.shared(labels.criterion, members)
            counted = await self._reader.counters(labels.criterion, alike, now_ms)
            windows = {window: scale.comparable(each) for window, each in counted.windows.items()}
            if place < MAX_JUDGE_SERIES and not others:
                history = None if scale.is_unlike else counted.history
                found = await asyncio.to_thread(self._of_series, scale.coding, labels, windows, history)
                if rows.put(found, MAX_GAUGE_SERIES - OTHERS):
                    continue
            rows.dropped += 1
            if scale.is_unlike:
                continue
            before = others.get(labels.criterion)
            others[labels.criterion] = (
                windows if before is None else {each: merged(before[each], windows[each]) for each in windows}
            )
        for criterion, windows in others.items():
            labels = SeriesLabels(counters.OTHER, "", criterion, counters.OTHER)
            found = await asyncio.to_thread(self._of_judge, scales.of_labels(criterion), labels, windows)
            rows.put(found, MAX_GAUGE_SERIES)

    def _of_series(
        self, coding: Coding, labels: SeriesLabels, windows: dict[Window, WindowCounters], history: LabelHistory | None
    ) -> _Found:
        """`history` is None if the judge's values can't be compared with the labels'."""
        found = self._of_judge(coding, labels, windows)
        if history is not None:
            found.append((tuple(labels), gauge_values(FALL_GAUGES, fall_of_agreement(coding, history))))
        return found

    def _of_judge(self, coding: Coding, labels: SeriesLabels, windows: dict[Window, WindowCounters]) -> _Found:
        found: _Found = []
        for window, counted in windows.items():
            figures = judge_figures(coding, counted, f"{labels.key} {window} random", self._memo)
            found.append(((*labels, window), gauge_values(JUDGE_GAUGES, figures)))
        return found


def _agreement_gauges(rows: _Rows) -> list[Gauge]:
    return [Gauge(name, entry.help, entry.labels, rows.by_gauge[name]) for name, entry in AGREEMENT_GAUGES.items()]
