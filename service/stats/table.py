"""How often a human said one thing and the judge another: the counts that all agreement is computed from."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Value = str | int | float
Cell = tuple[Value, Value]

Counts = NDArray[np.int64]

MOST_A_CELL = 10**9  # sums and products of all cells are then exact, or nearly, in floating point
MOST_MAGNITUDE = 1e9  # of a value, as of a score
FAIL, PASS = "fail", "pass"

_FINEST = 1e-12  # of the range of all values: the squares of closer ones drown in rounding


class TableError(ValueError):
    """What can't be a table. `problems` are (JSON pointer into what was given, what is wrong there)."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{pointer}: {detail}" for pointer, detail in problems))
        self.problems = problems


@dataclass(frozen=True, eq=False)
class Table:
    """Counts of pairs: rows are what the human said, columns what the judge said.

    `values` are all that a human may say, said or not: words, or numbers in ascending order. `columns` are what the
    judge may say: the same, or any ascending numbers where its scores are fractional, such as means. Build one with
    `from_counts`, `from_cells` or `from_pairs`, which check. `scale_step` is that of the scale where `values` are not
    its levels.
    """

    values: tuple[Value, ...]
    columns: tuple[Value, ...]
    counts: Counts
    scale_step: float | None = None

    @classmethod
    def from_counts(
        cls, values: Sequence[Value], counts: Sequence[Sequence[int]] | Counts, columns: Sequence[Value] | None = None
    ) -> Self:
        """Raises TableError, with pointers into `/values`, `/columns` and `/counts`."""
        _check_values(values, columns)
        judged = values if columns is None else columns
        _raise(_count_problems(counts, len(values), len(judged)))
        shaped = np.asarray(counts, dtype=np.int64).reshape(len(values), len(judged))
        return cls(tuple(values), tuple(judged), shaped)

    @classmethod
    def from_cells(
        cls, values: Sequence[Value], cells: Mapping[Cell, int], columns: Sequence[Value] | None = None
    ) -> Self:
        """From counts by (human, judge). Raises TableError, with pointers such as `/cells/3/0` in the order given."""
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
        """From (human, judge) pairs. Raises TableError, with a pointer such as `/pairs/3/0` for each strange value."""
        _check_values(values, columns)
        cells = Counter(pairs)
        rows, positions = _positions(values), _positions(values if columns is None else columns)
        if any(human not in rows or judge not in positions for human, judge in cells):
            _raise(list(_strange(pairs, rows, positions, "/pairs")))
        return cls.from_cells(values, cells, columns)

    @property
    def pairs(self) -> int:
        return int(self.counts.sum())

    @property
    def are_words(self) -> bool:
        """Whether the values are names without an order."""
        return isinstance(self.values[0], str)

    @property
    def is_fractional(self) -> bool:
        """Whether the judge may say what no human may."""
        return not set(self.columns) <= set(self.values)

    @property
    def is_binary(self) -> bool:
        """Whether the second value is the positive of two: `["fail", "pass"]` and `[0, 1]`."""
        return self.values in ((FAIL, PASS), (0, 1)) and self.columns == self.values

    @property
    def step(self) -> float:
        """Of the scale, else the smallest distance of two values, 0 where there is but one. For numbers alone."""
        if self.scale_step is not None:
            return self.scale_step
        return float(min(np.diff(numbers(self.values)), default=0.0))

    def __add__(self, other: "Table") -> "Table":
        """Both together, as of two windows. Raises ValueError unless the values are the same."""
        if (self.values, self.columns) != (other.values, other.columns):
            raise ValueError("only tables of the same values can be added")
        return Table(self.values, self.columns, self.counts + other.counts, self.scale_step)


def numbers(values: Iterable[Value]) -> NDArray[np.float64]:
    return np.array([float(value) for value in values], dtype=np.float64)


def _positions(values: Sequence[Value]) -> dict[Value, int]:
    return {value: index for index, value in enumerate(values)}


def _check_values(values: Sequence[Value], columns: Sequence[Value] | None) -> None:
    found = list(_list_problems(values, "/values"))
    if columns is not None and list(columns) != list(values):
        found += _list_problems(columns, "/columns")
        if not found and isinstance(columns[0], str) is not isinstance(values[0], str):
            found.append(("/columns", "are words where the values are numbers, or the other way round"))
        elif not found and isinstance(values[0], str):
            found.append(("/columns", "words are the same for the human and for the judge"))
    _raise(found)
    if not isinstance(values[0], str):
        _check_distances(numbers(values), numbers(columns or ()))


def _list_problems(values: Sequence[Value], at: str) -> Iterator[tuple[str, str]]:
    if not values:
        yield at, "is empty"
        return
    are_words = isinstance(values[0], str)
    first = {value: index for index, value in reversed(list(enumerate(values)))}
    for index, value in enumerate(values):
        if isinstance(value, str) is not are_words:
            yield f"{at}/{index}", "words and numbers can't be mixed"
        elif not isinstance(value, str) and not abs(value) <= MOST_MAGNITUDE:
            yield f"{at}/{index}", f"lies not between -{MOST_MAGNITUDE:g} and {MOST_MAGNITUDE:g}"
        elif first[value] < index:
            yield f"{at}/{index}", "is there twice"
        elif index and _descends(values[index - 1], value):
            yield f"{at}/{index}", "numbers must ascend"


def _descends(before: Value, value: Value) -> bool:
    return not isinstance(before, str) and not isinstance(value, str) and value < before


def _check_distances(human: NDArray[np.float64], judge: NDArray[np.float64]) -> None:
    every = np.unique(np.concatenate([human, judge]))
    if len(every) > 1 and np.diff(every).min() < _FINEST * (every[-1] - every[0]):
        raise TableError([("/columns" if len(judge) else "/values", "two are too close to tell apart")])


def _count_problems(counts: Sequence[Sequence[int]] | Counts, rows: int, columns: int) -> list[tuple[str, str]]:
    if len(counts) != rows:
        return [("/counts", f"has {len(counts)} rows for {rows} values")]
    ragged = [(f"/counts/{index}", len(row)) for index, row in enumerate(counts) if len(row) != columns]
    if ragged:
        return [(pointer, f"has {length} counts for {columns} values") for pointer, length in ragged]
    return [
        (f"/counts/{index}/{column}", f"is no whole number from 0 to {MOST_A_CELL}")
        for index, row in enumerate(counts)
        for column, count in enumerate(row)
        if not 0 <= count <= MOST_A_CELL or not math.isfinite(count) or count != int(count)
    ]


def _strange(
    pairs: Iterable[Cell], rows: Mapping[Value, int], columns: Mapping[Value, int], at: str
) -> Iterator[tuple[str, str]]:
    for index, (human, judge) in enumerate(pairs):
        if human not in rows:
            yield f"{at}/{index}/0", "is none of the values"
        if judge not in columns:
            yield f"{at}/{index}/1", "is none of the values"


def _raise(problems: list[tuple[str, str]]) -> None:
    if problems:
        raise TableError(problems)
