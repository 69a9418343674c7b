"""Strata of items by their level of doubt: the labelled items of a stratum are a random sample of its items.

The label queue takes items in with a probability that depends on their doubt alone. The share of labelled items of a
level estimates that probability, with less error than the probability itself would have, and whatever annotators
skipped. So a labelled item of stratum d counts (M_d / M) / (n_d / n), with M items in all, n of them labelled:
post-stratification (Holt and Smith 1979, Post Stratification). If all labelled items were drawn at random, all items
are one stratum.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from service.stats.arrays import Floats, Integers
from service.stats.influence import smoothed
from service.stats.intervals import Design
from service.stats.table import Table

LEAST_IN_STRATUM = (
    3  # items in a stratum: fewer show no variance; but strata of other shares of labels, merged, are biased
)
PSEUDO_PAIRS = 2.0  # of the distribution of all pairs, shared out to the strata: some have no disagreement by chance
_SURE = 1e-9  # the least design effect: if all items are labelled, nothing is left to chance


def merged_levels(labelled: Mapping[int, int], levels: Iterable[int]) -> list[list[int]]:
    """Returns the levels in groups of neighbours with at least `LEAST_IN_STRATUM` labelled items each, if possible."""
    groups: list[list[int]] = []
    count = LEAST_IN_STRATUM
    for level in sorted(levels):
        if count >= LEAST_IN_STRATUM:
            groups.append([])
            count = 0
        groups[-1].append(level)
        count += labelled.get(level, 0)
    if len(groups) > 1 and count < LEAST_IN_STRATUM:
        last = groups.pop()
        groups[-1] += last
    return groups


class PairStratum(NamedTuple):
    """The pairs of a stratum, shape (values, columns) of the table, of `labelled` items among its `items`."""

    counts: Integers
    labelled: int
    items: int


class WeightedPairs:
    """A table of pairs that are weighted by strata, with the design effects of the weights.

    Its intervals are for all items of the strata: their variance falls to 0 as all of them are labelled.
    """

    def __init__(self, strata: Sequence[PairStratum], clustered: Design | None) -> None:
        """`strata` have at least one pair; `clustered` is the design of items with several pairs, None without any."""
        used = [each for each in strata if each.labelled]
        labelled, items = sum(each.labelled for each in used), sum(each.items for each in used)
        weights = [each.items / items * labelled / each.labelled for each in used]
        pairs = [float(each.counts.sum()) for each in used]
        scale = sum(pairs) / float(np.dot(weights, pairs))
        self._strata = [(scale * weight, each) for weight, each in zip(weights, used, strict=True)]
        self._clustered = clustered

    @property
    def counts(self) -> Floats:
        """The weighted counts, which sum to the number of pairs."""
        return np.asarray(sum(weight * each.counts for weight, each in self._strata), dtype=np.float64)

    @property
    def worth(self) -> float:
        """The smallest effective number of independent pairs."""
        pairs = float(self.counts.sum())
        clustered = 1.0 if self._clustered is None else pairs / max(self._clustered.worth, _SURE)
        squares = sum(weight**2 * float(each.counts.sum()) for weight, each in self._strata)
        return pairs**2 / squares / max(clustered, 1.0)

    @property
    def deciding(self) -> float:
        """The number of items that decide the design effect: see `intervals.Design`."""
        return math.inf if self._clustered is None else self._clustered.deciding

    @property
    def constant(self) -> float:
        """The design effect on a statistic whose influence varies as much in each stratum as in all."""
        squares = sum(weight**2 * _left(each) * float(each.counts.sum()) for weight, each in self._strata)
        return squares / float(self.counts.sum())

    def effect(self, table: Table, cells: Floats) -> float:
        """Returns the design effect on a statistic with these influences: see `intervals.Design`.

        The variance is the sum over strata of w^2 (1 - n / M) n S^2, with S^2 the sample variance of the influences.
        The table's own pseudo-pairs have the constant effect: pairs that are all alike have no variance to compare.
        """
        clustered = 1.0 if self._clustered is None else self._clustered.effect(table, cells)
        if cells.shape != self._strata[0][1].counts.shape:
            return max(self.constant * clustered, _SURE)
        given, items = smoothed(table), sum(each.items for _, each in self._strata)
        squares = (cells - float((given.pseudo * cells).sum() / given.pseudo.sum())) ** 2
        observed, added = (float((each * squares).sum()) for each in (given.counts, given.pseudo - given.counts))
        shares, weighted = table.counts / table.counts.sum(), self.constant * added
        for weight, each in self._strata:
            pseudo = PSEUDO_PAIRS * each.items / items * shares
            weighted += weight**2 * _left(each) * float(each.counts.sum()) * _variance(each.counts + pseudo, cells)
        independent = observed + added
        return max((weighted / independent if independent else self.constant) * clustered, _SURE)


def _left(stratum: PairStratum) -> float:
    return 1 - stratum.labelled / stratum.items


def _variance(counts: Floats, cells: Floats) -> float:
    """Returns the sample variance of the influences of these pairs."""
    pairs = float(counts.sum())
    mean = float((counts * cells).sum()) / pairs
    return float((counts * (cells - mean) ** 2).sum()) / (pairs - 1)
