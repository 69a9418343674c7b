"""Coarser forms of tables of many values, for resampling: a thousand draws of 400 x 400 counts would take minutes.

Of intervals alone: values are always those of the table as it is.
"""

import numpy as np
from numpy.typing import NDArray

from service.stats.table import Table, Value, numbers

MANY = 41  # values a side that are drawn as they are
MOST = 25  # values a side of a coarser form: a sixth of the cost, and correlations lower by less than .003

_Wholes = NDArray[np.int64]
_Floats = NDArray[np.float64]


def is_fine(table: Table) -> bool:
    """Whether a side said so many values that a coarser form is worth its loss."""
    said = [int(np.count_nonzero(table.counts.sum(axis=axis))) for axis in (0, 1)]
    return not table.are_words and max(said) > MANY


def coarsened(table: Table) -> Table:
    """Neighbouring values put together, about equally many pairs each, with the mean of what was said for a value.

    Where both sides have the same values they have the same ones afterwards too.
    """
    human, judge = table.counts.sum(axis=1), table.counts.sum(axis=0)
    if table.values == table.columns:
        places, values = binned(numbers(table.values), human + judge, MOST)
        return _merged(table, (places, values), (places, values))
    rows, columns = (
        binned(numbers(side), counts, MOST) for side, counts in ((table.values, human), (table.columns, judge))
    )
    return _merged(table, rows, columns)


def named(table: Table) -> Table:
    """The most frequent values as mere names, of which only equality counts; whether the others are equal is kept."""
    pooled = table.counts.sum(axis=1) + table.counts.sum(axis=0)
    rest = np.argsort(-pooled, kind="stable")[MANY:]
    places = np.empty(len(pooled), dtype=np.int64)
    places[np.argsort(-pooled, kind="stable")] = np.arange(len(pooled))
    kept = np.minimum(places, MANY)
    size = min(len(pooled), MANY) + 2
    counts = np.zeros((size, size), dtype=np.int64)
    np.add.at(counts, (kept[:, None], kept[None, :]), table.counts)
    inside = table.counts[np.ix_(rest, rest)]
    differing = int(inside.sum() - np.trace(inside))
    if len(rest):
        counts[MANY, MANY] -= differing
        counts[MANY, MANY + 1] += differing
    words: tuple[Value, ...] = tuple(f"{place:03}" for place in range(size))
    return Table(words, words, counts)


def binned(values: _Floats, counts: _Wholes, most: int) -> tuple[_Wholes, _Floats]:
    """The bin of each value and the bins' means: at most so many, of neighbours, about equally many counts in each.

    Values that were not said are in the bin of the next lower one that was.
    """
    total = max(int(counts.sum()), 1)
    wanted = np.minimum((most * (np.cumsum(counts) - counts / 2) / total).astype(np.int64), most - 1)
    said = counts > 0
    kinds = np.unique(wanted[said])
    places = np.maximum(np.searchsorted(kinds, wanted, side="right") - 1, 0)
    sums = np.bincount(places, counts * values, minlength=max(len(kinds), 1))
    totals = np.bincount(places, counts, minlength=max(len(kinds), 1))
    return places, sums / np.maximum(totals, 1)


def _merged(table: Table, rows: tuple[_Wholes, _Floats], columns: tuple[_Wholes, _Floats]) -> Table:
    counts = np.zeros((len(rows[1]), len(columns[1])), dtype=np.int64)
    np.add.at(counts, (rows[0][:, None], columns[0][None, :]), table.counts)
    values, judged = (tuple(side.tolist()) for side in (rows[1], columns[1]))
    return Table(values, judged, counts, table.scale_step)
