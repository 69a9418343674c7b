"""The rows of the archive's tables, from the records of the store. Pure, no input or output."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from service.agreement.labelling import shown_label
from service.agreement.stored_items import coded_item
from service.archive.columns import ARCHIVED_JUDGMENT_COLUMNS, ARCHIVED_LABEL_COLUMNS, ArchivedJob
from service.contracts.items import Item
from service.contracts.jobs import JobRecord
from service.files.export_columns import row_values
from service.store.archiving import LabelledState, Part, StoredChunk, StoredCounters
from service.store.packing import unpacked
from service.store.records import from_json, from_msgpack

_Row = dict[str, Any]

_OF_NO_USE = (b"archived", b"callback", b"callback_id", b"callback_key")  # fields of a job


class JobFields(NamedTuple):
    """A job as it was read: its record, and the text of the column `job`."""

    record: JobRecord
    text: str


def job_fields(job: Mapping[bytes, bytes], benchmark: Mapping[bytes, bytes]) -> JobFields:
    """Returns a job's fields as the archive keeps them: JSON that is the same each time.

    Raises UnreadableRecordError.
    """
    fields = {
        name.decode(): value.decode()
        for name, value in sorted(job.items())
        if not name.startswith((b"tries:", b"tried:")) and name not in _OF_NO_USE
    }
    others = {
        name.decode(): value.decode() for name, value in sorted(benchmark.items()) if not name.startswith(b"human:")
    }
    record = from_json(job[b"record"], JobRecord, "its job")
    return JobFields(record, msgspec.json.encode(ArchivedJob(fields.pop("record"), fields, others)).decode())


def judgment_rows(job: JobFields, part: Part, chunks: Sequence[StoredChunk]) -> Iterator[_Row]:
    """Yields the rows of the judgments of some chunks of a job. Raises UnreadableRecordError."""
    record = job.record
    name = f"a judgment of job {record.id}"
    for number, chunk in enumerate(chunks, part.first):
        items = [] if chunk.items is None else from_msgpack(chunk.items, list[Item], name)
        texts = [msgspec.json.encode(each).decode() for each in items]
        for position, stored in sorted(chunk.results.items()):
            text = unpacked(stored, name)
            judgment = from_json(text, dict[str, Any], name)
            place = position // len(record.judges) - number * record.chunk_items
            judgment |= {
                "position": position,
                "purpose": record.purpose,
                "owner": record.owner,
                "json": text.decode(),
                "item": texts[place] if place < len(texts) else None,
                "job": job.text,
            }
            yield row_values(ARCHIVED_JUDGMENT_COLUMNS, judgment)


def label_rows(reading: int, found: Iterable[LabelledState]) -> Iterator[_Row]:
    """Yields the rows of items' labels: one for each label, or one without an annotator if there is none."""
    for each in found:
        own = {"reading": reading, "content": each.content, "item_id": each.item_id, "criterion": each.criterion}
        state = each.state
        labels = coded_item(state).labels if state.stored else {}
        if not labels:
            yield row_values(ARCHIVED_LABEL_COLUMNS, own)
        for annotator, label in sorted(labels.items()):
            shown = msgspec.to_builtins(shown_label(each.item_id, each.criterion, annotator, label))
            yield row_values(ARCHIVED_LABEL_COLUMNS, {**shown, **own, "state": state.json.decode()})


def counter_rows(found: Iterable[StoredCounters]) -> Iterator[_Row]:
    """Yields a row for each counter."""
    for each in found:
        for field, value in each.fields.items():
            yield {
                "kind": each.kind,
                "bucket": each.bucket,
                "series": each.series,
                "criterion": each.criterion,
                "field": field,
                "value": value,
                "expires_at": time_of(each.expires_ms),
            }


def time_of(ms: int | None) -> datetime | None:
    """Returns a time in milliseconds since the epoch as a datetime, None for None."""
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)


def ms_of(time: datetime | None) -> int | None:
    """Returns a datetime in milliseconds since the epoch, None for None."""
    return None if time is None else round(time.timestamp() * 1000)
