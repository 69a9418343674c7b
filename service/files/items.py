"""Items in tables: the records of a CSV (RFC 4180), and what each column is of an item with people's values.

Columns are `id`, `input`, `output`, `context`, `reference`, `outputs` (a JSON list) or `outputs.0`, `outputs.1` …,
`metadata.<name>` and `human.<criterion>.<annotator>`, the annotators counted from 0. An empty cell is a missing value.
"""

import csv
import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from service.contracts.datasets import MOST_ANNOTATORS

TEXTS = ("id", "input", "output", "context", "reference")
MOST_OUTPUTS = 20  # as many as a ranking takes

_BOM = b"\xef\xbb\xbf"
_INDEX = re.compile("0|[1-9][0-9]{0,3}")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?|[+-]?\.[0-9]+([eE][+-]?[0-9]+)?")


class RecordError(ValueError):
    """Bytes that are no record; the text says why. `line` counts from 1."""

    def __init__(self, line: int, detail: str) -> None:
        super().__init__(f"line {line}: {detail}")
        self.line = line


class ColumnsError(ValueError):
    """A header that can't be used: (position of the column, what is wrong with it)."""

    def __init__(self, problems: list[tuple[int, str]]) -> None:
        super().__init__("; ".join(detail for _, detail in problems))
        self.problems = problems


class CellError(ValueError):
    """A cell that can't be read; `pointer` is its place in the item."""

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail)
        self.pointer = pointer


class Record(NamedTuple):
    """A record's cells, and the line that it begins on, from 1."""

    line: int
    cells: list[str]


class Records:
    """Puts the lines of a CSV together to records: a quoted cell may go on over several lines.

    Quotation marks within a quoted cell are doubled, so that a record is over where there is an even number of them.
    """

    def __init__(self) -> None:
        csv.field_size_limit(sys.maxsize)  # cells hold whole texts
        self.open_bytes = 0  # of the lines that wait for the end of their record
        self._open: list[bytes] = []
        self._quotes = 0
        self._line = 0

    def feed(self, line: bytes) -> Record | None:
        """The record that ends with this line (without its line feed); None where none does. Raises RecordError."""
        self._line += 1
        self._open.append(line.removeprefix(_BOM) if self._line == 1 else line)
        self.open_bytes += len(line) + 1
        self._quotes += line.count(b'"')
        return self._ended() if self._quotes % 2 == 0 else None

    def end(self) -> None:
        """Raises RecordError where the last record has no end."""
        if self._open:
            raise RecordError(self._line - len(self._open) + 1, "a quoted cell has no end")

    def _ended(self) -> Record | None:
        first = self._line - len(self._open) + 1
        raw, self._open, self._quotes, self.open_bytes = b"\n".join(self._open), [], 0, 0
        try:
            cells = next(csv.reader([raw.decode()], strict=True))
        except UnicodeDecodeError as error:
            raise RecordError(first, f"is not UTF-8: {error.reason}") from error
        except csv.Error as error:
            raise RecordError(first, str(error)) from error
        return Record(first, cells) if cells else None


class Columns:
    """What the columns of a table are, by their names."""

    def __init__(self, header: Sequence[str]) -> None:
        """Raises ColumnsError."""
        self.names = [name.strip() for name in header]
        problems = [
            (position, f"two columns are named {name!r}")
            for position, name in enumerate(self.names)
            if name in self.names[:position]
        ]
        problems += [
            (position, problem) for position, name in enumerate(self.names) if (problem := column_problem(name))
        ]
        if "outputs" in self.names and any(name.startswith("outputs.") for name in self.names):
            problems.append((self.names.index("outputs"), "stands beside outputs.0: use one of them"))
        if problems:
            raise ColumnsError(problems)

    def item(self, cells: Sequence[str]) -> dict[str, Any]:
        """An item as JSON has it, from the texts of its cells. Raises CellError."""
        if len(cells) != len(self.names):
            raise CellError("", f"has {len(cells)} cells for {len(self.names)} columns")
        return item_of(dict(zip(self.names, cells, strict=True)))


def column_problem(name: str) -> str | None:
    """Why there is no such column, None where there is."""
    first, _, rest = name.partition(".")
    if name in TEXTS or name == "outputs" or (first == "metadata" and rest):
        return None
    if first == "outputs" and _index(rest, MOST_OUTPUTS) is not None:
        return None
    criterion, _, annotator = rest.rpartition(".")
    if first == "human" and criterion and _index(annotator, MOST_ANNOTATORS) is not None:
        return None
    return f"{name!r} is no column of an item: see human.<criterion>.<annotator>, outputs.0, metadata.<name>"


def item_of(cells: Mapping[str, Any]) -> dict[str, Any]:
    """An item as JSON has it, from cells by the names of their columns. Texts are read as a CSV's.

    Raises CellError.
    """
    item: dict[str, Any] = {"human": {}}
    outputs: dict[int, str] = {}
    for name, cell in cells.items():
        first, _, rest = name.partition(".")
        is_empty = cell is None or cell == ""
        if first == "human":
            criterion, _, annotator = rest.rpartition(".")
            _put(item["human"].setdefault(criterion, []), int(annotator), _value(cell))
        elif first == "outputs" and rest:
            outputs[int(rest)] = "" if is_empty else cell
        elif is_empty:
            continue
        elif name == "outputs":
            item["outputs"] = _texts(cell)
        elif first == "metadata" and rest:
            item.setdefault("metadata", {})[rest] = cell
        else:
            item[name] = cell
    if any(outputs.values()):
        item["outputs"] = [outputs.get(index, "") for index in range(max(outputs) + 1)]
    return item


def _index(text: str, most: int) -> int | None:
    return int(text) if _INDEX.fullmatch(text) and int(text) < most else None


def _put(values: list[Any], position: int, value: Any) -> None:
    values += [None] * (position + 1 - len(values))
    values[position] = value


def _value(cell: Any) -> Any:
    """A number where the text is one, else the word."""
    if not isinstance(cell, str):
        return cell
    text = cell.strip()
    if not _NUMBER.fullmatch(text):
        return text or None
    number = float(text)
    return (
        int(number) if number.is_integer() and abs(number) < sys.maxsize and text.lstrip("+-").isdecimal() else number
    )


def _texts(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    try:
        return json.loads(cell)
    except (ValueError, RecursionError) as error:
        raise CellError("/outputs", f"is no JSON list of texts: {error}") from error
