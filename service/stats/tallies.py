"""The sums that statistics are computed from, for one table of counts or for a stack of tables at once."""

from functools import cached_property

import numpy as np

from service.stats.arrays import Floats, Indices
from service.stats.table import Table, numbers

_NOISE = 1e-6  # in steps: the steps of a scale by tenths differ in floating point


class Layout:
    """The values that a table and its variations share, and the distances between them.

    Rows and columns without counts are left out: they add nothing to any sum. Words are represented by their positions,
    of which only equality has a meaning.
    """

    def __init__(self, table: Table, *, whole: bool = False) -> None:
        """`whole` keeps rows and columns without counts."""
        self.rows = np.arange(len(table.values)) if whole else np.flatnonzero(table.counts.sum(axis=1))
        self.columns = np.arange(len(table.columns)) if whole else np.flatnonzero(table.counts.sum(axis=0))
        every_row, every_column = _coordinates(table)
        self.human, self.judge = every_row[self.rows], every_column[self.columns]
        self.declared = every_row
        self._ends = np.concatenate([every_row, every_column])
        self._table = table

    @cached_property
    def range(self) -> float:
        """The distance of the lowest and the highest possible value; 1 if there is only one."""
        return float(np.ptp(self._ends)) or 1.0

    @cached_property
    def difference(self) -> Floats:
        """Judge minus human, shape (rows, columns)."""
        return self.judge[None, :] - self.human[:, None]

    @cached_property
    def differs(self) -> Floats:
        """1 for cells with different values, else 0."""
        return np.not_equal(self.human[:, None], self.judge[None, :]).astype(np.float64)

    @cached_property
    def is_near(self) -> Floats:
        """1 for cells whose values are at most one step of the scale apart, or one place if it has no step, else 0."""
        step, human, judge = self._table.scale_step, self.human, self.judge
        if step is None:
            places = np.arange(len(self.declared), dtype=np.float64)
            step, human, judge = 1.0, np.interp(human, self.declared, places), np.interp(judge, self.declared, places)
        return np.less_equal(np.abs(judge[None, :] - human[:, None]), step * (1 + _NOISE)).astype(np.float64)

    @cached_property
    def distance(self) -> Floats:
        """The distance of the two values of each cell in mean steps; for words 1 if they differ, else 0."""
        if self._table.are_words:
            return self.differs
        steps = max(len(self._table.values), len(self._table.columns)) - 1
        return np.abs(self.scaled) * steps

    @cached_property
    def scaled(self) -> Floats:
        """The differences divided by the range: their squares neither overflow nor vanish."""
        parts: Floats = self.difference / self.range
        return parts

    @cached_property
    def human_scaled(self) -> Floats:
        """The rows' values as parts of the range."""
        parts: Floats = (self.human - self._ends[0]) / self.range
        return parts

    @cached_property
    def judge_scaled(self) -> Floats:
        """The columns' values as parts of the range."""
        parts: Floats = (self.judge - self._ends[0]) / self.range
        return parts

    @cached_property
    def pooled(self) -> Floats:
        """The distinct values of both sides, ascending."""
        return np.unique(np.concatenate([self.human, self.judge]))

    @cached_property
    def human_in_pooled(self) -> Indices:
        """The place of each row in `pooled`."""
        return np.searchsorted(self.pooled, self.human)

    @cached_property
    def judge_in_pooled(self) -> Indices:
        """The place of each column in `pooled`."""
        return np.searchsorted(self.pooled, self.judge)


class Tallies:
    """Sums over a stack of tables of one layout.

    `counts` has the shape (tables, rows, columns) and may hold fractions. Every property has one entry, or one row, for
    each table.
    """

    def __init__(self, layout: Layout, counts: Floats) -> None:
        self.layout = layout
        self.counts = counts

    @classmethod
    def of(cls, table: Table) -> "Tallies":
        """Returns a stack of this table alone."""
        layout = Layout(table)
        counts = table.counts[np.ix_(layout.rows, layout.columns)]
        return cls(layout, counts.astype(np.float64)[None])

    def weighed(self, weights: Floats) -> Floats:
        """Returns the sum of all counts, each times the weight of its cell: shape (tables,)."""
        # Not `@`: for products this small, BLAS spends more time on its threads than on the sums.
        sums: Floats = np.einsum("tc,c->t", self.counts.reshape(len(self.counts), -1), weights.ravel())
        return sums

    def weighed_by_chance(self, weights: Floats) -> Floats:
        """Returns the same for independent sides with the same marginals."""
        return summed((self.human @ weights) * self.judge) / self.pairs

    def joint(self, human: Floats, judge: Floats) -> Floats:
        """Returns the sum of all counts, each times a number of its row and one of its column: shape (tables,)."""
        return summed(np.einsum("tij,tj->ti", self.counts, judge) * human)

    @cached_property
    def human(self) -> Floats:
        """The row sums."""
        sums: Floats = self.counts.sum(axis=2)
        return sums

    @cached_property
    def judge(self) -> Floats:
        """The column sums."""
        sums: Floats = self.counts.sum(axis=1)
        return sums

    @cached_property
    def pairs(self) -> Floats:
        """The sum of all counts."""
        return summed(self.human)

    @cached_property
    def pooled(self) -> Floats:
        """The counts of both sides by value, in the order of `layout.pooled`."""
        both = np.zeros((len(self.counts), len(self.layout.pooled)))
        both[:, self.layout.human_in_pooled] += self.human
        both[:, self.layout.judge_in_pooled] += self.judge
        return both

    @cached_property
    def differing(self) -> Floats:
        """The number of pairs with different values."""
        return self.weighed(self.layout.differs)

    # The numbers of distinct values. They decide constancy: a variance in floating point is rarely exactly zero.

    @cached_property
    def human_values(self) -> Indices:
        """The number of distinct values of the human."""
        return _support(self.human)

    @cached_property
    def judge_values(self) -> Indices:
        """The number of distinct values of the judge."""
        return _support(self.judge)

    @cached_property
    def pooled_values(self) -> Indices:
        """The number of distinct values of both sides together."""
        return _support(self.pooled)

    # Moments of the values as parts of their range, centred first to avoid cancellation.

    @cached_property
    def human_centred(self) -> Floats:
        """The rows' scaled values minus their mean."""
        return _centred(self.human, self.layout.human_scaled, self.pairs)

    @cached_property
    def judge_centred(self) -> Floats:
        """The columns' scaled values minus their mean."""
        return _centred(self.judge, self.layout.judge_scaled, self.pairs)

    @cached_property
    def human_squares(self) -> Floats:
        """The sum of the squares of `human_centred`."""
        return summed(self.human * self.human_centred**2)

    @cached_property
    def judge_squares(self) -> Floats:
        """The sum of the squares of `judge_centred`."""
        return summed(self.judge * self.judge_centred**2)

    @cached_property
    def products(self) -> Floats:
        """The sum of the products of `human_centred` and `judge_centred`."""
        return self.joint(self.human_centred, self.judge_centred)

    @cached_property
    def human_ranks(self) -> Floats:
        """The midrank of each value minus the mean rank, divided by the number of pairs."""
        return midranks(self.human)

    @cached_property
    def judge_ranks(self) -> Floats:
        """The same for the judge's values."""
        return midranks(self.judge)

    # Pairs of pairs, as sums of positive terms: n(n-1)/2 minus the ties would cancel.

    @cached_property
    def dominance(self) -> Floats:
        """Concordant minus discordant pairs of pairs."""
        # For each row and column, the number of higher minus the number of lower judgments of that row.
        higher = self.human[:, :, None] + self.counts - 2 * self.counts.cumsum(axis=2)
        below = higher.sum(axis=1, keepdims=True) - higher.cumsum(axis=1)
        pairs: Floats = np.einsum("tij,tij->t", self.counts, below)
        return pairs

    @cached_property
    def human_untied(self) -> Floats:
        """The number of pairs of pairs with different human values."""
        return _untied(self.human)

    @cached_property
    def judge_untied(self) -> Floats:
        """The number of pairs of pairs with different judge's values."""
        return _untied(self.judge)

    # For binary tables only, whose second value is positive.

    @cached_property
    def true_negatives(self) -> Floats:
        """Pairs that neither side finds positive."""
        return self._cell(0, 0)

    @cached_property
    def false_positives(self) -> Floats:
        """Pairs that only the judge finds positive."""
        return self._cell(0, 1)

    @cached_property
    def false_negatives(self) -> Floats:
        """Pairs that only the human finds positive."""
        return self._cell(1, 0)

    @cached_property
    def true_positives(self) -> Floats:
        """Pairs that both sides find positive."""
        return self._cell(1, 1)

    def _cell(self, row: int, column: int) -> Floats:
        weights = (self.layout.rows == row)[:, None] & (self.layout.columns == column)[None, :]
        return self.weighed(weights.astype(np.float64))


def summed(values: Floats) -> Floats:
    """Returns the sum of each table of a stack over all its other axes: shape (tables,)."""
    sums: Floats = values.reshape(len(values), -1).sum(axis=1)
    return sums


def midranks(counts: Floats) -> Floats:
    """Returns the midrank of each value minus the mean rank, divided by the number of pairs (a row for each table)."""
    how_many = counts.sum(axis=1, keepdims=True)
    ranks: Floats = (counts.cumsum(axis=1) - counts / 2 - how_many / 2) / how_many
    return ranks


def correlation(product: Floats, human: Floats, judge: Floats) -> Floats:
    """Returns a sum of products divided by the root of two sums of squares."""
    return within_unit(product / np.sqrt(human * judge))


def within_unit(values: Floats) -> Floats:
    """Clips to -1..1: rounding can leave perfect agreement slightly above 1."""
    return np.clip(values, -1.0, 1.0)


def _support(counts: Floats) -> Indices:
    support: Indices = np.count_nonzero(counts, axis=1)
    return support


def _centred(counts: Floats, values: Floats, pairs: Floats) -> Floats:
    return values[None, :] - ((counts @ values) / pairs)[:, None]


def _untied(counts: Floats) -> Floats:
    return summed(counts * (counts.sum(axis=1, keepdims=True) - counts.cumsum(axis=1)))


def _coordinates(table: Table) -> tuple[Floats, Floats]:
    if table.are_words:
        positions = np.arange(len(table.values), dtype=np.float64)
        return positions, positions
    return numbers(table.values), numbers(table.columns)
