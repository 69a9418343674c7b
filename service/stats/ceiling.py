"""How well humans agree with each other: the ceiling for a judge's agreement with humans.

There are two ceilings, for two ways to measure a judge, which must not be mixed. A judge against single annotators is
compared with annotator against annotator (`pair_table`); a judge against the mean of an item's annotators is compared
with one annotator against the mean of the others (`leave_one_out`). A mean varies less than one human, so the second
ceiling is higher. Both are functions of the coincidences that Krippendorff's alpha uses (`alphas.py`).
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from service.stats.alphas import Coincidences, Pairs, marginals
from service.stats.arrays import Floats
from service.stats.influence import smoothed
from service.stats.intervals import FEWEST_PAIRS, t_interval
from service.stats.ordered_pairs import OrderedPairs
from service.stats.table import Table
from service.stats.transforms import FISHER, LOG, Transform

LEAST_RELIABILITY = 0.1  # below it, the correction for attenuation multiplies noise by more than three


class Ceiling(msgspec.Struct, frozen=True, kw_only=True):
    """One statistic between humans with its 95% interval; null with a `reason` if it is undefined.

    Only the bounds are null if there are fewer than two items, or for a statistic that has no interval.
    """

    value: float | None
    lower: float | None = None
    upper: float | None = None
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


def leave_one_out(
    coincidences: Coincidences, values: Sequence[float], design: OrderedPairs | None = None
) -> LeaveOneOut:
    """Returns how one annotator's value x agrees with the mean of the others', y = (S - x) / (m - 1); exact.

    S is the sum of an item's m values. With P = sum S^2 and Q = the sum of squared values over items of m annotators:

        sum x = sum y = sum S       sum x^2 = Q
        sum x y = (P - Q) / (m - 1)       sum y^2 = ((m - 2) P + Q) / (m - 1)^2

    With M = coincidences[m] and c = its row sums / (m - 1): sum S = c.v, Q = c.v^2, P - Q = v' M v. So the coincidences
    determine all of these, for any values. They do not determine rank statistics or the mean error. `design` is that of
    the coincidences; without it, the pairs of an item are taken to say no more than one.
    """
    totals = marginals(coincidences, len(values))
    ratings = int(totals.sum())
    if ratings == 0:
        nothing = Ceiling(value=None, reason="no_pairs")
        return LeaveOneOut(ratings=0, pearson=nothing, rmse=nothing)
    places = np.asarray(values, dtype=np.float64)
    weights = {coders: pairs.astype(np.float64) for coders, pairs in coincidences.items()}
    found = _moments(weights, places)
    squared_error = max(found.of_one - 2 * found.together + found.of_rest, 0.0)
    pearson, rmse = _estimates(weights, places, design or OrderedPairs(coincidences))
    return LeaveOneOut(
        ratings=ratings,
        pearson=_correlation(found, pearson, constant=np.unique(places[totals > 0]).size < 2),
        rmse=_with_interval(math.sqrt(squared_error / ratings), rmse, LOG),
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


class _Moments(NamedTuple):
    """Sums of squares and products of one annotator and the mean of the others, both centred, over `ratings`."""

    ratings: float
    of_one: float
    of_rest: float
    together: float


class _Estimate(NamedTuple):
    """A statistic at the coincidences with a pseudo-item, its standard error and degrees of freedom."""

    value: float
    error: float
    freedom: float


def _parts(places: Floats, coders: int) -> tuple[Floats, Floats, Floats]:
    """Returns the terms that an ordered pair of an item's coders adds to the squares of one, of the rest, and products.

    `places` are centred. Shape (K, K) each, symmetric.
    """
    others = coders - 1
    products = np.outer(places, places)
    squares = np.add.outer(places**2, places**2) / 2
    return squares / others, ((others - 1) * products + squares) / others**2, products / others


def _centred(weights: Mapping[int, Floats], places: Floats) -> tuple[float, Floats]:
    """Returns the number of ratings, and the places minus their mean over these ratings."""
    chosen = np.sum([pairs.sum(axis=1) / (coders - 1) for coders, pairs in weights.items()], axis=0)
    return float(chosen.sum()), places - float(chosen @ places) / float(chosen.sum())


def _moments(weights: Mapping[int, Floats], places: Floats) -> _Moments:
    ratings, centred = _centred(weights, places)
    sums = np.zeros(3)
    for coders, pairs in weights.items():
        sums += [float((pairs * part).sum()) for part in _parts(centred, coders)]
    return _Moments(ratings, *(float(each) for each in sums))


def _estimates(
    coincidences: Mapping[int, Floats], places: Floats, design: OrderedPairs
) -> tuple[_Estimate | None, _Estimate | None]:
    """Returns Pearson's correlation and the root mean squared error with a pseudo-item, and their errors over items.

    Both are None if there are fewer than two items.
    """
    items = sum(float(pairs.sum()) / (coders * (coders - 1)) for coders, pairs in coincidences.items())
    if items < FEWEST_PAIRS or np.ptp(places) == 0:
        return None, None
    both = tuple(places.tolist())
    counts = np.sum([*coincidences.values()], axis=0).astype(np.int64)
    given = smoothed(Table(both, both, counts))
    pseudo = given.pseudo - given.counts
    weights = {**coincidences, 2: coincidences.get(2, np.zeros_like(pseudo)) + pseudo + pseudo.T}
    ratings, centred = _centred(weights, places)
    found = _moments(weights, places)
    error = found.of_one - 2 * found.together + found.of_rest
    root = math.sqrt(found.of_one * found.of_rest)
    r, rmse = found.together / root, math.sqrt(error / ratings)
    by_pair_r, by_pair_rmse = {}, {}
    for coders in weights:
        one, rest, product = _parts(centred, coders)
        by_pair_r[coders] = product / root - r / 2 * (one / found.of_one + rest / found.of_rest)
        by_pair_rmse[coders] = rmse / 2 * ((one + rest - 2 * product) / error - 1 / ratings / (coders - 1))
    return (
        _over_items(r, by_pair_r, pseudo + pseudo.T, coincidences, items, design),
        _over_items(rmse, by_pair_rmse, pseudo + pseudo.T, coincidences, items, design),
    )


def _over_items(
    value: float,
    influence: Mapping[int, Floats],
    pseudo: Floats,
    observed: Mapping[int, Floats],
    items: float,
    design: OrderedPairs,
) -> _Estimate:
    """Returns the standard error over items from the influence of each ordered pair.

    The fourth powers of the items' influences are at most those of equal pairs; they are reduced as the squares are.
    """
    squares, fourths = 2 * float((pseudo * influence[2] ** 2).sum()), 0.0
    for coders, pairs in observed.items():
        size, of_pairs = coders * (coders - 1), influence[coders]
        most = size * float((pairs * of_pairs**2).sum())
        found = design.squares(coders, of_pairs)
        squares += found
        if most > 0:
            fourths += size**3 * float((pairs * of_pairs**4).sum()) * (found / most) ** 2
    freedom = min(2 * squares**2 / fourths, items - 1) if fourths > 0 else items - 1
    return _Estimate(value, math.sqrt(squares), freedom)


def _with_interval(value: float, estimate: _Estimate | None, transform: Transform) -> Ceiling:
    if estimate is None:
        return Ceiling(value=value)
    lower, upper = t_interval(transform, value, *estimate)
    return Ceiling(value=value, lower=lower, upper=upper)


def _correlation(found: _Moments, estimate: _Estimate | None, *, constant: bool) -> Ceiling:
    """Returns Pearson's r of centred sums; constancy is decided by the support, not by a variance in floating point."""
    if constant:
        return Ceiling(value=None, reason="both_constant")
    r = found.together / math.sqrt(found.of_one * found.of_rest)
    return _with_interval(min(max(r, -1.0), 1.0), estimate, FISHER)
