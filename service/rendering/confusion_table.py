"""The counts of each pair of values, in a table small enough to be read."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

_MAX_COLUMNS = 15  # more do not fit into a terminal
_CLASSES = 10
_MOST_LABELS = 30
_OTHERS = "others"


class ConfusionTable(NamedTuple):
    """The counts to show; the same name in `rows` and `columns` is the same value."""

    rows: list[str]
    columns: list[str]
    counts: list[list[int]]


def confusion_table(table: Mapping[str, Any]) -> ConfusionTable:
    """Returns the counts of an agreement report's table in at most `_MAX_COLUMNS` rows and columns if that is possible.

    A long scale is grouped into `_CLASSES` classes, fractional scores go to the nearest level, and labels that nobody
    used are left out. Of more than `_MOST_LABELS` labels, all but the most frequent are one, `others`.
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


def _used_labels(
    values: Sequence[str | float], columns: Sequence[str | float], counts: Sequence[Sequence[int]]
) -> ConfusionTable:
    used = Counter({value: sum(row) for value, row in zip(values, counts, strict=True) if any(row)})
    used += Counter(dict(zip(columns, map(sum, zip(*counts, strict=True)), strict=True)))
    if len(used) > _MOST_LABELS:
        kept = dict(used.most_common(_MOST_LABELS))
        people, judge = ([_name(each) if each in kept else _OTHERS for each in side] for side in (values, columns))
        return _added_up(list(dict.fromkeys(people)), people, list(dict.fromkeys(judge)), judge, counts)
    rows, places = _used_places(values, used), _used_places(columns, used)
    return ConfusionTable(
        [_name(values[row]) for row in rows],
        [_name(columns[place]) for place in places],
        [[counts[row][place] for place in places] for row in rows],
    )


def _used_places(values: Sequence[str | float], used: Mapping[str | float, int]) -> list[int]:
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
