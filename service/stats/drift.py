"""Whether a judge changed, and whether it is swayed by what should not matter: place, chance, length.

Scores are compared as two histograms over the same K values, agreement as a sequence in the order of its labels, habits
as small tables. None of it grows with the number of items.
"""

import math
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from service.stats.alphas import Level, alpha
from service.stats.distributions import chi2_quantile, regularised_beta
from service.stats.intervals import wilson

LEAST_SCORES = 30  # in each histogram before a shift can count as drift
SURE_Z = 3.3  # two-sided .001: looked at every hour, a month of it is one false alarm
LEAST_SHIFT = 0.1  # of the scale's range: with many scores any difference is sure, and most do not matter
PSI_LEVEL = 0.99
CUSUM_ALARM = 7.0  # in 1000 labels at .80 a false alarm of 3%; a fall to .65 is found after 92 labels from 0 (median)
USUAL_FALL = 0.15
MARGIN = 0.01  # an agreement of 1 or 0 can't be believed: one label the other way would prove a change
PAGE_HINKLEY_SLACK = 0.05
PAGE_HINKLEY_ALARM = 10.0
LENGTH_BUCKETS = 14  # by doublings, the last one from 8192 on

Counts = NDArray[np.int64]


class ScoreShift(msgspec.Struct, frozen=True, kw_only=True):
    """The judge's mean score now minus that of the reference: in points, in standard errors, as a verdict.

    `z` is None with a `reason` where nothing can be said; `points` only where one side has no score.
    """

    points: float | None
    z: float | None
    drifted: bool
    reason: str | None = None


class Psi(msgspec.Struct, frozen=True, kw_only=True):
    """The population stability index, what chance alone stays below with .99, and their ratio: above 1 is drift."""

    value: float | None
    critical: float | None
    ratio: float | None
    reason: str | None = None


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """A share of `total` with Wilson's 95% interval, None with a `reason` where there is nothing to share out."""

    value: float | None
    lower: float | None
    upper: float | None
    total: int
    reason: str | None = None


class PositionBias(msgspec.Struct, frozen=True, kw_only=True):
    """`first_preference` is .5 without a bias; `p_value` is of the exact two-sided binomial test, 1 with no pair."""

    consistency: Share
    first_preference: Share
    p_value: float


class Repeats(msgspec.Struct, frozen=True, kw_only=True):
    """The same item judged twice: equal answers, the interval alpha, one answer's standard deviation in points."""

    exact: Share
    alpha: float | None
    deviation: float | None


class PageHinkley(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a Page-Hinkley test for a fall: labels seen, how many agreed, the sum and the least it ever was."""

    labels: int = 0
    agreed: int = 0
    total: float = 0.0
    least: float = 0.0

    @property
    def value(self) -> float:
        return self.total - self.least

    @property
    def alarms(self) -> bool:
        return self.value > PAGE_HINKLEY_ALARM


def score_shift(reference: Counts, current: Counts, values: Sequence[float]) -> ScoreShift:
    """Welch's z of two histograms: (m1 - m0) / sqrt(s0^2 / n0 + s1^2 / n1), s^2 the sample variances.

    It is drift where |z| > 3.3, both have 30 scores, and the shift is a tenth of the scale or more. Where neither side
    varies z is undefined, and a shift of that size is sure without it.
    """
    before, now = int(reference.sum()), int(current.sum())
    if min(before, now) == 0:
        return ScoreShift(points=None, z=None, drifted=False, reason="no_scores")
    places = np.asarray(values, dtype=np.float64)
    points = float(current @ places) / now - float(reference @ places) / before
    matters = min(before, now) >= LEAST_SCORES and abs(points) >= LEAST_SHIFT * float(np.ptp(places)) > 0
    if min(before, now) < 2:
        return ScoreShift(points=points, z=None, drifted=False, reason="too_few_scores")
    if max(np.unique(places[each > 0]).size for each in (reference, current)) < 2:
        return ScoreShift(points=points, z=None, drifted=matters, reason="constant")
    z = points / math.sqrt(_squared_error(reference, places) + _squared_error(current, places))
    return ScoreShift(points=points, z=z, drifted=matters and abs(z) > SURE_Z)


def psi(reference: Counts, current: Counts) -> Psi:
    """sum (p - q) ln(p / q) over the values that occur, p now and q before, each count + 1/2 against empty ones.

    Without a change PSI / (1/n + 1/m) is about chi-squared with one degree of freedom less than there are values: hence
    the critical value. The rule of thumb of .1 and .2 is right for a few hundred scores alone.
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


def cusum(agreed: Iterable[bool], usual: float, fallen: float | None = None, start: float = 0.0) -> float:
    """Page's cumulative sum for a fall of agreement, after these labels in their order; from `CUSUM_ALARM` on an alarm.

    s = max(0, s + ln P(x | fallen) / P(x | usual)). `fallen` is `usual` - .15 unless given, or half of it if more.
    Keep the result as the next `start`: it is all the state there is. Not additive: order matters.
    """
    return grouped_cusum(((int(bool(each)), 1) for each in agreed), usual, fallen, start)


def grouped_cusum(
    groups: Iterable[tuple[int, int]], usual: float, fallen: float | None = None, start: float = 0.0
) -> float:
    """The same where only the order of groups is known, each as (agreed, labels): of hours or days, say.

    A group adds its labels' sum at once. The result is at most that of the labels one by one, in any order within.
    """
    usual = min(max(usual, 2 * MARGIN), 1 - MARGIN)
    fallen = max(usual - USUAL_FALL, usual / 2) if fallen is None else fallen
    if not 0 < fallen < usual:
        raise ValueError(f"agreement falls from {usual:g} to something below, not to {fallen:g}")
    kept, lost = math.log(fallen / usual), math.log((1 - fallen) / (1 - usual))
    total = start
    for agreed, labels in groups:
        total = max(0.0, total + agreed * kept + (labels - agreed) * lost)
    return total


def page_hinkley(agreed: Iterable[bool], start: PageHinkley | None = None) -> PageHinkley:
    """The test's state after these labels in their order; needs no usual agreement, the running mean stands for it.

    total += mean so far - x - slack; an alarm where it rose by more than 10 above its least.
    """
    state = start or PageHinkley()
    labels, count, total, least = state.labels, state.agreed, state.total, state.least
    for each in agreed:
        labels, count = labels + 1, count + bool(each)
        total += count / labels - bool(each) - PAGE_HINKLEY_SLACK
        least = min(least, total)
    return PageHinkley(labels=labels, agreed=count, total=total, least=least)


def position_bias(table: Counts) -> PositionBias:
    """Of pairs judged in both orders: rows the verdict in order AB, columns that in order BA, in the items' own terms.

    3 x 3 over A, tie, B (or 2 x 2 without ties). (A, B) is a judge that twice took the output shown first, (B, A) the
    one shown last; of these decisive contradictions `first_preference` is the share of the former.
    """
    first, last = int(table[0, -1]), int(table[-1, 0])
    return PositionBias(
        consistency=_share(int(np.trace(table)), int(table.sum()), "no_pairs"),
        first_preference=_share(first, first + last, "no_contradiction"),
        p_value=_fair_coin(first, last),
    )


def repeat_consistency(table: Counts, values: Sequence[float]) -> Repeats:
    """Of K x K pairs of two judgments of one item by one judge; what no agreement with humans can go far beyond.

    deviation = sqrt(sum T (v_i - v_j)^2 / 2n), in points; both None where no item was judged twice.
    """
    total = int(table.sum())
    places = np.asarray(values, dtype=np.float64)
    squares = float((table * np.square(places[:, None] - places[None, :])).sum())
    return Repeats(
        exact=_share(int(np.trace(table)), total, "no_pairs"),
        alpha=alpha({2: table + table.T}, Level.INTERVAL, values).value,
        deviation=math.sqrt(squares / (2 * total)) if total else None,
    )


def length_bucket(length: int) -> int:
    """The row of a text in a table by length: how often its length can be halved, in any unit, at most 13."""
    return min(max(length, 1).bit_length(), LENGTH_BUCKETS) - 1


def length_correlation(table: Counts) -> float | None:
    """Spearman's correlation of score (rows, ascending) and length bucket (columns); None where one is constant.

    Longer texts may well be better: only the same of the judge's error on labelled items is a bias.
    """
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    if min(np.count_nonzero(rows), np.count_nonzero(columns)) < 2:
        return None
    total = int(rows.sum())
    x, y = (np.cumsum(each) - each / 2 - total / 2 for each in (rows, columns))
    r = float(x @ table @ y) / math.sqrt(float(rows @ x**2) * float(columns @ y**2))
    return min(max(r, -1.0), 1.0)


def _squared_error(histogram: Counts, values: NDArray[np.float64]) -> float:
    """Of its mean."""
    total = int(histogram.sum())
    mean = float(histogram @ values) / total
    return float(histogram @ np.square(values - mean)) / (total - 1) / total


def _share(part: int, total: int, missing: str) -> Share:
    if total == 0:
        return Share(value=None, lower=None, upper=None, total=0, reason=missing)
    lower, upper = wilson(part, total)
    return Share(value=part / total, lower=lower, upper=upper, total=total)


def _fair_coin(heads: int, tails: int) -> float:
    """The exact two-sided test of probability 1/2: twice P(X <= the fewer) = 2 I_{1/2}(the more, the fewer + 1)."""
    fewer, more = sorted((heads, tails))
    return 1.0 if fewer == more else min(2 * regularised_beta(more, fewer + 1, 0.5), 1.0)
