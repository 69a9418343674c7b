"""The arena's battles and votes. Votes are counted as they come.

The calls of a battle are a job that is in no list. A battle's texts are kept as long as other results, counted from its
newest vote; its votes are kept for ever, as counters and as rows from which the counters can be counted again.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from service.contracts.arena import BattleFailure, BattleRecord, Course, Evaluation, Side, VoteRow, Winner
from service.contracts.items import item_id
from service.contracts.jobs import JobRecord
from service.contracts.judgments import Judgment
from service.contracts.outcomes import Outcome
from service.store import counters, keys
from service.store.connection import Script, pipeline, reply
from service.store.counters import Increment, increment
from service.store.finishing import judgment_metrics
from service.store.items import judgment_ref
from service.store.records import from_json, readable

_DRAWING_S = 30  # far longer than it takes to draw again and to queue the calls
_ROWS_AT_ONCE = 1000

_ROW = msgspec.msgpack.Decoder(VoteRow)

_put = Script("put_battle")
_move = Script("counting", "move_battle")
_vote = Script("counting", "vote_battle")


class StoredBattle(NamedTuple):
    """A battle as it was read; `written` is its course as it is stored."""

    record: BattleRecord
    course: Course
    votes: int
    written: bytes


class BattleAnswer(NamedTuple):
    """The outcome of a side's call. `evaluation` is None if the call is not over or gave no valid score."""

    is_over: bool
    evaluation: Evaluation | None
    finished_ms: int


class Voted(NamedTuple):
    """The vote is counted; `votes` is the number of votes on its battle."""

    votes: int


class Paced(NamedTuple):
    """The voter has given the maximum number of votes for an hour, and may vote again after `wait_ms`."""

    wait_ms: int


class EloRating(NamedTuple):
    """Sequential Elo: the points of a new model, and the maximum that one vote moves."""

    start: float
    k: float


class _Heard(msgspec.Struct):
    """The part of a stored judgment that a voter may see, and when it ended."""

    outcome: Outcome
    score: float | int | None
    label: str | None
    ranking: list[int | list[int]] | None
    explanation: str | None
    finished_at: datetime


async def put_battle(redis: Redis, record: BattleRecord, course: Course, *, keep_s: int) -> None:
    """Stores a battle, unless it is stored already."""
    arguments = [record.id, msgspec.json.encode(record), msgspec.json.encode(course), keep_s]
    await _put(redis, [keys.battle(record.id), keys.BATTLES], arguments)


async def find_battle(redis: Redis, battle_id: str) -> StoredBattle | None:
    """Returns a battle as it stands, None if there is none."""
    return _battle(battle_id, await reply(redis.hmget(keys.battle(battle_id), ["record", "course", "votes"])))


async def page_of_battles(redis: Redis, *, before: str | None, limit: int) -> tuple[list[StoredBattle], str | None]:
    """Returns the battles after the id `before`, the newest first, and the id that the next page follows."""
    upper = "+" if before is None else f"({before}"
    ids = [each.decode() for each in await reply(redis.zrevrangebylex(keys.BATTLES, upper, "-", 0, limit + 1))]
    async with pipeline(redis) as pipe:
        for battle_id in ids[:limit]:
            pipe.hmget(keys.battle(battle_id), ["record", "course", "votes"])
        stored = dict(zip(ids, await pipe.execute(), strict=False))
    gone = [battle_id for battle_id, (record, course, _) in stored.items() if record is None or course is None]
    if gone:
        await reply(redis.zrem(keys.BATTLES, *gone))
    found = [battle for _, battle in readable(stored, lambda battle_id: _battle(battle_id, stored[battle_id]))]
    return found, ids[limit - 1] if len(ids) > limit else None


async def move_battle(redis: Redis, battle: StoredBattle, course: Course, metrics: Sequence[Increment] = ()) -> bool:
    """Moves a battle on from the course in which it was read, and adds to the metrics.

    Returns False if another process has moved it; then nothing is added.
    """
    arguments = [battle.written, msgspec.json.encode(course), counters.MAX_SERIES, msgspec.msgpack.encode(metrics)]
    return bool(await _move(redis, [keys.battle(battle.record.id), keys.COUNTERS], arguments))


async def metrics_of_battle(redis: Redis, course: Course) -> list[Increment]:
    """Returns the increments that the judgments of a battle make.

    They are counted when the battle is voted on, or has failed: before that they would tell which models were drawn.
    """
    sides = ((side.job_id, side.position) for side in (course.A, course.B))
    places = list(dict.fromkeys([*course.replaced, *sides]))
    async with pipeline(redis) as pipe:
        for job_id, position in places:
            pipe.hget(keys.job(job_id), "record")
            pipe.hget(keys.chunk_results(job_id, 0), str(position))
        found = await pipe.execute()
    metrics: list[Increment] = []
    for (job_id, position), record, stored in zip(places, found[::2], found[1::2], strict=True):
        if record is not None and stored is not None:
            job = from_json(record, JobRecord, f"job {job_id}")
            judgment = from_json(stored, Judgment, f"a judgment of job {job_id}")
            waited_s = max((judgment.created_at - job.created_at).total_seconds(), 0.0)
            metrics += judgment_metrics(job.judge_at(position), judgment, waited_s)
    return metrics


async def battle_failures(redis: Redis, course: Course) -> list[BattleFailure]:
    """Returns the models of a battle that gave no valid score, in the order in which they were drawn, each with why.

    Why is not known once the judgments have expired.
    """
    async with pipeline(redis) as pipe:
        for job_id, position in course.replaced:
            pipe.hget(keys.chunk_results(job_id, 0), str(position))
        found = await pipe.execute()
    return [
        _failure(model, None if stored is None else from_json(stored, Judgment, "a judgment of a battle"))
        for model, stored in zip(course.dropped, found, strict=False)
    ]


async def claim_drawing(redis: Redis, battle: StoredBattle) -> bool:
    """Returns whether this process may draw new models for a battle in this course: calls are paid for once."""
    course = sha256(battle.written).hexdigest()[:32]
    key = keys.battle_drawing(battle.record.id, course)
    return bool(await reply(redis.set(key, "1", ex=_DRAWING_S, nx=True)))


async def battle_answers(redis: Redis, course: Course) -> tuple[BattleAnswer, BattleAnswer]:
    """Returns the outcomes of A's and of B's call by now. The call of an expired job is over."""
    sides = (course.A, course.B)
    async with pipeline(redis) as pipe:
        for side in sides:
            pipe.hget(keys.chunk_results(side.job_id, 0), str(side.position))
            pipe.exists(keys.job(side.job_id))
        judgment_a, job_a, judgment_b, job_b = await pipe.execute()
    return _answer(course.A, judgment_a, job_a), _answer(course.B, judgment_b, job_b)


async def store_vote(
    redis: Redis,
    battle: StoredBattle,
    row: VoteRow,
    *,
    fields: Sequence[str],
    rating: EloRating,
    metrics: Sequence[Increment] = (),
    request: str,
    most_per_hour: int,
    keep_s: int,
) -> Voted | Paced | None:
    """Stores and counts a vote on an open battle in one step. Returns None if this voter has voted on it before.

    `fields` get one more in the counters of the criterion and in those of all votes. The first vote adds `metrics`.
    `request` tells a repeated
    delivery from a second vote. The first vote adds the judgments to those of their item. Raises LookupError if there
    is no such battle.
    """
    record, course = battle.record, battle.course
    vote_metric = increment(counters.ARENA_VOTES_TOTAL, row.winner)
    places = [(judgment_ref(side.job_id, 0, side.position), side.finished_ms) for side in (course.A, course.B)]
    state, *rest = await _vote(
        redis,
        [
            keys.battle(record.id),
            keys.battle_voters(record.id),
            keys.arena_pace(row.voter),
            keys.ARENA_VOTES,
            keys.COUNTERS,
            keys.item(item_id(record.item)),
            keys.arena_counters(record.criterion),
            keys.arena_counters(None),
        ],
        [
            row.at_ms,
            row.voter,
            row.winner,
            request,
            most_per_hour,
            msgspec.msgpack.encode(row),
            keep_s,
            counters.MAX_SERIES,
            msgspec.msgpack.encode([vote_metric]),
            msgspec.msgpack.encode(metrics),
            course.A.model,
            course.B.model,
            rating.start,
            rating.k,
            msgspec.msgpack.encode(places),
            msgspec.msgpack.encode(fields),
        ],
    )
    if state == b"gone":
        raise LookupError(record.id)
    if state == b"again":
        return None
    return Voted(int(rest[0])) if state == b"voted" else Paced(int(rest[0]))


async def vote_of(redis: Redis, battle_id: str, voter: str) -> Winner | None:
    """Returns the winner that this voter chose, None if there is no vote."""
    [stored] = await reply(redis.hmget(keys.battle_voters(battle_id), [voter]))
    return None if stored is None else Winner(stored.decode().partition("\t")[0])


async def newest_vote(redis: Redis, criterion: str | None) -> str:
    """Returns another text after each vote on a criterion, or on any; empty before the first."""
    [version] = await reply(redis.hmget(keys.arena_counters(criterion), ["version"]))
    return "" if version is None else str(version.decode())


async def arena_counts(redis: Redis, criterion: str | None) -> dict[str, str]:
    """Returns the counted votes on a criterion, or on all, as `service/arena/vote_counts.py` reads them."""
    stored = await reply(redis.hgetall(keys.arena_counters(criterion)))
    return {field.decode(): value.decode() for field, value in stored.items()}


async def votes_after(redis: Redis, vote_id: str) -> list[tuple[str, VoteRow]]:
    """Returns up to a thousand votes with their ids: the first ones after this id, or of all if it is empty."""
    start = f"({vote_id}" if vote_id else "-"
    entries = await reply(redis.xrange(keys.ARENA_VOTES, start, "+", _ROWS_AT_ONCE))
    return [(entry_id.decode(), _ROW.decode(entry[b"row"])) for entry_id, entry in entries]


async def has_vote(redis: Redis, vote_id: str) -> bool:
    """Returns whether there is a vote with this id."""
    return bool(await reply(redis.xrange(keys.ARENA_VOTES, vote_id, vote_id, 1)))


def _battle(battle_id: str, stored: list[bytes | None]) -> StoredBattle | None:
    record, course, votes = stored
    if record is None or course is None:
        return None
    return StoredBattle(
        from_json(record, BattleRecord, f"battle {battle_id}"),
        from_json(course, Course, f"battle {battle_id}"),
        int(votes or 0),
        course,
    )


def _failure(model: str, judgment: Judgment | None) -> BattleFailure:
    if judgment is None:
        return BattleFailure(model=model, reason=None, error=None)
    error = next((vote.error for vote in judgment.votes if vote.error), None)
    return BattleFailure(model=model, reason=judgment.reason, error=error)


def _answer(side: Side, judgment: bytes | None, job: int) -> BattleAnswer:
    if side.evaluation is not None:
        return BattleAnswer(True, side.evaluation, side.finished_ms)
    if judgment is None:
        return BattleAnswer(not job, None, 0)
    heard = from_json(judgment, _Heard, f"a judgment of job {side.job_id}")
    if heard.outcome is not Outcome.SCORED:
        return BattleAnswer(True, None, 0)
    return BattleAnswer(
        True,
        Evaluation(score=heard.score, label=heard.label, ranking=heard.ranking, explanation=heard.explanation),
        int(heard.finished_at.timestamp() * 1000),
    )
