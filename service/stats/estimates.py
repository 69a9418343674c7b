"""The mean over all items by a judge's scores, corrected by a few labels: prediction-powered inference.

A judge's own mean is as biased as the judge. The labelled items show that bias, and the unlabelled ones how the judge
scores the rest. The labelled items must be a random sample of all items, or of the items of each stratum.

Everything is a function of two tables for each stratum: human value x judge's score of the labelled items, and the
histogram of the judge's scores on the unlabelled ones. An item counts once: with several annotators, its row is that of
their mean.

Sources: Angelopoulos, Duchi and Zrnic, PPI++: Efficient Prediction-Powered Inference, 2023; with unequal probabilities:
Zrnic and Candes, Active Statistical Inference, 2024.
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from service.stats.arrays import Floats, Integers
from service.stats.coarse import binned
from service.stats.distributions import student_t_quantile
from service.stats.intervals import Z, freedom_of, freedom_of_sum, wilson

LEAST_LABELS = 50
LEAST_OF_A_CLASS = 5  # below it, the variance of a rare class is poorly estimated: intervals cover .74 to .88
_MOST_POOLED = 25  # distinct values of pseudo-items
SMOOTHING = 0.5  # per cell: raises the coverage from .88 to .95 at 100 labels and 95% passes
PSEUDO_ITEMS = 2.0  # of scales with more than two values
AT_ENDS = 0.5  # pseudo-items of the judge's mean: raise the coverage from .85 to .94 at 20 scores, most at the top

LabelsOnlyReason = Literal["no_labels", "few_labels", "no_unlabelled", "rare_class", "constant_labels"]


class Mean(msgspec.Struct, frozen=True, kw_only=True):
    """A mean on the scale with its 95% interval.

    `value` is None if there is nothing to average. The bounds are None if there is a single value.
    """

    value: float | None
    lower: float | None = None
    upper: float | None = None


class LabelsWorth(msgspec.Struct, frozen=True, kw_only=True):
    """The gain in precision by the judge: the labels are as precise as `effective_labels` would be without a judge.

    `factor` is the variance of the mean of the labels alone over that of the corrected mean. With many unlabelled items
    it approaches 1 / (1 - R^2), R the correlation of judge and human. It is 1 if the judge is not used, None without
    labels.
    """

    factor: float | None
    effective_labels: float


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """Both means of one judge on one criterion.

    `judge_mean` is over all the judge's scores; `corrected_mean` estimates the mean of human values over the same
    items. `labels` and `unlabelled` count items. `reason` explains the method `labels_only`, and is None for `ppi++`.
    """

    judge_mean: Mean
    corrected_mean: Mean
    method: Literal["ppi++", "labels_only"]
    reason: LabelsOnlyReason | None
    labels: int
    unlabelled: int
    labels_worth: LabelsWorth


class Tables(NamedTuple):
    """The counts that an estimate is computed from.

    `labelled` has the shape (R, C): items by human value (`human_values`, R of them, possibly means of annotators) and
    by judge's score (`judge_values`, C of them, in any order). `unlabelled`, shape (C,), counts the judge's other
    scores.
    """

    labelled: Integers
    unlabelled: Integers
    human_values: Sequence[float]
    judge_values: Sequence[float]


class Corrected(NamedTuple):
    """The estimate of PPI++ before it is limited to the scale.

    `weight` is lambda, the weight of the judge, 0 to 1 (of several strata, the mean). `variance_of_labels` is that of
    the mean of as many labels alone. `standard_error` is that of a sample of endlessly many items. The interval is
    `middle` +- t `error` with `freedom` degrees of freedom; `error` is the standard error for the items at hand, which
    falls to 0 as all of them are labelled, and `middle` is `value` unless pseudo-items were added.
    """

    value: float
    standard_error: float
    weight: float
    variance_of_labels: float
    middle: float
    error: float
    freedom: float


def estimate(tables: Tables, scale: Sequence[float], *, pass_fail: bool, strata: Sequence[Tables] = ()) -> Estimate:
    """Returns both means of one judge on one criterion.

    `scale` holds the declared values; its ends limit every mean and interval. `pass_fail` says that they are 0 and 1
    and a mean is a share. `strata` are the parts of `tables`, with the same values, within which the labelled items are
    a random sample; without any, they are one of all items. The same tables give the same interval.
    """
    parts = strata or [tables]
    labels, unlabelled = int(tables.labelled.sum()), int(tables.unlabelled.sum())
    reason = _why_labels_only(tables, pass_fail=pass_fail, two_valued=len(scale) == 2)
    if reason is None:
        corrected = _of_two_values(parts, scale) if len(scale) == 2 else _of_a_scale(tables, parts)
        mean, worth = _bounded(corrected, scale), _worth(corrected, labels)
    else:
        mean = _mean_of_labels(tables, parts, scale, pass_fail=pass_fail)
        worth = LabelsWorth(factor=1.0 if labels else None, effective_labels=float(labels))
    return Estimate(
        judge_mean=_judge_mean(tables, scale, pass_fail=pass_fail),
        corrected_mean=mean,
        method="ppi++" if reason is None else "labels_only",
        reason=reason,
        labels=labels,
        unlabelled=unlabelled,
        labels_worth=worth,
    )


class LabelledCells(NamedTuple):
    """Human value, judge's score and weight of cells of labelled items, as parallel arrays."""

    human: Floats
    judge: Floats
    weights: Floats


def ppi_mean(parts: Sequence[Tables], pseudo: LabelledCells | None = None) -> Corrected:
    """Returns the PPI++ estimate of the mean, for strata with labelled items each, and some unlabelled item.

    A stratum d has the share W of all items, labels Y and judge's scores f on its n labelled items, and scores F on its
    N unlabelled ones; V are population variances, C is the covariance, and V_p the sample variance of all its scores:

        L = sum of W^2 C / n over sum of W^2 V_p / n, and lambda = L / (1 + n / N) in each stratum, clipped to 0..1
        value = sum of W (lambda mean(F) + mean(Y - lambda f))
        standard error^2 = sum of W^2 (lambda^2 V(F) / N + V(Y - lambda f) / n)

    With one stratum this is PPI++; lambda = 1 is the original PPI, 0 ignores the judge, as for a judge that never
    varies. It equals the mean over all items of L f + (Y - L f) / p, in which p = n / (n + N) for the labelled items
    and the second term is 0 for the others. That form has the error for the items at hand: the sum of
    W^2 (1 - n / (n + N)) V(Y - L f) / n (Cochran 1977, Sampling Techniques, chapter 7). `pseudo` has cells of
    pseudo-items, which are shared out to the strata by W and added to the labelled ones in every term. The interval's
    middle leaves them out of the sum of the labels themselves, which is known: it matters if most items are labelled.
    """
    items = sum(int(each.labelled.sum() + each.unlabelled.sum()) for each in parts)
    strata = [_stratum(each, items, pseudo) for each in parts]
    covariance = sum(each.share**2 * each.covariance / each.total for each in strata)
    spread = sum(each.share**2 * each.spread / each.total for each in strata)
    slope = covariance / spread if spread > 0 else 0.0
    rectified = [each.rectified(slope) for each in strata]
    value = sum(each.share * part.mean for each, part in zip(strata, rectified, strict=True))
    mean = sum(each.share * each.human.mean for each in strata)
    spread_of_labels = sum(each.share * (each.human.variance + (each.human.mean - mean) ** 2) for each in strata)
    finite = [each.share**2 * each.left * part.of_these for each, part in zip(strata, rectified, strict=True)]
    return Corrected(
        value=value,
        standard_error=math.sqrt(
            sum(each.share**2 * part.variance for each, part in zip(strata, rectified, strict=True))
        ),
        weight=sum(each.share * part.weight for each, part in zip(strata, rectified, strict=True)),
        variance_of_labels=spread_of_labels / sum(each.total for each in strata),
        middle=sum(each.share * part.middle for each, part in zip(strata, rectified, strict=True)),
        error=math.sqrt(sum(finite)),
        freedom=freedom_of_sum(finite, [part.freedom for part in rectified]),
    )


class _Rectified(NamedTuple):
    """A stratum's corrected mean with lambda.

    `middle` is the same with the labels as they are. `variance` is that in a sample of endlessly many items, `of_these`
    that for its items if few of them are labelled.
    """

    mean: float
    middle: float
    variance: float
    of_these: float
    weight: float
    freedom: float


class _Stratum(NamedTuple):
    """A stratum with its pseudo-items, which has the `share` of all items.

    `total` is the number of labelled items, and `left` the share of its items without a label.
    """

    share: float
    left: float
    total: float
    observed: LabelledCells
    cells: LabelledCells
    human: "_Moments"
    rest: "_Moments"
    covariance: float
    spread: float

    def rectified(self, slope: float) -> _Rectified:
        """Returns the mean corrected with the slope of the labels over the judge's scores."""
        unlabelled = self.rest.total
        weight = min(max(slope / (1 + self.total / unlabelled), 0.0), 1.0) if unlabelled else 0.0
        whole = weight * (1 + self.total / unlabelled) if unlabelled else 0.0
        apart = _moments(self.cells.human - weight * self.cells.judge, self.cells.weights)
        these = _moments(self.cells.human - whole * self.cells.judge, self.cells.weights)
        errors = self.observed.human - whole * self.observed.judge - these.mean
        of_rest = weight**2 * self.rest.variance / unlabelled if unlabelled else 0.0
        known = float(self.observed.weights @ self.observed.human) / float(self.observed.weights.sum())
        return _Rectified(
            mean=weight * self.rest.mean + apart.mean,
            middle=(1 - self.left) * known + self.left * (whole * self.rest.mean + these.mean),
            variance=of_rest + apart.variance / self.total,
            of_these=these.variance / self.total,
            weight=weight,
            freedom=freedom_of(errors, self.observed.weights, these.variance, float(self.observed.weights.sum())),
        )


def _stratum(tables: Tables, items: int, pseudo: LabelledCells | None) -> _Stratum:
    observed, unlabelled = _observed(tables), int(tables.unlabelled.sum())
    labelled = float(observed.weights.sum())
    share = (labelled + unlabelled) / items
    cells = observed if pseudo is None else _joined(observed, pseudo._replace(weights=share * pseudo.weights))
    human, judge, weights = cells
    scores = np.asarray(tables.judge_values, dtype=np.float64)
    y, f = _moments(human, weights), _moments(judge, weights)
    pooled = _moments(np.concatenate([judge, scores]), np.concatenate([weights, tables.unlabelled]))
    return _Stratum(
        share=share,
        left=unlabelled / (labelled + unlabelled),
        total=y.total,
        observed=observed,
        cells=cells,
        human=y,
        rest=_moments(scores, tables.unlabelled) if unlabelled else _Moments(0.0, 0.0, 0.0),
        covariance=float(weights @ ((human - y.mean) * (judge - f.mean))) / y.total,
        spread=pooled.variance * pooled.total / (pooled.total - 1),
    )


def _of_two_values(parts: Sequence[Tables], scale: Sequence[float]) -> Corrected:
    """Adds half an item to each of the four labelled cells of a scale's two values, so that n grows by two."""
    low, high = min(scale), max(scale)
    cells = LabelledCells(
        np.array([low, low, high, high]), np.array([low, high, low, high]), np.full(4, SMOOTHING, dtype=np.float64)
    )
    found = ppi_mean(parts, cells)
    return found._replace(freedom=math.inf) if len(parts) == 1 else found


def _of_a_scale(tables: Tables, parts: Sequence[Tables]) -> Corrected:
    """Keeps the value, and adds two pseudo-items at the pooled marginals to the interval only."""
    plain = ppi_mean(parts)
    values, shares = _pooled(tables)
    human, judge = np.repeat(values, len(values)), np.tile(values, len(values))
    around = ppi_mean(parts, LabelledCells(human, judge, PSEUDO_ITEMS * np.outer(shares, shares).ravel()))
    return plain._replace(middle=around.middle, error=around.error, freedom=around.freedom)


def _pooled(tables: Tables) -> tuple[Floats, Floats]:
    """Returns the distinct values of both sides and their shares: half by the labels, half by all judge's scores."""
    human, judge = tables.labelled.sum(axis=1), tables.labelled.sum(axis=0) + tables.unlabelled
    every = np.concatenate([tables.human_values, tables.judge_values]).astype(np.float64)
    shares = np.concatenate([human / max(human.sum(), 1), judge / max(judge.sum(), 1)])
    values, places = np.unique(every[shares > 0], return_inverse=True)
    sums = np.bincount(places, shares[shares > 0])
    if len(values) > _MOST_POOLED:
        bins, values = binned(values, np.round(sums * 1e6).astype(np.int64), _MOST_POOLED)
        sums = np.bincount(bins, sums)
    return values, sums / sums.sum()


class _Moments(NamedTuple):
    total: float
    mean: float
    variance: float


def _moments(values: Floats, weights: Floats | Integers) -> _Moments:
    """Returns the moments of values with their counts, with the population variance."""
    total = float(weights.sum())
    mean = float(weights @ values) / total
    return _Moments(total, mean, float(weights @ np.square(values - mean)) / total)


def _observed(tables: Tables) -> LabelledCells:
    """Returns the labelled cells: few, even if each mean of annotators has its own row."""
    rows, columns = np.nonzero(tables.labelled)
    return LabelledCells(
        np.asarray(tables.human_values, dtype=np.float64)[rows],
        np.asarray(tables.judge_values, dtype=np.float64)[columns],
        tables.labelled[rows, columns].astype(np.float64),
    )


def _joined(one: LabelledCells, other: LabelledCells) -> LabelledCells:
    return LabelledCells(*(np.concatenate(both) for both in zip(one, other, strict=True)))


def _why_labels_only(tables: Tables, *, pass_fail: bool, two_valued: bool) -> LabelsOnlyReason | None:
    """Returns the reason not to use PPI++, None to use it. Two-valued labels get some variance from the smoothing."""
    counts, values = tables.labelled.sum(axis=1), np.asarray(tables.human_values, dtype=np.float64)
    labels, passes = int(counts.sum()), float(counts @ values)
    if labels == 0:
        return "no_labels"
    if labels < LEAST_LABELS:
        return "few_labels"
    if not tables.unlabelled.any():
        return "no_unlabelled"
    if pass_fail and min(passes, labels - passes) < LEAST_OF_A_CLASS:
        return "rare_class"
    return "constant_labels" if not two_valued and _are_constant(counts, values) else None


def _are_constant(counts: Integers, values: Floats) -> bool:
    """Whether a single value occurs; decided by the counts, not by a variance in floating point."""
    return np.unique(values[counts > 0]).size < 2


def _bounded(corrected: Corrected, scale: Sequence[float]) -> Mean:
    """Limits the interval to the scale."""
    value = min(max(corrected.value, min(scale)), max(scale))
    if corrected.error == 0:
        return Mean(value=value)
    return _mean_within(value, corrected.middle, _quantile(corrected.freedom) * corrected.error, scale)


def _mean_within(value: float, middle: float, half: float, scale: Sequence[float]) -> Mean:
    """Returns a mean with `middle` +- `half`, limited to the scale and widened to contain the mean."""
    return Mean(
        value=value,
        lower=min(max(middle - half, min(scale)), value),
        upper=max(min(middle + half, max(scale)), value),
    )


def _quantile(freedom: float) -> float:
    return Z if math.isinf(freedom) else student_t_quantile(0.975, max(freedom, 2.0))


def _worth(corrected: Corrected, labels: int) -> LabelsWorth:
    """Returns how much the judge adds: nothing if the corrected mean has no error, since there is no ratio then."""
    if corrected.standard_error == 0:
        return LabelsWorth(factor=1.0, effective_labels=float(labels))
    factor = corrected.variance_of_labels / corrected.standard_error**2
    return LabelsWorth(factor=factor, effective_labels=factor * labels)


def _mean_of_labels(tables: Tables, parts: Sequence[Tables], scale: Sequence[float], *, pass_fail: bool) -> Mean:
    """The labels' own mean: Wilson's interval of a share, else a t interval with two pseudo-items.

    Labels of several strata are weighted, and count as the number of equal weights with the same variance (Kish 1965).
    """
    if not tables.labelled.any():
        return Mean(value=None)
    items = sum(int(each.labelled.sum() + each.unlabelled.sum()) for each in parts)
    each_has = [int(each.labelled.sum()) for each in parts]
    shares_of_items = [(n + int(each.unlabelled.sum())) / items for n, each in zip(each_has, parts, strict=True)]
    labels = 1 / sum(share**2 / n for share, n in zip(shares_of_items, each_has, strict=True))
    weights = [labels * share / n for share, n in zip(shares_of_items, each_has, strict=True)]
    counts = np.sum([w * each.labelled.sum(axis=1) for w, each in zip(weights, parts, strict=True)], axis=0)
    values = np.asarray(tables.human_values, dtype=np.float64)
    mean = float(counts @ values) / labels
    if pass_fail:
        lower, upper = wilson(mean * labels, labels)
        return Mean(value=mean, lower=lower, upper=upper)
    if _are_constant(tables.labelled.sum(axis=1), values):
        return mean_of_equal(mean, labels, scale)
    pooled, shares = _pooled(tables)
    around = _moments(np.concatenate([values, pooled]), np.concatenate([counts, PSEUDO_ITEMS * shares]))
    freedom = freedom_of(values - around.mean, counts, around.variance, labels)
    return _mean_within(mean, around.mean, _quantile(freedom) * math.sqrt(around.variance / around.total), scale)


def mean_of_equal(value: float, total: float, scale: Sequence[float]) -> Mean:
    """Returns the mean of values that are all equal: Wilson's interval of their share, the others at an end."""
    if total < 2:
        return Mean(value=value)
    others = 1 - wilson(total, total).lower
    return Mean(value=value, lower=value - others * (value - min(scale)), upper=value + others * (max(scale) - value))


def _judge_mean(tables: Tables, scale: Sequence[float], *, pass_fail: bool) -> Mean:
    """The mean of all the judge's scores: Wilson's interval of a share, else a t interval.

    The latter has half a pseudo-item more at the ends of the scale: the scores beside the most frequent one may be too
    few to show how far they are. Scores that are all equal have the interval of `mean_of_equal`.

    It covers the judge's own mean, not the humans': it says nothing about the judge's bias.
    """
    counts, values = tables.labelled.sum(axis=0) + tables.unlabelled, np.asarray(tables.judge_values, dtype=np.float64)
    if counts.sum() == 0:
        return Mean(value=None)
    scores = _moments(values, counts)
    if pass_fail:
        lower, upper = wilson(scores.mean * scores.total, scores.total)
        return Mean(value=scores.mean, lower=lower, upper=upper)
    if _are_constant(counts, values):
        return mean_of_equal(scores.mean, scores.total, scale)
    ends = np.array([min(scale), max(scale)], dtype=np.float64)
    around = _moments(np.append(values, ends), np.append(counts, np.full(2, AT_ENDS / 2)))
    freedom = freedom_of(values - around.mean, counts.astype(np.float64), around.variance, scores.total)
    half = _quantile(freedom) * math.sqrt(around.variance / around.total)
    return _mean_within(scores.mean, around.mean, half, scale)
