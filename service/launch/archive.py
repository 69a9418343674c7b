"""`judged archive` and `judged restore --archive`: the archive of the configuration and its store, from a terminal."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TypeVar

import msgspec
from redis.asyncio import Redis

from service.archive.catalog import TABLES, ArchivedFile, TableName
from service.archive.errors import ArchiveError
from service.archive.maintaining import Compacted, forget
from service.archive.objects import Objects
from service.archive.reading import expected_catalog, index_path
from service.archive.restoring import Restored, restore_archive
from service.archive.running import ArchiveRuns
from service.archive.writing import LeaseLostError, Written
from service.config.settings import Settings
from service.store import archiving, clock
from service.store.connection import connect
from service.store.errors import StoreError
from service.store.installations import use_prefix
from service.store.snapshots import what_is_in_the_way

__all__ = ["ArchiveError", "ArchiveStatus", "StoreError"]

_CONNECTIONS = 4
_RETRIES = 2
_LEASE_TRIES = 60
_LEASE_WAIT_S = 1.0
_THREADS_END_S = 0.1  # a thread of obstore that still tells of its last answer aborts a process that ends (before 3.14)

_T = TypeVar("_T")


class ArchivedTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table of the archive: its files, rows and bytes, and the first and the last day."""

    table: str
    files: int
    rows: int
    size: int
    first_day: str | None
    last_day: str | None


class ArchiveStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The archive and what waits for it. `lag_seconds` is for how long the oldest job has been due.

    `missing` are files of the catalog that are not there or not of their size, and indexes that are not there.
    `to_forget` counts the requests to forget.
    """

    url: str
    is_on: bool
    waiting_jobs: int
    waiting_labels: int
    lag_seconds: float
    catalog_version: int
    to_forget: int
    tables: list[ArchivedTable]
    missing: list[str]


def archive_status(settings: Settings) -> ArchiveStatus:
    """Returns the state of the archive. Raises ArchiveError and StoreError."""

    async def read(redis: Redis, objects: Objects) -> ArchiveStatus:
        state = await archiving.archive_state(redis)
        catalog = await expected_catalog(redis, objects)
        there = {each.path: each.size for folder in (*TABLES, "index") for each in await objects.listed(folder)}
        indexes = [index_path(each.path) for each in catalog.of("judgments")]
        return ArchiveStatus(
            url=objects.url,
            is_on=state.is_on,
            waiting_jobs=state.jobs,
            waiting_labels=state.labels,
            lag_seconds=state.lag_s(clock.now_ms()),
            catalog_version=catalog.version,
            to_forget=len(catalog.forgotten),
            tables=[_archived_table(table, catalog.of(table)) for table in TABLES],
            missing=[
                *(each.path for each in catalog.files if there.get(each.path) != each.size),
                *(each for each in indexes if each not in there),
            ],
        )

    return _with_archive(settings, read)


def _archived_table(table: TableName, files: Sequence[ArchivedFile]) -> ArchivedTable:
    days = [each.day for each in files]
    return ArchivedTable(
        table=table,
        files=len(files),
        rows=sum(each.rows for each in files),
        size=sum(each.size for each in files),
        first_day=min(days, default=None),
        last_day=max(days, default=None),
    )


def write_archive(settings: Settings, older_than_s: float) -> Written:
    """Archives what is older than so many seconds, and takes the snapshots. Raises ArchiveError and StoreError."""

    async def write(redis: Redis, objects: Objects) -> Written:
        await archiving.turn_on(redis, settings.archive.after_s)
        return await ArchiveRuns(redis, settings, objects).run(int(older_than_s), takes_snapshots=True)

    return _with_archive(settings, write)


def compact_archive(settings: Settings) -> Compacted:
    """Makes few files of many, also of today's, and removes what is to go. Raises ArchiveError and StoreError."""
    return _with_archive(settings, lambda redis, objects: ArchiveRuns(redis, settings, objects).compact())


def forget_archived(settings: Settings, *, items: Sequence[str], jobs: Sequence[str]) -> Compacted:
    """Hides the judgments of items and jobs at once, and removes those that are archived.

    Raises ArchiveError and StoreError.
    """

    async def run(redis: Redis, objects: Objects) -> Compacted:
        await forget(redis, objects, items=items, jobs=jobs)
        for _ in range(_LEASE_TRIES):
            with suppress(LeaseLostError):
                return await ArchiveRuns(redis, settings, objects).compact()
            await asyncio.sleep(_LEASE_WAIT_S)
        raise ArchiveError("hidden from all readers, but not removed: another process writes; `judged archive compact`")

    return _with_archive(settings, run)


def turn_archive_off(settings: Settings) -> int:
    """Lets go of all that waits for the archive; returns the number of jobs. Raises StoreError."""
    return _with_store(settings, lambda redis: archiving.turn_off(redis, keep_s=settings.store.keep_s))


def restore_from_archive(settings: Settings, since: datetime | None, note_rows: Callable[[int], None]) -> Restored:
    """Fills the empty store from the archive. Raises ArchiveError and StoreError."""
    store = settings.store
    if store.redis_url and (reason := what_is_in_the_way(store.redis_url, store.prefix)) is not None:
        raise ArchiveError(reason)
    restored = partial(restore_archive, keep_s=store.keep_s, since=since, note_rows=note_rows)
    return _with_archive(settings, restored)


def _with_archive(settings: Settings, act: Callable[[Redis, Objects], Awaitable[_T]]) -> _T:
    async def run(redis: Redis) -> _T:
        if not settings.archive.url:
            raise ArchiveError("there is no archive: set archive.url, or JUDGED_ARCHIVE_URL")
        return await act(redis, Objects(settings.archive))

    return _with_store(settings, run)


def _with_store(settings: Settings, act: Callable[[Redis], Awaitable[_T]]) -> _T:
    if not settings.store.redis_url:
        raise ArchiveError("name the store: set JUDGED_REDIS_URL; that of `judged up` is unix://DATA/store.sock")

    use_prefix(settings.store.prefix)

    async def run() -> _T:
        redis = connect(str(settings.store.redis_url), retries=_RETRIES, max_connections=_CONNECTIONS)
        try:
            await clock.store_seconds(redis)
            return await act(redis)
        finally:
            await redis.aclose()

    try:
        return asyncio.run(run())
    finally:
        time.sleep(_THREADS_END_S)
