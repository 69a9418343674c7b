"""The arq functions: where the store, the judging and the queue meet."""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from redis.asyncio import Redis

from service.contracts.ids import new_id
from service.contracts.items import Item, item_id
from service.contracts.jobs import JobRecord
from service.contracts.judgments import Judgment, Vote
from service.contracts.outcomes import Outcome, Reason
from service.judging.combining import combine, usage
from service.judging.unasked import unasked
from service.settings import Settings
from service.store import clock, jobs
from service.store.errors import StoreError
from service.store.finishing import Finished, Finisher, JobState, spent_today
from service.store.jobs import Claim
from service.store.queue import Requeue
from worker.asking import Asker

logger = logging.getLogger(__name__)

MOST_TRIES = 10  # of one chunk: a chunk that ends its worker each time must not do so for ever
_AGAIN_S = 1.0
_LOOK_S = 1.0  # how often cancelled jobs and spent budgets are looked for


class _NotStarted(Exception):  # noqa: N818 - an order, not an error
    """No call may be made for an item that has not started: it ends with `outcome`, or later where it is None."""

    def __init__(self, outcome: Outcome | None, reason: Reason | None = None) -> None:
        super().__init__(outcome)
        self.outcome = outcome
        self.reason = reason


class _Running:
    """What is known of a job while chunks of it are at work here."""

    def __init__(self, claim: Claim) -> None:
        self.record = claim.record
        self.cancelled = claim.cancelled
        self.spent_usd = claim.spent_usd
        self.owner_is_spent = False

    def update(self, state: JobState) -> None:
        self.cancelled = self.cancelled or state.cancelled
        self.spent_usd = max(self.spent_usd, state.spent_usd)

    def check(self) -> None:
        """Raises _NotStarted where no further item may start."""
        if self.cancelled:
            raise _NotStarted(Outcome.CANCELLED)
        budget = self.record.budget_usd
        if self.owner_is_spent or (budget is not None and self.spent_usd >= budget):
            raise _NotStarted(Outcome.FAILED, Reason.BUDGET)


class Tasks:
    """The functions that the queue calls, with all that they need."""

    def __init__(self, redis: Redis, settings: Settings, asker: Asker, finisher: Finisher) -> None:
        self._redis = redis
        self._settings = settings
        self._asker = asker
        self._finisher = finisher
        self._running: dict[str, _Running] = {}
        self._chunks: Counter[str] = Counter()
        self._draining = False

    def drain(self) -> None:
        """Starts no further item. What is under way ends; the rest of a chunk goes back to the queue."""
        self._draining = True

    async def judge_chunk(self, job_id: str, chunk: int) -> None:
        """Judges what is not yet judged of a chunk. Safe to run again, and in several places at once."""
        claim = await jobs.claim(self._redis, job_id, chunk, keep_s=self._settings.store.keep_s)
        if claim is None:
            return
        running = self._running.setdefault(job_id, _Running(claim))
        self._chunks[job_id] += 1
        try:
            pending = list(_pending(claim, chunk))
            if claim.tries > MOST_TRIES:
                await self._give_up(claim.record, pending)
                return
            done = await asyncio.gather(*(self._judge(running, *each) for each in pending), return_exceptions=True)
        except asyncio.CancelledError:  # the worker stops and its calls took too long: no fault of the chunk's
            with contextlib.suppress(StoreError):
                await jobs.give_back(self._redis, job_id, chunk)
            raise
        finally:
            self._chunks[job_id] -= 1
            if not self._chunks[job_id]:
                del self._chunks[job_id]
                self._running.pop(job_id, None)
        await self._end_chunk(job_id, chunk, done)

    async def _end_chunk(self, job_id: str, chunk: int, done: list[BaseException | None]) -> None:
        defects = [each for each in done if each is not None and not isinstance(each, _NotStarted)]
        if defects:
            for defect in defects[:1]:
                logger.error("%s, chunk %d failed, trying again", job_id, chunk, exc_info=defect)
            raise Requeue(_AGAIN_S)
        if any(isinstance(each, _NotStarted) for each in done):
            await jobs.give_back(self._redis, job_id, chunk)
            raise Requeue

    async def _judge(self, running: _Running, position: int, item: Item, changed: bool) -> None:
        """One judgment, from its first call until it is stored. Raises _NotStarted where that is for later."""
        record = running.record
        began: datetime | None = None

        def start() -> None:
            nonlocal began
            if began is None:
                running.check()
                if self._draining:
                    raise _NotStarted(None)
                began = clock.now()

        try:
            votes = await self._asker.votes(record.judges[position % len(record.judges)], item, start)
        except _NotStarted as order:
            if order.outcome is None:
                raise
            judgment = unasked(record, position, item, order.outcome, order.reason, clock.now(), changed=changed)
        else:
            judgment = _judgment(record, position, item, votes, began or clock.now(), changed=changed)
        await self._store(running, position, judgment)

    async def _store(self, running: _Running, position: int, judgment: Judgment) -> None:
        waited_s = (judgment.created_at - running.record.created_at).total_seconds()
        finished = Finished(running.record, position, judgment, max(waited_s, 0.0))
        running.update(await self._finisher.finish(finished))

    async def _give_up(self, record: JobRecord, pending: list[tuple[int, Item, bool]]) -> None:
        """Fails what is left of a chunk that never came to its end."""
        logger.error("%s: a chunk was tried %d times and did not end", record.id, MOST_TRIES)
        for position, item, changed in pending:
            judgment = unasked(
                record,
                position,
                item,
                Outcome.FAILED,
                Reason.PROVIDER_ERROR,
                clock.now(),
                changed=changed,
            )
            await self._finisher.finish(Finished(record, position, judgment, 0.0))

    async def keep_looking(self) -> None:
        """Runs for ever: learns of jobs that were cancelled and of budgets that were spent meanwhile."""
        budgets = {key.name: key.budget_usd_per_day for key in self._settings.keys}
        while True:
            await asyncio.sleep(_LOOK_S)
            if not self._running:
                continue
            try:
                cancelled = await jobs.is_cancelled(self._redis, list(self._running))
                spent = {
                    owner: await spent_today(self._redis, owner)
                    for owner in {each.record.owner for each in self._running.values()}
                    if owner is not None and budgets.get(owner) is not None
                }
            except StoreError as error:
                logger.warning("jobs can't be looked at: %s", error)
                continue
            for job_id, running in self._running.items():
                running.cancelled = running.cancelled or cancelled.get(job_id, False)
                budget = budgets.get(running.record.owner or "")
                running.owner_is_spent = budget is not None and spent.get(running.record.owner or "", 0.0) >= budget


def _pending(claim: Claim, chunk: int) -> Iterator[tuple[int, Item, bool]]:
    """Position in the job, item, and whether the item's id stood for another content before."""
    judges = len(claim.record.judges)
    position = chunk * claim.record.chunk_items * judges
    for item, changed in zip(claim.items, claim.changed, strict=True):
        for _ in range(judges):
            if position not in claim.done:
                yield position, item, changed
            position += 1


def _judgment(
    record: JobRecord, position: int, item: Item, votes: list[Vote], began: datetime, *, changed: bool
) -> Judgment:
    judge = record.judges[position % len(record.judges)]
    verdict = combine(judge.definition, votes)
    return Judgment(
        id=new_id("jdg"),
        job_id=record.id,
        item_id=item_id(item),
        item_changed=changed,
        judge=judge.ref,
        criterion=judge.definition.criterion,
        outcome=verdict.outcome,
        reason=verdict.reason,
        score=verdict.score,
        label=verdict.label,
        ranking=None,
        explanation=verdict.explanation,
        consistent=None,
        spread=verdict.spread,
        votes=votes,
        usage=usage(votes),
        cached=False,
        created_at=began,
        finished_at=clock.now(),
    )
