"""Tables of items: whatever a spreadsheet writes is read back as it was, however the bytes are cut into lines."""

import contextlib
import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.files.items import CellError, Columns, ColumnsError, Record, RecordError, Records, item_of

# csv.writer leaves a lone carriage return in a cell unquoted no longer, but lone surrogates can't be written at all.
cells = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ['"', ",", "\n", "\r\n", '""\n,']
)
tables = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=6)
)


def records_of(content: bytes) -> list[Record]:
    records = Records()
    *lines, rest = content.split(b"\n")
    found = [records.feed(line) for line in [*lines, *([rest] if rest else [])]]
    records.end()
    return [each for each in found if each is not None]


def written(rows: list[list[str]], end: str) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(rows)
    return text.getvalue().encode()


@given(tables, st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans())
def test_what_was_written_is_read(rows: list[list[str]], end: str, with_bom: bool, is_ended: bool) -> None:
    content = written(rows, end)
    content = content if is_ended else content.removesuffix(end.encode())
    found = records_of((b"\xef\xbb\xbf" if with_bom else b"") + content)
    assert [record.cells for record in found] == rows
    starts = [1 + written(rows[:index], end).count(b"\n") for index in range(len(rows))]
    assert [record.line for record in found] == starts


@given(st.binary(max_size=60))
def test_any_bytes_are_records_or_refused(content: bytes) -> None:
    with contextlib.suppress(RecordError):
        records_of(content)


numbers = st.one_of(st.integers(-(10**9), 10**9), st.floats(-1e9, 1e9), st.none())


@given(st.lists(numbers, min_size=1, max_size=4), st.text(min_size=1, max_size=8).filter(str.strip))
def test_people_s_values_come_back(values: list[float | int | None], criterion: str) -> None:
    named = {f"human.{criterion}.{place}": "" if value is None else repr(value) for place, value in enumerate(values)}
    item = item_of(named | {"output": "x"})
    assert item == {"output": "x", "human": {criterion: values}}


def test_what_is_no_number_is_a_word() -> None:
    told = ["pass", " A ", "nan", "inf", "1,5", "1e", "04", "+2", ".5", "3.", "1_000", "١"]
    [values] = item_of({f"human.c.{place}": text for place, text in enumerate(told)})["human"].values()
    assert values == ["pass", "A", "nan", "inf", "1,5", "1e", 4, 2, 0.5, 3.0, "1_000", "١"]


def test_a_criterion_s_name_may_have_dots() -> None:
    assert Columns(["human.a.b.1", "human.a.0"]).item(["3", "2"])["human"] == {"a.b": [None, 3], "a": [2]}


def test_empty_cells_are_missing_but_one_of_several_outputs_may_be_empty() -> None:
    assert item_of({"id": "", "output": "", "metadata.x": "", "human.c.0": ""}) == {"human": {"c": [None]}}
    assert item_of({"outputs.0": "", "outputs.1": ""}) == {"human": {}}
    assert item_of({"outputs.1": "y"})["outputs"] == ["", "y"]


def test_headers_that_can_t_be_used_are_refused_with_their_places() -> None:
    with pytest.raises(ColumnsError) as refused:
        Columns(["output", "nonsense", "human.c", "human..0", "output", "human.c.1000"])
    assert sorted(position for position, _ in refused.value.problems) == [1, 2, 3, 4, 5]


def test_a_list_that_is_none_is_refused_with_its_place() -> None:
    with pytest.raises(CellError) as refused:
        item_of({"outputs": "[["})
    assert refused.value.pointer == "/outputs"
