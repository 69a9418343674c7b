"""Reads the records of people's files, CSV and NDJSON, with the line that each record begins on.

CSV is RFC 4180 as spreadsheets write it: separated by commas, semicolons or tabs, with or without a byte order mark,
and with LF, CR LF or CR at the end of a line. NDJSON has one JSON object in each line; an array of objects is read
too. The reader of CSV is fed line by line, so an upload of any size takes little memory.
"""

import csv
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from service.contracts.decoding import decode_entry
from service.contracts.refusals import Fault

FileForm = Literal["csv", "ndjson"]

STANDARD_INPUT = "-"  # in place of a file's name

_SUFFIXES: dict[str, FileForm] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "ndjson",
    ".ndjson": "ndjson",
    ".json": "ndjson",
}
_BOM = b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
_DELIMITERS = ",;\t"  # the first of them if none is in the header
_QUOTED = re.compile(rb'"(?:[^"]|"")*"?')


class FileError(ValueError):
    """A file that can't be used. `lines` are its faults, one a line."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = list(lines)
        super().__init__("\n".join(self.lines))


class RecordError(ValueError):
    """A record that can't be read. `line` is the line of the fault, from 1."""

    def __init__(self, line: int, detail: str) -> None:
        super().__init__(f"line {line}: {detail}")
        self.line = line


class CsvRecord(NamedTuple):
    """The cells of a record, and the line that it begins on, from 1."""

    line: int
    cells: list[str]


class FileRow(NamedTuple):
    """A record by the names of its columns, and the line that it begins on, from 1.

    Cells of a CSV are texts, those of NDJSON any JSON values.
    """

    line: int
    cells: dict[str, Any]


class FileRows(NamedTuple):
    """All rows of a file, its columns in their order, and the decimal separator of its numbers."""

    rows: list[FileRow]
    columns: list[str]
    decimal: str


class CsvRecords:
    """Joins the lines of a CSV into records: a quoted cell may continue over several lines.

    Quotation marks within a quoted cell are doubled, so a record is complete once it has an even number of them.
    """

    def __init__(self) -> None:
        csv.field_size_limit(sys.maxsize)  # cells hold whole texts
        self.delimiter: str | None = None  # the one most frequent in the first record
        self.open_bytes = 0  # of the lines of a record that is not complete yet
        self._open: list[bytes] = []
        self._quotes = 0
        self._line = 0
        self._first = 1  # the line on which the open record begins
        self._has_cr_lines: bool | None = None  # whether lines end with CR alone; decided by the first record

    @property
    def open_lines(self) -> int:
        """The number of lines of a record that is not complete yet."""
        return len(self._open)

    def feed(self, line: bytes) -> list[CsvRecord | RecordError]:
        """Returns the records that end with this line, which is given without its line feed. Skips empty lines."""
        if self._line == 0:
            line = line.removeprefix(_BOM)
        found: list[CsvRecord | RecordError] = []
        for piece in self._pieces(line):
            if not self._open:
                self._first = self._line + 1
            self._line += 1
            self._open.append(piece)
            self.open_bytes += len(piece)
            self._quotes += piece.count(b'"')
            if self._quotes % 2 == 0 and (record := self._completed()) is not None:
                found.append(record)
        return found

    def end(self) -> RecordError | None:
        """Returns the fault if the last record has no end."""
        return RecordError(self._first, "a quoted cell has no end") if self._open else None

    def _pieces(self, line: bytes) -> list[bytes]:
        """The line with its line end; or several lines, if they end with CR alone."""
        if self._has_cr_lines is None and self._has_bare_cr(line):
            self._has_cr_lines = True
        whole = line + b"\n"
        return whole.splitlines(keepends=True) if self._has_cr_lines else [whole]

    def _has_bare_cr(self, line: bytes) -> bool:
        opening = b'"' * (self._quotes % 2)  # of a cell that began in an earlier line
        return b"\r" in _QUOTED.sub(b"", opening + line.removesuffix(b"\r"))

    def _completed(self) -> CsvRecord | RecordError | None:
        raw, self._open, self._quotes, self.open_bytes = b"".join(self._open), [], 0, 0
        if raw.strip():
            self._has_cr_lines = bool(self._has_cr_lines)
        try:
            text = raw.decode()
            if self.delimiter is None and raw.strip():
                self.delimiter = _delimiter_of(raw)
            cells = next(csv.reader([text], strict=True, delimiter=self.delimiter or _DELIMITERS[0]))
        except UnicodeDecodeError as error:
            return _not_utf8(raw, self._first, error)
        except csv.Error as error:
            detail = "has a carriage return outside quotation marks" if "new-line" in str(error) else str(error)
            return RecordError(self._first, detail)
        return CsvRecord(self._first, cells) if cells else None


class CsvRows(CsvRecords):
    """Reads the lines of a CSV with a header as rows.

    Names of columns are stripped of spaces. Rows of only empty cells and columns without a name are left out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] | None = None  # known once the header was read

    @property
    def decimal(self) -> str:
        """The decimal separator: semicolons separate the cells of spreadsheets in which a comma is the decimal sign."""
        return "," if self.delimiter == ";" else "."

    def rows(self, line: bytes) -> list[FileRow | RecordError]:
        """Returns the rows that end with this line, which is given without its line feed."""
        found: list[FileRow | RecordError] = []
        for record in self.feed(line):
            if isinstance(record, RecordError):
                found.append(record)
            elif not any(cell.strip() for cell in record.cells):
                continue
            elif self.names is None:
                self.names = [name.strip() for name in record.cells]
            else:
                found.append(self._row(record, self.names))
        return found

    def _row(self, record: CsvRecord, names: list[str]) -> FileRow | RecordError:
        cells, size = record.cells, len(names)
        if len(cells) < size or any(cells[size:]):
            return RecordError(record.line, f"has {_many(len(cells), 'cell')}, but the header has {size}")
        return FileRow(record.line, {name: cell for name, cell in zip(names, cells, strict=False) if name})


def read_file(name: str) -> tuple[bytes, FileForm]:
    """Returns the content of a file and its form. That of `STANDARD_INPUT` is told by its content.

    Raises FileError if the name stands for no form, and OSError.
    """
    if name == STANDARD_INPUT:
        content = sys.stdin.buffer.read()
        return content, form_of_content(content)
    if not name:  # which is the present folder to Path
        raise FileError(["the name of the file is empty: is a variable of the shell not set?"])
    content = Path(name).read_bytes()
    return content, form_of(Path(name))


def shown_name(name: str) -> str:
    """Returns the name of a file for messages."""
    return "standard input" if name == STANDARD_INPUT else name


def form_of(path: Path) -> FileForm:
    """Returns the form that a file's name stands for. Raises FileError if it stands for none."""
    form = _SUFFIXES.get(path.suffix.lower())
    if form is None:
        raise FileError([f"{path}: must end with one of {', '.join(_SUFFIXES)}"])
    return form


def form_of_content(content: bytes) -> FileForm:
    """Returns the form of a file without a name: NDJSON if it begins with a JSON object or array, else CSV."""
    return "ndjson" if content.removeprefix(_BOM).lstrip()[:1] in (b"{", b"[") else "csv"


def read_rows(content: bytes, form: FileForm) -> FileRows:
    """Returns all rows of a file. Raises FileError that names each line that can't be read."""
    if content.startswith(_UTF16_BOMS):
        raise FileError(["line 1: not UTF-8 but UTF-16: save the file as UTF-8"])
    return _csv_rows(content) if form == "csv" else _ndjson_rows(content)


def _csv_rows(content: bytes) -> FileRows:
    reader = CsvRows()
    found = [row for line in content.removesuffix(b"\n").split(b"\n") for row in reader.rows(line)]
    if (unfinished := reader.end()) is not None:
        found.append(unfinished)
    names = reader.names or []
    repeated = [
        f"line 1: there are two columns {name!r}" for at, name in enumerate(names) if name in names[:at] if name
    ]
    if repeated:
        raise FileError(repeated)
    return FileRows(list(_good(found)), [name for name in names if name], reader.decimal)


def _ndjson_rows(content: bytes) -> FileRows:
    decoder = msgspec.json.Decoder(dict[str, Any])
    found: list[FileRow | RecordError] = []
    for number, line in _json_entries(content.removeprefix(_BOM)):
        entry = decode_entry(line, decoder, "")
        if isinstance(entry, dict):
            found.append(FileRow(number, entry))
        else:
            found += [RecordError(number, _json_fault(each)) for each in entry]
    rows = list(_good(found))
    return FileRows(rows, list(dict.fromkeys(name for row in rows for name in row.cells)), ".")


def _json_entries(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yields each line that is not blank, or each entry of an array, after the line that it begins on, from 1."""
    if not content.lstrip().startswith(b"["):
        lines = enumerate(re.split(rb"\r?\n|\r", content), 1)
        yield from ((number, line) for number, line in lines if line.strip())
        return
    try:
        entries = msgspec.json.decode(content, type=list[msgspec.Raw])
    except msgspec.DecodeError as error:
        raise FileError([f"not a JSON array of objects: {error}"]) from error
    number, end = 1, 0
    for entry in map(bytes, entries):
        begin = content.index(entry, end)
        number += content.count(b"\n", end, begin)
        yield number, entry
        number, end = number + entry.count(b"\n"), begin + len(entry)


def _good(found: list[FileRow | RecordError]) -> Iterator[FileRow]:
    """The rows. Raises FileError if there is any fault among them."""
    faults = [str(each) for each in found if isinstance(each, RecordError)]
    if faults:
        raise FileError(faults)
    yield from (each for each in found if isinstance(each, FileRow))


def _json_fault(fault: Fault) -> str:
    if fault.pointer:
        return f"{fault.pointer.lstrip('/')}: {fault.detail}"
    return "must be a JSON object" if fault.detail.startswith("must be an object") else fault.detail


def _delimiter_of(header: bytes) -> str:
    outside = _QUOTED.sub(b"", header).decode(errors="replace")
    return max(_DELIMITERS, key=outside.count)


def _not_utf8(raw: bytes, first: int, error: UnicodeDecodeError) -> RecordError:
    before = raw[: error.start].splitlines(keepends=True)
    is_at_start = not before or before[-1].endswith((b"\n", b"\r"))
    line = first + len(before) - (0 if is_at_start else 1)
    return RecordError(line, f"not UTF-8 (byte 0x{raw[error.start]:02x}): save the file as UTF-8")


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
