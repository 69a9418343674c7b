"""The columns of exported judgments and labels, for Parquet and for the guide that lists them."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

SCHEMA_VERSION = 1  # columns may be added under it; one that changes its meaning or type makes the next

ColumnType = Literal[
    "string", "boolean", "integer", "double", "timestamp", "strings", "json", "votes", "binary", "repeated"
]


class Column(NamedTuple):
    """A column: its name, its type, and the keys that lead to its value in the JSON, the name unless given.

    `json` is JSON as text, for values of several forms; `timestamp` is in microseconds, UTC; `repeated` is text that
    many rows share. `parts` are the columns of a list of structs, those of a vote unless given.
    """

    name: str
    type: ColumnType
    path: tuple[str, ...] = ()
    parts: tuple[Any, ...] = ()

    def value_in(self, row: Mapping[str, Any]) -> Any:
        """Returns the value as Parquet takes it; None if the row has none."""
        found: Any = row
        for key in self.path or (self.name,):
            found = None if found is None else found.get(key)
        if found is None:
            return None
        if self.type == "json":
            return json.dumps(found, ensure_ascii=False)
        if self.type == "timestamp":
            return datetime.fromisoformat(found) if isinstance(found, str) else found
        if self.type == "votes":
            return [row_values(self.parts or VOTE_COLUMNS, vote) for vote in found]
        return float(found) if self.type == "double" else found


def row_values(columns: Sequence[Column], row: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values of a row by the names of the columns."""
    return {column.name: column.value_in(row) for column in columns}


VOTE_COLUMNS = (
    Column("model", "string"),
    Column("served_model", "string"),
    Column("sample", "integer"),
    Column("order", "string"),
    Column("outcome", "string"),
    Column("reason", "string"),
    Column("score", "double"),
    Column("label", "string"),
    Column("ranking", "json"),
    Column("explanation", "string"),
    Column("parsed_from", "string"),
    Column("score_from", "string"),
    Column("score_deviation", "double"),
    Column("raw_text", "string"),
    Column("finish_reason", "string"),
    Column("error", "string"),
    Column("asks", "integer"),
    Column("attempts", "integer"),
    Column("latency_seconds", "double"),
    Column("input_tokens", "integer"),
    Column("output_tokens", "integer"),
    Column("cost_usd", "double"),
    Column("cached", "boolean"),
)
JUDGMENT_COLUMNS = (
    Column("id", "string"),
    Column("job_id", "string"),
    Column("item_id", "string"),
    Column("item_changed", "boolean"),
    Column("group", "string"),
    Column("case", "string"),
    Column("judge_name", "string", ("judge", "name")),
    Column("judge_version", "integer", ("judge", "version")),
    Column("judge_digest", "string", ("judge", "digest")),
    Column("criterion", "string"),
    Column("outcome", "string"),
    Column("reason", "string"),
    Column("score", "double"),
    Column("label", "string"),
    Column("ranking", "json"),
    Column("passed", "boolean"),
    Column("explanation", "string"),
    Column("consistent", "boolean"),
    Column("spread", "double"),
    Column("flags", "strings"),
    Column("tied", "json"),
    Column("missing", "strings"),
    Column("cached", "boolean"),
    Column("input_tokens", "integer", ("usage", "input_tokens")),
    Column("output_tokens", "integer", ("usage", "output_tokens")),
    Column("cost_usd", "double", ("usage", "cost_usd")),
    Column("created_at", "timestamp"),
    Column("finished_at", "timestamp"),
    Column("votes", "votes"),
)
LABEL_COLUMNS = (
    Column("item_id", "string"),
    Column("criterion", "string"),
    Column("annotator", "string"),
    Column("score", "double"),
    Column("label", "string"),
    Column("selection", "string"),
    Column("probability", "double"),
    Column("counted", "boolean"),
    Column("comment", "string"),
    Column("created_at", "timestamp"),
)
