"""Stores finished judgments, each once, many in one round trip."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from redis.asyncio import Redis

from service.agreement.counter_fields import quoted
from service.agreement.evidence import Evidence
from service.contracts.jobs import JobRecord
from service.contracts.judgments import Judgment, Vote
from service.contracts.outcomes import Outcome
from service.store import clock, counters, keys, labelling
from service.store.connection import Script, reply
from service.store.counters import Increment, increment, observe
from service.store.errors import StoreUnavailableError

logger = logging.getLogger(__name__)

NANO = 10**9
_RETRY_S = 0.5
_MOST_AT_ONCE = 256  # judgments a script call: some milliseconds of Redis at most

_finish = Script("counting", "rows", "note_judgment", "finish")


class Finished(NamedTuple):
    """A judgment, its place, and how long it waited in the queue before it started.

    `kept` has the cache key and the place (`cache.cache_place`) of each vote that may be served again. `evidence` is
    what the counters of agreement take of it, None for what they are to know nothing of.
    """

    record: JobRecord
    position: int
    judgment: Judgment
    queue_wait_s: float
    kept: Sequence[tuple[str, str]] = ()
    evidence: Evidence | None = None


class JobState(NamedTuple):
    """What a worker must know of a job before it goes on with it."""

    cancelled: bool
    spent_usd: float


class Finisher:
    """Writes what ends while the last write is under way in the next write: a group commit.

    `finish` returns when the judgment is stored, which lasts as long as Redis is away: what was paid for is not
    thrown away. A judgment that was stored before is left as it is, and nothing of it is counted again.
    """

    def __init__(self, redis: Redis, *, keep_s: int) -> None:
        self._redis = redis
        self._keep_s = keep_s
        self._waiting: list[tuple[Finished, asyncio.Future[JobState]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def finish(self, finished: Finished) -> JobState:
        """Stores it; how its job stands then."""
        done: asyncio.Future[JobState] = asyncio.get_running_loop().create_future()
        self._waiting.append((finished, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        return await done

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_MOST_AT_ONCE], self._waiting[_MOST_AT_ONCE:]
            try:
                states = await self._stored([each for each, _ in batch])
            except Exception as error:
                for _, done in batch:
                    if not done.done():
                        done.set_exception(error)
                continue
            for each, done in batch:
                if not done.done():
                    done.set_result(states[each.record.id])

    async def _stored(self, batch: list[Finished]) -> dict[str, JobState]:
        while True:
            try:
                return await finish_all(self._redis, batch, keep_s=self._keep_s)
            except StoreUnavailableError as error:
                logger.warning("%d judgments wait to be stored: %s", len(batch), error)
                await asyncio.sleep(_RETRY_S)


async def finish_all(redis: Redis, batch: Sequence[Finished], *, keep_s: int) -> dict[str, JobState]:
    """Stores them in one atomic step; the state of each job touched, by its id."""
    answer = await _finish(
        redis,
        [keys.PENDING, keys.COUNTERS, keys.QUEUE],
        [
            clock.now_ms(),
            keep_s,
            counters.MAX_SERIES,
            msgspec.msgpack.encode([_entry(each) for each in batch]),
        ],
    )
    ids = {keys.job(each.record.id): each.record.id for each in batch}
    return {
        ids[job_key.decode()]: JobState(cancelled == b"1", int(nano) / NANO) for job_key, cancelled, nano, _ in answer
    }


async def spent_today(redis: Redis, owner: str) -> float:
    """US dollars that an API key has spent on this UTC day, as far as prices are known."""
    return int(await reply(redis.get(keys.spend(owner, clock.today()))) or 0) / NANO


def _entry(finished: Finished) -> tuple[Any, ...]:
    record, judgment = finished.record, finished.judgment
    chunk = finished.position // (record.chunk_items * len(record.judges))
    spent = sum(_nano(vote) for vote in judgment.votes)
    return (
        keys.job(record.id),
        keys.job_events(record.id),
        keys.chunk_results(record.id, chunk),
        finished.position,
        msgspec.json.encode(judgment).decode(),  # Lua knows no binary msgpack
        _job_fields(judgment, spent),
        _series(finished),
        (keys.spend(record.owner, clock.today()) if record.owner and spent else "", spent),
        finished.kept,
        _noted(finished, chunk),
    )


def _noted(finished: Finished, chunk: int) -> tuple[Any, ...] | bool:
    """The judgment as note_judgment.lua takes it, with False for what is missing: Lua's lists end at a nil."""
    evidence, judgment = finished.evidence, finished.judgment
    if evidence is None:
        return False
    random, targeted = labelling.places(evidence.criterion, judgment.item_id, evidence.doubt)
    return (
        keys.item(judgment.item_id),
        judgment.item_id,
        quoted(evidence.criterion),
        evidence.content,
        int(judgment.finished_at.timestamp() * 1000),
        judgment.cached,
        f"R\t{finished.record.id}\t{chunk}\t{finished.position}",
        [
            (series, said.key, *(False if each is None else each for each in said[1:]), own)
            for series, said, own in evidence.testimonies
        ],
        evidence.events,
        evidence.length,
        random,
        False if targeted is None else targeted,
        judgment.outcome in (Outcome.SCORED, Outcome.UNSCORED),
    )


def _nano(vote: Vote) -> int:
    return round((vote.cost_usd or 0.0) * NANO)


def _job_fields(judgment: Judgment, spent: int) -> list[tuple[str, int]]:
    fields = {
        str(judgment.outcome): 1,
        "input_tokens": judgment.usage.input_tokens,
        "output_tokens": judgment.usage.output_tokens,
        "cost_nano": spent,
        "unpriced": int(judgment.usage.cost_usd is None),
    }
    return [(field, by) for field, by in fields.items() if by]


def _series(finished: Finished) -> list[Increment]:
    judgment = finished.judgment
    judge = judgment.judge.name or "inline"
    version = "" if judgment.judge.version is None else str(judgment.judge.version)
    models = finished.record.judge_at(finished.position).models
    model = models[0] if len(models) == 1 else "panel"
    series = [
        increment(counters.JUDGMENTS, judge, version, model, judgment.outcome, judgment.reason or ""),
        *observe(counters.QUEUE_WAIT, value=finished.queue_wait_s),
    ]
    if judgment.outcome is not Outcome.CANCELLED:
        took = (judgment.finished_at - judgment.created_at).total_seconds()
        series += observe(counters.JUDGMENT_SECONDS, value=max(took, 0.0))
    if judgment.score is not None:
        series.append(increment(counters.SCORES, judge, version, model, f"{judgment.score:g}"))
    series += [increment(counters.FLAGGED, judge, version, flag) for flag in judgment.flags]
    for vote in judgment.votes:
        series += _vote_series(vote)
    return series


def _vote_series(vote: Vote) -> list[Increment]:
    series = []
    if vote.input_tokens:
        series.append(increment(counters.TOKENS, vote.model, "input", by=vote.input_tokens))
    if vote.output_tokens:
        series.append(increment(counters.TOKENS, vote.model, "output", by=vote.output_tokens))
    if vote.cost_usd:
        series.append(increment(counters.COST, vote.model, by=vote.cost_usd))
    if vote.parsed_from is not None and not vote.cached:
        series.append(increment(counters.PARSED, vote.model, vote.parsed_from))
    return series
