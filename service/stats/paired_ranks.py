"""Ranks of judges that scored the same items, by a paired bootstrap over items.

Judges of one benchmark share its items and labels, so their intervals may overlap although one is better throughout.
The bootstrap draws the items a thousand times, each with all its labels, and computes the difference of two judges'
statistics on the items of each draw that both scored (Efron and Tibshirani 1993, An Introduction to the Bootstrap).
All pairs of judges are compared on the same draws and decided together (`step_down.py`), so that the probability of any
false claim in a leaderboard is 5%, however many rows it has. Draws of few items vary too little: a lead counts as much
less as Student's t has wider tails than the normal distribution.
"""

import math
from collections.abc import Callable, Sequence
from itertools import combinations
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.stats.arrays import Booleans, Floats, Indices
from service.stats.coarse import binned
from service.stats.distributions import student_t_sf
from service.stats.intervals import Z
from service.stats.statistics import STATISTICS, evaluate, names_for
from service.stats.step_down import decided, ranks_of
from service.stats.table import Table
from service.stats.tallies import Layout, Tallies
from service.stats.values import Value

REPLICATES = 1000
FEWEST_REPLICATES = REPLICATES // 2  # fewer would describe only the draws for which the statistic is defined
FEWEST_ITEMS = 6  # fewer can't tell equal judges apart at 95%: five items of one sign have a probability of 2 / 2^5

_MOST_COLUMNS = 64  # distinct scores: more would take time, and move a rank correlation by less than .001
_OF_EQUAL_VALUES = frozenset({"exact", "within_one"})
_NOISE = 1e-9  # rounding: judges with equal ranks may differ by it
_CHUNK = 1 << 18  # counts of replicates held at once: 2 MB, which fits into a cache
_BLOCK = 256  # items whose draws are added at once: half a MB
_DRAWS = 50  # laid out at once

Multiplicities = NDArray[np.uint16]  # of a block of items, no sum is too large
_Counts = NDArray[np.float32]


class JudgeScores(NamedTuple):
    """The pairs of a judge's score and a human's value of the same item.

    `items` has the number of each pair's item, `humans` the place of the human's value in `labels`, and `judged` the
    place of the judge's score in `scores`.
    """

    items: Indices
    humans: Indices
    labels: Sequence[Value]
    judged: Indices
    scores: Sequence[Value]


_GOODNESS: dict[str, Callable[[Floats], Floats]] = {  # for all others, more is better
    "mae": np.negative,
    "rmse": np.negative,
    "bias": lambda values: -np.abs(values),
}


def ranks(rows: Sequence[JudgeScores], values: Sequence[Value], sort: str, key: str = "") -> list[int]:
    """Returns the rank of each row: 1 + the number of rows that are better by the statistic named `sort`.

    All comparisons together have a 5% probability of a false claim. `values` are all values that a human may choose.
    Two rows are compared on the items that both have. A row whose statistic is undefined, such as that of a constant
    judge, is behind all rows for which it is defined. Neither of two rows is better if they share fewer than six items,
    or if the statistic is undefined for most draws. The result is a function of the rows and `key`. Raises TableError
    if a label is not among `values`.
    """
    items = np.unique(np.concatenate([row.items for row in rows])) if rows else np.empty(0, dtype=np.intp)
    laid_out = [_lay_out(row, items, values, sort) for row in rows]
    return ranks_of(_Contest(sort, multiplicities(len(items), key)).better(laid_out))


class _Pairs(NamedTuple):
    """A row's pairs of a human and the judge: the position of each pair's item, and its cell of the layout."""

    layout: Layout
    has_value: bool
    present: Booleans  # for each item
    item: Indices
    cell: Indices


def _lay_out(row: JudgeScores, items: Indices, values: Sequence[Value], sort: str) -> _Pairs:
    """`items` are those of all rows, in order."""
    item = np.searchsorted(items, row.items)
    used, at = np.unique(row.humans, return_inverse=True)
    human = _positions([row.labels[each] for each in used.tolist()], values)[at]
    used, kind = np.unique(row.judged, return_inverse=True)
    kinds = [row.scores[each] for each in used.tolist()]
    if sort in _OF_EQUAL_VALUES:
        table, row_at, column_at = _as_equal(values, human, kinds, kind, sort)
        has_value = bool(len(item)) and sort in names_for(_blank(values, values))
    else:
        columns, column_at = _columns(kinds, kind, values)
        row_at = human
        table = _table_of(tuple(values), tuple(columns), row_at, column_at)
        has_value = evaluate(table, [sort])[sort].value is not None
    layout = Layout(table)
    cell = np.searchsorted(layout.rows, row_at) * len(layout.columns) + np.searchsorted(layout.columns, column_at)
    present: Booleans = np.zeros(len(items), dtype=np.bool_)
    present[item] = True
    return _Pairs(layout, has_value, present, item, cell)


def _positions(found: Sequence[Value], values: Sequence[Value]) -> Indices:
    """Returns the place of each found value in `values`. Raises TableError if one is not among them."""
    known = {value: place for place, value in enumerate(values)}
    if not known.keys() >= set(found):
        Table.from_pairs(values, [(value, values[0]) for value in found])
    return np.array([known[value] for value in found], dtype=np.intp)


def _table_of(values: tuple[Value, ...], columns: tuple[Value, ...], row_at: Indices, column_at: Indices) -> Table:
    cells = np.bincount(row_at * len(columns) + column_at, minlength=len(values) * len(columns))
    return Table.from_counts(values, cells.reshape(len(values), len(columns)), columns)


def _as_equal(
    values: Sequence[Value], human: Indices, kinds: Sequence[Value], kind: Indices, sort: str
) -> tuple[Table, Indices, Indices]:
    """Returns the table of 0 and the place of each pair in it: 0 if the pair counts as equal, else 1.

    The share of equal pairs needs no more, however many values a judge's scores have.
    """
    if sort == "exact" or isinstance(values[0], str):
        alike = np.array([[value == other for other in kinds] for value in values], dtype=np.bool_)
    else:
        columns = sorted(kinds, key=float)
        places = {value: place for place, value in enumerate(columns)}
        near = Layout(_blank(values, columns), whole=True).is_near
        alike = near[:, [places[value] for value in kinds]] > 0
    column_at = np.where(alike[human, kind], 0, 1) if len(human) else human
    row_at = np.zeros_like(human)
    return _table_of((0, 1), (0, 1), row_at, column_at), row_at, column_at


def _blank(values: Sequence[Value], columns: Sequence[Value]) -> Table:
    return Table(tuple(values), tuple(columns), np.zeros((len(values), len(columns)), dtype=np.int64))


def _columns(kinds: Sequence[Value], kind: Indices, values: Sequence[Value]) -> tuple[Sequence[Value], Indices]:
    """Returns the judge's values for a table, and the place of each pair's score among them.

    There are at most `_MOST_COLUMNS` values between those of `values`: neighbours are merged into bins of about equal
    counts.
    """
    if set(kinds) <= set(values) or isinstance(values[0], str):
        return list(values), _positions(kinds, values)[kind]
    scores, places = np.unique([float(value) for value in kinds], return_inverse=True)
    if len(scores) > _MOST_COLUMNS:
        bins, means = binned(scores, np.bincount(places[kind], minlength=len(scores)), _MOST_COLUMNS)
        scores, merged = np.unique(means.round(9), return_inverse=True)
        places = merged[bins][places]
    if set(scores.tolist()) <= set(values):
        return list(values), _positions(scores.tolist(), values)[places[kind]]
    return scores.tolist(), places[kind]


class _Contest:
    """Compares rows by one statistic, on the same draws for all; keeps the replicates of equal sets of items."""

    def __init__(self, sort: str, drawn: Multiplicities) -> None:
        """`drawn` has the items as they are first, and then the draws."""
        self._statistic = STATISTICS["exact" if sort in _OF_EQUAL_VALUES else sort]
        self._goodness = _GOODNESS.get(sort, np.positive)
        self._drawn = drawn
        self._known: dict[tuple[int, bytes], Floats] = {}
        self._complete: dict[int, _Counts] = {}  # of all of a row's items

    def better(self, rows: Sequence[_Pairs]) -> Booleans:
        """Returns which rows are better than which: shape (rows, rows), true if the row is better than the column."""
        found: Booleans = np.zeros((len(rows), len(rows)), dtype=np.bool_)
        pairs = list(combinations(range(len(rows)), 2))
        leads = np.full(len(pairs), np.nan)
        errors = np.zeros((len(pairs), REPLICATES), dtype=np.float32)
        for at, (one, other) in enumerate(pairs):
            if rows[one].has_value is not rows[other].has_value:
                found[one, other], found[other, one] = rows[one].has_value, rows[other].has_value
            elif rows[one].has_value:
                leads[at], errors[at] = self._compared(rows[one], rows[other])
        sizes = np.where(np.abs(leads) < Z, 0.0, np.abs(leads))  # the quantile of a few items' draws may be lower
        sure = decided(sizes, lambda chosen: errors[chosen].max(axis=0))
        for at in np.flatnonzero(sure).tolist():
            one, other = pairs[at] if leads[at] > 0 else pairs[at][::-1]
            found[one, other] = True
        return found

    def _compared(self, row: _Pairs, other: _Pairs) -> tuple[float, Floats]:
        """The lead of a row in standard errors, NaN if it is unknown, and the sizes of its error in each draw."""
        shared = row.present & other.present
        nothing = np.zeros(REPLICATES)
        if np.count_nonzero(shared) < FEWEST_ITEMS:
            return math.nan, nothing
        leads = self._goodness(self._replicates(row, shared)) - self._goodness(self._replicates(other, shared))
        lead, drawn = float(leads[0]), leads[1:]
        defined = ~np.isnan(drawn)
        if math.isnan(lead) or np.count_nonzero(defined) < FEWEST_REPLICATES:
            return math.nan, nothing
        error = float(drawn[defined].std())
        if error <= _NOISE:  # the difference is the same in every draw
            return (0.0 if abs(lead) <= _NOISE else math.copysign(math.inf, lead)), nothing
        return _as_normal(lead / error, int(np.count_nonzero(shared))), np.where(
            defined, np.abs(drawn - lead), 0.0
        ) / error

    def _replicates(self, row: _Pairs, shared: Booleans) -> Floats:
        """Returns the row's statistic of the shared items and of each draw of them, NaN if it is undefined."""
        known = id(row), shared.tobytes()
        if known not in self._known:
            counts = self._counts(row, shared)
            size = row.layout.rows.size * row.layout.columns.size
            stacks = np.array_split(counts, max(1, len(counts) * size // _CHUNK), axis=1)
            self._known[known] = np.concatenate([self._computed(_tallied(row, stack)) for stack in stacks])
        return self._known[known]

    def _counts(self, row: _Pairs, shared: Booleans) -> _Counts:
        """The row's cells for the shared items and for each draw of them: from the fewer items, used or left out."""
        used = shared[row.item]
        if 2 * np.count_nonzero(used) < len(used):
            return _summed(row, used, self._drawn)
        if id(row) not in self._complete:
            self._complete[id(row)] = _summed(row, np.ones_like(used), self._drawn)
        complete = self._complete[id(row)]
        return complete if used.all() else complete - _summed(row, ~used, self._drawn)

    def _computed(self, tallies: Tallies) -> Floats:
        lacking: Booleans = np.zeros(len(tallies.counts), dtype=np.bool_)
        for lack in self._statistic.lacks:
            lacking |= lack.holds(tallies)
        with np.errstate(divide="ignore", invalid="ignore"):  # 0/0 if something is lacking, or no item was drawn
            return np.where(lacking, np.nan, self._statistic.compute(tallies))


def _as_normal(lead: float, items: int) -> float:
    """Returns the normal quantile as probable as a lead in standard errors is by Student's t.

    The standard error over draws is that of a variance over `items`, not over one less.
    """
    tail = student_t_sf(abs(lead) * math.sqrt((items - 1) / items), items - 1)
    return math.copysign(-NormalDist().inv_cdf(tail) if tail > 0 else math.inf, lead)


def multiplicities(items: int, key: str) -> Multiplicities:
    """Returns how often each item occurs: once as they are, then in each of a thousand draws.

    The shape is (items, 1 + draws).
    """
    random = np.random.Generator(np.random.PCG64([items, *key.encode()]))
    drawn = np.ones((items, 1 + REPLICATES), dtype=np.uint16)
    for first in range(1, drawn.shape[1], _DRAWS) if items else ():
        last = min(first + _DRAWS, drawn.shape[1])
        draws = [np.bincount(random.integers(items, size=items), minlength=items) for _ in range(first, last)]
        drawn[:, first:last] = np.array(draws, dtype=np.uint16).T
    return drawn


def _summed(row: _Pairs, chosen: Booleans, drawn: Multiplicities) -> _Counts:
    """Returns how often each cell has the chosen pairs, in each draw: shape (cells, draws)."""
    at = np.flatnonzero(chosen)
    at = at[np.argsort(row.cell[at], kind="stable")]
    cells, starts = np.unique(row.cell[at], return_index=True)
    counts = np.zeros((row.layout.rows.size * row.layout.columns.size, drawn.shape[1]), dtype=np.float32)
    items = np.split(row.item[at], starts[1:])
    for cell, of_cell in zip(cells.tolist(), items, strict=False):
        for start in range(0, len(of_cell), _BLOCK):  # several times as fast as `np.add.reduceat`
            counts[cell] += drawn[of_cell[start : start + _BLOCK]].sum(axis=0, dtype=np.uint16)
    return counts


def _tallied(row: _Pairs, counts: _Counts) -> Tallies:
    shape = row.layout.rows.size, row.layout.columns.size
    return Tallies(row.layout, np.ascontiguousarray(counts.T, dtype=np.float64).reshape(-1, *shape))
