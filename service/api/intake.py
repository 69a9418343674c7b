"""Takes a job in: every item checked, all of it stored or nothing."""

from collections.abc import AsyncIterable, Iterable
from itertools import islice
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from service.api.access import OPEN
from service.api.pointing import MOST_FAULTS, faults_in, unkept
from service.api.problems import Fault, ProblemError, impossible, invalid, pointer_to
from service.contracts.ids import new_id
from service.contracts.items import Item
from service.contracts.jobs import JobOrder, JobRecord
from service.contracts.judges import ResolvedJudge
from service.judging.methods import METHODS
from service.settings import Settings
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
        self, redis: Redis, settings: Settings, order: JobOrder, judges: list[ResolvedJudge], caller: Caller
    ) -> None:
        self._redis = redis
        self._settings = settings
        self._order = order
        self._caller = caller
        self._job_id = new_id("job")
        self._judges = judges
        self._chunk_items = jobs.chunk_items(len(self._judges))
        self._ids: set[str] = set()
        self._unfit: list[Fault] = []
        self._impossible: list[Fault] = []
        self._buffer: list[Item] = []
        self._items = 0
        self._staged = 0

    async def take_json(self, items: Iterable[Item]) -> None:
        """Takes decoded items. Raises a problem that names each bad place."""
        for index, item in enumerate(items):
            await self._add(item, f"/items/{index}")
        await self._end()

    async def take_lines(self, lines: AsyncIterable[bytes]) -> None:
        """Takes one item a line; empty lines are passed over. Raises a problem that names each bad place."""
        decoder = msgspec.json.Decoder(Item)
        number = -1
        async for line in lines:
            number += 1
            if not line.strip():
                continue
            at = f"/items/{number}"
            try:
                item = decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                self._note(self._unfit, faults_in(line, Item, at) or [Fault(at, str(error))])
                continue
            await self._add(item, at)
        await self._end()

    async def commit(self, fingerprint: str) -> tuple[str, JobRecord]:
        """Makes it a job; the id of the job, which is an earlier one where the request is a repeat.

        Raises IdempotencyConflictError.
        """
        record = JobRecord(
            id=self._job_id,
            judges=self._judges,
            several_judges=isinstance(self._order.judge, list),
            items=self._items,
            chunk_items=self._chunk_items,
            cache=self._order.cache,
            budget_usd=self._order.budget_usd,
            callback_url=self._order.callback_url,
            owner=None if self._caller.name == OPEN else self._caller.name,
            created_at=clock.now(),
        )
        key = self._caller.idempotency_key
        idempotency = Idempotency(self._caller.name, key, fingerprint) if key else None
        try:
            job_id = await jobs.commit(self._redis, record, idempotency, self._settings.server.idempotency_keep_hours)
        except StoreConflictError:
            await self.discard()
            raise
        if job_id != self._job_id:
            await self.discard()
        return job_id, record

    async def discard(self) -> None:
        """Removes what was staged."""
        await jobs.discard(self._redis, self._job_id, self._staged)

    async def _add(self, item: Item, at: str) -> None:
        self._items += 1
        if self._items > self._settings.server.max_items:
            raise ProblemError(413, "too-large", f"more than {self._settings.server.max_items} items")
        if item.id is not None:
            if item.id in self._ids:
                self._note(self._unfit, [Fault(pointer_to(at, "id"), "another item has the same id")])
            self._ids.add(item.id)
        if item.metadata:
            self._note(self._unfit, list(islice(unkept(item.metadata, pointer_to(at, "metadata")), MOST_FAULTS)))
        for judge in self._judges:
            wrong = METHODS[judge.definition.method].item_problems(judge.definition, item)
            self._note(self._impossible, [Fault(at + pointer, detail) for pointer, detail in wrong])
        if self._unfit or self._impossible:
            self._buffer.clear()
            return
        self._buffer.append(item)
        if len(self._buffer) >= self._chunk_items * _STAGE_TOGETHER:
            await self._stage()

    def _note(self, faults: list[Fault], more: list[Fault]) -> None:
        faults.extend(fault for fault in more[: MOST_FAULTS - len(faults)] if fault not in faults)

    async def _end(self) -> None:
        if not self._items and not self._unfit:
            self._unfit.append(Fault("/items", "there is no item"))
        if self._unfit:
            raise invalid(self._unfit)
        if self._impossible:
            raise impossible(self._impossible)
        await self._stage()

    async def _stage(self) -> None:
        chunks = [
            self._buffer[start : start + self._chunk_items] for start in range(0, len(self._buffer), self._chunk_items)
        ]
        await jobs.stage(self._redis, self._job_id, self._staged, chunks)
        self._staged += len(chunks)
        self._buffer.clear()
