"""Ranks of judges that scored the same items, by a paired bootstrap over items.

Judges of one benchmark share its items and labels, so their intervals may overlap although one is better throughout.
The bootstrap draws the items a thousand times, each with all its labels, and computes the difference of two judges'
statistics on the items of each draw that both scored. A judge is better if the central 95% of the differences are on
its side of 0 (Efron and Tibshirani 1993, An Introduction to the Bootstrap).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.stats.arrays import Booleans, Floats, Indices
from service.stats.statistics import STATISTICS, evaluate
from service.stats.table import Table, Value
from service.stats.tallies import Layout, Tallies

REPLICATES = 1000
FEWEST_REPLICATES = REPLICATES // 2  # fewer would describe only the draws for which the statistic is defined
FEWEST_ITEMS = 2  # a single item is the same in every draw

_TAIL = 0.025
_NOISE = 1e-9  # rounding: judges with equal ranks may differ by it
_CHUNK = 1 << 18  # counts of replicates held at once: 2 MB, which fits into a cache

Multiplicities = NDArray[np.float32]


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

    `values` are all values that a human may choose. Two rows are compared on the items that both have. A row whose
    statistic is undefined, such as that of a constant judge, is behind all rows for which it is defined. Neither of two
    rows is better if they share fewer than two items, or if the statistic is undefined for most draws. The result is a
    function of the rows and `key`. Raises TableError if a label is not among `values`.
    """
    items = sorted({item for row in rows for item in row})
    laid_out = [_lay_out(row, items, values, sort) for row in rows]
    contest = _Contest(sort, multiplicities(len(items), key))
    return [1 + sum(contest.is_better(other, row) for other in laid_out if other is not row) for row in laid_out]


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
    """Compares rows by one statistic, on the same draws for all; keeps the replicates of equal sets of items."""

    def __init__(self, sort: str, drawn: Multiplicities) -> None:
        self._statistic = STATISTICS[sort]
        self._goodness = _GOODNESS.get(sort, np.positive)
        self._drawn = drawn
        self._known: dict[tuple[int, bytes], Floats] = {}

    def is_better(self, row: _Pairs, other: _Pairs) -> bool:
        if row.has_value is not other.has_value:
            return row.has_value
        shared = row.present & other.present
        if not row.has_value or np.count_nonzero(shared) < FEWEST_ITEMS:
            return False
        lead = self._goodness(self._replicates(row, shared)) - self._goodness(self._replicates(other, shared))
        lead = lead[~np.isnan(lead)]
        return len(lead) >= FEWEST_REPLICATES and bool(np.quantile(lead, _TAIL) > _NOISE)

    def _replicates(self, row: _Pairs, shared: Booleans) -> Floats:
        """Returns the row's statistic of each draw of the shared items, NaN if it is undefined."""
        known = id(row), shared.tobytes()
        if known not in self._known:
            values = [self._computed(tallies) for tallies in _resampled(row, shared, self._drawn)]
            self._known[known] = np.concatenate(values)
        return self._known[known]

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


def _resampled(row: _Pairs, shared: Booleans, drawn: Multiplicities) -> Iterator[Tallies]:
    """Yields the tables of all draws of the shared items, in stacks that fit into a cache."""
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
