"""The arq functions: where the store, the judging and the queue meet."""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from service.agreement.evidence import evidence_of
from service.agreement.recording import Finished, Finisher
from service.config.settings import Settings
from service.contracts.ids import new_id
from service.contracts.items import Item, item_id
from service.contracts.jobs import JobRecord
from service.contracts.judgments import Ballot, Judgment, Vote
from service.contracts.outcomes import Outcome, Reason
from service.jobs import unasked
from service.judging.combining import missing_models, total_usage
from service.judging.methods import METHODS
from service.judging.passing import passed
from service.judging.suspicion import is_suspicious
from service.store import clock, jobs
from service.store.changes import JobState
from service.store.errors import StoreError
from service.store.finishing import spent_today
from service.store.jobs import Claim
from service.store.queue import Requeue
from service.store.secret import installation_secret
from worker.asking import Asker, NotStarted
from worker.vote_cache import Memory, Recollection, cacheable, keepable

logger = logging.getLogger(__name__)

MOST_TRIES = 10  # of one chunk: a chunk that ends its worker each time must not do so for ever
SUSPICIOUS = "suspicious_content"
_AGAIN_S = 1.0
_LOOK_S = 1.0  # how often cancelled jobs and spent budgets are looked for


class _Pending(NamedTuple):
    """A judgment to be made: its place in the job, its item, and whether the item's id had other content before."""

    position: int
    item: Item
    changed: bool


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
        """Raises NotStarted where no further item may start."""
        if self.cancelled:
            raise NotStarted(Outcome.CANCELLED)
        budget = self.record.budget_usd
        if self.owner_is_spent or (budget is not None and self.spent_usd >= budget):
            raise NotStarted(Outcome.FAILED, Reason.BUDGET)


class _Gate:
    """Lets one item start, unless its job was cancelled, its budget is spent or this worker drains."""

    def __init__(self, running: _Running, tasks: "Tasks") -> None:
        self._running = running
        self._tasks = tasks
        self.began: datetime | None = None

    def check(self) -> None:
        """Raises NotStarted where an item that has not started must not start."""
        if self.began is None:
            self._running.check()
            if self._tasks.is_draining:
                raise NotStarted(None)

    def open(self) -> None:
        """Starts the item, if it has not started. Raises NotStarted where it must not."""
        self.check()
        self.began = self.began or clock.now()


class Tasks:
    """The functions that the queue calls, with all that they need."""

    def __init__(self, redis: Redis, settings: Settings, asker: Asker, finisher: Finisher, memory: Memory) -> None:
        self._redis = redis
        self._settings = settings
        self._asker = asker
        self._finisher = finisher
        self._memory = memory
        self._running: dict[str, _Running] = {}
        self._chunks: Counter[str] = Counter()
        self._secret: bytes | None = None
        self.is_draining = False

    def drain(self) -> None:
        """Starts no further item. What is under way ends; the rest of a chunk goes back to the queue."""
        self.is_draining = True

    async def judge_chunk(self, job_id: str, chunk: int) -> None:
        """Judges what is not yet judged of a chunk. Safe to run again, and in several places at once."""
        claim = await jobs.claim_chunk(self._redis, job_id, chunk, keep_s=self._settings.store.keep_s)
        if claim is None:
            return
        running = self._running.setdefault(job_id, _Running(claim))
        running.update(JobState(claim.cancelled, claim.spent_usd))
        self._chunks[job_id] += 1
        try:
            pending = list(_pending(claim, chunk))
            if claim.tries > MOST_TRIES:
                await self._give_up(claim.record, pending)
                return
            done = await self._judge_all(running, pending)
        except asyncio.CancelledError:  # the worker stops and its calls took too long: no fault of the chunk's
            with contextlib.suppress(StoreError):
                await jobs.give_back_chunk(self._redis, job_id, chunk)
            raise
        finally:
            self._chunks[job_id] -= 1
            if not self._chunks[job_id]:
                del self._chunks[job_id]
                self._running.pop(job_id, None)
        await self._end_chunk(job_id, chunk, done)

    async def _end_chunk(self, job_id: str, chunk: int, done: list[BaseException | None]) -> None:
        defects = [each for each in done if each is not None and not isinstance(each, NotStarted)]
        if defects:
            for defect in defects[:1]:
                logger.error("%s, chunk %d failed, trying again", job_id, chunk, exc_info=defect)
            raise Requeue(_AGAIN_S)
        if any(isinstance(each, NotStarted) for each in done):
            await jobs.give_back_chunk(self._redis, job_id, chunk)
            raise Requeue

    async def _installation_secret(self) -> bytes:
        if self._secret is None:
            self._secret = await installation_secret(self._redis)
        return self._secret

    async def _judge_all(self, running: _Running, pending: list[_Pending]) -> list[BaseException | None]:
        """Every judgment of a chunk; what kept each from being stored, if anything did."""
        record = running.record
        secret = await self._installation_secret()
        keys = [
            cacheable(record.judge_at(each.position), each.item, secret) if record.cache else {} for each in pending
        ]
        recollection = Recollection(self._memory)
        await recollection.look_up(key for each in keys for key in each.values())
        try:
            return await asyncio.gather(
                *(self._judge(running, *each, recollection) for each in zip(pending, keys, strict=True)),
                return_exceptions=True,
            )
        finally:
            await recollection.close()

    async def _judge(
        self, running: _Running, pending: _Pending, keys: dict[Ballot, str], recollection: Recollection
    ) -> None:
        """One judgment, from its first call until it is stored. Raises NotStarted where that is for later."""
        record, item = running.record, pending.item
        gate = _Gate(running, self)

        async def recall(ballot: Ballot) -> Vote | None:
            return await recollection.recall(keys[ballot], gate) if ballot in keys else None

        try:
            secret = await self._installation_secret()
            votes = await self._asker.votes(record.judge_at(pending.position), item, secret, gate, recall)
        except NotStarted as order:
            if order.outcome is None:
                raise
            votes = []
            judgment = unasked(
                record, pending.position, item, order.outcome, order.reason, clock.now(), changed=pending.changed
            )
        else:
            judgment = _judgment(record, pending, votes, gate.began or clock.now())
        kept = keepable(votes, keys)
        await self._store(running, pending, judgment, kept)
        await recollection.settle(keys.values(), {key for key, _ in kept})

    async def _store(
        self, running: _Running, pending: _Pending, judgment: Judgment, kept: list[tuple[str, int]]
    ) -> None:
        waited_s = max((judgment.created_at - running.record.created_at).total_seconds(), 0.0)
        finished = _finished(running.record, pending, judgment, waited_s, kept)
        running.update(await self._finisher.finish(finished))

    async def _give_up(self, record: JobRecord, pending: list[_Pending]) -> None:
        """Fails what is left of a chunk that never came to its end."""
        logger.error("%s: a chunk was tried %d times and did not end", record.id, MOST_TRIES)
        for each in pending:
            judgment = unasked(
                record,
                each.position,
                each.item,
                Outcome.FAILED,
                Reason.PROVIDER_ERROR,
                clock.now(),
                changed=each.changed,
            )
            await self._finisher.finish(_finished(record, each, judgment, 0.0))

    async def keep_looking(self) -> None:
        """Runs for ever: learns of jobs that were cancelled and of budgets that were spent meanwhile."""
        budgets = {key.name: key.budget_usd_per_day for key in self._settings.keys}
        while True:
            await asyncio.sleep(_LOOK_S)
            if not self._running:
                continue
            try:
                cancelled = await jobs.cancelled_jobs(self._redis, list(self._running))
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


def _pending(claim: Claim, chunk: int) -> Iterator[_Pending]:
    """What of a chunk is not done yet."""
    judges = len(claim.record.judges)
    position = chunk * claim.record.chunk_items * judges
    for item, changed in zip(claim.items, claim.changed, strict=True):
        for _ in range(judges):
            if position not in claim.done:
                yield _Pending(position, item, changed)
            position += 1


def _finished(
    record: JobRecord, pending: _Pending, judgment: Judgment, waited_s: float, kept: Sequence[tuple[str, int]] = ()
) -> Finished:
    """With what the counters of agreement take of it: nothing of benchmarks and battles, nor of what was cancelled."""
    evidence = None
    if record.purpose == "judging" and judgment.outcome is not Outcome.CANCELLED:
        evidence = evidence_of(record.judge_at(pending.position), judgment, pending.item)
    return Finished(record, pending.position, judgment, waited_s, kept, evidence)


def _judgment(record: JobRecord, pending: _Pending, votes: list[Vote], began: datetime) -> Judgment:
    judge = record.judge_at(pending.position)
    verdict = METHODS[judge.definition.method].combine(judge.definition, votes)
    return Judgment(
        id=new_id("jdg"),
        job_id=record.id,
        item_id=item_id(pending.item),
        item_changed=pending.changed,
        judge=judge.ref,
        criterion=judge.definition.criterion,
        **msgspec.structs.asdict(verdict),
        votes=votes,
        usage=total_usage(votes),
        cached=all(vote.cached for vote in votes),
        created_at=began,
        finished_at=clock.now(),
        flags=[SUSPICIOUS] if is_suspicious(pending.item) else [],
        missing=missing_models(votes) if verdict.outcome is Outcome.SCORED else [],
        passed=passed(judge.definition, verdict.score, verdict.label),
    )
