"""Items with people's values, from the columns of a file.

The columns are `id`, `input`, `output`, `context`, `reference`, `group`, `case`, `outputs` (a JSON list) or
`outputs.0`, `outputs.1` …, `metadata.<name>` and `human.<criterion>.<annotator>`, with annotators counted from 0. An
empty cell is a missing value, and an empty text in the column `output`. A file may name them otherwise, and then a
mapping says which is which.
"""

import hashlib
import json
import re
import sys
from array import array
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from service.contracts.datasets import MOST_ANNOTATORS, MOST_VALUES_OF_AN_ITEM, DatasetItem
from service.contracts.decoding import MOST_RETURNS, Batch, BlankLines, Numbered
from service.contracts.items import TEXT_FIELDS
from service.contracts.judges import MOST_OUTPUTS
from service.contracts.names import did_you_mean
from service.contracts.pointing import MOST_FAULTS, faults_in
from service.contracts.refusals import Fault, invalid, too_large
from service.files.records import (
    CsvRows,
    FileError,
    FileRow,
    FileRows,
    RecordError,
    read_file,
    read_rows,
    shown_name,
)

TEXT_COLUMNS = ("id", *TEXT_FIELDS, "group", "case")
MOST_LINES_OF_A_RECORD = 50_000  # a quotation mark that is not closed takes in all that follows

_JUDGED = (*TEXT_FIELDS, "outputs")  # an item has at least one of them
_NAMES = ("id", "group", "case")  # whole numbers are taken as text
_MOST_NAME = 60
_INDEX = re.compile("0|[1-9][0-9]{0,3}")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?|[+-]?\.[0-9]+([eE][+-]?[0-9]+)?")
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+")
_ALL_ANNOTATORS = re.compile(r"human\.(.+)")  # in JSON, a list of all annotators' values


class ColumnsError(ValueError):
    """A header that can't be used. `faults` are (position of the column from 0, the problem)."""

    def __init__(self, faults: list[tuple[int, str]]) -> None:
        super().__init__("; ".join(detail for _, detail in faults))
        self.faults = faults


class CellError(ValueError):
    """A cell that can't be read. `pointer` is the JSON pointer to its place in the item."""

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail)
        self.pointer = pointer


class CsvItems:
    """The items of a CSV upload as they arrive, numbered from 0 without the header; or the faults of each bad row."""

    def __init__(self, parts: AsyncIterable[Sequence[bytes]], most_record_bytes: int) -> None:
        self._parts = parts
        self._most_record_bytes = most_record_bytes
        self._begins = array("Q")  # the line of each row
        self._rows = CsvRows()
        self._blank = BlankLines()
        self._is_checked = False  # the header

    def line_of(self, number: int) -> int:
        """Returns the line that an item begins on, from 1."""
        return self._begins[number]

    async def __aiter__(self) -> AsyncIterator[Batch[DatasetItem]]:
        """Yields a batch for each part of the upload.

        Taking from one raises Refused: invalid if the header can't be used, too-large if a record exceeds the limit or
        there are too many blank lines.
        """
        async for lines in self._parts:
            yield self._items(lines)
        yield self._last()

    def _items(self, lines: Sequence[bytes]) -> Batch[DatasetItem]:
        for line in lines:
            if line.count(b"\r") > MOST_RETURNS:
                raise too_large(f"a line with more than {MOST_RETURNS} carriage returns: end lines with line feeds")
            rows = self._rows.rows(line)
            self._blank.note(is_blank=not rows and not self._rows.open_bytes)
            for row in rows:
                yield self._item(row)
            if self._rows.open_bytes > self._most_record_bytes:
                raise too_large(f"more than {self._most_record_bytes} bytes in one record")
            if self._rows.open_lines > MOST_LINES_OF_A_RECORD:
                raise too_large(f"more than {MOST_LINES_OF_A_RECORD} lines in one record")

    def _last(self) -> Batch[DatasetItem]:
        if (unfinished := self._rows.end()) is not None:
            yield self._item(unfinished)
        elif self._rows.names is not None and not self._is_checked:
            _check_header(self._rows.names, None)

    def _item(self, row: FileRow | RecordError) -> Numbered[DatasetItem]:
        if not self._is_checked:
            _check_header(self._rows.names, row)
            self._is_checked = True
        number = len(self._begins)
        self._begins.append(row.line)
        return number, _csv_item(row, self._rows.decimal, f"/items/{number}")


class ItemFile(NamedTuple):
    """The items of a file as JSON objects, and the line that each begins on, from 1.

    `unused` are the columns that no part of an item was taken from, and `missing` is the number of people's values that
    are empty.
    """

    items: list[dict[str, Any]]
    lines: list[int]
    unused: list[str]
    missing: int

    @property
    def content(self) -> bytes:
        """The items as NDJSON."""
        return b"".join(json.dumps(item, ensure_ascii=False).encode() + b"\n" for item in self.items)


def read_items(name: str, mapping: Mapping[str, str], *, with_human: bool = True) -> ItemFile:
    """Returns the items of a file with people's values; `-` is standard input.

    Raises FileError that names each bad line, and OSError. Without `with_human`, columns of people's values are not
    used and need not be there.

    `mapping` names the part of an item for columns with other names, such as `question` -> `input` or `score` ->
    `human.faithfulness.0`. An entry may also stand the other way round: `input` -> `question`.
    """
    content, form = read_file(name)
    table = read_rows(content, form)
    if not table.rows:
        raise FileError([f"{shown_name(name)}: there is no item in it"])
    parts = _parts(table.columns, mapping, is_json=form == "ndjson", with_human=with_human)
    items, faults = [], []
    for row in table.rows:
        try:
            items.append(_item(row, parts, table.decimal, keep_empty=form == "ndjson" and not with_human))
        except CellError as error:
            faults.append(f"line {row.line}: {error.pointer.lstrip('/')}: {error}")
    faults = faults or list(_absent_columns(table, parts, with_human=with_human))
    if faults:
        raise FileError(faults)
    if not with_human:
        for item in items:
            del item["human"]
    values = [value for item in items for values in item.get("human", {}).values() for value in _listed(values)]
    unused = [column for column in table.columns if column not in parts]
    return ItemFile(items, [row.line for row in table.rows], unused, sum(value is None for value in values))


def dataset_name(path: Path, content: bytes) -> str:
    """Returns a name made of a file's name and content: the same file gets the same name, another one another."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-._")[:_MOST_NAME] or "data"
    return f"{stem}-{hashlib.sha256(content).hexdigest()[:12]}"


def check_item_columns(names: Sequence[str]) -> None:
    """Raises ColumnsError if a column of a CSV is there twice or is no part of an item. Ignores those without name."""
    faults = list(islice(_column_faults(names), MOST_FAULTS))
    if "outputs" in names and any(name.startswith("outputs.") for name in names):
        faults.append((names.index("outputs"), "can't be used beside outputs.0: use one or the other"))
    if faults:
        raise ColumnsError(faults)


def _column_faults(names: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yields (position, problem) for columns that are there twice, are no part of an item, or are too many."""
    known, sizes = set[str](), dict[str, int]()
    for position, name in enumerate(names):
        if not name:
            continue
        if name in known:
            yield position, f"two columns are named {name!r}"
        elif (fault := column_fault(name)) is not None:
            yield position, fault
        elif name.startswith("human."):
            criterion, _, annotator = name.removeprefix("human.").rpartition(".")
            sizes[criterion] = max(sizes.get(criterion, 0), int(annotator) + 1)
            if sum(sizes.values()) > MOST_VALUES_OF_AN_ITEM:
                yield position, f"an item would have more than {MOST_VALUES_OF_AN_ITEM} values of people"
                return
        known.add(name)


def column_fault(name: str) -> str | None:
    """Returns why `name` is no column of an item, or None if it is one."""
    first, _, rest = name.partition(".")
    if name in TEXT_COLUMNS or name == "outputs" or (first == "metadata" and rest):
        return None
    if first == "outputs" and _is_index(rest, MOST_OUTPUTS):
        return None
    criterion, _, annotator = rest.rpartition(".")
    if first == "human" and criterion and _is_index(annotator, MOST_ANNOTATORS):
        return None
    allowed = ", ".join([*TEXT_COLUMNS, "outputs", "outputs.<n>", "metadata.<name>", "human.<criterion>.<annotator>"])
    return f"{name!r} is not a column of an item ({allowed}){did_you_mean(name, [*TEXT_COLUMNS, 'outputs'])}"


def item_from_cells(cells: Mapping[str, Any], decimal: str = ".", *, keep_empty: bool = False) -> dict[str, Any]:
    """Returns an item as a JSON object, from cells by the names of their columns.

    `decimal` is the decimal separator of people's values in text. Empty cells are missing parts, but with `keep_empty`
    those that are "" are empty texts, and so is always the output of an item that has anything else: a system may
    answer nothing. Raises CellError.
    """
    item: dict[str, Any] = {"human": {}}
    outputs: dict[int, str] = {}
    for name, cell in cells.items():
        first, _, rest = name.partition(".")
        is_empty = cell is None or cell == ""
        if first == "human":
            criterion, _, annotator = rest.rpartition(".")
            _put(item["human"].setdefault(criterion, []), int(annotator), human_value(cell, decimal))
        elif first == "outputs" and rest:
            outputs[int(rest)] = "" if is_empty else cell
        elif cell is None or (is_empty and not keep_empty):
            continue
        elif name == "outputs":
            item["outputs"] = _outputs(cell)
        elif first == "metadata" and rest:
            item.setdefault("metadata", {})[rest] = cell
        else:
            item[name] = as_text(cell) if name in _NAMES else cell
    if any(outputs.values()):
        item["outputs"] = [outputs.get(index, "") for index in range(max(outputs) + 1)]
    if cells.get("output") == "" and "outputs" not in item and any(cells.values()):
        item["output"] = ""
    return item


def human_value(cell: Any, decimal: str = ".") -> Any:
    """Returns a person's value: a number if the text is one, else the text; None if it is empty."""
    if isinstance(cell, bool):
        return str(cell).lower()
    if not isinstance(cell, str):
        return cell
    text = cell.strip()
    if decimal == "," and _DECIMAL_COMMA.fullmatch(text):
        text = text.replace(",", ".")
    if not _NUMBER.fullmatch(text):
        return text or None
    number = float(text)
    is_whole = number.is_integer() and abs(number) < sys.maxsize and text.lstrip("+-").isdecimal()
    return int(number) if is_whole else number


def as_text(cell: Any) -> Any:
    """Returns a whole number as text, as ids and names may be written in JSON; anything else unchanged."""
    if isinstance(cell, int | float) and not isinstance(cell, bool) and float(cell).is_integer():
        return str(int(cell))
    return cell


def oriented(mapping: Mapping[str, str], columns: Sequence[str], is_ours: Callable[[str], bool]) -> dict[str, str]:
    """Returns a mapping from the file's columns to our names.

    A pair may stand either way round: it is turned if its left side is one of our names and no column of the file,
    unless its right side is one of our names and no column either.
    """
    found = {}
    for left, right in mapping.items():
        is_turned = is_ours(left) and left not in columns and (right in columns or not is_ours(right))
        found.update({right: left} if is_turned else {left: right})
    return found


def _check_header(names: Sequence[str] | None, row: FileRow | RecordError | None) -> None:
    """Raises Refused if there are no usable columns; without names, `row` is the header that can't be read."""
    if names is None:
        raise invalid([Fault("/columns", str(row))])
    try:
        check_item_columns(names)
    except ColumnsError as error:
        raise invalid([Fault(f"/columns/{position}", detail) for position, detail in error.faults]) from error


def _csv_item(row: FileRow | RecordError, decimal: str, at: str) -> DatasetItem | list[Fault]:
    if isinstance(row, RecordError):
        return [Fault(at, str(row))]
    try:
        cells = item_from_cells(row.cells, decimal)
    except CellError as error:
        return [Fault(at + error.pointer, f"line {row.line}: {error}")]
    try:
        return msgspec.convert(cells, DatasetItem)
    except msgspec.ValidationError as error:
        faults = faults_in(msgspec.json.encode(cells), DatasetItem, at) or [Fault(at, str(error))]
        return [Fault(each.pointer, f"line {row.line}: {each.detail}") for each in faults]


def _parts(columns: Sequence[str], mapping: Mapping[str, str], *, is_json: bool, with_human: bool) -> dict[str, str]:
    """The part of an item that each column is; columns that are none are left out. Raises FileError."""

    def is_part(name: str) -> bool:
        is_whole = is_json and (name in DatasetItem.__struct_fields__ or _ALL_ANNOTATORS.fullmatch(name) is not None)
        return column_fault(name) is None or is_whole

    mapping = oriented(mapping, columns, is_part)
    absent = [name for name in mapping if name not in columns]
    if absent:
        raise FileError([f"there is no column {name!r}: the file has {', '.join(columns)}" for name in absent])
    parts: dict[str, str] = {}
    faults = []
    for column in columns:
        part = mapping.get(column, column)
        if is_part(part) and part in parts.values():
            same = [*(other for other, its in parts.items() if its == part), column]
            faults.append(f"two columns are {part}: {', '.join(same)}")
        elif is_part(part) and (with_human or part.partition(".")[0] != "human"):
            parts[column] = part
        elif column in mapping and not is_part(part):
            faults.append(f"--map {column}={part}: {column_fault(part)}")
    if faults:
        raise FileError(faults)
    return parts


def _absent_columns(table: FileRows, parts: Mapping[str, str], *, with_human: bool) -> Iterable[str]:
    """A line for each kind of column that the file lacks and that no file can do without."""
    kinds = {part.partition(".")[0] for part in parts.values()}
    has = f"the file has {', '.join(table.columns)}"
    if not kinds & set(_JUDGED):
        yield f"there is no column with texts ({', '.join(_JUDGED)}): map one, as in --map answer=output; {has}"
    if with_human and "human" not in kinds:
        example = "--map score=human.helpfulness.0"
        yield f"there is no column human.<criterion>.<annotator> with people's values: map one, as in {example}; {has}"


def _item(row: FileRow, parts: Mapping[str, str], decimal: str, *, keep_empty: bool) -> dict[str, Any]:
    """The item of a row. In JSON a cell may be a whole part: the values of all annotators, or all metadata."""
    cells = {parts[name]: cell for name, cell in row.cells.items() if name in parts}
    whole = {part: cell for part, cell in cells.items() if column_fault(part) is not None}
    rest = {part: cell for part, cell in cells.items() if part not in whole}
    item = item_from_cells(rest, decimal, keep_empty=keep_empty)
    for part, cell in whole.items():
        if part == "human":
            item["human"] |= _object(part, cell)
        elif part == "metadata":
            item["metadata"] = _object(part, cell) | item.get("metadata", {})
        else:
            item["human"][part.partition(".")[2]] = cell if isinstance(cell, list) else [human_value(cell)]
    return item


def _object(part: str, cell: Any) -> dict[str, Any]:
    if cell is not None and not isinstance(cell, dict):
        raise CellError(f"/{part}", "must be a JSON object")
    return cell or {}


def _outputs(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    try:
        return json.loads(cell)
    except (ValueError, RecursionError) as error:
        raise CellError("/outputs", f"must be a JSON list of texts: {error}") from error


def _put(values: list[Any], position: int, value: Any) -> None:
    values += [None] * (position + 1 - len(values))
    values[position] = value


def _listed(values: Any) -> list[Any]:
    return values if isinstance(values, list) else []


def _is_index(text: str, size: int) -> bool:
    return _INDEX.fullmatch(text) is not None and int(text) < size
