"""How well humans agree with each other: what a judge can be measured against.

Two ceilings, for two ways to measure a judge, never to be mixed: a judge against each annotator is
compared with annotator against annotator (`pair_table`), a judge against the mean of an item's annotators with one
annotator against the mean of the others (`leave_one_out`). A mean is steadier than one human, so the second is higher.

Both are functions of the coincidences that Krippendorff's alpha keeps (`alphas.py`): no other counters are needed.
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from service.stats.alphas import Coincidences, Pairs, marginals

LEAST_RELIABILITY = 0.1  # below it the correction for attenuation multiplies noise by more than three


class Ceiling(msgspec.Struct, frozen=True, kw_only=True):
    """One figure between humans, None with a `reason` where it can't be measured."""

    value: float | None
    reason: str | None = None


class LeaveOneOut(msgspec.Struct, frozen=True, kw_only=True):
    """One annotator against the mean of the item's others, over all `ratings` of items with at least two.

    Their means are equal by construction, so there is no bias to report. `rmse` is in the scale's points.
    """

    ratings: int
    pearson: Ceiling
    rmse: Ceiling


def pair_table(coincidences: Coincidences, categories: int) -> Pairs:
    """All ordered pairs of an item's annotators, K x K and symmetric; all zero where no item has two.

    An item of m annotators gives m (m - 1) pairs, each of two different annotators. The statistics of agreement are
    computed from it as from a table of human and judge.
    """
    return sum(coincidences.values(), np.zeros((categories, categories), dtype=np.int64))


def leave_one_out(coincidences: Coincidences, values: Sequence[float]) -> LeaveOneOut:
    """x = one annotator's value against y = (S - x) / (m - 1), S the sum of the item's m values; exact.

    Over items of m annotators, with P = sum S^2 and Q = sum of squared values, the sums over all annotators are
        sum x = sum y = sum S       sum x^2 = Q
        sum x y = (P - Q) / (m - 1)       sum y^2 = ((m - 2) P + Q) / (m - 1)^2
    and with M = coincidences[m], c = its row sums / (m - 1): sum S = c.v, Q = c.v^2, P - Q = v' M v. So the integers of
    the coincidences suffice, whatever the values. Rank statistics and the mean error do not follow from them.
    """
    totals = marginals(coincidences, len(values))
    ratings = int(totals.sum())
    if ratings == 0:
        nothing = Ceiling(value=None, reason="no_pairs")
        return LeaveOneOut(ratings=0, pearson=nothing, rmse=nothing)
    places = np.asarray(values, dtype=np.float64)
    places = places - float(totals @ places) / ratings  # both x and y have mean 0 from here on: nothing cancels
    of_one = float(totals @ places**2)
    of_rest, together = 0.0, 0.0
    for others, pairs in ((coders - 1, pairs) for coders, pairs in coincidences.items()):
        products = float(places @ pairs @ places)
        squares = float(pairs.sum(axis=1) @ places**2) / others
        together += products / others
        of_rest += ((others - 1) * products + others * squares) / others**2
    squared_error = max(of_one - 2 * together + of_rest, 0.0)
    return LeaveOneOut(
        ratings=ratings,
        pearson=_correlation(of_one, of_rest, together, constant=np.unique(places[totals > 0]).size < 2),
        rmse=Ceiling(value=math.sqrt(squared_error / ratings)),
    )


def disattenuated(judge_human: float | None, human_human: float | None) -> Ceiling:
    """A judge's correlation with what humans would say without their noise: r / sqrt(r_hh) (Spearman 1904).

    A note beside the measured value, not a replacement: it can exceed 1. None where one of the two is missing or where
    humans agree with each other too little for it to mean anything.
    """
    if judge_human is None or human_human is None:
        return Ceiling(value=None, reason="no_pairs")
    if human_human <= LEAST_RELIABILITY:
        return Ceiling(value=None, reason="humans_disagree")
    return Ceiling(value=judge_human / math.sqrt(human_human))


def _correlation(first: float, second: float, together: float, *, constant: bool) -> Ceiling:
    """Pearson's r of centred sums; constancy is known from the support, not from a variance in floating point."""
    if constant:
        return Ceiling(value=None, reason="both_constant")
    return Ceiling(value=min(max(together / math.sqrt(first * second), -1.0), 1.0))
