"""The table of counts of a human's values and a judge's values, from which all agreement statistics are computed."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from service.stats.arrays import Floats, Integers
from service.stats.values import FAIL, PASS, Value

Cell = tuple[Value, Value]

MOST_A_CELL = 10**9  # keeps sums and products of all cells exact, or nearly so, in floating point
GREATEST_VALUE = 1e9  # in magnitude

_FINEST = 1e-12  # of the range: the squares of smaller distances are lost in rounding


class TableError(ValueError):
    """The given values or counts are not a table.

    `problems` holds (JSON pointer, detail) pairs; pointers are relative to the arguments.
    """

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{pointer}: {detail}" for pointer, detail in problems))
        self.problems = problems


@dataclass(frozen=True, eq=False)
class Table:
    """Counts of pairs: rows are the human's values, columns the judge's.

    `values` are all values that a human may choose: words, or numbers in ascending order. `columns` are the judge's:
    the same, or any ascending numbers if its scores are fractional, such as means. `counts` has the shape (values,
    columns), and is fractional if the pairs are weighted. `scale_step` is the step of the scale, None
    if it has none, as values at uneven distances. `from_counts`, `from_cells` and `from_pairs` check their arguments;
    the constructor does not.
    """

    values: tuple[Value, ...]
    columns: tuple[Value, ...]
    counts: Integers | Floats
    scale_step: float | None = None

    @classmethod
    def from_counts(
        cls, values: Sequence[Value], counts: Sequence[Sequence[int]] | Integers, columns: Sequence[Value] | None = None
    ) -> Self:
        """From counts of shape (values, columns). Raises TableError with pointers into the arguments."""
        _check_values(values, columns)
        judged = values if columns is None else columns
        _raise(_count_problems(counts, len(values), len(judged)))
        shaped = np.asarray(counts, dtype=np.int64).reshape(len(values), len(judged))
        return cls(tuple(values), tuple(judged), shaped)

    @classmethod
    def from_cells(
        cls, values: Sequence[Value], cells: Mapping[Cell, int], columns: Sequence[Value] | None = None
    ) -> Self:
        """From counts by (human, judge). Raises TableError with pointers such as `/cells/3/0`, in the order given."""
        _check_values(values, columns)
        judged = values if columns is None else columns
        rows, positions = _positions(values), _positions(judged)
        _raise(list(_strange(cells, rows, positions, "/cells")))
        counts = [[0] * len(judged) for _ in values]
        for (human, judge), count in cells.items():
            counts[rows[human]][positions[judge]] += count
        return cls.from_counts(values, counts, columns)

    @classmethod
    def from_pairs(cls, values: Sequence[Value], pairs: Sequence[Cell], columns: Sequence[Value] | None = None) -> Self:
        """From (human, judge) pairs. Raises TableError with a pointer such as `/pairs/3/0` for each unknown value."""
        _check_values(values, columns)
        cells = Counter(pairs)
        rows, positions = _positions(values), _positions(values if columns is None else columns)
        if any(human not in rows or judge not in positions for human, judge in cells):
            _raise(list(_strange(pairs, rows, positions, "/pairs")))
        return cls.from_cells(values, cells, columns)

    @property
    def pairs(self) -> int:
        """The sum of all counts, which is whole even if the counts are weighted."""
        return round(float(self.counts.sum()))

    @property
    def are_words(self) -> bool:
        """Whether the values are names without an order."""
        return isinstance(self.values[0], str)

    @property
    def is_fractional(self) -> bool:
        """Whether the judge may choose values that no human may."""
        return not set(self.columns) <= set(self.values)

    @property
    def is_binary(self) -> bool:
        """Whether there are two values, the second of them positive: `["fail", "pass"]` or `[0, 1]`."""
        return self.values in ((FAIL, PASS), (0, 1)) and self.columns == self.values

    @property
    def has_two_classes(self) -> bool:
        """Whether the human's values are the numbers 0 and 1, whatever the judge's are."""
        return self.values == (0, 1)


def empty_like(table: Table, shape: tuple[int, int]) -> Integers | Floats:
    """Returns counts of 0 of the type of the table's counts."""
    if table.counts.dtype == np.float64:
        return np.zeros(shape, dtype=np.float64)
    return np.zeros(shape, dtype=np.int64)


def numbers(values: Iterable[Value]) -> Floats:
    """Returns values as floats. Raises ValueError if one is a word."""
    return np.array([float(value) for value in values], dtype=np.float64)


def _positions(values: Sequence[Value]) -> dict[Value, int]:
    return {value: index for index, value in enumerate(values)}


def _check_values(values: Sequence[Value], columns: Sequence[Value] | None) -> None:
    found = list(_list_problems(values, "/values"))
    if columns is not None and list(columns) != list(values):
        found += _list_problems(columns, "/columns")
        if not found and isinstance(columns[0], str) is not isinstance(values[0], str):
            found.append(("/columns", "must be words if the values are words, and numbers if they are numbers"))
        elif not found and isinstance(values[0], str):
            found.append(("/columns", "must be the same words as the values"))
    _raise(found)
    if not isinstance(values[0], str):
        _check_distances(numbers(values), numbers(columns or ()))


def _list_problems(values: Sequence[Value], at: str) -> Iterator[tuple[str, str]]:
    if not values:
        yield at, "must not be empty"
        return
    are_words = isinstance(values[0], str)
    first = {value: index for index, value in reversed(list(enumerate(values)))}
    for index, value in enumerate(values):
        if isinstance(value, str) is not are_words:
            yield f"{at}/{index}", f"must be a {'word' if are_words else 'number'}, as the first value is"
        elif not isinstance(value, str) and not abs(value) <= GREATEST_VALUE:
            yield f"{at}/{index}", f"is not between -{GREATEST_VALUE:g} and {GREATEST_VALUE:g}"
        elif first[value] < index:
            yield f"{at}/{index}", "is listed twice"
        elif index and _descends(values[index - 1], value):
            yield f"{at}/{index}", "must be greater than the number before it"


def _descends(before: Value, value: Value) -> bool:
    return not isinstance(before, str) and not isinstance(value, str) and value < before


def _check_distances(human: Floats, judge: Floats) -> None:
    every = np.unique(np.concatenate([human, judge]))
    if len(every) > 1 and np.diff(every).min() < _FINEST * (every[-1] - every[0]):
        raise TableError([("/columns" if len(judge) else "/values", "has two numbers that are too close together")])


def _count_problems(counts: Sequence[Sequence[int]] | Integers, rows: int, columns: int) -> list[tuple[str, str]]:
    if len(counts) != rows:
        return [("/counts", f"must have one row per value: {rows}, not {len(counts)}")]
    ragged = [(f"/counts/{index}", len(row)) for index, row in enumerate(counts) if len(row) != columns]
    if ragged:
        return [(pointer, f"must have one count per value: {columns}, not {length}") for pointer, length in ragged]
    return [
        (f"/counts/{index}/{column}", f"is not a whole number from 0 to {MOST_A_CELL}")
        for index, row in enumerate(counts)
        for column, count in enumerate(row)
        if not 0 <= count <= MOST_A_CELL or not math.isfinite(count) or count != int(count)
    ]


def _strange(
    pairs: Iterable[Cell], rows: Mapping[Value, int], columns: Mapping[Value, int], at: str
) -> Iterator[tuple[str, str]]:
    for index, (human, judge) in enumerate(pairs):
        if human not in rows:
            yield f"{at}/{index}/0", "is not one of the values"
        if judge not in columns:
            yield f"{at}/{index}/1", "is not one of the values"


def _raise(problems: list[tuple[str, str]]) -> None:
    if problems:
        raise TableError(problems)
