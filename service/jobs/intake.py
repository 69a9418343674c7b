"""Takes jobs in: all items checked, then all of them stored or none."""

from collections.abc import AsyncIterable, Callable
from typing import NamedTuple
from urllib.parse import urlsplit

from redis.asyncio import Redis

from service.agreement import admit_judges
from service.config.settings import Settings
from service.contracts.decoding import Numbered
from service.contracts.ids import new_id
from service.contracts.items import Item
from service.contracts.jobs import JobOrder, JobRecord, Purpose
from service.contracts.judges import ResolvedJudge
from service.contracts.refusals import Fault, Refused, impossible, invalid, not_found
from service.costs import Prices
from service.jobs.item_checks import ItemChecks, add_faults
from service.judging.methods import METHODS
from service.store import clock, jobs
from service.store.errors import StoreConflictError
from service.store.jobs import Idempotency

_STAGE_TOGETHER = 20  # chunks in one round trip
_NOBODY = "-"  # the owner of idempotency keys if no API keys are configured

PlaceOfItem = Callable[[int], str]


class Caller(NamedTuple):
    """The name of the API key, None if no keys are configured; the digest of the Idempotency-Key, None without one."""

    name: str | None
    idempotency_key: str | None


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
        self._buffer: list[Item] = []
        self._staged = 0

    async def take(self, items: AsyncIterable[Numbered[Item]], place: PlaceOfItem = "/items/{}".format) -> None:
        """Checks and stages the items; `place` gives the pointer to the item of a number.

        Raises Refused that names each fault; nothing remains staged then.
        """
        try:
            _check_callback(self._order, self._settings)
            _check_prices(self._order, self._judges, self._settings)
            async for number, item in items:
                if isinstance(item, list):
                    self._checks.note(item)
                else:
                    await self._add(item, place(number))
            await self._end()
            if self._purpose == "judging":
                await admit_judges(self._redis, self._judges, keep_s=self._settings.store.keep_s)
        except Refused:
            await self.discard()
            raise

    async def commit(self, fingerprint: str) -> TakenIn:
        """Makes the staged items a job and queues it. `fingerprint` identifies the content of the request.

        Raises IdempotencyConflictError if another request had the same Idempotency-Key.
        """
        record = self._record()
        key = self._caller.idempotency_key
        idempotency = Idempotency(self._caller.name or _NOBODY, key, fingerprint) if key else None
        try:
            job_id = await jobs.commit_job(
                self._redis, record, idempotency, self._settings.server.idempotency_keep_hours
            )
        except StoreConflictError:
            await self.discard()
            raise
        if job_id == record.id:
            return TakenIn(record, is_repeat=False)
        await self.discard()
        earlier = await jobs.load_job(self._redis, job_id)
        if earlier is None:
            raise not_found(f"job {job_id}")
        return TakenIn(earlier[0], is_repeat=True)

    async def discard(self) -> None:
        """Removes the staged items."""
        await jobs.discard_job(self._redis, self.job_id, self._staged)

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
        )

    async def _add(self, item: Item, at: str) -> None:
        self._checks.check(item, at)
        for judge in self._definitions.values():
            wrong = METHODS[judge.method].item_problems(judge, item)
            add_faults(self._impossible, [Fault(at + pointer, detail) for pointer, detail in wrong])
        if self._checks.unfit or self._impossible:
            self._buffer.clear()
            return
        self._buffer.append(item)
        if len(self._buffer) >= self._chunk_items * _STAGE_TOGETHER:
            await self._stage()

    async def _end(self) -> None:
        if not self._checks.items and not self._checks.unfit:
            self._checks.note([Fault("/items", "at least one item is needed")])
        if self._checks.unfit:
            raise invalid(self._checks.unfit)
        if self._impossible:
            raise impossible(self._impossible)
        await self._stage()

    async def _stage(self) -> None:
        chunks = [
            self._buffer[start : start + self._chunk_items] for start in range(0, len(self._buffer), self._chunk_items)
        ]
        await jobs.stage_job(self._redis, self.job_id, self._staged, chunks)
        self._staged += len(chunks)
        self._buffer.clear()


def _check_callback(order: JobOrder, settings: Settings) -> None:
    """Raises Refused if keys are configured and the callback's host is not listed.

    A key that may submit jobs gives no access to the workers' network.
    """
    if order.callback_url is None or not settings.keys:
        return
    host = urlsplit(order.callback_url).hostname
    if host not in settings.server.callback_hosts:
        raise impossible([Fault("/callback_url", f"the host {host!r} is not listed in server.callback_hosts")])


def _check_prices(order: JobOrder, judges: list[ResolvedJudge], settings: Settings) -> None:
    """Raises Refused if the job has a budget and one of its models no price: such a budget would limit nothing."""
    if order.budget_usd is None:
        return
    unknown = Prices(settings).unknown([model for judge in judges for model in judge.models])
    if unknown is not None:
        raise impossible([Fault("/budget_usd", f"{unknown}: add [prices] to the settings, or leave out the budget")])
