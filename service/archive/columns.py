"""The columns of the archive's tables. They are listed on the documentation's page of the archive."""

import msgspec

from service.archive.catalog import TableName
from service.contracts.jobs import JobRecord
from service.files.export_columns import JUDGMENT_COLUMNS, LABEL_COLUMNS, VOTE_COLUMNS, Column

_LONG_TEXTS = ("explanation", "raw_text")  # of votes: in the column `json` alone, so that they are there once


class ArchivedJob(msgspec.Struct, frozen=True):
    """The column `job` of a judgment: the JSON of its record, the job's other fields, and those of its benchmark."""

    record: str
    fields: dict[str, str] = {}
    benchmark: dict[str, str] = {}


def archived_record(job: str) -> JobRecord:
    """Returns the record of a job from the column `job`."""
    return msgspec.json.decode(msgspec.json.decode(job, type=ArchivedJob).record, type=JobRecord)


# Those of an export, and: the judgment as it was stored, its item, and its job with the resolved judges.
ARCHIVED_JUDGMENT_COLUMNS = (
    *(each for each in JUDGMENT_COLUMNS if each.type != "votes"),
    Column("votes", "votes", parts=tuple(each for each in VOTE_COLUMNS if each.name not in _LONG_TEXTS)),
    Column("position", "integer"),
    Column("purpose", "string"),
    Column("owner", "string"),
    Column("json", "string"),
    Column("item", "repeated"),
    Column("job", "repeated"),
)
# Those of an export, and: the number of the reading, of which the greatest counts for an item and criterion, the digest
# of the item's newest content, and the item's labels and scores as the store has them. An item that has lost its last
# label has one row without an annotator.
ARCHIVED_LABEL_COLUMNS = (
    *LABEL_COLUMNS,
    Column("reading", "integer"),
    Column("content", "string"),
    Column("state", "repeated"),
)
COUNTER_COLUMNS = (
    Column("kind", "string"),
    Column("bucket", "string"),
    Column("series", "string"),
    Column("criterion", "string"),
    Column("field", "string"),
    Column("value", "integer"),
    Column("expires_at", "timestamp"),
)
STATE_COLUMNS = (
    Column("key", "string"),
    Column("expires_at", "timestamp"),
    Column("content", "binary"),
)
COLUMNS: dict[TableName, tuple[Column, ...]] = {
    "judgments": ARCHIVED_JUDGMENT_COLUMNS,
    "labels": ARCHIVED_LABEL_COLUMNS,
    "counters": COUNTER_COLUMNS,
    "state": STATE_COLUMNS,
}
SORTED_BY: dict[TableName, tuple[str, ...]] = {
    "judgments": ("item_id", "finished_at", "id"),
    "labels": ("item_id", "criterion", "annotator"),
    "counters": ("kind", "criterion", "series", "bucket", "field"),
    "state": ("key",),
}
