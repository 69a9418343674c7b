"""Fills an empty store from the archive: counters and lasting records, labels, jobs with their items and judgments.

What had not been archived is not in it. The counters of agreement are those of the newest snapshot, which also has what
the archive has forgotten or no longer keeps. An item's scores are computed from its judgments again, unless it has
labels: then they are in the archive with these.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from redis.asyncio import Redis

from service.agreement.contributions import CodedItem
from service.agreement.evidence import evidence_of
from service.agreement.item_changes import with_judgment
from service.archive.catalog import ArchivedFile, load_catalog
from service.archive.columns import ArchivedJob, archived_record
from service.archive.errors import ArchiveError
from service.archive.objects import Objects
from service.archive.parquet_files import read_table
from service.archive.reading import hidden_by
from service.archive.rows import ms_of
from service.contracts.items import Item, content_digest
from service.contracts.jobs import JobRecord
from service.contracts.judgments import Judgment
from service.store import archiving
from service.store.archiving import StoredCounters
from service.store.restoring import (
    RestoredItem,
    RestoredJob,
    merge_chunks,
    restore_items,
    restore_jobs,
    restore_labelled,
)

_ROWS_AT_ONCE = 5_000


class Restored(NamedTuple):
    """The numbers of records that were written to the store."""

    judgments: int
    jobs: int
    labels: int
    counters: int


class _Place(NamedTuple):
    item_id: str
    criterion: str


class _State(NamedTuple):
    """An item's scores so far, and its newest content."""

    item: CodedItem
    content: str


async def restore_archive(
    redis: Redis, objects: Objects, *, keep_s: int, since: datetime | None, note_rows: Callable[[int], None]
) -> Restored:
    """Writes all that the archive has, or the jobs that ended from the day of `since` on, to an empty store.

    `note_rows` is called with the number of judgments so far. Jobs are kept for the keep time from now on. Raises
    ArchiveError and StoreError.
    """
    catalog = await load_catalog(objects)
    if not catalog.files:
        raise ArchiveError(f"there is no archive at {objects.url}")
    counters = await _restore_counters(redis, objects, catalog.of("counters"))
    await _restore_state(redis, objects, catalog.of("state"))
    labelled, labels = await _restore_labels(redis, objects, catalog.of("labels"))
    day = "" if since is None else since.date().isoformat()
    hidden = hidden_by(catalog.forgotten)
    states: dict[_Place, _State] = {}
    judgments, jobs, known = 0, set[str](), set[str]()
    for file in catalog.of("judgments"):
        if file.day < day:
            continue
        rows = await _rows(objects, file)
        kept = [
            row
            for row in sorted(rows, key=lambda row: (row["finished_at"], row["id"]))
            if row["id"] not in known
            and row["purpose"] != "battle"
            and not hidden(row["item_id"], row["job_id"], row["finished_at"])
        ]
        known.update(row["id"] for row in kept)
        for batch in _parts(kept):
            restored = await asyncio.to_thread(_jobs_of, batch)
            await merge_chunks(redis, restored)
            await restore_jobs(redis, restored, keep_s=keep_s)
            items = await asyncio.to_thread(_items_of, batch, states, labelled)
            await restore_items(redis, items, keep_s=keep_s)
            jobs.update(row["job_id"] for row in batch)
            judgments += len(batch)
            note_rows(judgments)
    await archiving.note_change(redis)
    return Restored(judgments, len(jobs), labels, counters)


async def _rows(objects: Objects, file: ArchivedFile) -> list[dict[str, Any]]:
    content = await objects.get(file.path)
    return await asyncio.to_thread(lambda: read_table(file.path, content).to_pylist())


async def _newest(objects: Objects, files: Sequence[ArchivedFile]) -> list[dict[str, Any]]:
    """Returns the rows of the newest snapshot."""
    return await _rows(objects, max(files, key=lambda file: file.day)) if files else []


async def _restore_counters(redis: Redis, objects: Objects, files: Sequence[ArchivedFile]) -> int:
    groups: dict[tuple[str, ...], StoredCounters] = {}
    rows = await _newest(objects, files)
    for row in rows:
        place = (row["kind"], row["bucket"], row["series"], row["criterion"])
        known = groups.setdefault(place, StoredCounters(*place, ms_of(row["expires_at"]), {}))
        known.fields[row["field"]] = row["value"]
    counters = list(groups.values())
    for part in _parts(counters):
        await archiving.restore_counters(redis, part)
    return len(rows)


async def _restore_state(redis: Redis, objects: Objects, files: Sequence[ArchivedFile]) -> None:
    rows = await _newest(objects, files)
    for part in _parts([(row["key"], ms_of(row["expires_at"]), row["content"]) for row in rows]):
        await archiving.restore_lasting_keys(redis, part)


async def _restore_labels(redis: Redis, objects: Objects, files: Sequence[ArchivedFile]) -> tuple[set[_Place], int]:
    """Writes the newest labels of each item and criterion. Returns their places, and the number of labels."""
    newest: dict[_Place, tuple[int, str, str]] = {}
    for file in files:
        for row in await _rows(objects, file):
            place = _Place(row["item_id"], row["criterion"])
            if row["reading"] >= newest.get(place, (0, "", ""))[0]:
                newest[place] = (row["reading"], row["state"] or "", row["content"] or "")
    kept = {place: (state, content) for place, (_, state, content) in newest.items() if state}
    items: defaultdict[str, dict[str, bytes]] = defaultdict(dict)
    contents: dict[str, str] = {}
    labels = 0
    for place, (state, content) in kept.items():
        items[place.item_id][place.criterion] = state.encode()
        contents[place.item_id] = content
        labels += len(msgspec.json.decode(state, type=CodedItem).labels)
    for part in _parts(list(items.items())):
        await restore_labelled(redis, [(item_id, contents[item_id], states) for item_id, states in part])
    return set(kept), labels


def _jobs_of(rows: Sequence[dict[str, Any]]) -> list[RestoredJob]:
    """Returns the jobs of some judgments, with those items and judgments of them that are here."""
    jobs: dict[str, RestoredJob] = {}
    for row in rows:
        job = jobs.get(row["job_id"])
        if job is None:
            told = msgspec.json.decode(row["job"], type=ArchivedJob)
            record = msgspec.json.decode(told.record, type=JobRecord)
            job = jobs[row["job_id"]] = RestoredJob(record, told.record, told.fields, told.benchmark, {}, {})
        record, position = job.record, row["position"]
        chunk = position // (record.chunk_items * len(record.judges))
        place = position // len(record.judges) - chunk * record.chunk_items
        job.results.setdefault(chunk, {})[position] = row["json"].encode()
        if row["item"] is not None:
            job.items.setdefault(chunk, {})[place] = msgspec.json.decode(row["item"], type=Item)
    return list(jobs.values())


def _items_of(
    rows: Sequence[dict[str, Any]], states: dict[_Place, _State], labelled: set[_Place]
) -> Iterable[RestoredItem]:
    """Returns the items of some judgments in order of time, with their scores so far."""
    found: dict[str, RestoredItem] = {}
    for row in _counted(rows):
        judgment = msgspec.json.decode(row["json"], type=Judgment)
        record = archived_record(row["job"])
        item = msgspec.json.decode(row["item"], type=Item)
        place, at_ms = _Place(row["item_id"], row["criterion"]), int(judgment.finished_at.timestamp() * 1000)
        content = content_digest(item)
        restored = found.setdefault(row["item_id"], RestoredItem(row["item_id"], {}, {}, []))
        restored.contents[:] = [content]
        chunk = row["position"] // (record.chunk_items * len(record.judges))
        restored.refs[f"{record.id}\t{chunk}\t{row['position']}"] = at_ms
        if place in labelled:
            continue
        evidence = evidence_of(record.judge_at(row["position"]), judgment, item)
        before = states.get(place, _State(CodedItem(), content))
        judged = with_judgment(before.item, evidence, newest_content=content, at_ms=at_ms, cached=judgment.cached)
        states[place] = _State(judged.item, content)
        restored.states[row["criterion"]] = msgspec.json.encode(judged.item)
    return list(found.values())


def _counted(rows: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in rows:
        if row["purpose"] == "judging" and row["outcome"] != "cancelled" and row["item"] is not None:
            yield row


def _parts(everything: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(everything), _ROWS_AT_ONCE):
        yield everything[start : start + _ROWS_AT_ONCE]
