"""The periodic task that computes the gauges of agreement from the counters: a scrape only reads the saved gauges.

The API runs it, which has loaded the statistics anyway; workers need not.

The number of gauge series is bounded, while the number of judges' series is not. The series that were judged least
recently are added up under judge and model `other`, and counted as dropped.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from redis.asyncio import Redis

from service.agreement.coding import Coding
from service.agreement.criteria import find_scale
from service.agreement.drift_reports import fall_of_agreement
from service.agreement.reports import panel_alpha
from service.agreement.retirements import used_models
from service.agreement.series_names import PANEL, panel_series, split_series
from service.arena import ARENA_GAUGES, arena_gauge_rows, current_leaderboard, leaderboard_version
from service.config.settings import Settings
from service.contracts.labels import Window
from service.contracts.model_lists import retirement_of
from service.gauges.anchor_figures import AnchorReader
from service.gauges.catalogue import (
    AGREEMENT_GAUGES,
    BASELINE_GAUGES,
    CEILING_ENDS,
    CEILING_GAUGES,
    FALL_GAUGES,
    JUDGE_GAUGES,
    PAIR_ENDS,
    PAIR_GAUGES,
    PANEL_GAUGES,
    QUEUE_GAUGES,
    RETIREMENT_GAUGES,
    GaugeValues,
    gauge_values,
)
from service.gauges.computing import (
    Memo,
    WindowCounters,
    ceiling_figures,
    judge_figures,
    merged,
    pair_figures,
    unlike_figures,
)
from service.gauges.series_scales import SeriesScale, SeriesScales
from service.gauges.served_lines import SeriesLabels, ServedLines
from service.gauges.window_counters import GAUGE_WINDOWS, SeriesCounters, WindowReader
from service.store import agreement_counters, clock, counters, gauges, label_queue
from service.store.agreement_counters import Wanted
from service.store.errors import StoreUnavailableError
from service.store.gauges import MAX_GAUGE_SERIES, MAX_JUDGE_SERIES, Gauge, GaugeRow
from service.store.models import load_model_lists, load_served_models
from service.store.periods import claim_present_period, forgiving, left_s

MAX_READ = 1_000  # series of judges that are read, the most recently judged; the others are only counted
MAX_PAIRS = 500  # of two models of a panel
MAX_CRITERIA = 100
MAX_ADDED_UP = 50  # series, in one refresh, that have no gauges of their own
OTHERS = MAX_GAUGE_SERIES // 20  # kept for the series that are added up under `other`
BESIDE = MAX_GAUGE_SERIES // 4  # at most so many for people and panels

_Found = list[tuple[tuple[str, ...], GaugeValues]]  # label values, and the gauges of one series
_TASK = "gauges"


class _Line(NamedTuple):
    """The series of one row of the judges' gauges, all of one scale, and those of older served models."""

    labels: SeriesLabels
    scale: SeriesScale
    members: list[str]
    older: list[list[str]]


class _AddedUp(NamedTuple):
    """The gauges of all lines of a criterion without gauges of their own, and the refresh that computed them."""

    turn: int
    found: _Found


class _Rows:
    """The rows of all gauges, as they are computed."""

    def __init__(self) -> None:
        self.by_gauge: dict[str, list[GaugeRow]] = {name: [] for name in AGREEMENT_GAUGES}
        self.size = 0
        self.dropped = 0
        self._ends: list[_Found] = []

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

    def put_with_ends(self, found: _Found, ends: _Found) -> None:
        """Adds gauges, counted as dropped if there is no room. The ends of their intervals are kept for `put_ends`."""
        if self.put(found, BESIDE):
            self._ends.append(ends)
        else:
            self.dropped += 1

    def put_ends(self) -> None:
        """Adds the ends of intervals that were kept, as far as there is room: values come first."""
        for ends in self._ends:
            self.put(ends, BESIDE)


async def keep_refreshing(redis: Redis, settings: Settings) -> None:
    """Runs for ever: refreshes the gauges once in `worker.refresh_seconds`, over all processes that do so."""
    every_s = settings.worker.refresh_seconds
    refresher = Refresher(redis, settings.default_models)

    async def refresh_if_due() -> None:
        with contextlib.suppress(StoreUnavailableError):  # whoever watches the store tells of that
            if await claim_present_period(redis, _TASK, every_s):
                await refresher.refresh()

    refresh = forgiving(_TASK, refresh_if_due)
    while True:
        await refresh()
        await asyncio.sleep(left_s(every_s))


class Refresher:
    """Computes all gauges. Remembers the results that do not change between two refreshes of one process."""

    def __init__(self, redis: Redis, default_models: Sequence[str] = ()) -> None:
        self._redis = redis
        self._default_models = default_models
        self._memo = Memo()
        self._others: dict[str, _AddedUp] = {}  # by criterion
        self._turn = 0
        self._may_add_up = 0
        self._reader = WindowReader(redis)
        self._anchors = AnchorReader(redis)

    async def refresh(self) -> None:
        """Computes and saves all gauges. Raises StoreError if the store is away."""
        now_ms = clock.now_ms()
        self._memo.turn()
        self._reader.begin(now_ms)
        found = await agreement_counters.newest_series(self._redis)
        named = list(dict.fromkeys(criterion for criterion, _ in found))[:MAX_CRITERIA]  # the most recently judged
        codings = await self._codings(named)
        known = [each for each in found if each[0] in codings]
        lines = ServedLines(known)
        rows = _Rows()
        rows.dropped = sum(criterion not in named for criterion, _ in found) + max(len(lines.newest) - MAX_READ, 0)
        await self._retirements(rows)
        await self._ceilings(rows, codings)
        scales = await SeriesScales.read(self._redis, codings, known)
        await self._panels(rows, scales, lines)
        await self._pairs(rows, scales, lines)
        rows.put_ends()
        await self._judges(rows, scales, lines)
        for of_one in await self._anchors.figures(now_ms):
            rows.dropped += not rows.put([of_one], MAX_GAUGE_SERIES)
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

    async def _retirements(self, rows: _Rows) -> None:
        """Adds the models that are in use, or are asked by default, and will be shut down."""
        lists = await load_model_lists(self._redis)
        if not lists:
            return
        served = await load_served_models(self._redis)
        for model in sorted({*self._default_models, *await used_models(self._redis)}):
            at = retirement_of(model, lists, served)
            if at is not None:
                rows.dropped += not rows.put([((model,), gauge_values(RETIREMENT_GAUGES, at.timestamp()))], BESIDE)

    async def _ceilings(self, rows: _Rows, codings: dict[str, Coding]) -> None:
        """Adds, for each criterion, how well people agree and how many items wait for a label."""
        for criterion, coding in codings.items():
            waiting = await label_queue.count_waiting(self._redis, criterion)
            found: _Found = [((criterion,), gauge_values(QUEUE_GAUGES, waiting))]
            ends: _Found = []
            for window in GAUGE_WINDOWS:
                fields = await self._reader.total([Wanted("ceiling", "", criterion)], window)
                if fields:
                    key = f"{criterion} {window}"
                    measures = await asyncio.to_thread(ceiling_figures, coding, fields, key, self._memo)
                    found.append(((criterion, window), gauge_values(CEILING_GAUGES, measures)))
                    ends.append(((criterion, window), gauge_values(CEILING_ENDS, measures)))
            rows.put_with_ends(found, ends)

    async def _panels(self, rows: _Rows, scales: SeriesScales, lines: ServedLines) -> None:
        """Adds, for each panel, how well all its models agree."""
        panels: defaultdict[SeriesLabels, list[str]] = defaultdict(list)
        for criterion, series in lines.newest[:MAX_READ]:
            if split_series(series).model == PANEL:
                panels[SeriesLabels.of(criterion, series)].append(series)
        for labels, members in panels.items():
            scale, alike = scales.shared(labels.criterion, members)
            words = [split_series(series) for series in alike]
            wanted = [Wanted("panel", panel_series(each.token, each.served), labels.criterion) for each in words]
            found: _Found = []
            for window in GAUGE_WINDOWS:
                fields = await self._reader.total(wanted, window)
                alpha = await asyncio.to_thread(panel_alpha, scale.coding, fields)
                found.append(((*labels[:3], window), gauge_values(PANEL_GAUGES, alpha)))
            rows.dropped += not rows.put(found, BESIDE)

    async def _pairs(self, rows: _Rows, scales: SeriesScales, lines: ServedLines) -> None:
        """Adds each two models of a judge version, with the served models that answered last.

        Pairs of series of different judges are left out.
        """
        pairs: defaultdict[tuple[SeriesLabels, str], dict[str, str]] = defaultdict(dict)  # the pair by its first series
        for criterion, one, two in await agreement_counters.newest_pairs(self._redis):
            first, second = split_series(one), split_series(two)
            is_shown = lines.is_newest(criterion, one) and lines.is_newest(criterion, two)
            if first.token == second.token and PANEL not in (first.model, second.model) and is_shown:
                pairs[SeriesLabels.of(criterion, one), second.model][one] = f"{one}|{two}"
        rows.dropped += max(len(pairs) - MAX_PAIRS, 0)
        for (labels, other), by_first in list(pairs.items())[:MAX_PAIRS]:
            scale, alike = scales.shared(labels.criterion, list(by_first))
            wanted = [Wanted("between", by_first[one], labels.criterion) for one in alike]
            found: _Found = []
            ends: _Found = []
            for window in GAUGE_WINDOWS:
                fields = await self._reader.total(wanted[:MAX_READ], window)
                key = f"{labels.key} {other} {window}"
                figures = await asyncio.to_thread(pair_figures, scale.coding, fields, key, self._memo)
                found.append(((*labels, other, window), gauge_values(PAIR_GAUGES, figures)))
                ends.append(((*labels, other, window), gauge_values(PAIR_ENDS, figures)))
            rows.put_with_ends(found, ends)

    async def _judges(self, rows: _Rows, scales: SeriesScales, lines: ServedLines) -> None:
        """Adds the judges' series one after the other, so that one series' counters at a time are in memory."""
        groups: defaultdict[SeriesLabels, list[str]] = defaultdict(list)
        for criterion, series in lines.newest[:MAX_READ]:
            groups[SeriesLabels.of(criterion, series)].append(series)
        others: defaultdict[str, list[_Line]] = defaultdict(list)
        for place, (labels, members) in enumerate(groups.items()):
            scale, alike = scales.shared(labels.criterion, members)
            line = _Line(labels, scale, alike, scales.older_of(scale, labels.criterion, lines.older(labels)))
            if (
                place < MAX_JUDGE_SERIES
                and not others
                and rows.put(await self._of_line(line), MAX_GAUGE_SERIES - OTHERS)
            ):
                continue
            rows.dropped += 1
            if not scale.is_unlike:
                others[labels.criterion].append(line)
        await self._add_up(others, scales)
        for added in self._others.values():
            rows.put(added.found, MAX_GAUGE_SERIES)

    async def _of_line(self, line: _Line) -> _Found:
        """Returns the gauges of a line, as they were computed before if it has counted nothing since."""
        labels, scale = line.labels, line.scale
        every = [*line.members, *(series for served in line.older for series in served)]
        name = f"line {labels.key} {scale.coding.scale} {scale.labels and scale.labels.scale}"
        state = await self._reader.state(labels.criterion, every)
        known: _Found | None = self._memo.known(name, state)
        if known is not None:
            return known
        counted = await self._reader.counters(labels.criterion, line.members, line.older)
        return self._memo.keep(name, state, await asyncio.to_thread(self._of_series, scale, labels, counted))

    async def _add_up(self, others: Mapping[str, Sequence[_Line]], scales: SeriesScales) -> None:
        """Adds up the lines that have no gauges of their own, by criterion: so many in each refresh, in turns."""
        self._turn += 1
        largest = max((len(lines) for lines in others.values()), default=0)
        self._may_add_up = min(self._may_add_up + MAX_ADDED_UP, max(largest, MAX_ADDED_UP))
        self._others = {criterion: added for criterion, added in self._others.items() if criterion in others}
        for criterion in sorted(others, key=lambda each: self._others[each].turn if each in self._others else 0):
            lines = others[criterion]
            if len(lines) > self._may_add_up:
                break
            self._may_add_up -= len(lines)
            total: dict[Window, WindowCounters] | None = None
            for line in lines:
                windows = (await self._reader.counters(criterion, line.members, line.older)).windows
                total = windows if total is None else {each: merged(total[each], windows[each]) for each in windows}
            labels = SeriesLabels(counters.OTHER, "", criterion, counters.OTHER)
            found = await asyncio.to_thread(self._of_judge, scales.of_labels(criterion), labels, total or {})
            self._others[criterion] = _AddedUp(self._turn, found)

    def _of_series(self, scale: SeriesScale, labels: SeriesLabels, counted: SeriesCounters) -> _Found:
        if scale.labels is not None:
            return [
                ((*labels, window), gauge_values(JUDGE_GAUGES, unlike_figures(scale.coding, scale.labels, each)))
                for window, each in counted.windows.items()
            ]
        found = self._of_judge(scale.coding, labels, counted.windows)
        found.append((tuple(labels), gauge_values(FALL_GAUGES, fall_of_agreement(scale.coding, counted.history))))
        return found

    def _of_judge(self, coding: Coding, labels: SeriesLabels, windows: dict[Window, WindowCounters]) -> _Found:
        found: _Found = []
        for window, counted in windows.items():
            figures = judge_figures(coding, counted, labels.model, f"{labels.key} {window} random", self._memo)
            found.append(((*labels, window), gauge_values(JUDGE_GAUGES, figures)))
            for baseline, value in figures.trust.baselines.items() if figures is not None else ():
                found.append(((*labels, window, baseline), gauge_values(BASELINE_GAUGES, value)))
        return found


def _agreement_gauges(rows: _Rows) -> list[Gauge]:
    return [Gauge(name, entry.help, entry.labels, rows.by_gauge[name]) for name, entry in AGREEMENT_GAUGES.items()]
