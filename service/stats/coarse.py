"""Coarser forms of tables of many values, whose intervals would take too long. Values always use the full table."""

import numpy as np

from service.stats.arrays import Floats, Integers
from service.stats.table import Table, Value, numbers

MANY = 41  # values of a side up to which a table is used as it is
MOST = 25  # values of a side of a coarser form, which lowers correlations by less than .003


def is_fine(table: Table) -> bool:
    """Whether a side uses so many values that a coarser form is worth its loss."""
    said = [int(np.count_nonzero(table.counts.sum(axis=axis))) for axis in (0, 1)]
    return not table.are_words and max(said) > MANY


def coarsened(table: Table) -> Table:
    """Merges neighbouring values into bins of about equally many pairs, each with the mean of its values.

    If both sides have the same values, they have the same bins.
    """
    human, judge = table.counts.sum(axis=1), table.counts.sum(axis=0)
    if table.values == table.columns:
        places, values = binned(numbers(table.values), human + judge, MOST)
        return _merged(table, (places, values), (places, values))
    rows, columns = (
        binned(numbers(side), counts, MOST) for side, counts in ((table.values, human), (table.columns, judge))
    )
    return _merged(table, rows, columns)


def as_names(table: Table) -> Table:
    """Reduces a table to its most frequent values as names, and keeps whether the other values are equal."""
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


def binned(values: Floats, counts: Integers, most: int) -> tuple[Integers, Floats]:
    """Returns the bin of each value and the bins' means: at most `most` bins of neighbours with about equal counts.

    A value without counts is in the bin of the next lower value that has some.
    """
    total = max(int(counts.sum()), 1)
    wanted = np.minimum((most * (np.cumsum(counts) - counts / 2) / total).astype(np.int64), most - 1)
    said = counts > 0
    kinds = np.unique(wanted[said])
    places = np.maximum(np.searchsorted(kinds, wanted, side="right") - 1, 0)
    sums = np.bincount(places, counts * values, minlength=max(len(kinds), 1))
    totals = np.bincount(places, counts, minlength=max(len(kinds), 1))
    return places, sums / np.maximum(totals, 1)


def _merged(table: Table, rows: tuple[Integers, Floats], columns: tuple[Integers, Floats]) -> Table:
    counts = np.zeros((len(rows[1]), len(columns[1])), dtype=np.int64)
    np.add.at(counts, (rows[0][:, None], columns[0][None, :]), table.counts)
    values, judged = (tuple(side.tolist()) for side in (rows[1], columns[1]))
    return Table(values, judged, counts, table.scale_step)
