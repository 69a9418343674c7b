"""Reads judgments from the archive: those of an item, by the files' indexes, and those of a period, file by file."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import msgspec
from redis.asyncio import Redis

from service.archive.catalog import ArchivedFile, Catalog, Forgotten, load_catalog
from service.archive.columns import archived_record
from service.archive.errors import ArchiveError, UnreadableArchiveError
from service.archive.item_index import ItemIndex, decoded_index, digest_of
from service.archive.objects import Objects
from service.archive.parquet_files import ByteRange, group_ranges, read_footer, read_group
from service.contracts.items import Item
from service.contracts.jobs import JobRecord, ListedPurpose
from service.store.archiving import archive_version, is_written

_INDEXES_BYTES = 64 << 20  # of indexes in memory: those of some fifty million items
_FOOTERS = 32  # in memory; each may have some megabytes
_CALLS_AT_ONCE = 16
_MOST_ATTEMPTS = 5
_LOOK_UP_COLUMNS = ("id", "job_id", "item_id", "outcome", "purpose", "owner", "finished_at", "position", "json")
_TEXT_COLUMNS = ("item", "job")

_NOT_LISTED = ("battle", "anchor")  # purposes of jobs that are not listed

_T = TypeVar("_T")


class ArchivedJudgment(NamedTuple):
    """A judgment of the archive; `item` and `job` are JSON, empty if they were not asked for."""

    id: str
    job_id: str
    item_id: str
    position: int
    owner: str | None
    finished_at: datetime
    json: bytes
    item: str = ""
    job: str = ""

    def decoded_item(self) -> Item:
        """Returns the item as it was judged."""
        return msgspec.json.decode(self.item, type=Item)

    def record(self) -> JobRecord:
        """Returns the record of the job."""
        return archived_record(self.job)


class _Footer(NamedTuple):
    metadata: Any
    groups: list[ByteRange]


class ArchiveReader:
    """Reads one archive. Keeps the catalog until the store tells of a change, and the indexes of files it has read."""

    def __init__(self, objects: Objects) -> None:
        self.objects = objects
        self._version: int | None = None
        self._catalog = Catalog()
        self._indexes: OrderedDict[str, ItemIndex] = OrderedDict()
        self._index_bytes = 0
        self._footers: OrderedDict[str, _Footer] = OrderedDict()
        self._room = asyncio.Semaphore(_CALLS_AT_ONCE)

    async def catalog(self, redis: Redis) -> Catalog:
        """Returns the catalog, which has at least all that had left the store before this call."""
        version = await archive_version(redis)
        if version != self._version:
            self._catalog = await expected_catalog(redis, self.objects)
            self._version = version
        return self._catalog

    async def judgments_of_item(
        self, redis: Redis, item_id: str, owner: str | None, *, with_texts: bool = False
    ) -> list[ArchivedJudgment]:
        """Returns the archived judgments of an item that count for it, of one API key's jobs if `owner` is given.

        Those of benchmarks, battles and anchors, and cancelled ones, are left out, as the store leaves them out. Call
        it after the store was read: then a judgment that moves meanwhile is in one of both, or in both.
        """
        columns = (*_LOOK_UP_COLUMNS, *(_TEXT_COLUMNS if with_texts else ()))

        async def read(catalog: Catalog) -> list[ArchivedJudgment]:
            files = catalog.of("judgments")
            self._drop_indexes(files)
            found = await asyncio.gather(*(self._rows_of_item(file, item_id, columns) for file in files))
            hidden = hidden_by(catalog.forgotten)
            return [row for rows in found for row in rows if not hidden(row.item_id, row.job_id, row.finished_at)]

        rows = {row.id: row for row in await self._retried(redis, read) if owner is None or row.owner == owner}
        return sorted(rows.values(), key=lambda row: (row.finished_at, row.id))

    async def judgments_between(
        self,
        redis: Redis,
        since: datetime,
        until: datetime,
        owner: str | None,
        purpose: ListedPurpose | None,
    ) -> AsyncIterator[ArchivedJudgment]:
        """Yields the judgments of jobs that are listed and ended from `since` on and before `until`, in no order."""
        done, day, known = set[str](), "", set[str]()
        while True:
            catalog = await self.catalog(redis)
            files = [each for each in catalog.of("judgments") if each.day not in done and _overlaps(each, since, until)]
            if not files:
                return
            if files[0].day != day:
                day, known = files[0].day, set[str]()
            hidden = hidden_by(catalog.forgotten)
            try:
                for file in (each for each in files if each.day == day):
                    async for row in self._rows(file, _LOOK_UP_COLUMNS):
                        is_meant = since <= row["finished_at"] < until and _is_listed(row["purpose"], purpose)
                        if is_meant and owner in (None, row["owner"]) and row["id"] not in known:
                            known.add(row["id"])
                            if not hidden(row["item_id"], row["job_id"], row["finished_at"]):
                                yield _judgment(row)
            except FileNotFoundError:  # compaction has replaced the files of this day
                self._version = None
            else:
                done.add(day)

    async def _retried(self, redis: Redis, read: Callable[[Catalog], Awaitable[_T]]) -> _T:
        """Reads with the newest catalog, again if compaction has removed a file meanwhile."""
        for _ in range(_MOST_ATTEMPTS):
            try:
                return await read(await self.catalog(redis))
            except FileNotFoundError:
                self._version = None
        raise ArchiveError("files of the archive are missing: `judged archive status` names them")

    def _drop_indexes(self, files: Sequence[ArchivedFile]) -> None:
        names = {file.path for file in files}
        for path in [path for path in self._indexes if path not in names]:
            self._index_bytes -= len(self._indexes.pop(path).bits)

    async def _index(self, file: ArchivedFile) -> ItemIndex:
        known = self._indexes.get(file.path)
        if known is None:
            async with self._room:
                content = await self.objects.get(index_path(file.path))
            try:
                known = decoded_index(content)
            except msgspec.MsgspecError as error:
                raise UnreadableArchiveError(f"{index_path(file.path)} is damaged: {error}") from error
            if self._index_bytes + len(known.bits) <= _INDEXES_BYTES:
                self._indexes[file.path] = known
                self._index_bytes += len(known.bits)
        return known

    async def _rows_of_item(self, file: ArchivedFile, item_id: str, columns: Sequence[str]) -> list[ArchivedJudgment]:
        groups = (await self._index(file)).groups_of(item_id)
        if not groups:
            return []
        rows = []
        for number in groups:
            table = await self._group(file, number, columns)
            rows += await asyncio.to_thread(_matching, table, item_id)
        return [_judgment(row) for row in rows if row["purpose"] == "judging" and row["outcome"] != "cancelled"]

    async def _rows(self, file: ArchivedFile, columns: Sequence[str]) -> AsyncIterator[dict[str, Any]]:
        footer = await self._footer(file)
        for number in range(len(footer.groups)):
            table = await self._group(file, number, columns)
            for row in await asyncio.to_thread(table.to_pylist):
                yield row

    async def _group(self, file: ArchivedFile, number: int, columns: Sequence[str]) -> Any:
        footer = await self._footer(file)
        at = footer.groups[number]
        async with self._room:
            content = await self.objects.get_part(file.path, at.start, at.length)
        return await asyncio.to_thread(read_group, file.path, footer.metadata, number, file.size, at, content, columns)

    async def _footer(self, file: ArchivedFile) -> _Footer:
        known = self._footers.get(file.path)
        if known is None:
            async with self._room:
                tail = await self.objects.get_part(file.path, file.size - file.tail, file.tail)
            metadata = await asyncio.to_thread(read_footer, file.path, file.size, tail)
            known = self._footers[file.path] = _Footer(metadata, group_ranges(metadata))
            if len(self._footers) > _FOOTERS:
                self._footers.popitem(last=False)
        return known


async def expected_catalog(redis: Redis, objects: Objects) -> Catalog:
    """Returns the newest catalog. Raises ArchiveError if there is none and must be one: a disk that is not mounted."""
    catalog = await load_catalog(objects)
    if not catalog.version and await is_written(redis):
        raise ArchiveError(
            f"there is no catalog at {objects.url}, where an archive was written: is it mounted, is it the right"
            " address? (To begin a new archive: `judged archive off`)"
        )
    return catalog


def index_path(path: str) -> str:
    """Returns the path of the index of a file of judgments."""
    return f"index/{path.removesuffix('.parquet')}.index"


def hidden_by(forgotten: Collection[Forgotten]) -> Callable[[str, str, datetime], bool]:
    """Returns a function that tells whether a judgment, by its item, job and end, is forgotten."""
    until: dict[tuple[str, str], int] = {}
    for each in forgotten:
        place = (each.kind, each.digest)
        until[place] = max(until.get(place, 0), each.until_ms)

    def is_hidden(item_id: str, job_id: str, finished_at: datetime) -> bool:
        if not until:
            return False
        at_ms = int(finished_at.timestamp() * 1000)
        places = (("item", digest_of(item_id)), ("job", digest_of(job_id)))
        return any(at_ms <= until.get(place, -1) for place in places)

    return is_hidden


def _overlaps(file: ArchivedFile, since: datetime, until: datetime) -> bool:
    return file.to_ms >= int(since.timestamp() * 1000) and file.from_ms < until.timestamp() * 1000


def _matching(table: Any, item_id: str) -> list[dict[str, Any]]:
    import pyarrow.compute

    rows: list[dict[str, Any]] = table.filter(pyarrow.compute.equal(table.column("item_id"), item_id)).to_pylist()
    return rows


def _judgment(row: dict[str, Any]) -> ArchivedJudgment:
    return ArchivedJudgment(
        id=row["id"],
        job_id=row["job_id"],
        item_id=row["item_id"],
        position=row["position"],
        owner=row["owner"],
        finished_at=row["finished_at"],
        json=row["json"].encode(),
        item=row.get("item") or "",
        job=row.get("job") or "",
    )


class JudgmentKey(msgspec.Struct, frozen=True):
    """The part of a judgment by which the store's and the archive's are put together."""

    id: str
    item_id: str
    job_id: str
    finished_at: datetime


def _is_listed(purpose: str, wanted: ListedPurpose | None) -> bool:
    return purpose not in _NOT_LISTED and wanted in (None, purpose)
