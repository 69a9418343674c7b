"""Rows as NDJSON and, if pyarrow is installed, as Parquet: written as they come, under their names once whole."""

import json
import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from service.files.export_columns import SCHEMA_VERSION, VOTE_COLUMNS, Column, row_values

_ROWS_AT_ONCE = 1_000  # of Parquet; judgments may be long, and so many are kept in memory


def has_parquet() -> bool:
    """Returns whether pyarrow, the extra `parquet`, is installed."""
    return find_spec("pyarrow") is not None


class ExportFiles:
    """The files of one kind of row in a folder: `{name}.ndjson`, and `{name}.parquet` if that is possible.

    A context manager. The files get their names at its end, in place of those of an earlier export; if the block fails,
    nothing of it is left and the earlier files stay.
    """

    def __init__(self, folder: Path, name: str, columns: Sequence[Column]) -> None:
        self.rows = 0
        self._columns = columns
        self._waiting: list[dict[str, Any]] = []
        self._names = {"ndjson": folder / f"{name}.ndjson", "parquet": folder / f"{name}.parquet"}
        self._parts = {kind: each.with_name(f".{each.name}.{os.getpid()}.part") for kind, each in self._names.items()}

    def __enter__(self) -> Self:
        self._lines = self._parts["ndjson"].open("w", encoding="utf-8")
        self._parquet = _ParquetFile(self._parts["parquet"], self._columns) if has_parquet() else None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            with self._lines:
                if self._parquet is not None:
                    if kind is None:
                        self._parquet.write(self._waiting)
                    self._parquet.close()
            if kind is None:
                self._take_names()
        finally:
            for part in self._parts.values():
                part.unlink(missing_ok=True)

    def add(self, row: Mapping[str, Any]) -> None:
        """Writes a row, as the API has it."""
        self.rows += 1
        self._lines.write(json.dumps(row, ensure_ascii=False) + "\n")
        if self._parquet is not None:
            self._waiting.append(row_values(self._columns, row))
            if len(self._waiting) == _ROWS_AT_ONCE:
                self._parquet.write(self._waiting)
                self._waiting = []

    def _take_names(self) -> None:
        for kind, name in self._names.items():
            if self._parts[kind].exists():
                self._parts[kind].replace(name)
            else:
                name.unlink(missing_ok=True)  # of an earlier export, whose rows would be others


class _ParquetFile:
    """A Parquet file that grows by groups of rows."""

    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        import pyarrow.parquet

        self._schema = arrow_schema(columns, SCHEMA_VERSION)
        self._writer = pyarrow.parquet.ParquetWriter(path, self._schema, compression="zstd")

    def write(self, rows: list[dict[str, Any]]) -> None:
        import pyarrow

        if rows:
            self._writer.write_table(pyarrow.Table.from_pylist(rows, schema=self._schema))

    def close(self) -> None:
        self._writer.close()


def arrow_schema(columns: Sequence[Column], version: int) -> Any:
    """Returns the columns as pyarrow has them, with the version of the schema among its metadata."""
    import pyarrow

    fields = [(column.name, _type_of(column)) for column in columns]
    return pyarrow.schema(fields, metadata={"judged.schema_version": str(version)})


def _type_of(column: Column) -> Any:
    import pyarrow

    if column.type == "votes":
        return pyarrow.list_(pyarrow.struct([(each.name, _type_of(each)) for each in column.parts or VOTE_COLUMNS]))
    return {
        "string": pyarrow.string(),
        "json": pyarrow.string(),
        "binary": pyarrow.binary(),
        "repeated": pyarrow.dictionary(pyarrow.int32(), pyarrow.string()),
        "boolean": pyarrow.bool_(),
        "integer": pyarrow.int64(),
        "double": pyarrow.float64(),
        "timestamp": pyarrow.timestamp("us", tz="UTC"),
        "strings": pyarrow.list_(pyarrow.string()),
    }[column.type]
