"""Krippendorff's alpha of any number of coders, from counters that do not grow with the items.

A coder is a human annotator or a judge; coders may miss items. An item is known by its counts: how many coders chose
each of the K categories. Counts are folded into one K x K integer matrix for each number m >= 2 of an item's coders:

    coincidences[m] += outer(counts, counts) - diag(counts)          the ordered pairs of two coders' values

All that follows is a function of these matrices. They are sums over items, so windows add, and the change that one more
value makes is itself a set of such matrices, with the old item's pairs negative.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

import msgspec
import numpy as np
from numpy.typing import NDArray

Counts = Sequence[int]  # of one item: how many coders chose category 0..K-1
Pairs = NDArray[np.int64]  # K x K, symmetric: ordered pairs of the values of an item's coders
Coincidences = Mapping[int, Pairs]  # by the number of coders of an item
Floats = NDArray[np.float64]


class Level(StrEnum):
    """What a difference between two categories means: nothing but difference, order, or distance of their values."""

    NOMINAL = "nominal"
    ORDINAL = "ordinal"
    INTERVAL = "interval"


class Alpha(msgspec.Struct, frozen=True, kw_only=True):
    """Alpha, at most 1 and 0 for chance; `value` is None with a `reason` where nothing can be measured.

    `ratings` counts the values on items with at least two coders, N in the formula.
    """

    value: float | None
    ratings: int
    reason: str | None = None


def ordered_pairs(counts: Counts) -> Pairs:
    """The ordered pairs of an item's values, K x K: m (m - 1) in all for m coders, none for a lone one."""
    chosen = np.asarray(counts, dtype=np.int64)
    if chosen.min(initial=0) < 0:
        raise ValueError(f"counts of coders can't be negative: {list(counts)}")
    return np.outer(chosen, chosen) - np.diag(chosen)


def change(before: Counts, after: Counts) -> dict[int, Pairs]:
    """What to add to the coincidences when an item's counts become others, whatever came, went or was replaced."""
    changes: dict[int, Pairs] = {}
    for counts, sign in ((before, -1), (after, 1)):
        coders = sum(counts)
        if coders >= 2:
            pairs = sign * ordered_pairs(counts)
            changes[coders] = changes[coders] + pairs if coders in changes else pairs
    return {coders: pairs for coders, pairs in changes.items() if pairs.any()}


def added(counts: Counts, category: int) -> list[int]:
    """An item's counts after one more coder chose a category."""
    return [count + (index == category) for index, count in enumerate(counts)]


def removed(counts: Counts, category: int) -> list[int]:
    """An item's counts after a coder's value was taken back."""
    return [count - (index == category) for index, count in enumerate(counts)]


def merge(parts: Iterable[Coincidences]) -> dict[int, Pairs]:
    """The sum of coincidences: of windows, or of a state and its changes. Matrices of nothing are left out."""
    total: dict[int, Pairs] = {}
    for part in parts:
        for coders, pairs in part.items():
            total[coders] = total[coders] + pairs if coders in total else pairs
    return {coders: pairs for coders, pairs in total.items() if pairs.any()}


def coincidences_of(rows: Iterable[Sequence[int | None]], categories: int) -> dict[int, Pairs]:
    """Coincidences of plain rows: one an item, in it each coder's category index, None where missing."""
    total: dict[int, Pairs] = {}
    for row in rows:
        present = [value for value in row if value is not None]
        if len(present) >= 2:
            pairs = ordered_pairs(np.bincount(present, minlength=categories).tolist())
            total[len(present)] = total[len(present)] + pairs if len(present) in total else pairs
    return total


def marginals(coincidences: Coincidences, categories: int) -> Pairs:
    """How often each category was chosen on items with at least two coders: K exact integers.

    An item's row sums are counts x (m - 1), so the division leaves no rest.
    """
    total = np.zeros(categories, dtype=np.int64)
    for coders, pairs in coincidences.items():
        total += pairs.sum(axis=1) // (coders - 1)
    return total


def alpha(coincidences: Coincidences, level: Level, values: Sequence[float]) -> Alpha:
    """1 - observed / expected disagreement (Krippendorff 2011, Computing Krippendorff's Alpha-Reliability, section E).

    o = sum_m coincidences[m] / (m - 1), n_c = row sums of o, N = sum n_c,
    alpha = 1 - (N - 1) sum o d / sum n_c n_k d, with d of the level:
    nominal 1; ordinal (sum_{g=c..k} n_g - (n_c + n_k) / 2)^2; interval (v_c - v_k)^2.

    `values` are the K categories' values in order; for nominal and ordinal they matter by their number alone. None with
    `no_pairs` where no item has two coders, with `both_constant` where all of them chose the same.
    """
    totals = marginals(coincidences, len(values))
    ratings = int(totals.sum())
    if ratings == 0:
        return Alpha(value=None, ratings=0, reason="no_pairs")
    distance = _squared_distances(level, totals, values)
    expected = float((np.outer(totals, totals) * distance).sum())
    if expected == 0:  # exactly: every term is
        return Alpha(value=None, ratings=ratings, reason="both_constant")
    observed = sum(float((pairs * distance).sum()) / (coders - 1) for coders, pairs in coincidences.items())
    return Alpha(value=1 - (ratings - 1) * observed / expected, ratings=ratings)


def _squared_distances(level: Level, totals: Pairs, values: Sequence[float]) -> Floats:
    """K x K. Ordinal distances are those between the categories' middle ranks among all ratings."""
    if level is Level.NOMINAL:
        return 1 - np.eye(len(values))
    places = np.asarray(values, dtype=np.float64)
    if level is Level.ORDINAL:
        places = np.cumsum(totals) - totals / 2
    difference: Floats = places[:, None] - places[None, :]
    return np.square(difference)
