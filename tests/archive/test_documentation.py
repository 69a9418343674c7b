"""The lines for DuckDB in the documentation are run as they stand, on the archive of the first release."""

import re
from pathlib import Path

import duckdb

from service.archive.columns import COLUMNS

PAGE = (Path(__file__).parents[2] / "service" / "docs" / "archive.md").read_text(encoding="utf-8")
FIRST = Path(__file__).parent / "schema_1"


def test_every_line_for_duckdb_works() -> None:
    blocks = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
    connection = duckdb.connect()
    answers = []
    for line in "".join(blocks).strip().splitlines():
        answers.append(connection.execute(line.replace("s3://bucket/judged", str(FIRST))).fetchall())
    by_judge, _, [(count,)], labels = answers
    assert sorted((str(day)[:2], judge, number) for day, judge, _, number, _ in by_judge) == [
        ("20", "helpfulness", 2),
        ("20", "relevance", 2),
    ]
    assert count == 4
    assert len(labels) == 2


def test_every_column_that_an_export_lacks_is_on_the_page() -> None:
    own = ("position", "purpose", "owner", "json", "item", "job", "reading", "content", "state")
    counters = [column.name for column in COLUMNS["counters"]]
    assert [name for name in [*own, *counters] if f"`{name}`" not in PAGE] == []
