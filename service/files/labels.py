"""Labels as files have them: CSV with a header, or one JSON object a line; columns by their names."""

import csv
import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from service.contracts.labels import NewLabel

FIELDS = NewLabel.__struct_fields__
CONSTANTS = ("criterion", "annotator", "selection", "probability")  # may be the same for a whole file

_NUMBERS = ("score", "probability")
_NEEDED = ("item_id", "criterion", "annotator")
_SUFFIXES = {".csv": "csv", ".jsonl": "json", ".ndjson": "json"}


class LabelFileError(ValueError):
    """The file can't be taken; `lines` say why, one thing a line."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = list(lines)


class LabelFile(NamedTuple):
    """The labels of a file, the line of each from 1, and the columns that nothing was taken from."""

    labels: list[NewLabel]
    lines: list[int]
    unused: list[str]


class _Row(NamedTuple):
    line: int
    cells: dict[str, Any]


def read_labels(path: Path, named: Mapping[str, str]) -> LabelFile:
    """All labels of a file, or none: raises LabelFileError with each line that is wrong, OSError.

    `named` says for a label's field which column has it, where that is not the one of the field's own name; for the
    `CONSTANTS` it may be the value itself.
    """
    kind = _SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise LabelFileError([f"{path}: is neither .csv nor .jsonl"])
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LabelFileError([f"{path}: is not UTF-8: {error.reason} at byte {error.start}"]) from error
    rows = _csv_rows(text) if kind == "csv" else _json_rows(text)
    if not rows:
        raise LabelFileError([f"{path}: there is no label in it"])
    columns = list(dict.fromkeys(name for row in rows for name in row.cells))
    sources, constants = _sources(columns, named)
    labels, wrong = [], []
    for row in rows:
        try:
            labels.append(_label(row.cells, sources, constants, is_text=kind == "csv"))
        except ValueError as error:
            wrong.append(f"line {row.line}: {error}")
    if wrong:
        raise LabelFileError(wrong)
    return LabelFile(labels, [row.line for row in rows], [each for each in columns if each not in sources.values()])


def _csv_rows(text: str) -> list[_Row]:
    csv.field_size_limit(sys.maxsize)  # exports have whole texts in them
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[_Row] = []
    header: list[str] | None = None
    before = 0  # the line that the record before ends on: one record may have several
    try:
        for record in reader:
            line, before = before + 1, reader.line_num
            if not record:
                continue
            if header is None:
                header = _header(record)
            elif len(record) != len(header):
                raise LabelFileError([f"line {line}: has {len(record)} columns, and the first line {len(header)}"])
            else:
                rows.append(_Row(line, dict(zip(header, record, strict=True))))
    except csv.Error as error:
        raise LabelFileError([f"line {before + 1}: {error}"]) from error
    return rows


def _header(record: list[str]) -> list[str]:
    twice = [name for place, name in enumerate(record) if name in record[:place]]
    if twice:
        raise LabelFileError([f"line 1: there are two columns {name!r}" for name in twice])
    return record


def _json_rows(text: str) -> list[_Row]:
    rows, wrong = [], []
    for line, each in enumerate(text.split("\n"), 1):
        if not each.strip():
            continue
        try:
            cells = json.loads(each)
        except (ValueError, RecursionError) as error:
            wrong.append(f"line {line}: not JSON: {error}")
            continue
        if isinstance(cells, dict):
            rows.append(_Row(line, cells))
        else:
            wrong.append(f"line {line}: is no JSON object")
    if wrong:
        raise LabelFileError(wrong)
    return rows


def _sources(columns: Sequence[str], named: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Which column each field is taken from, and the value of each field that is the same for all lines."""
    sources, constants = {}, {}
    wrong = []
    there = f"the file has {', '.join(columns)}"
    for field in FIELDS:
        name = named.get(field, field)
        if name in columns:
            sources[field] = name
        elif field in named and field in CONSTANTS:
            constants[field] = name
        elif field in named:
            wrong.append(f"there is no column {name!r} for {_option(field)}: {there}")
        elif field in _NEEDED:
            what = "the column, or the value for all lines" if field in CONSTANTS else "the column"
            wrong.append(f"there is no column {field!r}: name {what} with {_option(field)}; {there}")
    if not {"score", "label"} & sources.keys() and not {"score", "label"} & named.keys():
        wrong.append(f"there is no column 'score' or 'label': name it with --score or --label; {there}")
    if wrong:
        raise LabelFileError(wrong)
    return sources, constants


def _label(
    cells: Mapping[str, Any], sources: Mapping[str, str], constants: Mapping[str, str], *, is_text: bool
) -> NewLabel:
    """Raises ValueError, which says what is wrong."""
    found: dict[str, Any] = {field: cells.get(column) for field, column in sources.items()}
    if is_text:
        found = dict(_from_text(found))
    found |= _from_text(constants)
    missing = next((field for field in _NEEDED if found.get(field) is None), None)
    if missing:
        raise ValueError(f"{missing}: is missing")
    try:
        label = msgspec.convert({field: each for field, each in found.items() if each is not None}, NewLabel)
    except msgspec.ValidationError as error:
        said, _, place = str(error).partition(" - at `$.")
        raise ValueError(f"{place.rstrip('`')}: {said}" if place else said) from error
    if (label.score is None) == (label.label is None):
        raise ValueError("has a score and a label" if label.score is not None else "has neither a score nor a label")
    return label


def _from_text(texts: Mapping[str, str | None]) -> Iterator[tuple[str, Any]]:
    """What the cells of a CSV mean: an empty one is none."""
    for field, text in texts.items():
        if text:
            yield field, _number(field, text) if field in _NUMBERS else text


def _number(field: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{field}: {text!r} is not a number") from None


def _option(field: str) -> str:
    return f"--{field.replace('_', '-')}"
