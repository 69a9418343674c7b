"""How well humans agree with each other: the ceiling for a judge's agreement with humans.

There are two ceilings, for two ways to measure a judge, which must not be mixed. A judge against single annotators is
compared with annotator against annotator (`pair_table`); a judge against the mean of an item's annotators is compared
with one annotator against the mean of the others (`leave_one_out`). A mean varies less than one human, so the second
ceiling is higher. Both are functions of the coincidences that Krippendorff's alpha uses (`alphas.py`).
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from service.stats.alphas import Coincidences, Pairs, marginals

LEAST_RELIABILITY = 0.1  # below it, the correction for attenuation multiplies noise by more than three


class Ceiling(msgspec.Struct, frozen=True, kw_only=True):
    """One statistic between humans, None with a `reason` if it is undefined."""

    value: float | None
    reason: str | None = None


class LeaveOneOut(msgspec.Struct, frozen=True, kw_only=True):
    """One annotator against the mean of the item's other annotators.

    `ratings` is the number of values on items with at least two annotators. `rmse` is in points of the scale. The two
    means are equal by construction, so there is no bias.
    """

    ratings: int
    pearson: Ceiling
    rmse: Ceiling


def pair_table(coincidences: Coincidences, categories: int) -> Pairs:
    """Returns all ordered pairs of an item's annotators, K x K and symmetric; zeros if no item has two.

    An item of m annotators gives m (m - 1) pairs. Agreement statistics are computed from this table as from one of
    human and judge.
    """
    return sum(coincidences.values(), np.zeros((categories, categories), dtype=np.int64))


def leave_one_out(coincidences: Coincidences, values: Sequence[float]) -> LeaveOneOut:
    """Returns how one annotator's value x agrees with the mean of the others', y = (S - x) / (m - 1); exact.

    S is the sum of an item's m values. With P = sum S^2 and Q = the sum of squared values over items of m annotators:

        sum x = sum y = sum S       sum x^2 = Q
        sum x y = (P - Q) / (m - 1)       sum y^2 = ((m - 2) P + Q) / (m - 1)^2

    With M = coincidences[m] and c = its row sums / (m - 1): sum S = c.v, Q = c.v^2, P - Q = v' M v. So the coincidences
    determine all of these, for any values. They do not determine rank statistics or the mean error.
    """
    totals = marginals(coincidences, len(values))
    ratings = int(totals.sum())
    if ratings == 0:
        nothing = Ceiling(value=None, reason="no_pairs")
        return LeaveOneOut(ratings=0, pearson=nothing, rmse=nothing)
    places = np.asarray(values, dtype=np.float64)
    places = places - float(totals @ places) / ratings  # x and y have mean 0 from here on, so nothing cancels
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
    """Returns a judge's correlation with error-free humans, r / sqrt(r_hh) (Spearman 1904); it can exceed 1.

    `value` is None with `no_pairs` if one of the two is missing, and with `humans_disagree` if r_hh is at most .1.
    """
    if judge_human is None or human_human is None:
        return Ceiling(value=None, reason="no_pairs")
    if human_human <= LEAST_RELIABILITY:
        return Ceiling(value=None, reason="humans_disagree")
    return Ceiling(value=judge_human / math.sqrt(human_human))


def _correlation(first: float, second: float, together: float, *, constant: bool) -> Ceiling:
    """Returns Pearson's r of centred sums; constancy is decided by the support, not by a variance in floating point."""
    if constant:
        return Ceiling(value=None, reason="both_constant")
    return Ceiling(value=min(max(together / math.sqrt(first * second), -1.0), 1.0))
