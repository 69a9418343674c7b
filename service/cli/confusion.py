"""Who said what, in a table that a terminal can show."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from rich.table import Table
from rich.text import Text

_MOST_COLUMNS = 15  # more of them fit no terminal
_BINS = 10
_WORD_CHARACTERS = 16


class Confusion(NamedTuple):
    """Counts as they are shown: the same names on both sides mean the same."""

    rows: list[str]
    columns: list[str]
    counts: list[list[int]]


def confusion(table: Mapping[str, Any]) -> Confusion:
    """The counts with few enough rows and columns to be read: a continuous scale in classes, unused words left out."""
    values, columns, counts = table["values"], table.get("columns") or table["values"], table["counts"]
    if any(isinstance(value, str) for value in [*values, *columns]):
        return _words(values, columns, counts)
    if len(values) > _MOST_COLUMNS:
        low, high = min([*values, *columns]), max([*values, *columns])
        names = _class_names(low, high)
        rows = [names[_class_of(value, low, high)] for value in values]
        return _grouped(names, rows, names, [names[_class_of(column, low, high)] for column in columns], counts)
    names = [f"{value:g}" for value in values]
    if len(columns) <= _MOST_COLUMNS:
        return Confusion(names, [f"{column:g}" for column in columns], counts)
    nearest = [f"{min(values, key=lambda value: abs(value - column)):g}" for column in columns]
    return _grouped(names, names, names, nearest, counts)


def as_table(shown: Confusion) -> Table:
    """Rows and columns with their sums; what both sides say alike stands in brackets."""
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for head in [*shown.columns, "all"]:
        table.add_column(Text(_shortened(head)), justify="right")
    for row, counts in zip(shown.rows, shown.counts, strict=True):
        cells = [_cell(row == column, count) for column, count in zip(shown.columns, counts, strict=True)]
        table.add_row(*map(Text, [_shortened(row), *cells, str(sum(counts))]))
    totals = [sum(each) for each in zip(*shown.counts, strict=True)]
    table.add_row(*map(Text, ["all", *map(str, totals), str(sum(totals))]))
    return table


def _cell(is_same: bool, count: int) -> str:
    said = str(count) if count else "·"
    return f"[{said}]" if is_same else f"{said} "


def _words(values: Sequence[str], columns: Sequence[str], counts: Sequence[Sequence[int]]) -> Confusion:
    used = {value for value, row in zip(values, counts, strict=True) if any(row)}
    used |= {column for place, column in enumerate(columns) if any(row[place] for row in counts)}
    kept = [value for value in columns if value in used or len(columns) <= _MOST_COLUMNS]
    places = [place for place, column in enumerate(columns) if column in kept]
    rows = [place for place, value in enumerate(values) if value in kept]
    return Confusion(
        [values[row] for row in rows],
        [columns[place] for place in places],
        [[counts[row][place] for place in places] for row in rows],
    )


def _grouped(
    names: list[str], rows: Sequence[str], heads: list[str], columns: Sequence[str], counts: Sequence[Sequence[int]]
) -> Confusion:
    """Counts added up by the names that rows and columns have."""
    added = {name: dict.fromkeys(heads, 0) for name in names}
    for row, line in zip(rows, counts, strict=True):
        for column, count in zip(columns, line, strict=True):
            added[row][column] += count
    return Confusion(names, heads, [list(line.values()) for line in added.values()])


def _class_of(value: float, low: float, high: float) -> int:
    return min(int((value - low) / (high - low) * _BINS), _BINS - 1)


def _class_names(low: float, high: float) -> list[str]:
    ends = [low + (high - low) * place / _BINS for place in range(_BINS + 1)]
    return [f"{start:.3g} to {end:.3g}" for start, end in pairwise(ends)]


def _shortened(word: str) -> str:
    return word if len(word) <= _WORD_CHARACTERS else f"{word[: _WORD_CHARACTERS - 1]}…"
