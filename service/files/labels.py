"""Labels from the columns of a file, one label a row."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from service.contracts.labels import NewLabel
from service.contracts.pointing import faults_in
from service.files.items import as_text, oriented
from service.files.records import FileError, read_file, read_rows, shown_name

LABEL_FIELDS = NewLabel.__struct_fields__
FIXED_FIELDS = ("criterion", "annotator", "selection", "probability")  # may have one value for a whole file

_NUMBERS = ("score", "probability")
_VALUES = ("score", "label")
_NEEDED = ("item_id", "criterion", "annotator")


class LabelFile(NamedTuple):
    """The labels of a file, and the line that each begins on, from 1.

    `unused` are the columns that nothing was taken from, and `missing` is the number of rows that were left out because
    they have neither a score nor a label.
    """

    labels: list[NewLabel]
    lines: list[int]
    unused: list[str]
    missing: int


def read_labels(name: str, given: dict[str, str], mapping: Mapping[str, str] | None = None) -> LabelFile:
    """Returns the labels of a file; `-` is standard input. Raises FileError that names each bad line, and OSError.

    `given` has, for fields of a label, the column that each is taken from; for `FIXED_FIELDS` it may be the value
    itself. `mapping` names fields and columns in pairs, either way round.
    """
    table = read_rows(*read_file(name))
    if not table.rows:
        raise FileError([f"{shown_name(name)}: there is no label in it"])
    sources, fixed = _sources(table.columns, _columns_by_field(mapping or {}, table.columns) | given)
    labels, lines, faults, missing = [], [], [], 0
    for row in table.rows:
        cells = {field: row.cells.get(column) for field, column in sources.items()} | fixed
        try:
            fields = dict(_fields(cells, table.decimal))
            if not fields.keys() & set(_VALUES):
                missing += 1
                continue
            labels.append(_label(fields))
            lines.append(row.line)
        except ValueError as error:
            faults.append(f"line {row.line}: {error}")
    if not labels and not faults:
        faults = [f"{shown_name(name)}: there is no label in it: no row has a score or a label"]
    if faults:
        raise FileError(faults)
    unused = [each for each in table.columns if each not in sources.values()]
    return LabelFile(labels, lines, unused, missing)


def _columns_by_field(mapping: Mapping[str, str], columns: Sequence[str]) -> dict[str, str]:
    """The column of each field that a mapping names. Raises FileError if a pair names no field."""
    turned = oriented(mapping, columns, lambda name: name in LABEL_FIELDS)
    faults = [
        f"--map {column}={field}: {field!r} is not a field of a label ({', '.join(LABEL_FIELDS)})"
        for column, field in turned.items()
        if field not in LABEL_FIELDS
    ]
    if faults:
        raise FileError(faults)
    return {field: column for column, field in turned.items()}


def _sources(columns: Sequence[str], given: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The column that each field is taken from, and the value of each field that is the same in all rows.

    A column that is named for one field is not taken for another one of its name too.
    """
    sources, fixed = {}, {}
    faults = []
    has = f"the file has {', '.join(columns)}"
    for field in LABEL_FIELDS:
        name = given.get(field, field)
        if name in columns and (field in given or name not in given.values()):
            sources[field] = name
        elif field in given and field in FIXED_FIELDS:
            fixed[field] = name
        elif field in given:
            faults.append(f"there is no column {name!r} for {_option(field)}: {has}")
        elif field in _NEEDED:
            choice = "the column, or the value for all lines" if field in FIXED_FIELDS else "the column"
            faults.append(f"there is no column {field!r}: name {choice} with {_option(field)} or --map; {has}")
    if not set(_VALUES) & sources.keys() and not set(_VALUES) & given.keys():
        faults.append(f"there is no column 'score' or 'label': name it with --score, --label or --map; {has}")
    if faults:
        raise FileError(faults)
    return sources, fixed


def _fields(cells: Mapping[str, Any], decimal: str) -> Iterator[tuple[str, Any]]:
    """The fields that are not empty, with numbers read from text. Raises ValueError."""
    for field, cell in cells.items():
        value = cell.strip() if isinstance(cell, str) and field != "item_id" else cell
        if value is None or value == "":
            continue
        if field in _NUMBERS:
            yield field, _number(field, value, decimal)
        elif field == "label" and isinstance(value, bool):
            yield field, str(value).lower()
        else:
            yield field, as_text(value)


def _label(fields: Mapping[str, Any]) -> NewLabel:
    """Raises ValueError with the problem."""
    missing = next((field for field in _NEEDED if field not in fields), None)
    if missing:
        raise ValueError(f"{missing}: is missing")
    try:
        label = msgspec.convert(fields, NewLabel)
    except msgspec.ValidationError as error:
        fault = faults_in(msgspec.json.encode(fields), NewLabel)[0]
        raise ValueError(f"{fault.pointer.lstrip('/')}: {fault.detail}") from error
    if label.score is not None and label.label is not None:
        raise ValueError("has a score and a label: give one of them")
    return label


def _number(field: str, value: Any, decimal: str) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return float(value.replace(",", ".") if decimal == "," else value)
    except ValueError:
        raise ValueError(f"{field}: {value!r} is not a number") from None


def _option(field: str) -> str:
    return f"--{field.replace('_', '-')}"
