"""Takes a job in: every item checked, all of it stored or nothing."""

from collections.abc import AsyncIterable, Iterable
from typing import NamedTuple

from redis.asyncio import Redis

from service.api.access import OPEN
from service.config.settings import Settings
from service.contracts.decoding import ndjson
from service.contracts.ids import new_id
from service.contracts.items import Item
from service.contracts.jobs import JobOrder, JobRecord, Purpose
from service.contracts.judges import ResolvedJudge
from service.contracts.refusals import Fault, impossible, invalid
from service.jobs.item_checks import ItemChecks, note
from service.judging.methods import METHODS
from service.store import clock, jobs
from service.store.errors import StoreConflictError
from service.store.jobs import Idempotency

_STAGE_TOGETHER = 20  # chunks a round trip


class Caller(NamedTuple):
    """Who asks, and the digest of the Idempotency-Key, if there is one."""

    name: str
    idempotency_key: str | None


class Intake:
    """One job on its way in. Items are staged as they come: an upload of any size takes little memory."""

    def __init__(
        self,
        redis: Redis,
        settings: Settings,
        order: JobOrder,
        judges: list[ResolvedJudge],
        caller: Caller,
        purpose: Purpose = "judging",
    ) -> None:
        self._redis = redis
        self._settings = settings
        self._order = order
        self._caller = caller
        self._purpose = purpose
        self.job_id = new_id("job")
        self._judges = judges
        self._definitions = {judge.ref.digest: judge.definition for judge in judges}  # one may ask several models
        self._chunk_items = jobs.chunk_items(len(self._judges))
        self._checks = ItemChecks(settings.server.max_items)
        self._impossible: list[Fault] = []
        self._buffer: list[Item] = []
        self._staged = 0

    async def take_json(self, items: Iterable[Item]) -> None:
        """Takes decoded items. Raises a problem that names each bad place."""
        for index, item in enumerate(items):
            await self._add(item, f"/items/{index}")
        await self._end()

    async def take_all(self, items: AsyncIterable[Item]) -> None:
        """Takes items that are stored already. Raises a problem that names each that can't be judged."""
        async for item in items:
            await self._add(item, f"/items/{self._checks.items}")
        await self._end()

    async def take_lines(self, lines: AsyncIterable[bytes]) -> None:
        """Takes one item a line; empty lines are passed over. Raises a problem that names each bad place."""
        async for number, item in ndjson(lines, Item, "/items"):
            if isinstance(item, list):
                self._checks.note(item)
            else:
                await self._add(item, f"/items/{number}")
        await self._end()

    async def commit(self, fingerprint: str) -> tuple[str, JobRecord]:
        """Makes it a job; the id of the job, which is an earlier one where the request is a repeat.

        Raises IdempotencyConflictError.
        """
        record = JobRecord(
            id=self.job_id,
            judges=self._judges,
            several_judges=isinstance(self._order.judge, list),
            items=self._checks.items,
            chunk_items=self._chunk_items,
            cache=self._order.cache,
            budget_usd=self._order.budget_usd,
            deadline_s=self._order.deadline_s,
            callback_url=self._order.callback_url,
            owner=None if self._caller.name == OPEN else self._caller.name,
            created_at=clock.now(),
            purpose=self._purpose,
        )
        key = self._caller.idempotency_key
        idempotency = Idempotency(self._caller.name, key, fingerprint) if key else None
        try:
            job_id = await jobs.commit(self._redis, record, idempotency, self._settings.server.idempotency_keep_hours)
        except StoreConflictError:
            await self.discard()
            raise
        if job_id != self.job_id:
            await self.discard()
        return job_id, record

    async def discard(self) -> None:
        """Removes what was staged."""
        await jobs.discard(self._redis, self.job_id, self._staged)

    async def _add(self, item: Item, at: str) -> None:
        self._checks.check(item, at)
        for judge in self._definitions.values():
            wrong = METHODS[judge.method].item_problems(judge, item)
            note(self._impossible, [Fault(at + pointer, detail) for pointer, detail in wrong])
        if self._checks.unfit or self._impossible:
            self._buffer.clear()
            return
        self._buffer.append(item)
        if len(self._buffer) >= self._chunk_items * _STAGE_TOGETHER:
            await self._stage()

    async def _end(self) -> None:
        if not self._checks.items and not self._checks.unfit:
            self._checks.note([Fault("/items", "there is no item")])
        if self._checks.unfit:
            raise invalid(self._checks.unfit)
        if self._impossible:
            raise impossible(self._impossible)
        await self._stage()

    async def _stage(self) -> None:
        chunks = [
            self._buffer[start : start + self._chunk_items] for start in range(0, len(self._buffer), self._chunk_items)
        ]
        await jobs.stage(self._redis, self.job_id, self._staged, chunks)
        self._staged += len(chunks)
        self._buffer.clear()
