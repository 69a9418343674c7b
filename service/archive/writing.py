"""Writes what is due to the archive, and lets it go from the store. Every step may be repeated after a death.

1. A plan in the store names the chunks of jobs of the next file. Whoever takes over goes on with this plan.
2. The file is put under a name that follows from the plan, unless it is there: then it has the same rows.
3. The catalog names the file. From here on readers find its judgments in both places, and take each once.
4. The store's number of changes grows, so that every reader looks for the new catalog.
5. The jobs get their expiry, and the plan ends.

A writer that was believed dead and goes on can do no harm: it puts what is there already, the catalog has the file or
is not changed unless the plan is still the current one, and letting go twice is letting go once.
"""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from redis.asyncio import Redis

from service.archive.catalog import ArchivedFile, Catalog, TableName, change_catalog
from service.archive.errors import ArchiveError
from service.archive.item_index import encoded_index, index_of
from service.archive.objects import Objects
from service.archive.parquet_files import EncodedFile, encoded_rows, item_ids_of_groups, measured, read_table
from service.archive.reading import hidden_by, index_path
from service.archive.rows import JobFields, counter_rows, job_fields, judgment_rows, label_rows, ms_of, time_of
from service.store import archiving, clock
from service.store.archiving import FilePlan, Part
from service.store.errors import UnreadableRecordError

_log = logging.getLogger(__name__)

_JOBS_AT_ONCE = 5_000
_CHUNKS_AT_ONCE = 20
_MOST_BYTES = 96 << 20  # of judgments and items of one file, before they are encoded
_LABELS_AT_ONCE = 2_000  # places of labels of one file


class LeaseLostError(ArchiveError):
    """Another process writes the archive."""


class Written(NamedTuple):
    """The numbers of records that a run has archived."""

    judgments: int = 0
    jobs: int = 0
    labelled: int = 0


class _Collected(NamedTuple):
    plan: FilePlan
    rows: list[dict[str, Any]]


class ArchiveWriter:
    """Writes one archive, as long as it holds the lease. `keep_s` is the store's keep time."""

    def __init__(self, redis: Redis, objects: Objects, holder: str, *, keep_s: int, file_judgments: int) -> None:
        self._redis = redis
        self._objects = objects
        self._holder = holder
        self._keep_s = keep_s
        self._most = file_judgments
        self._unreadable = set[str]()

    async def write_due(self, until_ms: int) -> Written:
        """Archives the jobs that ended up to `until_ms`, and all labels that wait.

        Raises LeaseLostError if another process does, ArchiveError and StoreError.
        """
        await self.hold_lease()
        await archiving.adopt(self._redis)
        judgments = jobs = 0
        while True:
            plan = await archiving.current_plan(self._redis)
            collected = await self._collect(until_ms) if plan is None else await self._read_again(plan)
            if collected is None:
                break
            await self._write(collected)
            judgments += len(collected.rows)
            jobs += sum(part.is_last for part in collected.plan.parts)
        return Written(judgments, jobs, await self._write_labels())

    async def hold_lease(self) -> None:
        """Takes or renews the lease. Raises LeaseLostError if another process has it."""
        if not await archiving.hold_lease(self._redis, self._holder):
            raise LeaseLostError("another process writes the archive: try again when it has ended")

    async def _collect(self, until_ms: int) -> _Collected | None:
        """Makes the plan of the next file and reads its rows; None if nothing is due."""
        day, parts, rows, size = "", list[Part](), list[dict[str, Any]](), 0
        for job_id, ended_ms in await archiving.due_jobs(self._redis, until_ms, _JOBS_AT_ONCE):
            ended = datetime.fromtimestamp(ended_ms / 1000, UTC).date().isoformat()
            if day and ended != day:
                break
            try:
                async for part, added in self._parts_of(job_id, rows):
                    rows += added
                    size += sum(len(row["json"]) + len(row["item"] or "") for row in added)
                    parts.append(part)
                    day = ended
                    if len(rows) >= self._most or size >= _MOST_BYTES:
                        break
            except UnreadableRecordError as error:
                self._leave(job_id, error)
            if len(rows) >= self._most or size >= _MOST_BYTES:
                break
        if not parts:
            return None
        made = FilePlan(day, parts)
        plan = await archiving.set_plan(self._redis, made)
        _log.debug("archive: the plan of %s has %d parts of jobs", plan.day, len(plan.parts))
        return _Collected(plan, rows) if plan == made else await self._read_again(plan)

    async def _parts_of(self, job_id: str, rows: Sequence[Any]) -> AsyncIterator[tuple[Part, list[dict[str, Any]]]]:
        """Yields the parts of a job that are not archived with their rows, as large as there is room beside `rows`.

        Raises UnreadableRecordError.
        """
        job = await self._job(job_id)
        if job is None:
            return
        known, first = job
        in_chunk = known.record.chunk_items * len(known.record.judges)
        while first < known.record.chunks:
            at_once = max(min((self._most - len(rows)) // in_chunk, _CHUNKS_AT_ONCE), 1)
            end = min(first + at_once, known.record.chunks)
            part = Part(job_id, first, end, end == known.record.chunks)
            yield part, await self._part_rows(known, part)
            first = end

    def _leave(self, job_id: str, error: UnreadableRecordError) -> None:
        """Leaves a job of a newer version of the service in the store, for that version to archive."""
        if job_id not in self._unreadable:
            self._unreadable.add(job_id)
            _log.warning("%s is not archived, and stays in the store: %s", job_id, error)

    async def _job(self, job_id: str) -> tuple[JobFields, int] | None:
        """Returns a job and the number of its first chunk that is not archived, None if it is gone.

        Raises UnreadableRecordError if this version can't read it.
        """
        fields, benchmark = await archiving.load_job_fields(self._redis, job_id)
        if b"record" not in fields:
            await archiving.forget_waiting(self._redis, job_id)
            return None
        return job_fields(fields, benchmark), int(fields.get(b"archived", 0))

    async def _part_rows(self, job: JobFields, part: Part) -> list[dict[str, Any]]:
        chunks = await archiving.load_chunks(self._redis, part.job_id, part.first, part.end)
        return await asyncio.to_thread(lambda: list(judgment_rows(job, part, chunks)))

    async def _read_again(self, plan: FilePlan) -> _Collected:
        rows: list[dict[str, Any]] = []
        for part in plan.parts:
            try:
                job = await self._job(part.job_id)
                if job is not None:
                    rows += await self._part_rows(job[0], part)
            except UnreadableRecordError as error:
                raise ArchiveError(f"{part.job_id}: {error}") from error
        return _Collected(plan, rows)

    async def _write(self, collected: _Collected) -> None:
        plan, rows = collected
        path = file_path("judgments", plan.day, plan_digest(plan))
        await self.hold_lease()
        catalog, _ = await change_catalog(self._objects, lambda known: self._with_file(known, path, collected))
        if not catalog.has(path):  # another writer has ended this plan, and compaction its file
            return
        await archiving.note_change(self._redis)
        _log.debug("archive: %s has %d judgments", path, len(rows))
        for part in plan.parts:
            own = [row["item_id"] for row in rows if row["job_id"] == part.job_id]
            await archiving.let_items_go(self._redis, own, [part.job_id], keep_s=self._keep_s)
            await archiving.let_go_of(self._redis, part, keep_s=self._keep_s)
        jobs = sum(part.is_last for part in plan.parts)
        entry = next(each for each in catalog.files if each.path == path)
        await archiving.end_plan(self._redis, plan, judgments=entry.rows, jobs=jobs)
        _log.debug("archive: %d jobs are let go", jobs)

    async def _with_file(self, known: Catalog, path: str, collected: _Collected) -> Catalog | None:
        if known.has(path):
            return None
        hidden = hidden_by(known.forgotten)
        rows = [row for row in collected.rows if not hidden(row["item_id"], row["job_id"], row["finished_at"])]
        made = await asyncio.to_thread(encoded_judgments, rows)
        entry = await put_judgments(self._objects, path, collected.plan.day, made, len(known.forgotten))
        # Only now: a plan that is current has let nothing go, so that the rows are whole.
        if await archiving.current_plan(self._redis) != collected.plan:
            return None
        return known.changed(added=[entry])

    async def _write_labels(self) -> int:
        """Archives the labels that wait, as they are now; returns the number of their places."""
        written = 0
        while places := await archiving.waiting_labels(self._redis, _LABELS_AT_ONCE):
            await self.hold_lease()
            reading, found = await archiving.labels_at_once(self._redis, places)
            encoded = await asyncio.to_thread(encoded_rows, "labels", list(label_rows(reading, found)))
            await add_file(self._objects, "labels", clock.today(), encoded, number=reading)
            await archiving.note_change(self._redis)
            cleared = await archiving.clear_labels(self._redis, found)
            written += len(found)
            if not cleared:  # all of them change all the time
                break
        return written

    async def write_snapshots(self) -> None:
        """Archives the counters of agreement and the lasting keys as they are now, in place of those of today."""
        counted = {each[:4]: each async for each in archiving.all_stored_counters(self._redis)}
        lasting = {each[0]: each async for each in archiving.lasting_keys(self._redis)}
        state = [{"key": name, "expires_at": time_of(ms), "content": text} for name, ms, text in lasting.values()]
        for table, rows in (("counters", list(counter_rows(counted.values()))), ("state", state)):
            await self.hold_lease()
            encoded = await asyncio.to_thread(encoded_rows, table, rows)  # type: ignore[arg-type]
            await add_file(self._objects, table, clock.today(), encoded, replaces_day=True)  # type: ignore[arg-type]
        await archiving.note_change(self._redis)


def plan_digest(plan: FilePlan) -> str:
    """Returns a name for a plan that follows from its jobs."""
    return hashlib.sha256(msgspec.msgpack.encode(plan)).hexdigest()[:20]


def file_path(table: TableName, day: str, name: str) -> str:
    """Returns the path of a file: one folder for each table and day, as Hive and DuckDB partition."""
    return f"{table}/day={day}/{name}.parquet"


class EncodedJudgments(NamedTuple):
    """A file of judgments with its index, and the first and the last end of its judgments in milliseconds."""

    file: EncodedFile
    packed_index: bytes
    from_ms: int
    to_ms: int


def encoded_judgments(rows: Sequence[dict[str, Any]]) -> EncodedJudgments:
    """Returns rows of judgments as a file."""
    return with_index(encoded_rows("judgments", rows))


def with_index(file: EncodedFile) -> EncodedJudgments:
    """Returns a file of judgments with its index."""
    columns = read_table("", file.content, ["item_id", "job_id", "finished_at"])
    names = [*columns.column("item_id").to_pylist(), *columns.column("job_id").to_pylist()]
    times = [ms for each in columns.column("finished_at").to_pylist() if (ms := ms_of(each)) is not None]
    index = encoded_index(index_of(names, item_ids_of_groups(columns)))
    return EncodedJudgments(file, index, min(times, default=0), max(times, default=0))


async def put_judgments(objects: Objects, path: str, day: str, made: EncodedJudgments, forgotten: int) -> ArchivedFile:
    """Puts a file of judgments and its index, unless they are there. Returns its entry in the catalog."""
    await objects.put_new(index_path(path), made.packed_index)
    size, tail = len(made.file.content), made.file.tail
    if not await objects.put_new(path, made.file.content):  # perhaps by another version of pyarrow
        size, tail = measured(await objects.get(path))
    return ArchivedFile(
        table="judgments",
        path=path,
        day=day,
        rows=made.file.rows,
        size=size,
        tail=tail,
        from_ms=made.from_ms,
        to_ms=made.to_ms,
        forgotten=forgotten,
    )


async def add_file(
    objects: Objects, table: TableName, day: str, file: EncodedFile, *, number: int = 0, replaces_day: bool = False
) -> None:
    """Puts a file and adds it to the catalog; with `replaces_day` in place of the table's others of the day."""
    path = file_path(table, day, hashlib.sha256(file.content).hexdigest()[:20])
    await objects.put_new(path, file.content)
    entry = ArchivedFile(
        table=table, path=path, day=day, rows=file.rows, size=len(file.content), tail=file.tail, number=number
    )

    async def change(known: Catalog) -> Catalog | None:
        others = [each.path for each in known.of(table) if replaces_day and each.day == day and each.path != path]
        return None if known.has(path) and not others else known.changed(added=[entry], removed=others)

    await change_catalog(objects, change)
