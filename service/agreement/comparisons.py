"""Compares two groups of items: the scores of one series, and the labels, by the cases that the items answer."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from redis.asyncio import Redis

from service.agreement.coding import Coding
from service.agreement.contributions import HOUR_MS, CodedLabel
from service.agreement.criteria import decoded_scale, find_scale
from service.agreement.estimates import declared_numbers
from service.agreement.group_counters import GroupItem, in_window, items_of_group
from service.agreement.queries import SeriesQuery
from service.agreement.series import Series, find_series, scales_of
from service.agreement.served_series import has_changed
from service.agreement.trends import JudgedSeries
from service.contracts.judges import JudgeRef
from service.contracts.labels import Window
from service.contracts.refusals import Fault, Refused, impossible
from service.stats.arrays import Floats
from service.stats.compare import BetterSide, DifferenceSummary, GroupScores, SideCounts, compare_groups
from service.stats.flags import Flag
from service.stats.strata import merged_levels
from service.store import clock, judges
from service.store.criteria import judge_scales

Direction = Literal["higher", "lower"]
_OTHER: dict[BetterSide | None, BetterSide | None] = {"a": "b", "b": "a", None: None}


class ComparedGroup(SideCounts, frozen=True, kw_only=True):
    """A group with its part in a comparison."""

    group: str


class GroupComparison(DifferenceSummary, frozen=True, kw_only=True):
    """Two groups compared by one model of a judge, or by its panel. Every difference is b minus a.

    Higher scores are better, unless the judge's `pass_if` has a maximum alone: `better` says which. `decided` is the
    better group, `a` or `b`, null if the interval contains 0.
    """

    judge: JudgeRef
    model: str
    served_model: str | None
    criterion: str
    window: Window
    a: ComparedGroup
    b: ComparedGroup
    better: Direction
    anytime: bool
    flags: list[Flag]


class ChangedCase(msgspec.Struct, frozen=True, kw_only=True):
    """A case that both groups have: the judge's mean of each group, b minus a, and the ids of the items."""

    case: str
    a: float
    b: float
    difference: float
    items_a: list[str]
    items_b: list[str]


class ChangedCases(msgspec.Struct, frozen=True, kw_only=True):
    """The cases in which b is worse than a by the judge, then those in which it is better, the largest first."""

    worse: list[ChangedCase]
    better: list[ChangedCase]


class ComparedItem(NamedTuple):
    """An item of a group with the judge's score, and the mean of its drawn labels, None without one.

    `level` is the level of doubt about the item, on which depended how probable a label was if it was drawn `by_doubt`.
    """

    case: str
    item_id: str
    score: float
    label: float | None
    level: int
    by_doubt: bool


class _Compared(NamedTuple):
    """Both groups' items with the series that scored them."""

    series: Series
    a: list[ComparedItem]
    b: list[ComparedItem]
    better: Direction


async def compare(redis: Redis, query: SeriesQuery, a: str, b: str, *, anytime: bool = False) -> GroupComparison:
    """Returns two groups compared by a judge, and by labels. With `anytime`, its intervals may be looked at often.

    Raises Refused (impossible) if there is no such judge or group, or if the judge's values have no mean.
    """
    found = await _compared(redis, query, a, b)
    series = found.series
    scale, goal = _scales(series.coding, series.labels)
    cases = {case: place for place, case in enumerate({each.case: None for each in (*found.a, *found.b)})}
    before, after = (_scores(each, cases, scale, goal) for each in (found.a, found.b))
    result = await asyncio.to_thread(compare_groups, before, after, scale, goal, anytime=anytime)
    fields = {name: getattr(result, name) for name in DifferenceSummary.__struct_fields__}
    if found.better == "lower":
        fields |= {"wins": result.losses, "losses": result.wins, "decided": _OTHER[result.decided]}
    is_mixed = has_changed(series.served_models, series.served, query.window)
    return GroupComparison(
        **fields,
        judge=series.judge,
        model=series.model,
        served_model=series.served or None,
        criterion=series.criterion,
        window=query.window,
        a=ComparedGroup(group=a, **msgspec.structs.asdict(result.a)),
        b=ComparedGroup(group=b, **msgspec.structs.asdict(result.b)),
        better=found.better,
        anytime=anytime,
        flags=[Flag.SERVED_MODEL_CHANGED] if is_mixed else [],
    )


async def with_means(redis: Redis, default_models: Sequence[str], found: Sequence[JudgedSeries]) -> list[JudgedSeries]:
    """Returns the series by which groups can be compared: their values have a mean, and so have their labels'."""
    noted = await judge_scales(redis, [each.token for each in found])
    labels = {criterion: await find_scale(redis, criterion) for criterion in {each.criterion for each in found}}

    async def has_mean(each: JudgedSeries) -> bool:
        try:
            if each.token in noted:
                _scales(*scales_of(decoded_scale(noted[each.token]), labels[each.criterion]))
            else:  # a judge without a scale, or one that judged before they were noted
                series = await find_series(redis, default_models, each.token, each.model)
                _scales(series.coding, series.labels)
        except Refused:
            return False
        return True

    return [each for each in found if await has_mean(each)]


async def changed_cases(redis: Redis, query: SeriesQuery, a: str, b: str, limit: int) -> ChangedCases:
    """Returns at most `limit` of the cases that got worse from a to b, and of those that got better."""
    found = await _compared(redis, query, a, b)
    before, after = _by_case(found.a), _by_case(found.b)
    changed = [_changed(case, before[case], after[case]) for case in before.keys() & after.keys()]
    sign = 1 if found.better == "higher" else -1
    ordered = sorted(changed, key=lambda each: (sign * each.difference, each.case))
    return ChangedCases(
        worse=[each for each in ordered[:limit] if sign * each.difference < 0],
        better=[each for each in ordered[: -limit - 1 : -1] if sign * each.difference > 0],
    )


async def _compared(redis: Redis, query: SeriesQuery, a: str, b: str) -> _Compared:
    if a == b:
        raise impossible([Fault("/b", "the same group as a")])
    series = await find_series(redis, query.default_models, query.judge, query.model, query.served)
    is_in = in_window(query.window, clock.now_ms())
    sides = []
    for at, group in (("/a", a), ("/b", b)):
        items = await items_of_group(redis, series.criterion, group, keep_s=query.keep_s, at=at)
        sides.append(list(_of_series(items, series, is_in)))
    return _Compared(series, sides[0], sides[1], await _better(redis, query.judge))


def _of_series(items: Iterable[GroupItem], series: Series, is_in: Callable[[int], bool]) -> Iterable[ComparedItem]:
    """Yields the items with a score of the series in the window."""
    for each in items:
        for content, case in each.cases.items():
            score = each.item.scores.get(content, {}).get(series.name)
            if score is not None and score.number is not None and is_in(score.at_ms // HOUR_MS):
                labels = [label for label in each.item.labels.values() if label.content == content]
                by_doubt = any(label.drawing == "d" for label in labels)
                yield ComparedItem(case, each.item_id, score.number, _mean_label(labels), each.item.doubt, by_doubt)


def _mean_label(labels: Iterable[CodedLabel]) -> float | None:
    """Returns the mean of the labels that were drawn and are on the scale, None without one."""
    numbers = [label.number for label in labels if label.drawing != "t" and not label.is_off_scale]
    known = [number for number in numbers if number is not None]
    return sum(known) / len(known) if known else None


async def _better(redis: Redis, reference: str) -> Direction:
    judge = await judges.judge_by_reference(redis, reference)
    passing = None if judge is None else judge.pass_if
    return "lower" if passing is not None and passing.max is not None and passing.min is None else "higher"


def _scales(judge: Coding, labels: Coding | None) -> tuple[Sequence[float], Sequence[float]]:
    """Returns the values of the judge and those of the labels. Raises Refused (impossible) if either have no mean."""
    try:
        return declared_numbers(judge), declared_numbers(labels or judge)
    except ValueError as error:
        raise impossible([Fault("/judge", str(error))]) from error


def _scores(
    items: Sequence[ComparedItem], cases: dict[str, int], scale: Sequence[float], goal: Sequence[float]
) -> GroupScores:
    """Returns the items as arrays. `goal` has the values of the labels: a score is at the same share of their range."""
    judge = np.array([each.score for each in items], dtype=np.float64)
    share = (max(goal) - min(goal)) / ((max(scale) - min(scale)) or 1.0)
    return GroupScores(
        case=np.array([cases[each.case] for each in items], dtype=np.int64),
        judge=judge,
        predicted=judge if scale == goal else min(goal) + (judge - min(scale)) * share,
        label=np.array([np.nan if each.label is None else each.label for each in items], dtype=np.float64),
        weight=_weights(items),
    )


def _weights(items: Sequence[ComparedItem]) -> Floats:
    """Returns the items of each item's stratum of doubt over its labelled ones: see `strata.py`.

    All are 1 if no label was drawn by doubt.
    """
    if not any(each.by_doubt for each in items):
        return np.ones(len(items))
    labelled = Counter(each.level for each in items if each.label is not None)
    every = Counter(each.level for each in items)
    weights: dict[int, float] = {}
    for levels in merged_levels(labelled, every):
        count = sum(labelled[level] for level in levels)
        weights |= dict.fromkeys(levels, sum(every[level] for level in levels) / max(count, 1))
    return np.array([weights[each.level] for each in items], dtype=np.float64)


def _by_case(items: Iterable[ComparedItem]) -> dict[str, list[ComparedItem]]:
    found: dict[str, list[ComparedItem]] = {}
    for each in items:
        found.setdefault(each.case, []).append(each)
    return found


def _changed(case: str, a: Sequence[ComparedItem], b: Sequence[ComparedItem]) -> ChangedCase:
    before, after = (sum(each.score for each in side) / len(side) for side in (a, b))
    return ChangedCase(
        case=case,
        a=before,
        b=after,
        difference=after - before,
        items_a=[each.item_id for each in a],
        items_b=[each.item_id for each in b],
    )
