"""The function that the queue calls to judge a chunk of items: claim, ask, combine, finish.

`judge_chunk` claims a chunk; for each item that is not yet judged `_judge` asks for its votes, combines them into a
judgment and has it stored.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from typing import NamedTuple

from redis.asyncio import Redis

from service.agreement.anchor_scores import anchor_score
from service.agreement.evidence import evidence_of
from service.agreement.recording import Finished, Finisher
from service.config import logs
from service.config.settings import Settings
from service.contracts.ids import new_id
from service.contracts.items import Item, item_case, item_id
from service.contracts.jobs import JobRecord
from service.contracts.judges import ResolvedJudge
from service.contracts.judgments import Ballot, Judgment, Vote
from service.contracts.outcomes import Outcome, Reason
from service.jobs import unasked
from service.judging.ballots import Questions
from service.judging.combining import missing_models, total_usage
from service.judging.methods import METHODS
from service.judging.passing import passed
from service.judging.suspicion import is_suspicious
from service.store import clock, jobs
from service.store.cache import CacheKey
from service.store.errors import StoreError, StoreUnavailableError
from service.store.installations import installation_secret, packs
from service.store.jobs import Claim, Tried, chunk_arq_job
from service.store.queue import Requeue
from service.store.queue_leases import Hold
from worker.asking import Asker, NotStarted, Recall
from worker.call_metrics import untold_calls
from worker.running_jobs import JobGate, RunningJob, RunningJobs
from worker.spans import chunk_span, judgment_span
from worker.vote_cache import ChunkVotes, VoteCache, cacheable, keepable

_log = logging.getLogger(__name__)

MOST_TRIES = 10  # of one chunk: a chunk that ends its worker each time must not do so for ever
SUSPICIOUS = "suspicious_content"
CUT = "context_cut"
_AGAIN_S = 1.0


class _Pending(NamedTuple):
    """A judgment to be made: its place in the job, its item, and whether the item's id had other content before.

    `tried` has the calls for its votes that were made before the item was put off.
    """

    position: int
    judge: ResolvedJudge
    item: Item
    changed: bool
    tried: Sequence[Tried]


def daily_budgets(settings: Settings) -> dict[str, float | None]:
    """Returns the budgets of the keys in US dollars a day, None for those that are not limited."""
    return {key.name: key.budget_usd_per_day for key in settings.keys}


class Tasks:
    """The queue's functions, with all that they need. `running` has the jobs at work."""

    def __init__(
        self,
        redis: Redis,
        settings: Settings,
        asker: Asker,
        finisher: Finisher,
        cache: VoteCache,
        last_served: Mapping[str, str],
        worker_id: str = "",
    ) -> None:
        """`last_served` has the served model of each model that answered last."""
        self._redis = redis
        self._last_served = last_served
        self._keep_s = settings.store.keep_s
        self._asker = asker
        self._finisher = finisher
        self._cache = cache
        self._secret: bytes | None = None
        self._asking = 0  # judgments whose votes are asked for
        self.hold_on: Callable[[str], Hold] = lambda arq_id: "sure"  # whether this worker still has an arq job
        self.running = RunningJobs(redis, daily_budgets(settings), worker_id)

    def drain(self) -> None:
        """Starts no further item. Items under way end; the rest of a chunk goes back to the queue."""
        self.running.is_draining = True

    async def judge_chunk(self, job_id: str, chunk: int) -> None:
        """Judges the items of a chunk that are not yet judged. Safe to run again, and in several places at once."""
        logs.job_id.set(job_id)
        claim = await jobs.claim_chunk(self._redis, job_id, chunk, keep_s=self._keep_s)
        if claim is None:
            return
        logs.request_id.set(claim.record.request_id)
        if claim.starts_job:
            _log.info("the job has started: %d judgments", claim.record.total)
        pending = list(_pending(claim, chunk))
        try:
            with self.running.chunk(claim) as running, chunk_span(claim, chunk):
                if claim.tries > MOST_TRIES:
                    _log.error("a chunk was tried %d times and did not end", MOST_TRIES)
                    await self._end_unasked(claim.record, pending, Outcome.FAILED, Reason.PROVIDER_ERROR)
                    return
                if running.cancelled:
                    await self._end_unasked(claim.record, pending, Outcome.CANCELLED, None)
                    return
                _, arq_id, _ = chunk_arq_job(job_id, chunk)
                ended = await self._judge_all(running, pending, lambda: self.hold_on(arq_id))
        except asyncio.CancelledError:  # the worker stops and its calls took too long: no fault of the chunk's
            with contextlib.suppress(StoreError):
                await jobs.give_back_chunk(self._redis, job_id, chunk)
            raise
        is_stored = await self._stored_again(claim, chunk, [each for each in ended if isinstance(each, Finished)])
        await self._put_off(job_id, chunk, pending, ended)
        if not is_stored:
            _log.error("chunk %d: the store has lost earlier judgments, they are made again", chunk)
            await jobs.give_back_chunk(self._redis, job_id, chunk)
            raise Requeue

    async def _stored_again(self, claim: Claim, chunk: int, made: list[Finished]) -> bool:
        """Stores judgments again that the store has lost. Returns whether it has those made earlier, too."""
        expected = len(claim.done) + len(made)
        if expected <= 1:  # the store has just told of it
            return True
        if await jobs.is_chunk_stored(self._redis, claim.record.id, chunk, expected):
            return True
        _log.error("chunk %d: the store has lost judgments, they are stored again", chunk)
        await asyncio.gather(*map(self._finisher.finish, made))
        return await jobs.is_chunk_stored(self._redis, claim.record.id, chunk, expected)

    async def _put_off(
        self, job_id: str, chunk: int, pending: list[_Pending], ended: list[Finished | BaseException]
    ) -> None:
        """Raises Requeue unless every judgment was stored, or StoreUnavailableError if the store was away meanwhile."""
        put_off = {
            each.position: order for each, order in zip(pending, ended, strict=True) if isinstance(order, NotStarted)
        }
        errors = [each for each in ended if isinstance(each, BaseException) and not isinstance(each, NotStarted)]
        defect = next((each for each in errors if not isinstance(each, StoreUnavailableError)), None)
        if defect is not None:
            _log.error("chunk %d failed, trying again", chunk, exc_info=defect)
            raise Requeue(_AGAIN_S)
        if put_off or errors:
            tried = {position: order.tried for position, order in put_off.items() if order.tried}
            await jobs.give_back_chunk(self._redis, job_id, chunk, tried)
        if errors:
            raise StoreUnavailableError(str(errors[0]))  # a new one: a frame that has its own error is in a cycle
        if put_off:
            earliest = min(order.not_before for order in put_off.values())
            raise Requeue(max(earliest - time.monotonic(), 0.0))

    async def _installation_secret(self) -> bytes:
        if self._secret is None:
            self._secret = await installation_secret(self._redis)
        return self._secret

    async def _judge_all(
        self, running: RunningJob, pending: list[_Pending], hold: Callable[[], Hold]
    ) -> list[Finished | BaseException]:
        """Makes every judgment of a chunk. Returns each as it was stored, or the error that kept it from that."""
        record = running.record
        await self._asker.prepare(record.judges)
        secret, packing = await self._installation_secret(), await packs(self._redis)
        asked = [Questions(each.judge.definition, each.item, secret) for each in pending]
        keys = [
            cacheable(each.judge, questions, packing) if record.cache else {}
            for each, questions in zip(pending, asked, strict=True)
        ]
        chunk_votes = ChunkVotes(self._cache, [each.values() for each in keys])
        try:
            await chunk_votes.look_up()
            return await asyncio.gather(
                *(
                    self._judge(
                        JobGate(running, self.running, hold),
                        each,
                        asked[number],
                        number,
                        keys[number],
                        chunk_votes,
                    )
                    for number, each in enumerate(pending)
                ),
                return_exceptions=True,
            )
        finally:
            await chunk_votes.close()

    async def _judge(
        self,
        gate: JobGate,
        pending: _Pending,
        questions: Questions,
        number: int,
        keys: dict[Ballot, CacheKey],
        chunk_votes: ChunkVotes,
    ) -> Finished:
        """Makes one judgment and stores it. Raises NotStarted if that is for later."""
        try:
            held = await chunk_votes.hold(number, gate)
        except NotStarted as order:
            order.tried = list(pending.tried)
            raise
        stored: set[CacheKey] = set()

        async def recall(ballot: Ballot) -> Vote | None:
            known = held.known.get(keys[ballot]) if ballot in keys else None
            if known is not None:
                gate.open()
            return known

        try:
            with judgment_span(gate.record, pending.judge, pending.item) as note:
                self._asking += 1
                try:
                    votes, judgment = await self._judgment(gate, recall, pending, questions)
                finally:
                    self._asking -= 1
                kept = keepable(votes, keys)
                gate.begin_storing()
                finished = await self._store(gate.running, pending, judgment, kept)
                note(judgment)
            stored.update(key for key, _ in kept)
        except BaseException:
            gate.end(stored=False)
            await chunk_votes.end(held, failed=False)
            raise
        gate.end(stored=True)
        await chunk_votes.end(held, stored, failed=bool(votes))
        return finished

    async def _judgment(
        self, gate: JobGate, recall: Recall, pending: _Pending, questions: Questions
    ) -> tuple[list[Vote], Judgment]:
        """Asks for the votes of a judgment. Raises NotStarted if that is for later."""
        record, item = gate.record, pending.item
        try:
            with untold_calls() if record.purpose == "battle" else nullcontext():
                votes = await self._asker.votes(pending.judge, item, questions, gate, recall, pending.tried)
        except NotStarted as order:
            if order.outcome is None:
                raise
            return [], unasked(
                record, pending.position, item, order.outcome, order.reason, clock.now(), changed=pending.changed
            )
        return votes, _judgment(record, pending, votes, gate.began or clock.now())

    async def _store(
        self, running: RunningJob, pending: _Pending, judgment: Judgment, kept: list[tuple[CacheKey, str]]
    ) -> Finished:
        waited_s = max((judgment.created_at - running.record.created_at).total_seconds(), 0.0)
        finished = self._finished(running.record, pending, judgment, waited_s, kept)
        state = await self._finisher.finish(finished, is_last=not self._asking)
        if state.ended is not None and not running.is_ended:
            running.is_ended = True
            counts = ", ".join(f"{count} {outcome}" for outcome, count in state.ended.items() if count)
            _log.info("the job has ended: %s", counts, extra={"fields": {"counts": state.ended}})
        running.update(state)
        return finished

    async def _end_unasked(
        self, record: JobRecord, pending: list[_Pending], outcome: Outcome, reason: Reason | None
    ) -> None:
        """Ends the judgments left in a chunk without a call: its job was cancelled, or it never came to its end."""
        now = clock.now()
        judgments = [
            unasked(record, each.position, each.item, outcome, reason, now, changed=each.changed) for each in pending
        ]
        await asyncio.gather(
            *(
                self._finisher.finish(self._finished(record, each, judgment))
                for each, judgment in zip(pending, judgments, strict=True)
            )
        )

    def _finished(
        self,
        record: JobRecord,
        pending: _Pending,
        judgment: Judgment,
        waited_s: float = 0.0,
        kept: Sequence[tuple[CacheKey, str]] = (),
    ) -> Finished:
        """The judgment to store, with its evidence for the counters of agreement.

        Benchmarks, battles, anchors and cancelled judgments have none; anchors have their scores.
        """
        judge, evidence, anchor = pending.judge, None, None
        if record.purpose == "judging" and judgment.outcome is not Outcome.CANCELLED:
            evidence = evidence_of(judge, judgment, pending.item, self._last_served)
        elif record.purpose == "anchor":
            anchor = anchor_score(judge, judgment, pending.item)
        places = [(key.key, place) for key, place in kept]
        return Finished(record, pending.position, judgment, waited_s, places, evidence, anchor)


def _pending(claim: Claim, chunk: int) -> Iterator[_Pending]:
    """Yields the judgments of a chunk that are not done yet."""
    judges = claim.record.judges
    position = chunk * claim.record.chunk_items * len(judges)
    for item, changed in zip(claim.items, claim.changed, strict=True):
        for judge in judges:
            if position not in claim.done:
                yield _Pending(position, judge, item, changed, claim.tried.get(position, ()))
            position += 1


def _judgment(record: JobRecord, pending: _Pending, votes: list[Vote], began: datetime) -> Judgment:
    judge = pending.judge
    verdict = METHODS[judge.definition.method].combine(judge.definition, votes)
    return Judgment(
        id=new_id("jdg"),
        job_id=record.id,
        item_id=item_id(pending.item),
        item_changed=pending.changed,
        judge=judge.ref,
        criterion=judge.definition.criterion,
        outcome=verdict.outcome,
        reason=verdict.reason,
        score=verdict.score,
        label=verdict.label,
        ranking=verdict.ranking,
        explanation=verdict.explanation,
        consistent=verdict.consistent,
        spread=verdict.spread,
        tied=verdict.tied,
        votes=votes,
        usage=total_usage(votes),
        cached=False not in [vote.cached for vote in votes],
        created_at=began,
        finished_at=clock.now(),
        flags=_flags(pending.item, votes),
        missing=missing_models(votes) if verdict.outcome is Outcome.SCORED else [],
        passed=passed(judge.definition, verdict.score, verdict.label),
        group=None if pending.item.group is None else str(pending.item.group),
        case=item_case(pending.item),
    )


def _flags(item: Item, votes: Sequence[Vote]) -> list[str]:
    is_cut = Reason.CONTEXT_CUT in [vote.reason for vote in votes]
    return [SUSPICIOUS] * is_suspicious(item) + [CUT] * is_cut
