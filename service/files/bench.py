"""Items with people's values as files have them: CSV with a header, or one JSON object a line; columns by any name."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from service.contracts.datasets import DatasetItem
from service.files.items import CellError, Record, RecordError, Records, column_problem, item_of

FIELDS = DatasetItem.__struct_fields__

_SUFFIXES = {".csv": "csv", ".jsonl": "json", ".ndjson": "json"}
_MOST_NAME = 60
_LIST_OF_VALUES = re.compile(r"human\.(.+)")


class BenchFileError(ValueError):
    """The file can't be taken; `lines` say why, one thing a line."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = list(lines)


class BenchFile(NamedTuple):
    """The items as JSON has them, the line of each from 1, and the columns that nothing was taken from."""

    items: list[dict[str, Any]]
    lines: list[int]
    unused: list[str]

    @property
    def content(self) -> bytes:
        """As NDJSON."""
        return b"".join(json.dumps(item, ensure_ascii=False).encode() + b"\n" for item in self.items)


class _Row(NamedTuple):
    line: int
    cells: dict[str, Any]


def read_items(path: Path, named: Mapping[str, str]) -> BenchFile:
    """All items of a file, or none: raises BenchFileError with each line that is wrong, OSError.

    `named` says for a column which part of an item it is, where its own name does not: `question` -> `input`,
    `score` -> `human.faithfulness.0`.
    """
    kind = _SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise BenchFileError([f"{path}: is neither .csv nor .jsonl"])
    content = path.read_bytes()
    rows = list(_csv_rows(content) if kind == "csv" else _json_rows(content))
    if not rows:
        raise BenchFileError([f"{path}: there is no item in it"])
    columns = list(dict.fromkeys(name for row in rows for name in row.cells))
    absent = [name for name in named if name not in columns]
    if absent:
        raise BenchFileError([f"there is no column {name!r}: the file has {', '.join(columns)}" for name in absent])
    parts = _parts(columns, named, is_json=kind == "json")
    items, wrong = [], []
    for row in rows:
        try:
            items.append(_item({parts[name]: cell for name, cell in row.cells.items() if name in parts}))
        except CellError as error:
            wrong.append(f"line {row.line}: {error.pointer}: {error}")
    if wrong:
        raise BenchFileError(wrong)
    return BenchFile(items, [row.line for row in rows], [name for name in columns if name not in parts])


def dataset_name(path: Path, content: bytes) -> str:
    """Of the file's name and its content: the same file has the same name again, and another one another."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-._")[:_MOST_NAME] or "data"
    return f"{stem}-{hashlib.sha256(content).hexdigest()[:12]}"


def _parts(columns: Iterable[str], named: Mapping[str, str], *, is_json: bool) -> dict[str, str]:
    """Which part of an item each column is; what is none is left out. Raises BenchFileError."""
    parts: dict[str, str] = {}
    wrong = []
    for column in columns:
        part = named.get(column, column)
        is_part = column_problem(part) is None or (is_json and (part in FIELDS or _LIST_OF_VALUES.fullmatch(part)))
        if is_part and part in parts.values():
            wrong.append(f"two columns are {part}: {', '.join([*(c for c, p in parts.items() if p == part), column])}")
        elif is_part:
            parts[column] = part
        elif column in named:
            wrong.append(f"--map {column}={part}: {column_problem(part)}")
    if wrong:
        raise BenchFileError(wrong)
    return parts


def _item(cells: Mapping[str, Any]) -> dict[str, Any]:
    """Whole parts of an item stand as they are; the others, which JSON has too, are put where they belong."""
    whole = {part: cell for part, cell in cells.items() if column_problem(part) is not None}
    item = item_of({part: cell for part, cell in cells.items() if part not in whole})
    if isinstance(item.get("id"), int):
        item["id"] = str(item["id"])
    for part, cell in whole.items():
        if part == "human":
            item["human"] |= _object(part, cell)
        elif part == "metadata":
            item["metadata"] = _object(part, cell) | item.get("metadata", {})
        else:
            item["human"][part.partition(".")[2]] = cell if isinstance(cell, list) else [cell]
    return item


def _object(part: str, cell: Any) -> dict[str, Any]:
    if cell is not None and not isinstance(cell, dict):
        raise CellError(f"/{part}", "is no JSON object")
    return cell or {}


def _csv_rows(content: bytes) -> Iterator[_Row]:
    header: list[str] | None = None
    for record in _records(content):
        if header is None:
            header = [name.strip() for name in record.cells]
            twice = [name for place, name in enumerate(header) if name in header[:place]]
            if twice:
                raise BenchFileError([f"line {record.line}: there are two columns {name!r}" for name in twice])
        elif len(record.cells) != len(header):
            raise BenchFileError([f"line {record.line}: has {len(record.cells)} cells for {len(header)} columns"])
        else:
            yield _Row(record.line, dict(zip(header, record.cells, strict=True)))


def _records(content: bytes) -> Iterator[Record]:
    records = Records()
    try:
        for line in content.removesuffix(b"\n").split(b"\n"):
            record = records.feed(line)
            if record is not None:
                yield record
        records.end()
    except RecordError as error:
        raise BenchFileError([str(error)]) from error


def _json_rows(content: bytes) -> Iterator[_Row]:
    wrong = []
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            cells = json.loads(line)
        except (ValueError, RecursionError) as error:
            wrong.append(f"line {number}: not JSON: {error}")
            continue
        if isinstance(cells, dict):
            yield _Row(number, cells)
        else:
            wrong.append(f"line {number}: is no JSON object")
    if wrong:
        raise BenchFileError(wrong)
