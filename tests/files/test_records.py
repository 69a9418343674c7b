"""Records of files: whatever a spreadsheet writes is read back as it was, however the bytes are cut into lines."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.files.records import CsvRecord, CsvRecords, FileError, FileRow, RecordError, form_of_content, read_rows

# Lone surrogates can't be written as UTF-8 at all.
cells = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ['"', ",", "\n", "\r\n", '""\n,']
)
tables = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=6)
)


def records_of(content: bytes) -> list[CsvRecord | RecordError]:
    records = CsvRecords()
    *lines, rest = content.split(b"\n")
    found = [each for line in [*lines, *([rest] if rest else [])] for each in records.feed(line)]
    unfinished = records.end()
    return [*found, *([] if unfinished is None else [unfinished])]


def written(rows: list[list[str]], end: str) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(rows)
    return text.getvalue().encode()


@given(tables, st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans())
def test_what_was_written_is_read(rows: list[list[str]], end: str, with_bom: bool, is_ended: bool) -> None:
    content = written(rows, end)
    content = content if is_ended else content.removesuffix(end.encode())
    found = records_of((b"\xef\xbb\xbf" if with_bom else b"") + content)
    assert [record.cells for record in found if isinstance(record, CsvRecord)] == rows
    starts = [1 + written(rows[:index], end).count(b"\n") for index in range(len(rows))]
    assert [record.line for record in found] == starts


@given(tables, st.booleans())
def test_lines_may_end_with_a_carriage_return_alone(rows: list[list[str]], is_ended: bool) -> None:
    rows = [[f"column {at}" for at in range(len(rows[0]))], *rows]
    content = written(rows, "\r")
    found = records_of(content if is_ended else content.removesuffix(b"\r"))
    assert [record.cells for record in found if isinstance(record, CsvRecord)] == rows
    starts = [1 + len(written(rows[:index], "\r").splitlines()) for index in range(len(rows))]
    assert [record.line for record in found] == starts


@given(st.binary(max_size=60))
def test_any_bytes_are_records_or_refused(content: bytes) -> None:
    for record in records_of(content):
        assert record.line >= 1


def rows_of(content: str | bytes) -> list[FileRow]:
    return read_rows(content.encode() if isinstance(content, str) else content, "csv").rows


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_header_shows_what_separates_cells(delimiter: str) -> None:
    lines = [["question", "answer, in short", "note; more", "score"], ["a,b;c\td", "x", "", "4"]]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(lines)
    assert rows_of(text.getvalue()) == [FileRow(2, dict(zip(lines[0], lines[1], strict=True)))]
    unquoted = delimiter.join(["id", "output", "human.c.0"]) + "\n" + delimiter.join(["1", "x", "4"])
    assert rows_of(unquoted) == [FileRow(2, {"id": "1", "output": "x", "human.c.0": "4"})]


def test_commas_are_decimal_signs_between_semicolons_alone() -> None:
    assert read_rows(b"a;b\n1;2\n", "csv").decimal == ","
    assert read_rows(b"a,b\n1,2\n", "csv").decimal == "."


def test_names_are_without_spaces_and_nameless_columns_and_empty_rows_are_left_out() -> None:
    content = "\ufeff,,,\n , id , output ,\n0,a,x,\n,,,\n\n  , ,,\n1,b, y ,,\n"
    table = read_rows(content.encode(), "csv")
    assert table.columns == ["id", "output"]
    assert table.rows == [FileRow(3, {"id": "a", "output": "x"}), FileRow(7, {"id": "b", "output": " y "})]


@pytest.mark.parametrize(
    ("content", "form", "expected"),
    [
        (b"a,b\n1,2\n3\n4,5,6\n", "csv",
         ["line 3: has 1 cell, but the header has 2", "line 4: has 3 cells, but the header has 2"]),
        (b'a,b\n"x\ny",1\n"z,2\n', "csv", ["line 4: a quoted cell has no end"]),
        (b'a,b\n"x"y,1\n', "csv", ["line 2: ',' expected after '\"'"]),
        (b"a,b\nx\ry,1\n", "csv", ["line 2: has a carriage return outside quotation marks"]),
        (b'a,b\n"x\n\xff",1\n', "csv", ["line 3: not UTF-8 (byte 0xff): save the file as UTF-8"]),
        ("a,b\n1,2\n".encode("utf-16"), "csv", ["line 1: not UTF-8 but UTF-16: save the file as UTF-8"]),
        (b"a,b,a\n1,2,3\n", "csv", ["line 1: there are two columns 'a'"]),
        (b'{"a": 1}\n[1]\n\n{"a"\n', "ndjson",
         ["line 2: must be a JSON object", "line 4: not JSON: Input data was truncated"]),
    ],
)  # fmt: skip
def test_each_line_that_can_not_be_read_is_named(content: bytes, form: str, expected: list[str]) -> None:
    with pytest.raises(FileError) as refused:
        read_rows(content, "csv" if form == "csv" else "ndjson")
    assert refused.value.lines == expected


def test_json_lines_have_a_byte_order_mark_and_any_line_ends() -> None:
    table = read_rows(b'\xef\xbb\xbf{"a": 1}\r\n\r\n{"b": [2]}\r', "ndjson")
    assert table.rows == [FileRow(1, {"a": 1}), FileRow(3, {"b": [2]})]
    assert table.columns == ["a", "b"]


def test_an_array_of_objects_is_read_with_the_line_of_each() -> None:
    table = read_rows(b'\xef\xbb\xbf[\n {"a": 1}, {"a": 1},\n {"a":\n "]"},\n\n {"b": []}\n]\n', "ndjson")
    rows = [FileRow(2, {"a": 1}), FileRow(2, {"a": 1}), FileRow(3, {"a": "]"}), FileRow(6, {"b": []})]
    assert table.rows == rows
    with pytest.raises(FileError) as refused:
        read_rows(b'[{"a": 1},\n 2,\n "x"]', "ndjson")
    assert refused.value.lines == ["line 2: must be a JSON object", "line 3: must be a JSON object"]
    with pytest.raises(FileError, match="not a JSON array of objects"):
        read_rows(b'[{"a": 1}', "ndjson")


@pytest.mark.parametrize(
    ("content", "form"),
    [(b'\xef\xbb\xbf \n{"a": 1}', "ndjson"), (b' [{"a": 1}]', "ndjson"), (b"a,b\n{", "csv"), (b"", "csv")],
)
def test_content_without_a_name_shows_its_form(content: bytes, form: str) -> None:
    assert form_of_content(content) == form
