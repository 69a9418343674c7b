"""Calibration: the value that people give on average to items with a given judge's score, and how sure that is.

`fit` finds E[human | score] as the non-decreasing function with the smallest squared error (isotonic regression by the
pool-adjacent-violators algorithm). Leaving out one item at a time shows how it does on items that it has not seen: the
error after calibration, and intervals for single items, come from these fits.

Sources: Ayer et al. 1955 (pool adjacent violators); Kumar, Liang and Ma 2019, Verified Uncertainty Calibration (the
debiased error); Barber, Candes, Ramdas and Tibshirani 2021, Predictive Inference with the Jackknife+; the intervals for
ratings of an LLM judge follow arXiv 2509.18658.
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from service.stats.arrays import Floats, Indices
from service.stats.coarse import binned
from service.stats.distributions import student_t_quantile
from service.stats.estimates import LabelledCells, Mean, mean_of_equal
from service.stats.intervals import freedom_of, wilson

LEAST_CALIBRATED = 50  # labelled items; below it a fit of five values is mostly noise
ITEM_COVERAGE = 0.9  # of the intervals for single items
MOST_POINTS = 20  # values of the judge; more are merged into bins of about equally many items
_MOST_HUMAN = 60  # distinct human values: each takes a fit of its own per point
_PSEUDO_ITEMS = 2.0  # at the pooled labels, in the interval of a point's mean
_NOISE = 1e-9

CalibrationReason = Literal["no_labels", "few_labels", "outside_labelled_range"]


class HumanScale(NamedTuple):
    """The scale of the labels: its ends, and its levels in ascending order, empty if any number is possible."""

    low: float
    high: float
    levels: tuple[float, ...]

    @property
    def is_two_valued(self) -> bool:
        """Whether a label is one of two values, as pass and fail are."""
        return len(self.levels) == 2


class FittedCurve(NamedTuple):
    """The fitted human value at each of the judge's labelled values, which ascend."""

    scores: Floats
    fitted: Floats

    def at(self, score: float) -> float | None:
        """Returns the human value for a score, by lines between the points; None outside the labelled scores."""
        if not len(self.scores) or not self.scores[0] - _NOISE <= score <= self.scores[-1] + _NOISE:
            return None
        return float(np.interp(score, self.scores, self.fitted))


class CalibrationPoint(NamedTuple):
    """One value of the judge: the labelled items that have it, their mean human value, and the value on the curve.

    `lower` and `upper` are the interval for a single item, None if there are too few labels or the labels are two
    values. `fitted` is None with a reason outside the labelled scores, or with too few labels.
    """

    score: float
    items: float
    mean: Mean
    fitted: float | None
    reason: CalibrationReason | None
    lower: float | None
    upper: float | None


class Calibrated(NamedTuple):
    """A calibration. `asked` is the point of a single score that was asked for.

    `error_after` is cross-fitted: of each item by a curve that it had no part in.

    Both errors are the root of the mean squared distance between the human mean at a judge's value and the judge's
    value (`error_before`) or the curve (`error_after`), in points of the human scale, without the part that the noise
    of single labels makes. None if no judge's value has two items.
    """

    items: float
    points: list[CalibrationPoint]
    asked: CalibrationPoint | None
    curve: FittedCurve
    error_before: float | None
    error_after: float | None
    reason: CalibrationReason | None


class _Left(NamedTuple):
    """The curves without one item of each cell, at every point (cells, points), and each cell's own residual."""

    fitted: Floats
    residuals: Floats


def calibrate(
    cells: LabelledCells,
    scores: Sequence[float],
    scale: HumanScale,
    *,
    is_like: bool,
    has_item_intervals: bool = True,
    asked: float | None = None,
) -> Calibrated:
    """Returns the calibration of a judge by labelled items.

    `cells` has one entry for all items with the same human value and judge's score, with their number. `scores` are the
    values of the judge to list, labelled or not; if there are more than MOST_POINTS, the labelled ones are merged into
    bins instead. `is_like` says that the judge's values are on the human scale, so that there is an error before
    calibration. Items that are no random sample have no intervals for single items. `asked` is one more score to map.
    """
    places, at = _points(cells)
    cells = _merged(cells, places, len(at))
    items = float(cells.weights.sum())
    reason: CalibrationReason | None = "no_labels" if items <= 0 else "few_labels" if items < LEAST_CALIBRATED else None
    curve = _fit(cells, at)
    left = _left_out(cells, at)
    listed = sorted(set(scores)) if len(set(scores)) <= MOST_POINTS else at.tolist()
    has_intervals = has_item_intervals and reason is None and not scale.is_two_valued
    every = listed if asked is None else [*listed, asked]
    ends = _item_intervals(cells, left, at, every, scale) if has_intervals else [(None, None)] * len(every)
    points = [_point(cells, at, curve, score, scale, reason, end) for score, end in zip(every, ends, strict=True)]
    before = cells.human - at[cells.judge.astype(np.intp)]
    return Calibrated(
        items=items,
        points=points[: len(listed)],
        asked=None if asked is None else points[-1],
        curve=curve if reason is None else FittedCurve(at[:0], at[:0]),
        error_before=_error(cells, before, len(at)) if is_like else None,
        error_after=_error(cells, left.residuals, len(at)),
        reason=reason,
    )


def isotonic(values: Floats, weights: Floats) -> Floats:
    """Returns the non-decreasing sequence with the smallest weighted squared distance from the values.

    All weights must be positive.
    """
    blocks: list[tuple[float, float, int]] = []  # mean, weight and length
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        length = 1
        while blocks and blocks[-1][0] >= value:
            mean, heavy, many = blocks.pop()
            value = (mean * heavy + value * weight) / (heavy + weight)
            weight, length = heavy + weight, length + many
        blocks.append((value, weight, length))
    return np.repeat([mean for mean, _, _ in blocks], [length for _, _, length in blocks]).astype(np.float64)


def _points(cells: LabelledCells) -> tuple[Indices, Floats]:
    """Returns the point of each cell, and the points' scores in ascending order."""
    scores, places = np.unique(cells.judge, return_inverse=True)
    if len(scores) <= MOST_POINTS:
        return places, scores
    counts = np.bincount(places, cells.weights, minlength=len(scores))
    bins, means = binned(scores, np.maximum(np.round(counts), 1).astype(np.int64), MOST_POINTS)
    return bins[places], means


def _merged(cells: LabelledCells, places: Indices, points: int) -> LabelledCells:
    """Returns the cells with the place of their point as `judge`, one cell for all items that are alike."""
    human, kinds = np.unique(cells.human, return_inverse=True)
    if len(human) > _MOST_HUMAN:
        counts = np.round(np.bincount(kinds, cells.weights)).astype(np.int64)
        bins, human = binned(human, np.maximum(counts, 1), _MOST_HUMAN)
        kinds = bins[kinds]
    weights = np.zeros((len(human), points))
    np.add.at(weights, (kinds, places), cells.weights)
    rows, columns = np.nonzero(weights)
    return LabelledCells(human[rows], columns.astype(np.float64), weights[rows, columns])


def _fit(cells: LabelledCells, at: Floats) -> FittedCurve:
    counts, sums = _counts_and_sums(cells, len(at))
    return FittedCurve(at, isotonic(sums / counts, counts)) if len(at) else FittedCurve(at, at)


def _counts_and_sums(cells: LabelledCells, points: int) -> tuple[Floats, Floats]:
    """Returns the number of items at each point, and the sum of their human values."""
    counts, sums = np.zeros(points), np.zeros(points)
    np.add.at(counts, cells.judge.astype(np.intp), cells.weights)
    np.add.at(sums, cells.judge.astype(np.intp), cells.weights * cells.human)
    return counts, sums


def _left_out(cells: LabelledCells, at: Floats) -> _Left:
    """Returns the fits without one item of each cell. A score that only that item has is on the line between others."""
    places = cells.judge.astype(np.intp)
    counts, sums = _counts_and_sums(cells, len(at))
    fitted = np.empty((len(places), len(at)))
    for row, (human, place, weight) in enumerate(zip(cells.human, places, cells.weights, strict=True)):
        taken = min(float(weight), 1.0)
        own_counts, own_sums = counts.copy(), sums.copy()
        own_counts[place] -= taken
        own_sums[place] -= taken * human
        kept = own_counts > _NOISE
        if not kept.any():  # there is one item only
            fitted[row] = human
            continue
        curve = isotonic(own_sums[kept] / own_counts[kept], own_counts[kept])
        fitted[row] = np.interp(at, at[kept], curve)
    own = fitted[np.arange(len(places)), places] if len(places) else np.empty(0)
    return _Left(fitted, cells.human - own)


def _error(cells: LabelledCells, residuals: Floats, points: int) -> float | None:
    """Returns the root of the mean squared residual minus the variance of the labels at the same score.

    Only scores with two items or more show that variance. Noise can make the difference negative: it is then 0.
    """
    places = cells.judge.astype(np.intp)
    counts, sums = _counts_and_sums(cells, points)
    enough = counts >= 2 - _NOISE
    if not enough.any():
        return None
    means = sums / np.maximum(counts, _NOISE)
    scatter = np.bincount(places, cells.weights * (cells.human - means[places]) ** 2, minlength=points)
    squares = np.bincount(places, cells.weights * residuals**2, minlength=points)
    noise = scatter[enough] / (counts[enough] - 1)
    excess = squares[enough] - counts[enough] * noise
    return math.sqrt(max(float(excess.sum() / counts[enough].sum()), 0.0))


def _point(
    cells: LabelledCells,
    at: Floats,
    curve: FittedCurve,
    score: float,
    scale: HumanScale,
    reason: CalibrationReason | None,
    ends: tuple[float | None, float | None],
) -> CalibrationPoint:
    places = cells.judge.astype(np.intp)
    here = np.abs(at[places] - score) <= _NOISE if len(at) else np.zeros(0, dtype=np.bool_)
    mean = _mean(cells.human[here], cells.weights[here], cells, scale)
    fitted = curve.at(score) if reason is None else None
    why: CalibrationReason | None = reason or (None if fitted is not None else "outside_labelled_range")
    lower, upper = ends if fitted is not None else (None, None)
    return CalibrationPoint(score, float(cells.weights[here].sum()), mean, fitted, why, lower, upper)


def _mean(values: Floats, weights: Floats, every: LabelledCells, scale: HumanScale) -> Mean:
    """Returns the mean with its 95% interval: Wilson's for two values, else a t interval with two pseudo-items."""
    total = float(weights.sum())
    if total <= 0:
        return Mean(value=None)
    mean = float(weights @ values) / total
    if scale.is_two_valued:
        span = scale.high - scale.low
        lower, upper = wilson((mean - scale.low) / span * total, total)
        return Mean(value=mean, lower=scale.low + span * lower, upper=scale.low + span * upper)
    if np.unique(every.human).size < 2:
        return mean_of_equal(float(every.human[0]), total, (scale.low, scale.high))
    shares = every.weights / every.weights.sum()
    pooled = np.concatenate([values, every.human])
    heavy = np.concatenate([weights, _PSEUDO_ITEMS * shares])
    middle = float(heavy @ pooled) / (total + _PSEUDO_ITEMS)
    variance = float(heavy @ (pooled - middle) ** 2) / (total + _PSEUDO_ITEMS)
    freedom = max(freedom_of(values - middle, weights, variance, total), 2.0)
    half = student_t_quantile(0.975, freedom) * math.sqrt(variance / (total + _PSEUDO_ITEMS))
    return Mean(
        value=mean,
        lower=min(max(middle - half, scale.low), mean),
        upper=max(min(middle + half, scale.high), mean),
    )


def _item_intervals(
    cells: LabelledCells, left: _Left, at: Floats, scores: Sequence[float], scale: HumanScale
) -> list[tuple[float | None, float | None]]:
    """Returns the jackknife+ interval of a further item at each score, rounded to the levels of the scale."""
    spread = np.abs(left.residuals)
    tail = (1 - ITEM_COVERAGE) * (cells.weights.sum() + 1)
    found: list[tuple[float | None, float | None]] = []
    for score in scores:
        curves = np.array([np.interp(score, at, curve) for curve in left.fitted])
        lower = -_from_top(spread - curves, cells.weights, tail)
        upper = _from_top(spread + curves, cells.weights, tail)
        found.append(_rounded(max(lower, scale.low), min(upper, scale.high), cells.human, scale))
    return found


def _from_top(values: Floats, weights: Floats, tail: float) -> float:
    """Returns the value such that items of at most the weight `tail` minus one lie above it; infinite for tail < 1."""
    if tail < 1 - _NOISE:
        return math.inf
    order = np.argsort(-values, kind="stable")
    reached = np.cumsum(weights[order]) >= math.floor(tail + _NOISE) - _NOISE
    return float(values[order][int(np.argmax(reached))])


def _rounded(lower: float, upper: float, human: Floats, scale: HumanScale) -> tuple[float, float]:
    """Rounds inwards to levels, between which no label lies. Not if labels are means of several annotators."""
    levels = np.array(scale.levels)
    if not len(levels) or np.abs(human[:, None] - levels[None, :]).min(axis=1).max() > _NOISE:
        return lower, upper
    inside = levels[(levels >= lower - _NOISE) & (levels <= upper + _NOISE)]
    if not len(inside):  # narrower than a step: the levels on both sides
        inside = np.array([levels[levels < lower].max(), levels[levels > upper].min()])
    return float(inside[0]), float(inside[-1])
