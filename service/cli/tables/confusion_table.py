"""The counts of each pair of values, in a table small enough for a terminal."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.markup import escape

from service.cli.console import add_row, open_table, printable

if TYPE_CHECKING:
    from rich.table import Table

_MAX_COLUMNS = 15  # more do not fit into a terminal
_CLASSES = 10
_MAX_LABEL_CHARACTERS = 16


class ConfusionTable(NamedTuple):
    """The counts to show; the same name in `rows` and `columns` is the same value."""

    rows: list[str]
    columns: list[str]
    counts: list[list[int]]


def confusion_table(table: Mapping[str, Any]) -> ConfusionTable:
    """Returns the counts in at most `_MAX_COLUMNS` rows and columns if that is possible.

    A long scale is grouped into `_CLASSES` classes, fractional scores go to the nearest level, and labels that nobody
    used are left out.
    """
    values, columns, counts = table["values"], table.get("columns") or table["values"], table["counts"]
    if any(isinstance(value, str) for value in [*values, *columns]):
        return _used_labels(values, columns, counts)
    if len(values) > _MAX_COLUMNS:
        low, high = min([*values, *columns]), max([*values, *columns])
        names = _class_names(low, high)
        rows = [names[_class_of(value, low, high)] for value in values]
        return _added_up(names, rows, names, [names[_class_of(column, low, high)] for column in columns], counts)
    names = [f"{value:g}" for value in values]
    if len(columns) <= _MAX_COLUMNS:
        return ConfusionTable(names, [f"{column:g}" for column in columns], counts)
    nearest = [f"{min(values, key=lambda value: abs(value - column)):g}" for column in columns]
    return _added_up(names, names, names, nearest, counts)


def confusion_grid(shown: ConfusionTable) -> "Table":
    """Returns the table with its sums; counts of pairs with the same value on both sides are in brackets."""
    table = open_table("")
    for heading in [*shown.columns, "all"]:
        table.add_column(escape(printable(_shortened(heading))), justify="right")
    for row, counts in zip(shown.rows, shown.counts, strict=True):
        cells = [_cell(row == column, count) for column, count in zip(shown.columns, counts, strict=True)]
        add_row(table, [_shortened(row), *cells, str(sum(counts))])
    totals = [sum(each) for each in zip(*shown.counts, strict=True)]
    add_row(table, ["all", *map(str, totals), str(sum(totals))])
    return table


def _cell(is_same: bool, count: int) -> str:
    text = str(count) if count else "·"
    return f"[{text}]" if is_same else f"{text} "


def _used_labels(
    values: Sequence[str | float], columns: Sequence[str | float], counts: Sequence[Sequence[int]]
) -> ConfusionTable:
    used = {value for value, row in zip(values, counts, strict=True) if any(row)}
    used |= {column for place, column in enumerate(columns) if any(row[place] for row in counts)}
    rows, places = _used_places(values, used), _used_places(columns, used)
    return ConfusionTable(
        [_name(values[row]) for row in rows],
        [_name(columns[place]) for place in places],
        [[counts[row][place] for place in places] for row in rows],
    )


def _used_places(values: Sequence[str | float], used: set[str | float]) -> list[int]:
    return [place for place, value in enumerate(values) if value in used or len(values) <= _MAX_COLUMNS]


def _name(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _added_up(
    names: list[str], rows: Sequence[str], heads: list[str], columns: Sequence[str], counts: Sequence[Sequence[int]]
) -> ConfusionTable:
    """Returns the counts added up by the names of their rows and columns."""
    added = {name: dict.fromkeys(heads, 0) for name in names}
    for row, line in zip(rows, counts, strict=True):
        for column, count in zip(columns, line, strict=True):
            added[row][column] += count
    return ConfusionTable(names, heads, [list(line.values()) for line in added.values()])


def _class_of(value: float, low: float, high: float) -> int:
    return min(int((value - low) / (high - low) * _CLASSES), _CLASSES - 1)


def _class_names(low: float, high: float) -> list[str]:
    ends = [low + (high - low) * place / _CLASSES for place in range(_CLASSES + 1)]
    return [f"{start:.3g} to {end:.3g}" for start, end in pairwise(ends)]


def _shortened(label: str) -> str:
    return label if len(label) <= _MAX_LABEL_CHARACTERS else f"{label[: _MAX_LABEL_CHARACTERS - 1]}…"
