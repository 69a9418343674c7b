"""One run of the archive: all that is due is written, the day's snapshots are taken, and old files are tidied."""

import logging

from redis.asyncio import Redis

from service.archive.catalog import load_catalog
from service.archive.errors import ArchiveError
from service.archive.maintaining import Compacted, Maintenance
from service.archive.objects import Objects
from service.archive.reading import expected_catalog
from service.archive.writing import ArchiveWriter, LeaseLostError, Written
from service.config.settings import Settings
from service.contracts.ids import new_id
from service.store import archiving, clock

_log = logging.getLogger(__name__)


class ArchiveRuns:
    """The runs of one process. Failures are logged once until a run succeeds, counted, and leave all in the store."""

    def __init__(self, redis: Redis, settings: Settings, objects: Objects) -> None:
        self._redis = redis
        self._settings = settings.archive
        self._keep_s = settings.store.keep_s
        self._objects = objects
        self._holder = new_id("w")
        self._writer: ArchiveWriter | None = None
        self._is_away = False
        self._compacted_on = ""

    def writer(self) -> ArchiveWriter:
        """Returns the writer of this process."""
        if self._writer is None:
            self._writer = ArchiveWriter(
                self._redis,
                self._objects,
                self._holder,
                keep_s=self._keep_s,
                file_judgments=self._settings.file_judgments,
            )
        return self._writer

    async def run_due(self) -> None:
        """Runs in good order: nothing is raised but StoreError."""
        try:
            await archiving.turn_on(self._redis, self._settings.after_s)
            written = await self.run(self._settings.after_s)
        except LeaseLostError as error:
            _log.debug("archive: %s", error)
        except ArchiveError as error:
            await archiving.count_failure(self._redis)
            level = logging.DEBUG if self._is_away else logging.ERROR
            _log.log(level, "the archive can't be written, and nothing is let go from the store: %s", error)
            self._is_away = True
        else:
            if self._is_away:
                _log.warning("the archive is written again")
            self._is_away = False
            if any(written):
                _log.info("archived: %d judgments, %d jobs, labels of %d items", *written)

    async def compact(self) -> Compacted:
        """Makes few files of many, also of today's, and removes what is to go. Raises as `run` does."""
        await expected_catalog(self._redis, self._objects)
        try:
            maintenance = Maintenance(self._redis, self._objects, self.writer())
            return await maintenance.compact(keep_days=self._settings.keep_days, includes_today=True)
        finally:
            await archiving.end_lease(self._redis, self._holder)

    async def run(self, after_s: int, *, takes_snapshots: bool = False) -> Written:
        """Archives all that is older than so many seconds. Raises LeaseLostError, ArchiveError and StoreError."""
        writer = self.writer()
        await expected_catalog(self._redis, self._objects)
        try:
            written = await writer.write_due(clock.now_ms() - after_s * 1000)
            days = {each.day for each in (await load_catalog(self._objects)).of("state")}
            if takes_snapshots or clock.today() not in days:
                await writer.write_snapshots()
            if self._compacted_on != clock.today():
                maintenance = Maintenance(self._redis, self._objects, writer)
                compacted = await maintenance.compact(keep_days=self._settings.keep_days)
                self._compacted_on = clock.today()
                for words in compacted.damaged:
                    _log.error("archive: %s; the file is left as it is", words)
        finally:
            await archiving.end_lease(self._redis, self._holder)
        return written
