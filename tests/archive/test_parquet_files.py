"""The same rows make the same bytes; a row group is read from its own bytes; damage is told."""

from datetime import UTC, datetime
from typing import Any

import pytest

from service.archive.catalog import TABLES
from service.archive.columns import COLUMNS, SORTED_BY
from service.archive.errors import UnreadableArchiveError
from service.archive.parquet_files import encoded_rows, group_ranges, read_footer, read_group, read_table
from service.files.export_columns import row_values

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)


def row(number: int) -> dict[str, Any]:
    told = {"id": f"j{number}", "item_id": f"i{number * 7919 % 10_007:05}", "finished_at": AT, "json": f"{number}"}
    return row_values(COLUMNS["judgments"], {**told, "item": "{}", "job": "the same", "votes": [{"model": "m"}]})


def test_the_order_of_rows_does_not_matter_and_groups_are_read_alone() -> None:
    rows = [row(number) for number in range(2_500)]
    file = encoded_rows("judgments", rows)
    assert encoded_rows("judgments", rows[::-1]).content == file.content
    footer = read_footer("x", len(file.content), file.content[-file.tail :])
    found = []
    for number, at in enumerate(group_ranges(footer)):
        content = file.content[at.start : at.start + at.length]
        table = read_group("x", footer, number, len(file.content), at, content, ["item_id", "json", "job", "later"])
        found += table.to_pylist()
    assert len(group_ranges(footer)) == 3
    assert [each["item_id"] for each in found] == sorted(each["item_id"] for each in rows)
    assert {each["json"] for each in found} == {each["json"] for each in rows}
    assert {each["job"] for each in found} == {"the same"}


def test_a_file_has_the_version_of_its_schema() -> None:
    metadata = read_table("x", encoded_rows("labels", []).content).schema.metadata
    assert metadata[b"judged.schema_version"] == b"1"


def test_damage_is_told_with_the_path() -> None:
    file = encoded_rows("judgments", [row(1)])
    with pytest.raises(UnreadableArchiveError, match="some/path is damaged"):
        read_footer("some/path", len(file.content), bytes(file.tail))
    with pytest.raises(UnreadableArchiveError, match="some/path is damaged"):
        read_table("some/path", b"nothing")


def test_every_table_is_sorted_by_its_own_columns() -> None:
    for table in TABLES:
        assert set(SORTED_BY[table]) <= {column.name for column in COLUMNS[table]}
