"""The function that the queue calls to judge a chunk of items: claim, ask, combine, finish.

`judge_chunk` claims a chunk; for each item that is not yet judged `_judge` asks for its votes, combines them into a
judgment and has it stored.
"""

import asyncio
import contextlib
import logging
import time
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
from service.store.cache import CacheKey
from service.store.errors import StoreError
from service.store.jobs import Claim
from service.store.queue import Requeue
from service.store.secret import installation_secret
from worker.asking import Asker, NotStarted
from worker.running_jobs import JobGate, RunningJob, RunningJobs
from worker.vote_cache import ChunkVotes, VoteCache, cacheable, keepable

_log = logging.getLogger(__name__)

MOST_TRIES = 10  # of one chunk: a chunk that ends its worker each time must not do so for ever
SUSPICIOUS = "suspicious_content"
CUT = "context_cut"
_AGAIN_S = 1.0
_LATEST_S = 30.0  # a limit may end before its time


class _Pending(NamedTuple):
    """A judgment to be made: its place in the job, its item, and whether the item's id had other content before."""

    position: int
    item: Item
    changed: bool


class Tasks:
    """The queue's functions, with all that they need. `running` has the jobs at work."""

    def __init__(self, redis: Redis, settings: Settings, asker: Asker, finisher: Finisher, cache: VoteCache) -> None:
        self._redis = redis
        self._keep_s = settings.store.keep_s
        self._asker = asker
        self._finisher = finisher
        self._cache = cache
        self._secret: bytes | None = None
        self.running = RunningJobs(redis, {key.name: key.budget_usd_per_day for key in settings.keys})

    def drain(self) -> None:
        """Starts no further item. Items under way end; the rest of a chunk goes back to the queue."""
        self.running.is_draining = True

    async def judge_chunk(self, job_id: str, chunk: int) -> None:
        """Judges the items of a chunk that are not yet judged. Safe to run again, and in several places at once."""
        claim = await jobs.claim_chunk(self._redis, job_id, chunk, keep_s=self._keep_s)
        if claim is None:
            return
        pending = list(_pending(claim, chunk))
        try:
            with self.running.chunk(claim) as running:
                if claim.tries > MOST_TRIES:
                    await self._give_up(claim.record, pending)
                    return
                ended = await self._judge_all(running, pending)
        except asyncio.CancelledError:  # the worker stops and its calls took too long: no fault of the chunk's
            with contextlib.suppress(StoreError):
                await jobs.give_back_chunk(self._redis, job_id, chunk)
            raise
        await self._end_chunk(job_id, chunk, ended)

    async def _end_chunk(self, job_id: str, chunk: int, ended: list[BaseException | None]) -> None:
        """Returns if every judgment was stored, else raises Requeue."""
        defect = next((each for each in ended if each is not None and not isinstance(each, NotStarted)), None)
        if defect is not None:
            _log.error("%s, chunk %d failed, trying again", job_id, chunk, exc_info=defect)
            raise Requeue(_AGAIN_S)
        put_off = [each.not_before for each in ended if isinstance(each, NotStarted)]
        if put_off:
            await jobs.give_back_chunk(self._redis, job_id, chunk)
            raise Requeue(min(max(min(put_off) - time.monotonic(), 0.0), _LATEST_S))

    async def _installation_secret(self) -> bytes:
        if self._secret is None:
            self._secret = await installation_secret(self._redis)
        return self._secret

    async def _judge_all(self, running: RunningJob, pending: list[_Pending]) -> list[BaseException | None]:
        """Makes every judgment of a chunk. Returns, for each, the error that kept it from being stored, or None."""
        record = running.record
        secret = await self._installation_secret()
        keys = [
            cacheable(record.judge_at(each.position), each.item, secret) if record.cache else {} for each in pending
        ]
        chunk_votes = ChunkVotes(self._cache)
        await chunk_votes.look_up(key for each in keys for key in each.values())
        try:
            return await asyncio.gather(
                *(self._judge(running, *each, chunk_votes) for each in zip(pending, keys, strict=True)),
                return_exceptions=True,
            )
        finally:
            await chunk_votes.close()

    async def _judge(
        self, running: RunningJob, pending: _Pending, keys: dict[Ballot, CacheKey], chunk_votes: ChunkVotes
    ) -> None:
        """Makes one judgment and stores it. Raises NotStarted if that is for later."""
        record, item = running.record, pending.item
        gate = JobGate(running, self.running)

        async def recall(ballot: Ballot) -> Vote | None:
            return await chunk_votes.recall(keys[ballot], gate) if ballot in keys else None

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
        await chunk_votes.settle(keys.values(), {key for key, _ in kept})

    async def _store(
        self, running: RunningJob, pending: _Pending, judgment: Judgment, kept: list[tuple[CacheKey, str]]
    ) -> None:
        waited_s = max((judgment.created_at - running.record.created_at).total_seconds(), 0.0)
        finished = _finished(running.record, pending, judgment, waited_s, kept)
        running.update(await self._finisher.finish(finished))

    async def _give_up(self, record: JobRecord, pending: list[_Pending]) -> None:
        """Fails the judgments left in a chunk that never came to its end."""
        _log.error("%s: a chunk was tried %d times and did not end", record.id, MOST_TRIES)
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


def _pending(claim: Claim, chunk: int) -> Iterator[_Pending]:
    """Yields the judgments of a chunk that are not done yet."""
    judges = len(claim.record.judges)
    position = chunk * claim.record.chunk_items * judges
    for item, changed in zip(claim.items, claim.changed, strict=True):
        for _ in range(judges):
            if position not in claim.done:
                yield _Pending(position, item, changed)
            position += 1


def _finished(
    record: JobRecord, pending: _Pending, judgment: Judgment, waited_s: float, kept: Sequence[tuple[CacheKey, str]] = ()
) -> Finished:
    """The judgment to store, with its evidence for the counters of agreement.

    Benchmarks, battles and cancelled judgments have none.
    """
    evidence = None
    if record.purpose == "judging" and judgment.outcome is not Outcome.CANCELLED:
        evidence = evidence_of(record.judge_at(pending.position), judgment, pending.item)
    return Finished(record, pending.position, judgment, waited_s, [(key.key, place) for key, place in kept], evidence)


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
        flags=_flags(pending.item, votes),
        missing=missing_models(votes) if verdict.outcome is Outcome.SCORED else [],
        passed=passed(judge.definition, verdict.score, verdict.label),
    )


def _flags(item: Item, votes: Sequence[Vote]) -> list[str]:
    is_cut = any(vote.reason is Reason.CONTEXT_CUT for vote in votes)
    return [SUSPICIOUS] * is_suspicious(item) + [CUT] * is_cut
