"""Keeps the archive tidy: small files of a day become one, forgotten judgments and old files go, and so do leftovers.

Each change is a new file, then a new catalog, then the removal of the old files. A death leaves files that no catalog
names: `remove_leftovers` takes them away.
"""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from redis.asyncio import Redis

from service.archive.catalog import (
    ARCHIVE_SCHEMA,
    ArchivedFile,
    Catalog,
    Forgotten,
    change_catalog,
    load_catalog,
    remove_old_catalogs,
)
from service.archive.columns import COLUMNS, SORTED_BY
from service.archive.errors import UnreadableArchiveError
from service.archive.item_index import decoded_index, digest_of
from service.archive.objects import Objects
from service.archive.parquet_files import EncodedFile, encoded_table, read_table
from service.archive.reading import expected_catalog, hidden_by, index_path
from service.archive.writing import (
    ArchiveWriter,
    EncodedJudgments,
    file_path,
    plan_digest,
    put_judgments,
    with_index,
)
from service.files.export_files import arrow_schema
from service.store import archiving, clock

_FULL_ROWS = 200_000  # a file of so many judgments, or of so many bytes, is left as it is
_FULL_BYTES = 64 << 20
_MOST_LABEL_FILES = 20
_SNAPSHOT_DAYS = 7  # each of the newest days, and the last one of each month
_LEFTOVER_S = 86_400.0  # a writer puts a file some time before the catalog names it
_DAY_MS = 86_400_000


class Compacted(NamedTuple):
    """The number of files that were replaced by fewer, or removed, and of leftovers.

    `damaged` has a sentence for each file that was left as it is, since it can't be read.
    """

    replaced: int = 0
    removed: int = 0
    leftovers: int = 0
    damaged: tuple[str, ...] = ()


class Maintenance:
    """Tidies one archive, as long as the writer holds the lease."""

    def __init__(self, redis: Redis, objects: Objects, writer: ArchiveWriter) -> None:
        self._redis = redis
        self._objects = objects
        self._writer = writer
        self._damaged: list[str] = []

    async def compact(self, *, keep_days: float, includes_today: bool = False) -> Compacted:
        """Does all that is due. Raises LeaseLostError, ArchiveError and StoreError."""
        await self._writer.hold_lease()
        removed = await self._remove_old(keep_days)
        replaced = 0
        catalog = await load_catalog(self._objects)
        plan = await archiving.current_plan(self._redis)
        in_use = "" if plan is None else file_path("judgments", plan.day, plan_digest(plan))
        by_day: defaultdict[str, list[ArchivedFile]] = defaultdict(list)
        for file in catalog.of("judgments"):
            if file.path != in_use and (includes_today or file.day < clock.today()):
                by_day[file.day].append(file)
        indexes = {each.path for each in await self._objects.listed("index")}
        for day, files in sorted(by_day.items()):
            for group in await self._groups(catalog, files, indexes):
                await self._writer.hold_lease()
                replaced += await self._replace(catalog, day, group)
        labels = catalog.of("labels")
        if len(labels) > (1 if includes_today else _MOST_LABEL_FILES):
            replaced += await self._replace_labels(labels)
        return Compacted(replaced, removed, await self._remove_leftovers(), tuple(self._damaged))

    async def _groups(
        self, catalog: Catalog, files: Sequence[ArchivedFile], indexes: set[str]
    ) -> list[list[ArchivedFile]]:
        """Returns the files of a day that are to be replaced by one each time, and those that have lost their index."""
        groups: list[list[ArchivedFile]] = [[]]
        alone: list[list[ArchivedFile]] = []
        clean: list[ArchivedFile] = []
        for file in files:
            if index_path(file.path) not in indexes or await self._has_forgotten(catalog, file):
                alone.append([file])
                continue
            if file.forgotten < len(catalog.forgotten):
                clean.append(msgspec.structs.replace(file, forgotten=len(catalog.forgotten)))
            if file.rows < _FULL_ROWS // 2 and file.size < _FULL_BYTES // 2:
                rows, size = sum(each.rows for each in groups[-1]), sum(each.size for each in groups[-1])
                if rows + file.rows > _FULL_ROWS or size + file.size > _FULL_BYTES:
                    groups.append([])
                groups[-1].append(file)
        if clean:
            await self._note_clean(clean)
        return [*alone, *(each for each in groups if len(each) > 1)]

    async def _note_clean(self, files: Sequence[ArchivedFile]) -> None:
        """Notes that files have nothing of that which is to be forgotten, so that nobody looks again."""

        async def change(known: Catalog) -> Catalog:
            return known.changed(added=[each for each in files if known.has(each.path)])

        await change_catalog(self._objects, change)

    async def _has_forgotten(self, catalog: Catalog, file: ArchivedFile) -> bool:
        """Returns whether a file may have judgments to forget, that it did not lose when it was written."""
        new = catalog.forgotten[file.forgotten :]
        meant = [each for each in new if each.until_ms >= file.from_ms]
        if not meant:
            return False
        try:
            index = decoded_index(await self._objects.get(index_path(file.path)))
        except (FileNotFoundError, msgspec.MsgspecError):
            return True  # the file is written anew, with its index
        return any(index.may_have(each.digest) for each in meant)

    async def _replace(self, catalog: Catalog, day: str, group: Sequence[ArchivedFile]) -> int:
        """Returns the number of files that were replaced: none if the damaged ones leave nothing to put together."""
        files, tables = await self._read(group)
        if not files or len(files) == 1 < len(group):
            return 0
        made = await asyncio.to_thread(_merged_judgments, tables, catalog.forgotten)
        added = []
        if made.file.rows:
            path = file_path("judgments", day, _digest([*(each.path for each in files), str(len(catalog.forgotten))]))
            added = [await put_judgments(self._objects, path, day, made, len(catalog.forgotten))]
        await self._swap(added, files)
        return len(files)

    async def _read(self, files: Sequence[ArchivedFile]) -> tuple[list[ArchivedFile], list[Any]]:
        """Returns the files that can be read, and their tables; the others are noted."""
        whole, tables = [], []
        for file in files:
            try:
                content = await self._objects.get(file.path)
                tables.append(await asyncio.to_thread(read_table, file.path, content))
                whole.append(file)
            except FileNotFoundError:
                self._damaged.append(f"{file.path} is missing")
            except UnreadableArchiveError as error:
                self._damaged.append(str(error))
        return whole, tables

    async def _replace_labels(self, files: Sequence[ArchivedFile]) -> int:
        """Puts all labels together, or none: labels in a file that is left may be removed by a later one."""
        whole, tables = await self._read(files)
        if len(whole) < len(files):
            return 0
        made = await asyncio.to_thread(_newest_labels, tables)
        number = max(each.number for each in files)
        path = file_path("labels", files[-1].day, _digest(each.path for each in files))
        await self._objects.put_new(path, made.content)
        entry = ArchivedFile(
            table="labels",
            path=path,
            day=files[-1].day,
            rows=made.rows,
            size=len(made.content),
            tail=made.tail,
            number=number,
        )
        await self._swap([entry] if made.rows else [], files)
        return len(files)

    async def _swap(self, added: Sequence[ArchivedFile], removed: Sequence[ArchivedFile]) -> None:
        """Names the new files in the catalog in place of the old ones, which are then removed."""
        gone = [each.path for each in removed if each.path not in {new.path for new in added}]

        async def change(known: Catalog) -> Catalog | None:
            if not all(known.has(path) for path in gone):  # another process was faster
                return None
            return known.changed(added=added, removed=gone)

        _, is_changed = await change_catalog(self._objects, change)
        if is_changed:
            await archiving.note_change(self._redis)
            await self._delete(gone)

    async def _remove_old(self, keep_days: float) -> int:
        """Removes judgments past their time in the archive, and snapshots of days that newer ones replace."""
        catalog = await load_catalog(self._objects)
        old = [each for table in ("counters", "state") for each in _old_snapshots(catalog.of(table))]
        if keep_days:
            oldest_ms = clock.now_ms() - keep_days * _DAY_MS
            old += [each for each in catalog.of("judgments") if each.to_ms < oldest_ms]
        if old:
            await self._swap([], old)
        return len(old)

    async def _remove_leftovers(self) -> int:
        """Removes files that no catalog names, of writers that died or were told to stop."""
        now_s = clock.seconds()
        await remove_old_catalogs(self._objects, now_s)
        catalog = await load_catalog(self._objects)
        named = {each.path for each in catalog.files}
        named |= {index_path(each.path) for each in catalog.of("judgments")}
        leftovers = [
            each.path
            for folder in (*COLUMNS, "index")
            for each in await self._objects.listed(folder)
            if each.path not in named and each.changed_s < now_s - _LEFTOVER_S
        ]
        await self._delete(leftovers)
        return len(leftovers)

    async def _delete(self, paths: Iterable[str]) -> None:
        for path in paths:
            await self._objects.delete(path)
            if path.startswith("judgments/"):
                await self._objects.delete(index_path(path))


async def forget(redis: Redis, objects: Objects, *, items: Sequence[str], jobs: Sequence[str]) -> None:
    """Hides the judgments of these items and jobs that have ended by now from all readers; compaction removes them."""
    await expected_catalog(redis, objects)
    until_ms = clock.now_ms()
    added = [
        *(Forgotten(kind="item", digest=digest_of(each), until_ms=until_ms) for each in items),
        *(Forgotten(kind="job", digest=digest_of(each), until_ms=until_ms) for each in jobs),
    ]

    async def change(known: Catalog) -> Catalog:
        return known.changed(forgotten=added)

    await change_catalog(objects, change)
    await archiving.note_change(redis)


def _old_snapshots(files: Sequence[ArchivedFile]) -> list[ArchivedFile]:
    days = sorted({each.day for each in files})
    kept = {*days[-_SNAPSHOT_DAYS:], *{day[:7]: day for day in days}.values()}
    return [each for each in files if each.day not in kept]


def _digest(words: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:20]


def _joined(table: Any, read: Sequence[Any]) -> Any:
    """Returns the rows of several files, also of earlier versions, with the columns of this one."""
    import pyarrow

    schema = arrow_schema(COLUMNS[table], 0)
    whole = [
        pyarrow.Table.from_arrays(
            [
                each.column(field.name).cast(field.type)
                if field.name in each.column_names
                else pyarrow.nulls(each.num_rows, field.type)
                for field in schema
            ],
            schema=schema,
        )
        for each in read
    ]
    return pyarrow.concat_tables(whole).unify_dictionaries()


def _merged_judgments(tables: Sequence[Any], forgotten: Sequence[Forgotten]) -> EncodedJudgments:
    joined = _joined("judgments", tables)
    hidden, seen = hidden_by(forgotten), set[str]()
    kept = []
    columns = (joined.column(name).to_pylist() for name in ("id", "item_id", "job_id", "finished_at"))
    for number, (name, item_id, job_id, finished_at) in enumerate(zip(*columns, strict=True)):
        if name not in seen and not hidden(item_id, job_id, finished_at):
            kept.append(number)
        seen.add(name)
    return with_index(_sorted_file("judgments", joined.take(kept)))


def _newest_labels(tables: Sequence[Any]) -> EncodedFile:
    """Returns the newest labels of each item and criterion; those that were removed leave nothing.

    Those of a forgotten item stay, as in the store, until they are removed there.
    """
    joined = _joined("labels", tables)
    newest, kept = dict[tuple[str, str], int](), []
    names = ("item_id", "criterion", "annotator", "reading")
    rows = list(zip(*(joined.column(name).to_pylist() for name in names), strict=True))
    for item_id, criterion, _, reading in rows:
        newest[item_id, criterion] = max(newest.get((item_id, criterion), 0), reading)
    for number, (item_id, criterion, annotator, reading) in enumerate(rows):
        if annotator is not None and reading == newest[item_id, criterion]:
            kept.append(number)
    return _sorted_file("labels", joined.take(kept))


def _sorted_file(table: Any, rows: Any) -> EncodedFile:
    ordered = rows.sort_by([(name, "ascending") for name in SORTED_BY[table]])
    schema = arrow_schema(COLUMNS[table], ARCHIVE_SCHEMA)
    return encoded_table(table, ordered.replace_schema_metadata(schema.metadata).unify_dictionaries().combine_chunks())
