"""Takes jobs in: all items checked, then all of them stored or none."""

import asyncio
import logging
import math
from collections.abc import AsyncIterable, Callable
from typing import NamedTuple

from redis.asyncio import Redis

from service import telemetry
from service.agreement import admit_judges
from service.config import logs
from service.config.settings import Settings
from service.contracts.decoding import Batch
from service.contracts.ids import new_id
from service.contracts.items import Item
from service.contracts.jobs import JobOrder, JobRecord, Purpose
from service.contracts.judges import ResolvedJudge
from service.contracts.pointing import MOST_FAULTS
from service.contracts.refusals import Fault, Kind, Refused, impossible, invalid, not_found
from service.costs import Prices
from service.jobs.callbacks import callback_problem
from service.jobs.item_checks import ItemChecks, add_faults
from service.judging.methods import METHODS
from service.store import clock, jobs
from service.store.connection import cancelled
from service.store.errors import QueueFullError, StoreConflictError
from service.store.health import confirm_job
from service.store.idempotency import Idempotency
from service.store.installations import packs
from service.store.packing import Packing, packed_items
from service.threads import LARGE_BYTES, aside_if_large

_log = logging.getLogger(__name__)

_STAGE_TOGETHER = 20  # chunks in one round trip
_STAGE_BYTES = 4_000_000  # of chunks, after which they are stored: the memory of an upload does not grow with it
_FULL_RETRY_S = 10  # after which a queue that was full may have room
_NOBODY = "-"  # the owner of idempotency keys if no API keys are configured

PlaceOfItem = Callable[[int], str]


class Caller(NamedTuple):
    """The name of the API key, None if no keys are configured; the digest of the Idempotency-Key, None without one."""

    name: str | None
    idempotency_key: str | None

    @property
    def owner(self) -> str:
        """The owner of the idempotency key."""
        return self.name or _NOBODY


class TakenIn(NamedTuple):
    """A job that was taken in. `is_repeat` if an earlier request with the same Idempotency-Key created it."""

    record: JobRecord
    is_repeat: bool


class JobIntake:
    """The intake of one job. Items are staged as they arrive, so that an upload of any size takes little memory."""

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
        self._chunk_items = jobs.items_per_chunk(len(self._judges))
        self._checks = ItemChecks(settings.server.max_items)
        self._impossible: list[Fault] = []
        self._chunk: list[Item] = []  # the one that is not full
        self._chunks: list[bytes] = []  # to be staged
        self._staged = 0
        self._staging: asyncio.Task[None] | None = None  # of the chunks before, while the next items are checked

    async def take(
        self,
        batches: AsyncIterable[Batch[Item]],
        place: PlaceOfItem = "/items/{}".format,
        read_bytes: Callable[[], float] = lambda: math.inf,
    ) -> None:
        """Checks and stages the items; `place` gives the pointer to the item of a number.

        `read_bytes` returns the size of what has been read: few are checked at once, more in a thread.

        Raises Refused that names each fault, and once there are MOST_FAULTS; nothing remains staged then.
        """
        try:
            _check_callback(self._order, self._settings)
            await _check_prices(self._order, self._judges, self._settings, self._caller)
            async for batch in batches:
                while await aside_if_large(read_bytes(), self._add, batch, place):
                    await self._stage()
            self._check_end()
            if self._chunk:
                await aside_if_large(read_bytes(), self._close_chunk)
            if not self._is_small:
                await self._stage()
            if self._purpose == "judging":
                await admit_judges(self._redis, self._judges, keep_s=self._settings.store.keep_s)
            await self._wait_until_staged()
        except Refused:
            await self.discard()
            raise
        finally:
            if self._staging is not None:  # something else has gone wrong, or the client is gone
                await cancelled(self._staging)
                self._staging = None

    async def commit(self, fingerprint: str) -> TakenIn:
        """Makes the staged items a job and queues it. `fingerprint` identifies the content of the request.

        Raises IdempotencyConflictError if another request had the same Idempotency-Key, and Refused (queue-full) if
        more judgments than `queue.max_items` would wait; of anchors, which are few, none is refused.
        """
        record = self._record()
        key = self._caller.idempotency_key
        idempotency = Idempotency(self._caller.owner, key, fingerprint) if key else None
        keep_h, most = self._settings.server.idempotency_keep_hours, self._settings.queue.max_items
        bound = jobs.NO_BOUND if self._purpose == "anchor" else most
        try:
            unstaged = await self._as_stored(self._chunks)
            job_id = await jobs.commit_job(self._redis, record, idempotency, keep_h, bound, unstaged)
        except StoreConflictError as error:
            await self.discard()
            if isinstance(error, QueueFullError):
                raise _queue_full(record.total, error.pending, most) from error
            raise
        if replicas := self._settings.store.confirmed_replicas:
            await confirm_job(self._redis, job_id, replicas)
        if job_id == record.id:
            _log.info("accepted: %d judgments", record.total, extra={"job_id": job_id})
            return TakenIn(record, is_repeat=False)
        await self.discard()
        earlier = await jobs.load_job(self._redis, job_id)
        if earlier is None:
            raise not_found(f"job {job_id}")
        return TakenIn(earlier[0], is_repeat=True)

    async def discard(self) -> None:
        """Removes the staged items."""
        await self._wait_until_staged()
        await jobs.discard_job(self._redis, self.job_id, self._staged)

    @property
    def _is_small(self) -> bool:
        """Whether the items are stored with the job itself: no chunk was staged, and all of them are small."""
        return not self._staged and self._staging is None and sum(map(len, self._chunks)) <= LARGE_BYTES

    def _record(self) -> JobRecord:
        return JobRecord(
            id=self.job_id,
            judges=self._judges,
            several_judges=isinstance(self._order.judge, list),
            items=self._checks.items,
            chunk_items=self._chunk_items,
            cache=self._order.cache,
            budget_usd=self._order.budget_usd,
            deadline_s=self._order.deadline_s,
            callback_url=self._order.callback_url,
            owner=self._caller.name,
            created_at=clock.now(),
            purpose=self._purpose,
            groups=self._checks.groups,
            anchors_of=str(self._order.judge) if self._purpose == "anchor" else None,
            request_id=logs.request_id.get(),
            trace_context=telemetry.trace_context(),
        )

    def _add(self, batch: Batch[Item], place: PlaceOfItem) -> bool:
        """Takes items from a batch. Returns whether enough chunks are full to stage them; if not, the batch is empty.

        Raises Refused once there are as many faults as are named.
        """
        for number, item in batch:
            if isinstance(item, list):
                self._checks.note(item)
            else:
                self._check(item, place(number))
            if max(len(self._checks.unfit), len(self._impossible)) >= MOST_FAULTS:
                self._refuse()
            if self._checks.unfit or self._impossible:
                self._chunk.clear()
                self._chunks.clear()
            elif len(self._chunk) == self._chunk_items:
                self._close_chunk()
                if len(self._chunks) == _STAGE_TOGETHER or sum(map(len, self._chunks)) >= _STAGE_BYTES:
                    return True
        return False

    def _check(self, item: Item, at: str) -> None:
        self._checks.check(item, at)
        for judge in self._definitions.values():
            wrong = METHODS[judge.method].item_problems(judge, item)
            add_faults(self._impossible, [Fault(at + pointer, detail) for pointer, detail in wrong])
        self._chunk.append(item)

    def _close_chunk(self) -> None:
        chunk = jobs.encoded_chunk(self._chunk)
        self._checks.check_chunk(len(self._chunk), len(chunk))
        self._chunks.append(chunk)
        self._chunk = []

    def _refuse(self) -> None:
        if self._checks.unfit:
            raise invalid(self._checks.unfit)
        if self._impossible:
            raise impossible(self._impossible)

    def _check_end(self) -> None:
        if not self._checks.items and not self._checks.unfit:
            self._checks.note([Fault("/items", "at least one item is needed")])
        self._refuse()

    async def _stage(self) -> None:
        """Begins to pack and to store the full chunks, once those before are stored."""
        await self._wait_until_staged()
        self._staging = asyncio.create_task(self._store(self._chunks))
        self._chunks = []

    async def _wait_until_staged(self) -> None:
        staging, self._staging = self._staging, None
        if staging is not None:
            await staging

    async def _store(self, chunks: list[bytes]) -> None:
        packed = await self._as_stored(chunks)
        first = self._staged
        self._staged += len(chunks)  # also if this is broken off: some may be stored
        await jobs.stage_job(self._redis, self.job_id, first, packed)

    async def _as_stored(self, chunks: list[bytes]) -> list[bytes]:
        if await packs(self._redis) < Packing.VALUES:
            return chunks
        is_small = sum(map(len, chunks)) <= LARGE_BYTES
        return _packed(chunks) if is_small else await asyncio.to_thread(_packed, chunks)  # beside `aside`


def _queue_full(total: int, pending: int, most: int) -> Refused:
    detail = f"{pending} judgments wait, and with these {total} more than queue.max_items ({most}) would"
    if total > most:
        detail += "; they do not even fit an empty queue: send fewer items"
    return Refused(Kind.QUEUE_FULL, detail=detail, retry_after_s=_FULL_RETRY_S)


def _packed(chunks: list[bytes]) -> list[bytes]:
    return [packed_items(each) for each in chunks]


def _check_callback(order: JobOrder, settings: Settings) -> None:
    """Raises Refused if the callback's URL is odd, or its host is not public and not listed in the settings.

    A key that may submit jobs gives no access to the workers' network.
    """
    if order.callback_url is None:
        return
    problem = callback_problem(order.callback_url, settings.server.callback_hosts)
    if problem is not None:
        raise impossible([Fault("/callback_url", problem)])


async def _check_prices(order: JobOrder, judges: list[ResolvedJudge], settings: Settings, caller: Caller) -> None:
    """Raises Refused if the job or its key has a budget and one of its models no price: it would limit nothing."""
    of_key = any(key.name == caller.name and key.budget_usd_per_day is not None for key in settings.keys)
    if order.budget_usd is None and not of_key:
        return
    prices, models = Prices(settings), [model for judge in judges for model in judge.models]
    await prices.learn(models)
    unknown = prices.unknown(models)
    if unknown is None:
        return
    if order.budget_usd is not None:
        raise impossible([Fault("/budget_usd", f"{unknown}: add [prices] to the settings, or leave out the budget")])
    at = "/models" if order.models else "/judge"
    raise impossible([Fault(at, f"{unknown}, and the key {caller.name} has a budget: add [prices] to the settings")])
