"""Coarser forms of tables of many values, whose influences would take too long. Values always use the full table."""

from typing import NamedTuple

import numpy as np

from service.stats.arrays import Booleans, Floats, Integers
from service.stats.table import Table, empty_like, numbers
from service.stats.values import Value

MANY = 12  # values of a side up to which a table is used as it is
MANY_WORDS = 30  # the same of words: with 400 of them, influences would take 190 GB
_SINGLE_WORDS = 10  # of these, the most frequent ones; the others are bins
_MOST_NAMES = MANY - 2  # and one name for the rest, with one for what differs from it


class Coarsened(NamedTuple):
    """A table with few values, and the place in it of each row and each column of the full table."""

    table: Table
    rows: Integers
    columns: Integers

    def spread(self, cells: Floats) -> Floats:
        """Returns the value of each cell of the full table, from those of the cells of this one."""
        found: Floats = cells[np.ix_(self.rows, self.columns)]
        if self.table.are_words and len(self.rows) > len(cells):
            human, judge = np.nonzero(_share_a_bin(self.rows))
            found[human, judge] = cells[self.rows[human], _beside(self.rows[human])]
        return found


def coarsened(table: Table) -> Table:
    """Returns the table with at most `MANY` values on each side; the table itself if it has no more.

    Words are the table itself up to `MANY_WORDS`, and in so many bins beyond. Unused values are dropped, except for the
    ends of the scale, and neighbouring values are merged into bins of about equally many pairs, each with the mean of
    its values. If both sides have the same values, so have the results.
    """
    return coarsened_with_places(table).table


def coarsened_with_places(table: Table) -> Coarsened:
    """Returns the table as `coarsened` does, and the bin of each of its values."""
    if table.are_words and table.values == table.columns and len(table.values) > MANY_WORDS:
        return _in_bins(table)
    if table.are_words or max(table.counts.shape) <= MANY:
        return Coarsened(table, np.arange(len(table.values)), np.arange(len(table.columns)))
    human, judge = table.counts.sum(axis=1), table.counts.sum(axis=0)
    if table.values == table.columns:
        rows = columns = _side(numbers(table.values), human + judge)
    else:
        rows, columns = _side(numbers(table.values), human), _side(numbers(table.columns), judge)
    return Coarsened(_merged(table, rows, columns), rows[0], columns[0])


def as_names(table: Table) -> Table:
    """Returns the most frequent values of a table as names, and one name for the rest; the table if it has few.

    Pairs of two different rare values remain different.
    """
    pooled = table.counts.sum(axis=1) + table.counts.sum(axis=0)
    if len(pooled) <= MANY:
        return table
    rest = np.argsort(-pooled, kind="stable")[_MOST_NAMES:]
    places = np.empty(len(pooled), dtype=np.int64)
    places[np.argsort(-pooled, kind="stable")] = np.arange(len(pooled))
    kept = np.minimum(places, _MOST_NAMES)
    counts = empty_like(table, (MANY, MANY))
    np.add.at(counts, (kept[:, None], kept[None, :]), table.counts)
    inside = table.counts[np.ix_(rest, rest)]
    differing = inside.sum() - np.trace(inside)
    counts[_MOST_NAMES, _MOST_NAMES] -= differing
    counts[_MOST_NAMES, _MOST_NAMES + 1] += differing
    words: tuple[Value, ...] = tuple(f"{place:03}" for place in range(MANY))
    return Table(words, words, counts)


def _in_bins(table: Table) -> Coarsened:
    """Returns a table of many words with the most frequent ones, and the others in bins in turns.

    A pair of two different words of one bin stands beside the diagonal. So the share of equal pairs remains, and nearly
    that of pairs which would be equal by chance.
    """
    ranks = np.empty(len(table.values), dtype=np.int64)
    ranks[np.argsort(-table.counts.sum(axis=1) - table.counts.sum(axis=0), kind="stable")] = np.arange(len(ranks))
    bins = MANY_WORDS - _SINGLE_WORDS
    places = np.where(ranks < _SINGLE_WORDS, ranks, _SINGLE_WORDS + (ranks - _SINGLE_WORDS) % bins)
    counts = empty_like(table, (MANY_WORDS, MANY_WORDS))
    human, judge = np.nonzero(table.counts)
    aside = _share_a_bin(places)[human, judge]
    said = np.where(aside, _beside(places[human]), places[judge])
    np.add.at(counts, (places[human], said), table.counts[human, judge])
    words: tuple[Value, ...] = tuple(f"{place:03}" for place in range(MANY_WORDS))
    return Coarsened(Table(words, words, counts), places, places)


def _share_a_bin(places: Integers) -> Booleans:
    """Returns which two different words have the same place."""
    shared: Booleans = (places[:, None] == places[None, :]) & ~np.eye(len(places), dtype=bool)
    return shared


def _beside(places: Integers) -> Integers:
    """Returns the next bin of each bin."""
    return _SINGLE_WORDS + (places + 1 - _SINGLE_WORDS) % (MANY_WORDS - _SINGLE_WORDS)


def binned(values: Floats, counts: Integers | Floats, most: int) -> tuple[Integers, Floats]:
    """Returns the bin of each value and the bins' means: at most `most` bins of neighbours with about equal counts.

    A value without counts is in the bin of the next lower value that has some.
    """
    total = max(int(counts.sum()), 1)
    used = counts > 0
    if np.count_nonzero(used) <= most:
        wanted = np.cumsum(used) - 1
    else:
        wanted = np.minimum((most * (np.cumsum(counts) - counts / 2) / total).astype(np.int64), most - 1)
    kinds = np.unique(wanted[used])
    places = np.maximum(np.searchsorted(kinds, wanted, side="right") - 1, 0)
    sums = np.bincount(places, counts * values, minlength=max(len(kinds), 1))
    totals = np.bincount(places, counts, minlength=max(len(kinds), 1))
    return places, sums / np.maximum(totals, 1)


def _side(values: Floats, counts: Integers | Floats) -> tuple[Integers, Floats]:
    """Returns the bin of each value and the bins' values, with the ends of the scale as bins of their own."""
    places, means = binned(values, counts, MANY - 2)
    if means[0] > values[0]:
        places, means = places + 1, np.append(values[0], means)
    if means[-1] < values[-1]:
        means = np.append(means, values[-1])
    return places, means


def _merged(table: Table, rows: tuple[Integers, Floats], columns: tuple[Integers, Floats]) -> Table:
    counts = empty_like(table, (len(rows[1]), len(columns[1])))
    np.add.at(counts, (rows[0][:, None], columns[0][None, :]), table.counts)
    values, judged = (tuple(side.tolist()) for side in (rows[1], columns[1]))
    return Table(values, judged, counts, table.scale_step)
