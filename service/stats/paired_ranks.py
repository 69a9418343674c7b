"""Ranks of judges that scored the same items, by a paired bootstrap over items.

Judges of one benchmark share its items and labels, so their intervals may overlap although one is better throughout.
The bootstrap draws the items a thousand times, each with all its labels, and computes the difference of two judges'
statistics on the items of each draw that both scored (Efron and Tibshirani 1993, An Introduction to the Bootstrap).
All pairs of judges are compared on the same draws and decided together (`step_down.py`), so that the probability of any
false claim in a leaderboard is 5%, however many rows it has.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.stats.arrays import Booleans, Floats, Indices
from service.stats.coarse import binned
from service.stats.statistics import STATISTICS, evaluate
from service.stats.step_down import decided, ranks_of
from service.stats.table import Table, Value
from service.stats.tallies import Layout, Tallies

REPLICATES = 1000
FEWEST_REPLICATES = REPLICATES // 2  # fewer would describe only the draws for which the statistic is defined
FEWEST_ITEMS = 2  # a single item is the same in every draw

_MOST_COLUMNS = 64  # distinct scores: more would take time, and move a rank correlation by less than .001
_OF_EQUAL_VALUES = frozenset({"exact", "within_one"})
_NOISE = 1e-9  # rounding: judges with equal ranks may differ by it
_CHUNK = 1 << 18  # counts of replicates held at once: 2 MB, which fits into a cache

Multiplicities = NDArray[np.float32]
_Counts = NDArray[np.float32]


class Scored(NamedTuple):
    """An item's value by the judge and by each human."""

    humans: Sequence[Value]
    judge: Value


JudgeScores = Mapping[str, Scored]  # by item id, without items that lack a score or a label

_GOODNESS: dict[str, Callable[[Floats], Floats]] = {  # for all others, more is better
    "mae": np.negative,
    "rmse": np.negative,
    "bias": lambda values: -np.abs(values),
}


def ranks(rows: Sequence[JudgeScores], values: Sequence[Value], sort: str, key: str = "") -> list[int]:
    """Returns the rank of each row: 1 + the number of rows that are better by the statistic named `sort`.

    All comparisons together have a 5% probability of a false claim. `values` are all values that a human may choose.
    Two rows are compared on the items that both have. A row whose statistic is undefined, such as that of a constant
    judge, is behind all rows for which it is defined. Neither of two rows is better if they share fewer than two items,
    or if the statistic is undefined for most draws. The result is a function of the rows and `key`. Raises TableError
    if a label is not among `values`.
    """
    items = sorted({item for row in rows for item in row})
    laid_out = [_lay_out(row, items, values, sort) for row in rows]
    as_they_are = np.ones((len(items), 1), dtype=np.float32)
    contest = _Contest(sort, np.hstack([as_they_are, multiplicities(len(items), key)]))
    return ranks_of(contest.better(laid_out))


class _Pairs(NamedTuple):
    """A row's pairs of a human and the judge: the position of each pair's item, and its cell of the layout."""

    layout: Layout
    has_value: bool
    present: Booleans  # for each item
    item: Indices
    cell: Indices


def _lay_out(row: JudgeScores, items: Sequence[str], values: Sequence[Value], sort: str) -> _Pairs:
    scored = [(at, row[item]) for at, item in enumerate(items) if item in row]
    pairs = [(human, each.judge) for _, each in scored for human in each.humans]
    if sort not in _OF_EQUAL_VALUES and not isinstance(values[0], str):
        pairs = _merged(pairs)
    said = {judge for _, judge in pairs}
    columns = list(values) if said <= set(values) or isinstance(values[0], str) else sorted(said, key=float)
    table = Table.from_pairs(values, pairs, columns)
    layout = Layout(table)
    places = [{value: at for at, value in enumerate(each)} for each in (values, columns)]
    human, judge = (np.array([places[side][pair[side]] for pair in pairs], dtype=np.intp) for side in (0, 1))
    cell = np.searchsorted(layout.rows, human) * len(layout.columns) + np.searchsorted(layout.columns, judge)
    item = np.array([at for at, each in scored for _ in each.humans], dtype=np.intp)
    present = np.isin(np.arange(len(items)), item)
    return _Pairs(layout, evaluate(table, [sort])[sort].value is not None, present, item, cell)


def _merged(pairs: list[tuple[Value, Value]]) -> list[tuple[Value, Value]]:
    """The pairs with at most `_MOST_COLUMNS` distinct scores: neighbours are merged into bins of about equal counts."""
    scores, places, counts = np.unique([float(judge) for _, judge in pairs], return_inverse=True, return_counts=True)
    if len(scores) <= _MOST_COLUMNS:
        return pairs
    bins, means = binned(scores, counts, _MOST_COLUMNS)
    return [(human, mean) for (human, _), mean in zip(pairs, means.round(9)[bins][places].tolist(), strict=True)]


class _Contest:
    """Compares rows by one statistic, on the same draws for all; keeps the replicates of equal sets of items."""

    def __init__(self, sort: str, drawn: Multiplicities) -> None:
        """`drawn` has the items as they are first, and then the draws."""
        self._statistic = STATISTICS[sort]
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
        sure = decided(np.abs(leads), lambda chosen: errors[chosen].max(axis=0))
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
        return lead / error, np.where(defined, np.abs(drawn - lead), 0.0) / error

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


def multiplicities(items: int, key: str) -> Multiplicities:
    """Returns how often each item occurs in each of a thousand draws: shape (items, draws)."""
    random = np.random.Generator(np.random.PCG64([items, *key.encode()]))
    drawn = np.empty((REPLICATES, items), dtype=np.float32)
    if items:
        for draw in drawn:
            draw[:] = np.bincount(random.integers(items, size=items), minlength=items)
    return np.ascontiguousarray(drawn.T)


def _summed(row: _Pairs, chosen: Booleans, drawn: Multiplicities) -> _Counts:
    """Returns how often each cell has the chosen pairs, in each draw: shape (cells, draws)."""
    at = np.flatnonzero(chosen)
    at = at[np.argsort(row.cell[at], kind="stable")]
    cells, starts = np.unique(row.cell[at], return_index=True)
    counts = np.zeros((row.layout.rows.size * row.layout.columns.size, drawn.shape[1]), dtype=np.float32)
    if len(at):
        counts[cells] = np.add.reduceat(drawn[row.item[at]], starts, axis=0)
    return counts


def _tallied(row: _Pairs, counts: _Counts) -> Tallies:
    shape = row.layout.rows.size, row.layout.columns.size
    return Tallies(row.layout, np.ascontiguousarray(counts.T, dtype=np.float64).reshape(-1, *shape))
