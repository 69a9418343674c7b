"""Files of an export: whole under their names, or not there."""

import json
from pathlib import Path
from typing import Any

import pytest

from service.files import export_files
from service.files.export_columns import JUDGMENT_COLUMNS, LABEL_COLUMNS
from service.files.export_files import ExportFiles, has_parquet

LABEL = {"item_id": "i\u2028", "criterion": "c", "score": 4, "created_at": "2026-11-30T02:10:12Z"}


def exported(folder: Path, count: int) -> None:
    with ExportFiles(folder, "labels", LABEL_COLUMNS) as files:
        for number in range(count):
            files.add({**LABEL, "annotator": str(number)})
    assert files.rows == count


def test_a_second_export_replaces_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_files, "has_parquet", lambda: False)
    (tmp_path / "labels.parquet").write_text("of an earlier export, by a machine with pyarrow")
    exported(tmp_path, 3)
    exported(tmp_path, 2)
    assert [each.name for each in tmp_path.iterdir()] == ["labels.ndjson"]
    lines = (tmp_path / "labels.ndjson").read_text(encoding="utf-8").split("\n")
    assert [json.loads(line)["annotator"] for line in lines if line] == ["0", "1"]


def test_an_export_that_fails_leaves_the_first_as_it_was(tmp_path: Path) -> None:
    exported(tmp_path, 3)
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    with pytest.raises(TypeError), ExportFiles(tmp_path, "labels", LABEL_COLUMNS) as files:
        files.add({**LABEL, "score": object()})
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before


def test_parquet_has_the_rows_with_types_and_votes(tmp_path: Path) -> None:
    if not has_parquet():
        pytest.skip("pyarrow, the extra `parquet`, is not installed")
    import pyarrow.parquet

    vote = {"model": "m", "score": 4, "ranking": [0, [1]], "asks": 1}
    row: dict[str, Any] = {"id": "j", "judge": {"name": None, "version": 2}, "votes": [vote], "flags": ["f"]}
    with ExportFiles(tmp_path, "judgments", JUDGMENT_COLUMNS) as files:
        for number in range(2_500):
            files.add({**row, "item_id": str(number), "finished_at": "2026-11-30T02:10:12.5Z"})
    table = pyarrow.parquet.read_table(tmp_path / "judgments.parquet")
    assert table.num_rows == 2_500
    assert table.column("item_id").to_pylist() == [str(number) for number in range(2_500)]
    assert table.schema.metadata[b"judged.schema_version"] == b"1"
    assert str(table.schema.field("finished_at").type) == "timestamp[us, tz=UTC]"
    first = table.slice(0, 1).to_pylist()[0]
    assert (first["judge_name"], first["judge_version"], first["flags"]) == (None, 2, ["f"])
    assert (first["votes"][0]["score"], first["votes"][0]["ranking"]) == (4.0, "[0, [1]]")


def test_an_export_without_rows_has_files_without_rows(tmp_path: Path) -> None:
    exported(tmp_path, 0)
    assert (tmp_path / "labels.ndjson").read_text() == ""
    assert (tmp_path / "labels.parquet").exists() == has_parquet()
