"""The columns of an export: all that the API has, with types that the guide lists."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from service.contracts.judgments import Judgment, Vote
from service.contracts.labels import Label
from service.files.export_columns import JUDGMENT_COLUMNS, LABEL_COLUMNS, VOTE_COLUMNS, Column, row_values

GUIDE = Path(__file__).parents[2] / "service" / "docs" / "operations.md"
WORDS = {
    "strings": "list of strings",
    "json": "JSON as string",
    "votes": "list of structs",
    "timestamp": "timestamp (µs, UTC)",
}


@pytest.mark.parametrize(
    ("columns", "struct"), [(JUDGMENT_COLUMNS, Judgment), (VOTE_COLUMNS, Vote), (LABEL_COLUMNS, Label)]
)
def test_every_field_of_the_api_has_a_column(columns: tuple[Column, ...], struct: type[msgspec.Struct]) -> None:
    assert {(each.path or (each.name,))[0] for each in columns} == set(struct.__struct_fields__)


@pytest.mark.parametrize("columns", [JUDGMENT_COLUMNS, VOTE_COLUMNS, LABEL_COLUMNS])
def test_the_guide_lists_the_columns_with_their_types(columns: tuple[Column, ...]) -> None:
    by_type: dict[str, list[str]] = {}
    for each in columns:
        by_type.setdefault(WORDS.get(each.type, each.type), []).append(f"`{each.name}`")
    rows = [f"| {kind} | {', '.join(names)} |" for kind, names in by_type.items()]
    assert "\n".join(rows) in GUIDE.read_text(encoding="utf-8")


def test_values_have_the_types_of_their_columns() -> None:
    columns = (
        Column("at", "timestamp"),
        Column("score", "double"),
        Column("name", "string", ("judge", "name")),
        Column("absent", "string", ("nothing", "name")),
        Column("ranking", "json"),
    )
    row = {"at": "2026-11-30T02:10:12Z", "score": 4, "judge": {"name": "é"}, "ranking": [0, [1, 2]], "nothing": None}
    assert row_values(columns, row) == {
        "at": datetime(2026, 11, 30, 2, 10, 12, tzinfo=UTC),
        "score": 4.0,
        "name": "é",
        "absent": None,
        "ranking": "[0, [1, 2]]",
    }
