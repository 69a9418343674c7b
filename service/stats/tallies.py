"""The sums that statistics are made of, over one table of counts or over a stack of resampled ones at once."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from service.stats.table import Table, numbers

Numbers = NDArray[np.float64]
Truths = NDArray[np.bool_]
Wholes = NDArray[np.intp]

_NOISE = 1e-6  # of floating point, in steps: those of a scale by tenths are not quite equal


class Layout:
    """What a table and all its resamples share: the values that were said, their distances, the declared ones.

    Rows and columns that nobody used are left out: they add nothing to any sum, and a scale of 101 values would
    cost for all of them. Words have their positions in place of numbers, of which only equality means anything.
    """

    def __init__(self, table: Table) -> None:
        self.rows = np.flatnonzero(table.counts.sum(axis=1))
        self.columns = np.flatnonzero(table.counts.sum(axis=0))
        every_row, every_column = _coordinates(table)
        self.human, self.judge = every_row[self.rows], every_column[self.columns]
        self.declared = every_row
        self._ends = np.concatenate([every_row, every_column])
        self._table = table

    @cached_property
    def range(self) -> float:
        """From the least to the greatest value that could be said, 1 where there is but one."""
        return float(np.ptp(self._ends)) or 1.0

    @cached_property
    def difference(self) -> Numbers:
        """Judge minus human, a row for each human value."""
        return self.judge[None, :] - self.human[:, None]

    @cached_property
    def differs(self) -> Numbers:
        """1 where the judge says anything else than the human."""
        return np.not_equal(self.human[:, None], self.judge[None, :]).astype(np.float64)

    @cached_property
    def is_near(self) -> Numbers:
        """1 where the judge is one step of the scale off, or less."""
        return np.less_equal(np.abs(self.difference), self._table.step * (1 + _NOISE)).astype(np.float64)

    @cached_property
    def scaled(self) -> Numbers:
        """The differences as parts of the range: their squares neither overflow nor vanish."""
        parts: Numbers = self.difference / self.range
        return parts

    @cached_property
    def human_scaled(self) -> Numbers:
        parts: Numbers = (self.human - self._ends[0]) / self.range
        return parts

    @cached_property
    def judge_scaled(self) -> Numbers:
        parts: Numbers = (self.judge - self._ends[0]) / self.range
        return parts

    @cached_property
    def pooled(self) -> Numbers:
        """The values that either side said, ascending."""
        return np.unique(np.concatenate([self.human, self.judge]))

    @cached_property
    def human_in_pooled(self) -> Wholes:
        return np.searchsorted(self.pooled, self.human)

    @cached_property
    def judge_in_pooled(self) -> Wholes:
        return np.searchsorted(self.pooled, self.judge)


class Tallies:
    """Sums over a stack of tables of one layout; `counts` has the axes table, human value, judge value.

    Every attribute has one entry, or one row, for each table of the stack. Counts are whole numbers in floating
    point: exact as far as 2^53.
    """

    def __init__(self, layout: Layout, counts: Numbers) -> None:
        self.layout = layout
        self.counts = counts

    @classmethod
    def of(cls, table: Table) -> "Tallies":
        """A stack of this table alone."""
        layout = Layout(table)
        said = table.counts[np.ix_(layout.rows, layout.columns)]
        return cls(layout, said.astype(np.float64)[None])

    def weighed(self, weights: Numbers) -> Numbers:
        """The sum of all counts, each times the weight of its cell."""
        # Not `@`: for products this small, BLAS spends more on waking its threads than on the sums.
        sums: Numbers = np.einsum("tc,c->t", self.counts.reshape(len(self.counts), -1), weights.ravel())
        return sums

    def weighed_by_chance(self, weights: Numbers) -> Numbers:
        """The same if the two sides had nothing to do with each other."""
        return summed((self.human @ weights) * self.judge) / self.pairs

    def joint(self, human: Numbers, judge: Numbers) -> Numbers:
        """The sum of all counts, each times a number of its row and one of its column (a row for each table)."""
        return summed(np.einsum("tij,tj->ti", self.counts, judge) * human)

    @cached_property
    def human(self) -> Numbers:
        """How often the human said each value."""
        sums: Numbers = self.counts.sum(axis=2)
        return sums

    @cached_property
    def judge(self) -> Numbers:
        sums: Numbers = self.counts.sum(axis=1)
        return sums

    @cached_property
    def pairs(self) -> Numbers:
        return summed(self.human)

    @cached_property
    def pooled(self) -> Numbers:
        """How often either side said each value of `layout.pooled`."""
        both = np.zeros((len(self.counts), len(self.layout.pooled)))
        both[:, self.layout.human_in_pooled] += self.human
        both[:, self.layout.judge_in_pooled] += self.judge
        return both

    @cached_property
    def differing(self) -> Numbers:
        return self.weighed(self.layout.differs)

    # How many different values were said. What is constant is told by these: a variance is rarely quite zero.

    @cached_property
    def human_values(self) -> Wholes:
        return _support(self.human)

    @cached_property
    def judge_values(self) -> Wholes:
        return _support(self.judge)

    @cached_property
    def pooled_values(self) -> Wholes:
        return _support(self.pooled)

    # Moments of the values as parts of their range, around the mean: centred first, so that nothing cancels.

    @cached_property
    def human_centred(self) -> Numbers:
        return _centred(self.human, self.layout.human_scaled, self.pairs)

    @cached_property
    def judge_centred(self) -> Numbers:
        return _centred(self.judge, self.layout.judge_scaled, self.pairs)

    @cached_property
    def human_squares(self) -> Numbers:
        return summed(self.human * self.human_centred**2)

    @cached_property
    def judge_squares(self) -> Numbers:
        return summed(self.judge * self.judge_centred**2)

    @cached_property
    def products(self) -> Numbers:
        return self.joint(self.human_centred, self.judge_centred)

    @cached_property
    def human_ranks(self) -> Numbers:
        """The midrank of each value minus the mean rank, as a part of the number of pairs."""
        return midranks(self.human)

    @cached_property
    def judge_ranks(self) -> Numbers:
        return midranks(self.judge)

    # Pairs of pairs, as sums of what is positive: n(n-1)/2 minus the ties would cancel.

    @cached_property
    def dominance(self) -> Numbers:
        """Concordant minus discordant pairs of pairs."""
        # Of each human value, how many judgments are higher than a column's, minus how many are lower.
        higher = self.human[:, :, None] + self.counts - 2 * self.counts.cumsum(axis=2)
        below = higher.sum(axis=1, keepdims=True) - higher.cumsum(axis=1)
        pairs: Numbers = np.einsum("tij,tij->t", self.counts, below)
        return pairs

    @cached_property
    def human_untied(self) -> Numbers:
        """Pairs of pairs of which the human said different values."""
        return _untied(self.human)

    @cached_property
    def judge_untied(self) -> Numbers:
        return _untied(self.judge)

    # Of two values, the second the positive one; for binary tables alone.

    @cached_property
    def true_negatives(self) -> Numbers:
        return self._cell(0, 0)

    @cached_property
    def false_positives(self) -> Numbers:
        return self._cell(0, 1)

    @cached_property
    def false_negatives(self) -> Numbers:
        return self._cell(1, 0)

    @cached_property
    def true_positives(self) -> Numbers:
        return self._cell(1, 1)

    def _cell(self, row: int, column: int) -> Numbers:
        weights = (self.layout.rows == row)[:, None] & (self.layout.columns == column)[None, :]
        return self.weighed(weights.astype(np.float64))


def summed(values: Numbers) -> Numbers:
    """One sum for each table of a stack, over all its other axes."""
    sums: Numbers = values.reshape(len(values), -1).sum(axis=1)
    return sums


def midranks(counts: Numbers) -> Numbers:
    """The midrank of each value minus the mean rank, as a part of how many there are (a row for each table)."""
    how_many = counts.sum(axis=1, keepdims=True)
    ranks: Numbers = (counts.cumsum(axis=1) - counts / 2 - how_many / 2) / how_many
    return ranks


def correlation(product: Numbers, human: Numbers, judge: Numbers) -> Numbers:
    """A sum of products over the root of two sums of squares."""
    return within_unit(product / np.sqrt(human * judge))


def within_unit(values: Numbers) -> Numbers:
    """Without the rounding that leaves perfect agreement a little above 1."""
    return np.clip(values, -1.0, 1.0)


def _support(counts: Numbers) -> Wholes:
    support: Wholes = np.count_nonzero(counts, axis=1)
    return support


def _centred(counts: Numbers, values: Numbers, pairs: Numbers) -> Numbers:
    return values[None, :] - ((counts @ values) / pairs)[:, None]


def _untied(counts: Numbers) -> Numbers:
    return summed(counts * (counts.sum(axis=1, keepdims=True) - counts.cumsum(axis=1)))


def _coordinates(table: Table) -> tuple[Numbers, Numbers]:
    if table.are_words:
        positions = np.arange(len(table.values), dtype=np.float64)
        return positions, positions
    return numbers(table.values), numbers(table.columns)
