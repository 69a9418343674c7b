"""Whether one group of items has a higher mean than another: the difference by a judge, and corrected by labels.

Two groups, a and b, answer the same cases, such as two versions of a system that are given the same questions. The
difference is b minus a. Cases that both groups have are paired, so that easy and hard cases cancel out; the others are
left out. If no case is shared, the groups are two independent samples. A case with several items of a group counts as
their mean.

With N_s cases of side s (a or b), F_is the judge's mean over the items of case i, and P_ij, Y_ij the judge's score and
the label of item j, the labelled items have the weights w_ij = W_ij / m_is: m_is is the number of items of the case on
this side, and W_ij is 1, or proportional to one over the probability of the label. Then

    judge's difference      mean(F_b) - mean(F_a)
    corrected difference    lambda (mean(F_b) - mean(F_a)) + R_b - R_a,  R_s = sum(w (Y - lambda P)) / sum(w)

R_b - R_a is the rectifier: over the same cases if both sides of a case are labelled, and over different ones if not.
Each case i has an influence on the corrected difference, in which both sides of the case meet:

    psi_i = g_i lambda + h_i(Y) - lambda h_i(P)
    g_i = (F_ib - mean(F_b)) / N_b - (F_ia - mean(F_a)) / N_a
    h_i(X) = sum_j w_ijb (X_ijb - X_b) / sum(w_b) - sum_j w_ija (X_ija - X_a) / sum(w_a),  X_s the weighted mean

The variance is the sum of psi_i^2: it contains the covariances of both sides of a case, and of a label with the judge's
score. lambda, from 0 to 1, is the one with the least variance, as in PPI++ (Angelopoulos, Duchi and Zrnic 2023).

Few labels look too sure: in the interval, each side gets pseudo-items more, whose label and score are drawn
independently: PSEUDO_ITEMS from the pooled values, or for a share half an item of each of the two values. The latter
is half of that of Agresti and Caffo (2000, Simple and effective confidence intervals for proportions and differences of
proportions result from adding two successes and two failures); Bonett and Price (2012, Adjusted Wald confidence
interval for a difference of binomial proportions based on paired data) add as many to pairs. The quantile is Student's
t with Satterthwaite's degrees of freedom, at a level somewhat above 95%: lambda is fitted to the same data, and of
identical groups at most 5% are to be told apart. `tests/benchmarks/compare.py` measures both.
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from service.stats.arrays import Booleans, Floats, Integers
from service.stats.distributions import student_t_quantile
from service.stats.estimates import PSEUDO_ITEMS
from service.stats.intervals import Z

LEAST_LABELLED_ITEMS = 20  # items on each side: below it, intervals cover less than .93
LEAST_TO_PLAN = 5  # items on each side: below it, the number of labels that are needed can't be told
LEAST_OF_OTHERS = 5  # values beside the most frequent one
INTERVAL_LEVEL = 0.95
ANYTIME_BEST_AT = 50.0  # labelled items on each side
POWER = 0.8
_Z_OF_POWER = 0.841621
_UPPER = (1 + INTERVAL_LEVEL) / 2
_SAME = 1e-9  # of a scale's range: rounding, not a difference

BetterSide = Literal["a", "b"]


class GroupScores(NamedTuple):
    """The items of a group in parallel arrays.

    `case` numbers the cases of both groups together. `judge` has the judge's scores, `predicted` the same on the scale
    of the labels. `label` is the mean of an item's labels, NaN without one, and `weight` is inversely proportional to
    the probability with which the item was labelled.
    """

    case: Integers
    judge: Floats
    predicted: Floats
    label: Floats
    weight: Floats


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A difference of two means, b minus a, with its 95% interval.

    `value` is None if a side has nothing to average. The bounds are None if all values are equal.
    """

    value: float | None
    lower: float | None = None
    upper: float | None = None


class MoreLabels(msgspec.Struct, frozen=True, kw_only=True):
    """About how many more labels, half of them on each side, would decide with a probability of `power`.

    The true difference is taken to be the present one. `labels` is None if even labels of all items would not decide:
    then more cases are needed.
    """

    power: float
    labels: int | None


class SideCounts(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a comparison: its items and labelled items in the cases that are compared, and the judge's mean.

    `unpaired_cases` are those that this side alone has: they are left out if the design is `paired`.
    """

    items: int
    labelled: int
    judge_mean: float | None
    unpaired_cases: int


class DifferenceSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a comparison of b with a.

    `cases` are those that are compared, and `labelled_pairs` those of them with a label on both sides. `wins`, `losses`
    and `ties` are of b, by the judge, over paired cases; None for two samples. `decided` is the side with the higher
    mean, None if nobody can tell; `decided_by` says by which difference.
    """

    design: Literal["paired", "two_samples"]
    cases: int
    labelled_pairs: int
    judge_difference: Difference
    corrected_difference: Difference
    wins: int | None
    losses: int | None
    ties: int | None
    decided: BetterSide | None
    decided_by: Literal["labels", "judge"] | None
    labels_needed: MoreLabels | None


class GroupDifference(DifferenceSummary, frozen=True, kw_only=True):
    """A comparison with both of its sides."""

    a: SideCounts
    b: SideCounts


def compare_groups(
    a: GroupScores, b: GroupScores, scale: Sequence[float], labels: Sequence[float], *, anytime: bool = False
) -> GroupDifference:
    """Returns the difference of two groups, b minus a.

    `scale` holds the declared values of the judge, or some of its scale if any number is possible, its ends among them,
    and `labels` those of the labels; two values are a share. The labels decide if each side has LEAST_LABELLED_ITEMS,
    else the judge. Nobody decides if the interval contains 0. With `anytime`, intervals may be looked at again and
    again while labels come in.
    """
    shared = np.intersect1d(a.case, b.case)
    unpaired = [int(np.setdiff1d(side.case, shared).size) for side in (a, b)]
    if shared.size:
        a, b = _of_cases(a, shared), _of_cases(b, shared)
    a, b, cases = _without_gaps(a, b)
    known = [~np.isnan(side.label) for side in (a, b)]
    counts = [int(each.sum()) for each in known]
    judge = _judge_difference(a, b, cases, scale, anytime=anytime)
    corrected = _corrected(a, b, cases, labels, anytime=anytime) if min(counts) >= LEAST_TO_PLAN else None
    by_labels = corrected.difference if corrected is not None and min(counts) >= LEAST_LABELLED_ITEMS else None
    decided = _decided(by_labels or judge)
    wins, losses, ties = _outcomes(a, b, scale) if shared.size else (None, None, None)
    return GroupDifference(
        design="paired" if shared.size else "two_samples",
        cases=cases,
        a=_side(a, unpaired[0]),
        b=_side(b, unpaired[1]),
        labelled_pairs=int(np.intersect1d(a.case[known[0]], b.case[known[1]]).size),
        judge_difference=judge,
        corrected_difference=by_labels or Difference(value=None),
        wins=wins,
        losses=losses,
        ties=ties,
        decided=decided,
        decided_by=("labels" if by_labels else "judge") if decided else None,
        labels_needed=None
        if decided or corrected is None
        else _more_labels(corrected, counts, a.case.size + b.case.size),
    )


class _ByCase(NamedTuple):
    """A weighted mean over the items of one side, and the influence of each case on it.

    `effective` is the number of equally weighted items that would be as precise (Kish 1965). The influences are those
    of the mean with pseudo-items, if there are any.
    """

    mean: float
    influence: Floats
    effective: float


class _Pseudo(NamedTuple):
    """The mean and the variance of the values of pseudo-items, and their number on each side."""

    mean: float
    variance: float
    items: float

    def variance_with(self, weight: float, mean: float, effective: float) -> float:
        """Returns the variance that a side's pseudo-items add, if their label less `weight` times their score counts.

        `mean` is the side's own mean of that.
        """
        away = (1 - weight) * self.mean - mean
        return self.items * (self.variance * (1 + weight**2) + away**2) / (effective + self.items) ** 2

    def middle(self, weight: float, mean: float, effective: float) -> float:
        """Returns the mean of a side's items and pseudo-items."""
        return (effective * mean + self.items * (1 - weight) * self.mean) / (effective + self.items)


class _Corrected(NamedTuple):
    """The corrected difference, its variance, and the part of the variance that falls as more items are labelled."""

    difference: Difference
    variance: float
    of_rectifier: float


class _Interval(NamedTuple):
    """The middle of an interval, its variance, the degrees of freedom, and the number of items that it rests on."""

    middle: float
    variance: float
    freedom: float
    items: float


def _side(side: GroupScores, unpaired: int) -> SideCounts:
    mean = float(np.average(side.judge, weights=_item_weights(side.case))) if side.case.size else None
    labelled = int((~np.isnan(side.label)).sum())
    return SideCounts(items=int(side.case.size), labelled=labelled, judge_mean=mean, unpaired_cases=unpaired)


def _of_cases(side: GroupScores, cases: Integers) -> GroupScores:
    kept = np.isin(side.case, cases)
    return GroupScores(side.case[kept], side.judge[kept], side.predicted[kept], side.label[kept], side.weight[kept])


def _without_gaps(a: GroupScores, b: GroupScores) -> tuple[GroupScores, GroupScores, int]:
    """Returns both sides with their cases numbered anew, and the number of cases."""
    known, places = np.unique(np.concatenate([a.case, b.case]), return_inverse=True)
    places = places.astype(np.int64)
    return a._replace(case=places[: a.case.size]), b._replace(case=places[a.case.size :]), int(known.size)


def _by_case(case: Integers, values: Floats, weights: Floats, cases: int, pseudo: float = 0.0) -> _ByCase:
    shares = weights / weights.sum()
    mean, effective = float(shares @ values), 1 / float(shares @ shares)
    shares = shares * effective / (effective + pseudo)
    influence = np.bincount(case, shares * (values - mean), minlength=cases).astype(np.float64)
    return _ByCase(mean, influence, effective)


def _item_weights(case: Integers) -> Floats:
    """Returns one over the number of items of each item's case."""
    return np.asarray(1 / np.bincount(case)[case], dtype=np.float64)


def _judge_difference(
    a: GroupScores, b: GroupScores, cases: int, scale: Sequence[float], *, anytime: bool
) -> Difference:
    if not a.case.size or not b.case.size:
        return Difference(value=None)
    pseudo = _pseudo([a.judge, b.judge], [a.judge, b.judge], scale)
    sides = [_by_case(each.case, each.judge, _item_weights(each.case), cases, pseudo.items) for each in (a, b)]
    sizes = [float(np.unique(each.case).size) for each in (a, b)]
    influence = sides[1].influence - sides[0].influence
    observed = float(influence @ influence)
    parts = [(0.0, side.mean, size) for side, size in zip(sides, sizes, strict=True)]
    extra = sum(pseudo.variance_with(*part) for part in parts)
    middle = pseudo.middle(*parts[1]) - pseudo.middle(*parts[0])
    interval = _Interval(middle, observed + extra, _freedom([influence], observed), min(sizes))
    return _difference(sides[1].mean - sides[0].mean, interval, scale, anytime=anytime)


class _Sides(NamedTuple):
    """Of each side, the judge's mean over all items, and the means of the labels and of their scores."""

    judged: list[_ByCase]
    labels: list[_ByCase]
    scores: list[_ByCase]
    has_label: Booleans


def _sides(both: Sequence[GroupScores], cases: int, pseudo: float) -> _Sides:
    found = _Sides([], [], [], np.zeros(cases, dtype=np.bool_))
    for side in both:
        weights, known = _item_weights(side.case), ~np.isnan(side.label)
        found.judged.append(_by_case(side.case, side.predicted, weights, cases))
        case, weights = side.case[known], (weights * side.weight)[known]
        found.labels.append(_by_case(case, side.label[known], weights, cases, pseudo))
        found.scores.append(_by_case(case, side.predicted[known], weights, cases, pseudo))
        found.has_label[case] = True
    return found


def _corrected(a: GroupScores, b: GroupScores, cases: int, scale: Sequence[float], *, anytime: bool) -> _Corrected:
    pseudo = _pseudo([a.label, b.label], [a.label, b.label, a.predicted, b.predicted], scale)
    sides = _sides([a, b], cases, pseudo.items)
    judged, labels, scores = map(_minus, (sides.judged, sides.labels, sides.scores))
    slope = scores.influence - judged.influence
    spread = float(slope @ slope) + sum(pseudo.variance_with(0.0, 0.0, each.effective) for each in sides.labels)
    weight = min(max(float(labels.influence @ slope) / spread, 0.0), 1.0) if spread > 0 else 0.0
    influence = labels.influence - weight * slope
    observed = float(influence @ influence)
    parts = [(weight, y.mean - weight * p.mean, y.effective) for y, p in zip(sides.labels, sides.scores, strict=True)]
    variance = observed + sum(pseudo.variance_with(*part) for part in parts)
    freedom = _freedom([influence[sides.has_label], influence[~sides.has_label]], observed)
    interval = _Interval(
        middle=weight * judged.mean + pseudo.middle(*parts[1]) - pseudo.middle(*parts[0]),
        variance=variance,
        freedom=freedom,
        items=min(each.effective for each in sides.labels),
    )
    value = weight * judged.mean + labels.mean - weight * scores.mean
    residual = labels.influence - weight * scores.influence
    return _Corrected(_difference(value, interval, scale, anytime=anytime), variance, float(residual @ residual))


def _minus(sides: Sequence[_ByCase]) -> _ByCase:
    a, b = sides
    return _ByCase(b.mean - a.mean, b.influence - a.influence, min(a.effective, b.effective))


def _pseudo(observed: Sequence[Floats], values: Sequence[Floats], scale: Sequence[float]) -> _Pseudo:
    """Returns PSEUDO_ITEMS at the values, each array counted alike; or half an item at both ends of the scale.

    The latter for a share, and if nearly all of the `observed` values are equal: they say little about the others.
    """
    known = np.concatenate(observed)
    known = known[~np.isnan(known)]
    most = int(np.unique(known, return_counts=True)[1].max())
    if len(scale) == 2 or known.size - most < LEAST_OF_OTHERS:
        low, high = min(scale), max(scale)
        return _Pseudo((low + high) / 2, ((high - low) / 2) ** 2, 1.0)
    parts = [each[~np.isnan(each)] for each in values]
    mean = float(np.mean([each.mean() for each in parts]))
    return _Pseudo(mean, float(np.mean([np.mean(np.square(each - mean)) for each in parts])), PSEUDO_ITEMS)


def _freedom(strata: Sequence[Floats], variance: float) -> float:
    """Returns Satterthwaite's degrees of freedom of the sum of the squared influences.

    They are at most one less than the number of cases in the first stratum, which has the labels.
    """
    most = float(max(strata[0].size - 1, 1))
    error = sum(float((each**4).sum() - np.square(each @ each) / each.size) for each in strata if each.size)
    return min(2 * variance**2 / error, most) if error * most > 2 * variance**2 else most


def _difference(value: float, interval: _Interval, scale: Sequence[float], *, anytime: bool) -> Difference:
    """Limits the interval to the differences that the scale allows, and widens it to contain the value."""
    if interval.variance <= 0:
        return Difference(value=value)
    quantile = _anytime_quantile(interval.items) if anytime else student_t_quantile(_UPPER, max(interval.freedom, 2.0))
    half, most = quantile * math.sqrt(interval.variance), max(scale) - min(scale)
    lower, upper = interval.middle - half, interval.middle + half
    return Difference(value=value, lower=min(max(lower, -most), value), upper=max(min(upper, most), value))


def _anytime_quantile(items: float) -> float:
    """Returns the number of standard errors of an interval that may be looked at as often as one likes.

    sqrt((1 + 1 / (n r)) log((n r + 1) / alpha^2)) with r = 1 / ANYTIME_BEST_AT, which is narrowest near that n. Source:
    Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, Time-uniform central limit theory and asymptotic confidence
    sequences, Annals of Statistics 52, 2024, theorem 2.2.
    """
    seen = items / ANYTIME_BEST_AT
    return math.sqrt((1 + 1 / seen) * math.log((seen + 1) / (1 - INTERVAL_LEVEL) ** 2))


def _decided(difference: Difference) -> BetterSide | None:
    if difference.lower is not None and difference.lower > 0:
        return "b"
    return "a" if difference.upper is not None and difference.upper < 0 else None


def _outcomes(a: GroupScores, b: GroupScores, scale: Sequence[float]) -> tuple[int, int, int]:
    """Returns the cases that b wins, loses and ties by the judge's means; both sides have all cases."""
    means = [np.bincount(side.case, side.judge) / np.bincount(side.case) for side in (a, b)]
    gap = (means[1] - means[0]) / (max(scale) - min(scale))
    wins, losses = int((gap > _SAME).sum()), int((gap < -_SAME).sum())
    return wins, losses, int(gap.size) - wins - losses


def _more_labels(corrected: _Corrected, counts: Sequence[int], items: int) -> MoreLabels | None:
    """Returns the labels that are needed; None if there is no difference yet.

    With n of M items labelled, a variance V, of which V_r is the rectifier's, becomes with n' of them labelled

        V - V_r (1 - n / M) + V_r (n / n' - n / M)

    and must not exceed (difference / (Z + z))^2, z the quantile of the power.
    """
    value, labelled = corrected.difference.value, sum(counts)
    if not value or corrected.variance <= 0:
        return None
    least = max(corrected.variance - corrected.of_rectifier * (1 - labelled / items), 0.0)
    goal = (value / (Z + _Z_OF_POWER)) ** 2
    if goal <= least:
        return MoreLabels(power=POWER, labels=None)
    needed = math.ceil(labelled * corrected.of_rectifier / (goal - least + corrected.of_rectifier * labelled / items))
    short = sum(max(LEAST_LABELLED_ITEMS - count, 0) for count in counts)
    return MoreLabels(power=POWER, labels=min(max(needed - labelled, short, 1), items - labelled))
