"""Ranks of judges that scored the same items: who is better than whom by more than the choice of items explains.

Judges of one benchmark share its items and labels, so that their intervals may overlap widely while one is better
throughout. The paired bootstrap draws the items a thousand times, each with all its labels, and computes the
statistics of two judges on those of every draw that both scored; a judge is better where the middle 95% of the
differences lies on its side of 0 (Efron and Tibshirani 1993, An Introduction to the Bootstrap).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.stats.statistics import STATISTICS, evaluate
from service.stats.table import Table, Value
from service.stats.tallies import Layout, Numbers, Tallies, Truths, Wholes

REPLICATES = 1000
FEWEST_REPLICATES = REPLICATES // 2  # as of intervals: fewer tell of those samples alone that have the statistic
FEWEST_ITEMS = 2  # one item is the same in every draw

_TAIL = 0.025
_NOISE = 1e-9  # of floating point: judges that rank all items alike differ by it
_CHUNK = 1 << 18  # counts of replicates held at once: 2 MB, which fits a cache

Multiplicities = NDArray[np.float32]


class Scored(NamedTuple):
    """One item as a judge scored it, beside what each human said of it."""

    humans: Sequence[Value]
    judge: Value


Row = Mapping[str, Scored]  # by item id; items without a score, or without a label, are not there

_GOODNESS: dict[str, Callable[[Numbers], Numbers]] = {  # of all others, more is better
    "mae": np.negative,
    "rmse": np.negative,
    "bias": lambda values: -np.abs(values),
}


def ranks(rows: Sequence[Row], values: Sequence[Value], sort: str, key: str = "") -> list[int]:
    """Each row's rank: 1 + the number of rows that are better by a paired bootstrap of the statistic named `sort`.

    Two rows are compared on the items that both have. A row for which the statistic is undefined, such as that of a
    judge that always says the same, is behind all for which it is defined. Where rows share fewer than two items, or
    too few draws of them have the statistic, neither is better. The same rows and key have the same ranks. `values`
    are all that a human may say. Raises TableError where a label is none of them.
    """
    items = sorted({item for row in rows for item in row})
    laid_out = [_lay_out(row, items, values, sort) for row in rows]
    contest = _Contest(sort, multiplicities(len(items), key))
    return [1 + sum(contest.is_better(other, row) for other in laid_out if other is not row) for row in laid_out]


class _Pairs(NamedTuple):
    """A row's pairs of a human and the judge: of which item each is, by position, and in which cell of the layout."""

    layout: Layout
    has_value: bool
    present: Truths  # of all items
    item: Wholes
    cell: Wholes


def _lay_out(row: Row, items: Sequence[str], values: Sequence[Value], sort: str) -> _Pairs:
    scored = [(at, row[item]) for at, item in enumerate(items) if item in row]
    pairs = [(human, each.judge) for _, each in scored for human in each.humans]
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


class _Contest:
    """Compares rows by one statistic. Draws are the same for all; a row is computed once for the same shared items."""

    def __init__(self, sort: str, drawn: Multiplicities) -> None:
        self._statistic = STATISTICS[sort]
        self._goodness = _GOODNESS.get(sort, np.positive)
        self._drawn = drawn
        self._known: dict[tuple[int, bytes], Numbers] = {}

    def is_better(self, row: _Pairs, other: _Pairs) -> bool:
        if row.has_value is not other.has_value:
            return row.has_value
        shared = row.present & other.present
        if not row.has_value or np.count_nonzero(shared) < FEWEST_ITEMS:
            return False
        lead = self._goodness(self._replicates(row, shared)) - self._goodness(self._replicates(other, shared))
        lead = lead[~np.isnan(lead)]
        return len(lead) >= FEWEST_REPLICATES and bool(np.quantile(lead, _TAIL) > _NOISE)

    def _replicates(self, row: _Pairs, shared: Truths) -> Numbers:
        """The row's statistic of each draw of the shared items, NaN where a draw does not have it."""
        known = id(row), shared.tobytes()
        if known not in self._known:
            values = [self._computed(tallies) for tallies in _resampled(row, shared, self._drawn)]
            self._known[known] = np.concatenate(values)
        return self._known[known]

    def _computed(self, tallies: Tallies) -> Numbers:
        lacking: Truths = np.zeros(len(tallies.counts), dtype=np.bool_)
        for lack in self._statistic.lacks:
            lacking |= lack.holds(tallies)
        with np.errstate(divide="ignore", invalid="ignore"):  # 0/0 where something is lacking, or no item was drawn
            return np.where(lacking, np.nan, self._statistic.compute(tallies))


def multiplicities(items: int, key: str) -> Multiplicities:
    """How often each item is in each of a thousand draws of as many items, a row for each item."""
    random = np.random.Generator(np.random.PCG64([items, *key.encode()]))
    drawn = np.empty((REPLICATES, items), dtype=np.float32)
    if items:
        for draw in drawn:
            draw[:] = np.bincount(random.integers(items, size=items), minlength=items)
    return np.ascontiguousarray(drawn.T)


def _resampled(row: _Pairs, shared: Truths, drawn: Multiplicities) -> Iterator[Tallies]:
    """The tables of all draws of the shared items, in stacks of a size that a cache holds."""
    chosen = np.flatnonzero(shared[row.item])
    chosen = chosen[np.argsort(row.cell[chosen], kind="stable")]
    cells, starts = np.unique(row.cell[chosen], return_index=True)
    sums = np.add.reduceat(drawn[row.item[chosen]], starts, axis=0)
    shape = len(row.layout.rows), len(row.layout.columns)
    at_once = max(1, _CHUNK // (shape[0] * shape[1]))
    for start in range(0, REPLICATES, at_once):
        some = sums[:, start : start + at_once].T
        counts = np.zeros((len(some), shape[0] * shape[1]))
        counts[:, cells] = some
        yield Tallies(row.layout, counts.reshape(len(some), *shape))
