"""The influence of one more pair on each statistic of a table, from which standard errors follow without resampling.

The infinitesimal jackknife (Jaeckel 1972; Efron and Tibshirani 1993, chapter 21): with T the counts, n their sum and
V = n d theta / d T for each cell, the variance of theta is sum T V^2 / n^2. Near perfect agreement the observed counts
show too little variation, so that pseudo-pairs are added first: half of one at the pooled marginals, as if the sides
were independent, and one near the diagonal. The derivatives are differences of the statistic over a stack of
tables, each with slightly more in one cell: a new statistic needs no formula of its own.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from service.stats.arrays import Floats
from service.stats.statistics import STATISTICS
from service.stats.table import Table
from service.stats.tallies import Layout, Tallies

AT_MARGINALS, NEAR_DIAGONAL = 0.5, 1.0  # pseudo-pairs
_STEP = 1e-5  # of the smaller marginal of a cell: the difference is then the derivative to about as many digits


class Influence(NamedTuple):
    """A statistic at a table with pseudo-pairs: its value there, and the influence of one more pair in each cell.

    `cells` has the shape (values, columns) of the table and the mean 0 over the pairs with pseudo-pairs. `variance` is
    that of one pair's influence.
    """

    value: float
    cells: Floats
    variance: float


class Smoothed(NamedTuple):
    """A table's counts as floats, and the same with the pseudo-pairs: both with all values, used or not."""

    layout: Layout
    counts: Floats
    pseudo: Floats


def smoothed(table: Table, times: float = 1.0) -> Smoothed:
    """Returns the table with half a pseudo-pair at the marginals and one near the diagonal, both `times` so many.

    `times` is the number of pairs that say as much as one independent pair. The table must have pairs.
    """
    layout = Layout(table, whole=True)
    counts = table.counts.astype(np.float64)
    human, judge = counts.sum(axis=1) / table.pairs, counts.sum(axis=0) / table.pairs
    if table.columns == table.values:
        human = judge = (human + judge) / 2
    near = 1 / (1 + layout.distance) ** 2
    return Smoothed(
        layout, counts, counts + times * (AT_MARGINALS * np.outer(human, judge) + NEAR_DIAGONAL * near / near.sum())
    )


def influences(given: Smoothed, names: Sequence[str]) -> Mapping[str, Influence]:
    """Returns the influence on each named statistic. The cost grows with the fourth power of the number of values."""
    if not names:
        return {}
    pseudo = given.pseudo
    steps = _STEP * np.minimum(pseudo.sum(axis=1)[:, None], pseudo.sum(axis=0)[None, :]).ravel()
    stack = np.repeat(pseudo[None], len(steps) + 1, axis=0)
    stack.reshape(len(stack), -1)[np.arange(1, len(stack)), np.arange(len(steps))] += steps
    tallies, total = Tallies(given.layout, stack), float(pseudo.sum())
    found = {}
    for name in names:
        values = STATISTICS[name].compute(tallies)
        cells = ((values[1:] - values[0]) / steps * total).reshape(pseudo.shape)
        cells = cells - float((pseudo * cells).sum()) / total
        found[name] = Influence(float(values[0]), cells, float((pseudo * cells**2).sum()) / total)
    return found
