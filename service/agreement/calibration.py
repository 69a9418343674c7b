"""The calibration of a judge, from its counters: the value that people give to items with each of its scores."""

import asyncio
from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from redis.asyncio import Redis

from service.agreement.axes import Axis, judge_axis, person_axis
from service.agreement.coding import Coding
from service.agreement.counters import read_agreed, read_labelled
from service.agreement.estimates import strata_of, summed_tables
from service.agreement.queries import SeriesQuery
from service.agreement.series import Series, find_series
from service.contracts.judges import JudgeRef
from service.contracts.labels import Window
from service.contracts.refusals import Fault, impossible
from service.stats.arrays import Floats
from service.stats.calibration import (
    ITEM_COVERAGE,
    Calibrated,
    CalibrationPoint,
    CalibrationReason,
    HumanScale,
    calibrate,
)
from service.stats.estimates import LabelledCells, Mean
from service.stats.prevalence import LabelledVerdicts, Prevalence, rogan_gladen
from service.stats.undefined import Undefined
from service.stats.values import Value
from service.store import agreement_counters as tallies
from service.store import clock
from service.store.agreement_counters import Wanted

CalibrationSelection = Literal["random", "targeted", "all"]
ItemIntervalReason = Literal["no_labels", "few_labels", "two_values", "not_random"]


class CalibrationRow(msgspec.Struct, frozen=True, kw_only=True):
    """One value of the judge, or the mean of a bin of neighbouring ones.

    `items` are the labelled items that have it and `human` is the mean of people's values of them, with a 95% interval.
    `fitted` is the value on the people's scale that the judge's value stands for. `item_lower` and `item_upper` are the
    interval for people's value of a single item. Null with a `reason` if the labels do not tell.
    """

    judge: Value
    items: int
    human: Mean
    fitted: float | None
    item_lower: float | None
    item_upper: float | None
    reason: CalibrationReason | None


class MappedScore(msgspec.Struct, frozen=True, kw_only=True):
    """The score of the request on the people's scale, as in a row. Null with a `reason` if the labels do not tell."""

    score: float
    fitted: float | None
    item_lower: float | None
    item_upper: float | None
    reason: CalibrationReason | None


class CalibrationError(msgspec.Struct, frozen=True, kw_only=True):
    """The root of the mean squared distance from people's mean at a judge's value, without the noise of single labels.

    In points of the people's scale. `before` is that of the judge's value itself, and `after` that of the fitted value,
    of items that had no part in the fit. A value is null with a reason if it is undefined.
    """

    before: float | None
    before_reason: Undefined | None
    after: float | None
    after_reason: Undefined | None


class JudgeCalibration(msgspec.Struct, frozen=True, kw_only=True):
    """The calibration of one served model of a judge, or of its panel, by people's labels.

    `items` are the labelled items, `scale_min` and `scale_max` the ends of the people's scale. `fitted` values are null
    below 50 items, with the `reason`. `item_coverage` is the share of single items whose label lies in their interval;
    there are no such intervals for the reason in `item_reason`. `mapped` is the score of the request, null without one.
    `prevalence` is given for a pass/fail judge by targeted labels: the share of passes over all judged items.
    """

    judge: JudgeRef
    model: str
    served_model: str | None
    criterion: str
    window: Window
    selection: CalibrationSelection
    items: int
    scale_min: float
    scale_max: float
    rows: list[CalibrationRow]
    reason: CalibrationReason | None
    error: CalibrationError
    item_coverage: float
    item_reason: ItemIntervalReason | None
    mapped: MappedScore | None
    prevalence: Prevalence | None


class _Labelled(NamedTuple):
    """The labelled items of a series, and the judge's values along the side of their table."""

    cells: LabelledCells
    axis: Axis


async def judge_calibration(
    redis: Redis, query: SeriesQuery, selection: CalibrationSelection, score: float | None = None
) -> JudgeCalibration:
    """Returns the calibration of a judge, with `score` mapped to the people's scale if it is given.

    Raises Refused if there is no such judge, or if the judge's values or the labels have no numbers.
    """
    mine = await find_series(redis, query.default_models, query.judge, query.model, query.served)
    agreed, seen = await tallies.read_windows(
        redis,
        [Wanted(kind, mine.name, mine.criterion) for kind in ("agreed", "seen")],
        tallies.buckets_of(query.window, clock.now_ms()),
    )
    return await asyncio.to_thread(calibration_of, mine, query.window, agreed, seen, selection, score)


def calibration_of(
    mine: Series,
    window: Window,
    agreed: Mapping[str, int],
    seen: Mapping[str, int],
    selection: CalibrationSelection,
    score: float | None = None,
) -> JudgeCalibration:
    """Returns the calibration of a series from its counters `agreed` and `seen`.

    Raises Refused if the judge's values or the labels have no numbers.
    """
    scale = _human_scale(mine.labels or mine.coding)
    labelled = _labelled(mine, agreed, seen, selection)
    found = calibrate(
        labelled.cells,
        labelled.axis.numbers or (),
        scale,
        is_like=mine.labels is None,
        has_item_intervals=selection == "random",
        asked=score,
    )
    is_verdict = mine.labels is None and mine.coding.is_pass_fail
    return JudgeCalibration(
        judge=mine.judge,
        model=mine.model,
        served_model=mine.served or None,
        criterion=mine.criterion,
        window=window,
        selection=selection,
        items=round(found.items),
        scale_min=scale.low,
        scale_max=scale.high,
        rows=[_row(point, labelled.axis) for point in found.points],
        reason=found.reason,
        error=_error(found, is_like=mine.labels is None),
        item_coverage=ITEM_COVERAGE,
        item_reason=_item_reason(found, scale, selection),
        mapped=None if found.asked is None else _mapped(found.asked),
        prevalence=_prevalence(mine.coding, labelled, agreed, seen) if is_verdict and selection == "targeted" else None,
    )


def _human_scale(coding: Coding) -> HumanScale:
    if coding.is_continuous:
        return HumanScale(coding.scale.min, coding.scale.max, ())
    numbers = person_axis(coding, ()).numbers
    if numbers is None:
        detail = "the labels of its criterion have no scores to calibrate by: give its choices scores"
        raise impossible([Fault("/judge", detail)])
    levels = tuple(sorted(set(numbers)))
    return HumanScale(levels[0], levels[-1], levels)


def _labelled(
    mine: Series, agreed: Mapping[str, int], seen: Mapping[str, int], selection: CalibrationSelection
) -> _Labelled:
    """Returns one mean an item for random labels. Of other selections each label counts, together as the items do."""
    found = _means(mine.coding, agreed, seen) if selection == "random" else _pairs(mine, agreed, selection)
    if found.axis.numbers is None:
        raise impossible([Fault("/judge", "its values have no scores to calibrate: give its choices scores")])
    return found


def _means(coding: Coding, agreed: Mapping[str, int], seen: Mapping[str, int]) -> _Labelled:
    """Returns the items whose labels were drawn with a probability; strata of doubt weigh as their share of all."""
    by_level = read_labelled(agreed, seen)
    axis = judge_axis(
        coding, {key for each in by_level.values() for key in (*each.rest, *(key for _, key in each.means))}
    )
    if axis.numbers is None:
        return _Labelled(LabelledCells(*np.zeros((3, 0))), axis)
    strata = [each for each in strata_of(coding, by_level) if each.labelled.any()]
    labels = sum(int(each.labelled.sum()) for each in strata)
    items = sum(int(each.labelled.sum() + each.unlabelled.sum()) for each in strata)
    parts = [np.zeros((3, 0))]
    for each in strata:
        rows, columns = np.nonzero(each.labelled)
        own = int(each.labelled.sum())
        weight = (own + int(each.unlabelled.sum())) / items * labels / own
        human, judge = np.asarray(each.human_values)[rows], np.asarray(each.judge_values)[columns]
        parts.append(np.stack([human, judge, each.labelled[rows, columns] * weight]))
    return _Labelled(LabelledCells(*np.concatenate(parts, axis=1)), axis)


def _pairs(mine: Series, agreed: Mapping[str, int], selection: CalibrationSelection) -> _Labelled:
    read = read_agreed(mine.coding, agreed, selection, mine.labels)
    rows, columns = np.nonzero(read.table.counts)
    human = np.array(read.people.numbers or (), dtype=np.float64)
    weights: Floats = read.table.counts[rows, columns].astype(np.float64) * (read.items / max(read.table.pairs, 1))
    return _Labelled(LabelledCells(human[rows], _numbers(read.judges)[columns], weights), read.judges)


def _numbers(axis: Axis) -> Floats:
    return np.array(axis.numbers or [0.0] * len(axis.values), dtype=np.float64)


def _row(point: CalibrationPoint, axis: Axis) -> CalibrationRow:
    words = {number: value for value, number in zip(axis.values, axis.numbers or (), strict=True)}
    return CalibrationRow(
        judge=words.get(point.score, point.score),
        items=round(point.items),
        human=point.mean,
        fitted=point.fitted,
        item_lower=point.lower,
        item_upper=point.upper,
        reason=point.reason,
    )


def _mapped(point: CalibrationPoint) -> MappedScore:
    return MappedScore(
        score=point.score,
        fitted=point.fitted,
        item_lower=point.lower,
        item_upper=point.upper,
        reason=point.reason,
    )


def _error(found: Calibrated, *, is_like: bool) -> CalibrationError:
    lacking = Undefined.NO_PAIRS if not found.items else Undefined.FEW_PAIRS
    before_lacks = lacking if is_like else Undefined.DIFFERENT_SCALES
    return CalibrationError(
        before=found.error_before,
        before_reason=before_lacks if found.error_before is None else None,
        after=found.error_after,
        after_reason=lacking if found.error_after is None else None,
    )


def _item_reason(found: Calibrated, scale: HumanScale, selection: CalibrationSelection) -> ItemIntervalReason | None:
    if found.reason in ("no_labels", "few_labels"):
        return "no_labels" if found.reason == "no_labels" else "few_labels"
    if scale.is_two_valued:
        return "two_values"
    return None if selection == "random" else "not_random"


def _prevalence(coding: Coding, labelled: _Labelled, agreed: Mapping[str, int], seen: Mapping[str, int]) -> Prevalence:
    every, cells = summed_tables(strata_of(coding, read_labelled(agreed, seen))), labelled.cells
    judged = every.unlabelled + every.labelled.sum(axis=0)  # items, however often each was judged
    passes, found = cells.human > 0, cells.judge > 0
    verdicts = LabelledVerdicts(
        passes=float(cells.weights[passes].sum()),
        passes_found=float(cells.weights[passes & found].sum()),
        fails=float(cells.weights[~passes].sum()),
        fails_found=float(cells.weights[~passes & ~found].sum()),
    )
    return rogan_gladen(verdicts, int(judged.sum()), int(judged @ np.asarray(every.judge_values, dtype=np.int64)))
