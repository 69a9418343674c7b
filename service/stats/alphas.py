"""Krippendorff's alpha for any number of coders, computed from counters whose size does not depend on the items.

A coder is a human annotator or a judge; a coder may skip items. An item is described by its counts: how many coders
chose each of the K categories. Items with m >= 2 coders are summed in one K x K integer matrix for each m:

    coincidences[m] += outer(counts, counts) - diag(counts)          all ordered pairs of two coders' values

All functions here depend on these matrices only. The matrices are sums over items, so those of two windows add up.

Source: Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec
import numpy as np

from service.stats.arrays import Floats, Integers

Pairs = Integers  # K x K, symmetric: counts of ordered pairs of the values of an item's coders
Coincidences = Mapping[int, Pairs]  # by the number of coders of an item


class Level(StrEnum):
    """The level of measurement: whether categories have no order, an order, or distances given by their values."""

    NOMINAL = "nominal"
    ORDINAL = "ordinal"
    INTERVAL = "interval"


class Alpha(msgspec.Struct, frozen=True, kw_only=True):
    """Krippendorff's alpha: 1 for perfect agreement, 0 for chance, negative below chance.

    `ratings` is N in the formula: the number of values on items with at least two coders. `value` is None with a
    `reason` (`no_pairs` or `both_constant`) if alpha is undefined. `lower` and `upper` are the ends of its 95%
    interval, if it was computed.
    """

    value: float | None
    ratings: int
    lower: float | None = None
    upper: float | None = None
    reason: str | None = None


def marginals(coincidences: Coincidences, categories: int) -> Integers:
    """Returns how often each category was chosen on items with at least two coders: exact integers, shape (K,).

    The rows of an item's matrix sum to counts x (m - 1), so the division is exact.
    """
    total = np.zeros(categories, dtype=np.int64)
    for coders, pairs in coincidences.items():
        total += pairs.sum(axis=1) // (coders - 1)
    return total


def alpha(coincidences: Coincidences, level: Level, values: Sequence[float]) -> Alpha:
    """Returns 1 - observed / expected disagreement (Krippendorff 2011, section E).

    o = sum_m coincidences[m] / (m - 1), n_c = row sums of o, N = sum n_c,
    alpha = 1 - (N - 1) sum o d / sum n_c n_k d, with the squared distance d of the level:
    nominal 1; ordinal (sum_{g=c..k} n_g - (n_c + n_k) / 2)^2; interval (v_c - v_k)^2.

    `values` holds the K categories' values in order; for nominal and ordinal only their number matters. The value is
    None with `no_pairs` if no item has two coders, and with `both_constant` if all coders chose the same category.
    """
    totals = marginals(coincidences, len(values))
    ratings = int(totals.sum())
    if ratings == 0:
        return Alpha(value=None, ratings=0, reason="no_pairs")
    distance = squared_distances(level, totals, values)
    expected = float((np.outer(totals, totals) * distance).sum())
    if expected == 0:  # exact: every term is 0
        return Alpha(value=None, ratings=ratings, reason="both_constant")
    observed = sum(float((pairs * distance).sum()) / (coders - 1) for coders, pairs in coincidences.items())
    return Alpha(value=1 - (ratings - 1) * observed / expected, ratings=ratings)


def squared_distances(level: Level, totals: Integers, values: Sequence[float]) -> Floats:
    """Returns the K x K squared distances of a level; ordinal ones are between the categories' mean ranks."""
    if level is Level.NOMINAL:
        return 1 - np.eye(len(values))
    places = np.asarray(values, dtype=np.float64)
    if level is Level.ORDINAL:
        places = np.cumsum(totals) - totals / 2
    difference: Floats = places[:, None] - places[None, :]
    return np.square(difference)
