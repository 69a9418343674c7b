"""Decides many comparisons at once, so that a single false claim among all of them has a probability of 5%.

The step-down max-T procedure: each comparison has a statistic |difference| / standard error, and draws of the same
statistics as they would be without any difference. A comparison is decided if its statistic exceeds the 95% quantile of
the largest of all of them. The quantile is then computed again without the decided ones, until no more are decided.

Source: J. Romano and M. Wolf, Exact and Approximate Stepdown Methods for Multiple Hypothesis Testing, Journal of the
American Statistical Association 100, 2005.
"""

import math
from collections.abc import Callable

import numpy as np

from service.stats.arrays import Booleans, Floats

LEVEL = 0.05  # the probability of a false claim among all comparisons


def decided(statistics: Floats, largest: Callable[[Booleans], Floats]) -> Booleans:
    """Returns which of the comparisons are decided: shape (comparisons,).

    `statistics` are those observed, not negative, and NaN for a comparison that can't be made. `largest` returns, for a
    choice of comparisons, the largest statistic of each draw: shape (draws,). The number of draws limits the precision:
    the quantile is the value with rank .95 (draws + 1), rounded up.
    """
    left: Booleans = ~np.isnan(statistics)
    found: Booleans = np.zeros(len(statistics), dtype=np.bool_)
    while left.any():
        above = left & (np.where(left, statistics, 0.0) > _critical(largest(left)))
        if not above.any():
            break
        found |= above
        left &= ~above
    return found


def ranks_of(better: Booleans) -> list[int]:
    """Returns 1 + the number of rows that are better than each; `better` is true if the row is better than the column.

    Its shape is (rows, rows).
    """
    ranks: list[int] = (1 + better.sum(axis=0)).tolist()
    return ranks


def _critical(largest: Floats) -> float:
    place = math.ceil((1 - LEVEL) * (len(largest) + 1))
    return float(np.partition(largest, place - 1)[place - 1]) if place <= len(largest) else math.inf
