"""Whether a judge changed, and whether position, chance or text length influences it.

Scores are compared as two histograms over the same K values, agreement as a sequence in the order of its labels, and
habits as small tables. The cost of each does not depend on the number of items.
"""

import math
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from service.stats.alphas import Level, alpha
from service.stats.arrays import Floats, Integers
from service.stats.distributions import chi2_quantile, regularised_beta
from service.stats.intervals import wilson

LEAST_SCORES = 100  # the minimum of each histogram for a shift to count as drift: with fewer, z is far from normal
SURE_Z = 3.8  # two-sided .00014: the shift is looked at every hour
LEAST_SHIFT = 0.1  # of the scale's range: with many scores even negligible shifts are significant
PSI_LEVEL = 0.99
CUSUM_ALARM = 7.0  # in 1000 labels at .80 a false alarm of 3%; a fall to .65 is found after 92 labels from 0 (median)
USUAL_FALL = 0.15
MARGIN = 0.01  # keeps the usual agreement off 0 and 1, at which a single label would prove a change


class ScoreShift(msgspec.Struct, frozen=True, kw_only=True):
    """The judge's current mean score minus its reference mean.

    `points` is the shift on the scale, None if either side has no score. `z` is the shift in standard errors, None with
    a `reason` if it is undefined. `drifted` is the verdict.
    """

    points: float | None
    z: float | None
    drifted: bool
    reason: str | None = None


class Psi(msgspec.Struct, frozen=True, kw_only=True):
    """The population stability index, its 99% critical value, and their ratio: above 1 is drift.

    The three are None with a `reason` if either histogram is empty or only one value occurs.
    """

    value: float | None
    critical: float | None
    ratio: float | None
    reason: str | None = None


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """A share of `total` with Wilson's 95% interval; None with a `reason` if `total` is 0."""

    value: float | None
    lower: float | None
    upper: float | None
    total: int
    reason: str | None = None


class PositionBias(msgspec.Struct, frozen=True, kw_only=True):
    """`consistency` is the share of pairs with the same verdict in both orders.

    `first_preference` is .5 without a bias. `p_value` is that of the exact two-sided binomial test, 1 without pairs.
    """

    consistency: Share
    first_preference: Share
    p_value: float


class Repeats(msgspec.Struct, frozen=True, kw_only=True):
    """Pairs of judgments of the same item by the same judge.

    `exact` is the share of equal answers, `alpha` the interval alpha, and `deviation` the standard deviation of one
    answer in points.
    """

    exact: Share
    alpha: float | None
    deviation: float | None


def score_shift(reference: Integers, current: Integers, values: Sequence[float]) -> ScoreShift:
    """Returns the pooled z of two histograms over `values`: (m1 - m0) / (s sqrt(1 / n0 + 1 / n1)).

    s is the standard deviation of all scores of both sides together. Of two values this is the pooled two-proportion z,
    and it is defined and sound if one side has a single value. The shift is drift if |z| > 3.8, both histograms have
    100 scores, and it is at least a tenth of the scale. z is undefined if all scores are equal.

    Source: Fleiss, Levin and Paik 2003, Statistical Methods for Rates and Proportions, chapter 3.
    """
    before, now = int(reference.sum()), int(current.sum())
    if min(before, now) == 0:
        return ScoreShift(points=None, z=None, drifted=False, reason="no_scores")
    places = np.asarray(values, dtype=np.float64)
    points = float(current @ places) / now - float(reference @ places) / before
    if min(before, now) < 2:
        return ScoreShift(points=points, z=None, drifted=False, reason="too_few_scores")
    together = reference + current
    if np.unique(places[together > 0]).size < 2:
        return ScoreShift(points=points, z=None, drifted=False, reason="constant")
    z = points / math.sqrt(_variance(together, places) * (1 / before + 1 / now))
    matters = min(before, now) >= LEAST_SCORES and abs(points) >= LEAST_SHIFT * float(np.ptp(places))
    return ScoreShift(points=points, z=z, drifted=matters and abs(z) > SURE_Z)


def psi(reference: Integers, current: Integers) -> Psi:
    """Returns sum (p - q) ln(p / q) over the values that occur, p now and q before, with 1/2 added to each count.

    Without a change, PSI / (1/n + 1/m) is approximately chi-squared with one degree of freedom less than there are
    values (Yurdakul and Naranjo 2020, Statistical Properties of the Population Stability Index), which gives the
    critical value. The usual thresholds of .1 and .2 are right for a few hundred scores only.
    """
    before, now = int(reference.sum()), int(current.sum())
    if min(before, now) == 0:
        return Psi(value=None, critical=None, ratio=None, reason="no_scores")
    occurs = (reference + current) > 0
    kinds = int(occurs.sum())
    if kinds < 2:
        return Psi(value=0.0, critical=None, ratio=None, reason="constant")
    q, p = ((each[occurs] + 0.5) / (each.sum() + kinds / 2) for each in (reference, current))
    value = float(((p - q) * np.log(p / q)).sum())
    critical = chi2_quantile(PSI_LEVEL, kinds - 1) * (1 / before + 1 / now)
    return Psi(value=value, critical=critical, ratio=value / critical)


def cusum(groups: Iterable[tuple[int, int]], usual: float, fallen: float | None = None, start: float = 0.0) -> float:
    """Returns Page's cumulative sum for a fall of agreement, from `CUSUM_ALARM` on an alarm if `usual` is well known.

    With `usual` estimated from fewer than 600 labels, its error alone makes the sum grow; `falls.fall_evidence` allows
    for that error.

    `groups` are (agreed, labels) in the order of time: single labels, hours or days. A group adds the sum of its labels
    at once, which gives at most the result of its labels one by one. For each label, s = max(0, s + ln P(x | fallen) /
    P(x | usual)). `fallen` is by default the larger of `usual` - .15 and `usual` / 2. Pass the result as the next
    `start`: it is the whole state.

    Source: Page 1954, Continuous Inspection Schemes. Raises ValueError unless 0 < `fallen` < `usual`.
    """
    usual = min(max(usual, 2 * MARGIN), 1 - MARGIN)
    fallen = max(usual - USUAL_FALL, usual / 2) if fallen is None else fallen
    if not 0 < fallen < usual:
        raise ValueError(f"fallen must be between 0 and the usual agreement {usual:g}, not {fallen:g}")
    kept, lost = math.log(fallen / usual), math.log((1 - fallen) / (1 - usual))
    total = start
    for agreed, labels in groups:
        total = max(0.0, total + agreed * kept + (labels - agreed) * lost)
    return total


def position_bias(table: Integers) -> PositionBias:
    """Returns the position bias of pairs judged in both orders.

    `table` is 3 x 3 over A, tie, B (or 2 x 2 without ties): rows are the verdict in order AB, columns that in order BA,
    both in terms of the items. (A, B) is a judge that twice preferred the output shown first, (B, A) the one shown
    last. `first_preference` is the share of the former among these.
    """
    first, last = int(table[0, -1]), int(table[-1, 0])
    return PositionBias(
        consistency=_share(int(np.trace(table)), int(table.sum()), "no_pairs"),
        first_preference=_share(first, first + last, "no_contradiction"),
        p_value=_fair_coin(first, last),
    )


def repeat_consistency(table: Integers, values: Sequence[float]) -> Repeats:
    """Returns how consistent repeated judgments are, from a K x K table of pairs of judgments over `values`.

    deviation = sqrt(sum T (v_i - v_j)^2 / 2n), in points. `alpha` and `deviation` are None if no item was judged twice.
    Agreement with humans can't exceed this consistency by much.
    """
    total = int(table.sum())
    places = np.asarray(values, dtype=np.float64)
    squares = float((table * np.square(places[:, None] - places[None, :])).sum())
    return Repeats(
        exact=_share(int(np.trace(table)), total, "no_pairs"),
        alpha=alpha({2: table + table.T}, Level.INTERVAL, values).value,
        deviation=math.sqrt(squares / (2 * total)) if total else None,
    )


def _variance(histogram: Integers, values: Floats) -> float:
    """Returns the variance of the scores of a histogram."""
    total = int(histogram.sum())
    mean = float(histogram @ values) / total
    return float(histogram @ np.square(values - mean)) / total


def _share(part: int, total: int, missing: str) -> Share:
    if total == 0:
        return Share(value=None, lower=None, upper=None, total=0, reason=missing)
    lower, upper = wilson(part, total)
    return Share(value=part / total, lower=lower, upper=upper, total=total)


def _fair_coin(heads: int, tails: int) -> float:
    """Returns the exact two-sided p-value for probability 1/2: 2 P(X <= fewer) = 2 I_{1/2}(more, fewer + 1)."""
    fewer, more = sorted((heads, tails))
    return 1.0 if fewer == more else min(2 * regularised_beta(more, fewer + 1, 0.5), 1.0)
