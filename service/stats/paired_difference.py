"""The difference of a judge's agreement with people and a rival's on the same items, with a 95% interval.

The rival is a baseline, or another person. Both statistics come from tables of the same pairs, and so does the variance
of their difference: from the difference of both influences of each pair (see `influence.py`). A side that always gives
the same value orders nothing: its correlation counts as 0, that of chance.
"""

import math
from typing import NamedTuple

import numpy as np

from service.stats.arrays import Floats, Integers
from service.stats.coarse import coarsened_with_places
from service.stats.distributions import student_t_quantile
from service.stats.influence import influences, smoothed
from service.stats.intervals import FEWEST_PAIRS
from service.stats.statistics import evaluate
from service.stats.table import Table

_COVERAGE = 0.975  # of each side
_LEAST_FREEDOM = 2.0
_MOST = 2.0  # of a difference of two statistics between -1 and 1


class PairedCounts(NamedTuple):
    """A person's values with a judge's and a rival's for the same items.

    `judge` and `rival` are the tables of each with people, whose rows are the same. `cells` has a row for each
    different triple: the places of the person's, the judge's and the rival's value, and the number of pairs.
    `items` is the number of items, and `effect` the design effect of several pairs of one item, 1 or more.
    """

    judge: Table
    rival: Table
    cells: Integers
    items: int
    effect: float

    @property
    def worth(self) -> float:
        """The effective number of independent pairs."""
        return self.judge.pairs / self.effect


class PairedDifference(NamedTuple):
    """A statistic of the judge, of the rival, and the judge's minus the rival's with its 95% interval."""

    judge: float
    rival: float
    value: float
    lower: float
    upper: float


class _Side(NamedTuple):
    """A statistic of one table: its value, its value with pseudo-pairs, and the influence of one pair in each cell.

    `pseudo` is the sum of the squared influences over the pseudo-pairs.
    """

    value: float
    middle: float
    influence: Floats
    pseudo: float


def paired_difference(pairs: PairedCounts, name: str) -> PairedDifference | None:
    """Returns the difference of the statistic `name`; None with too few pairs, or if people always give one value."""
    if pairs.worth < FEWEST_PAIRS or np.count_nonzero(pairs.judge.counts.sum(axis=1)) < 2:
        return None
    judge, rival = _side(pairs.judge, name), _side(pairs.rival, name)
    human, judged, other, counts = pairs.cells.T
    cells = judge.influence[human, judged] - rival.influence[human, other]
    observed = float(counts.sum())
    total = observed + 1.5  # with the pseudo-pairs of one table
    cells = cells - float((counts * cells).sum()) / observed
    variance = (float((counts * cells**2).sum()) + judge.pseudo + rival.pseudo) / total
    error = math.sqrt(variance / total * pairs.effect)
    value, middle = judge.value - rival.value, judge.middle - rival.middle
    reach = student_t_quantile(_COVERAGE, _freedom(cells, counts, variance, pairs.worth)) * error
    lower, upper = min(value, middle) - reach, max(value, middle) + reach
    return PairedDifference(judge.value, rival.value, value, max(lower, -_MOST), min(upper, _MOST))


def _side(table: Table, name: str) -> _Side:
    found = evaluate(table, [name])[name].value
    if found is None:
        return _Side(0.0, 0.0, np.zeros(table.counts.shape), 0.0)
    coarse = coarsened_with_places(table)
    given = smoothed(coarse.table)
    influence = influences(given, [name])[name]
    shift = found - _value(coarse.table, name, found)
    pseudo = float(((given.pseudo - given.counts) * influence.cells**2).sum())
    return _Side(found, influence.value + shift, coarse.spread(influence.cells), pseudo)


def _value(table: Table, name: str, otherwise: float) -> float:
    value = evaluate(table, [name])[name].value
    return otherwise if value is None else value


def _freedom(cells: Floats, counts: Integers, variance: float, independent: float) -> float:
    """Returns Satterthwaite's degrees of freedom, as `intervals.freedom_of` does, of the differences of influences."""
    most = max(independent - 1, _LEAST_FREEDOM)
    excess = float((counts * cells**4).sum()) / float(counts.sum()) - variance**2
    if excess <= 0:
        return most
    return max(min(2 * independent * variance**2 / excess, most), _LEAST_FREEDOM)
