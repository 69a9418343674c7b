"""The life of a battle: two models are drawn, both judge an item in a hidden job, and people vote.

A battle is `queued` until both models have given a valid score, then `open`. A model without a valid score is replaced
by another one; if there is none left, the battle has `failed`. No task moves a battle forward: each request that looks
at one first brings it up to date.
"""

import asyncio
import math
import secrets
from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from service.arena.pairing import draw_models
from service.arena.vote_counts import vote_fields
from service.config.settings import Settings
from service.contracts.arena import (
    Battle,
    BattleModels,
    BattlePage,
    BattleRecord,
    BattleRequest,
    BattleStatus,
    BattleSummary,
    Course,
    Evaluations,
    Prompt,
    Side,
    VoteRequest,
    VoteRow,
    Winner,
)
from service.contracts.decoding import numbered
from service.contracts.items import Item
from service.contracts.jobs import JobOrder, JobRecord
from service.contracts.judges import ResolvedJudge
from service.contracts.refusals import Fault, Kind, Refused, impossible, not_found
from service.jobs import (
    EVERYTHING,
    Caller,
    JobIntake,
    View,
    job_of_repeat,
    prompts_about,
    resolve_judges,
    until_over,
)
from service.stats.elo import ELO_K, ELO_START
from service.store import arena, clock
from service.store.arena import EloRating, Paced, StoredBattle
from service.store.signals import Signals

_SHORTEST_NAME = 4  # a shorter name of a model is found in any text
_PAUSE_S = 0.05  # before looking again, while another process replaces a model
_TIME_DIGITS = 12  # of a job's id: battles sort by time as jobs do
_READ_AT_ONCE, _MOST_READ = 100, 1000  # battles, for one page of a list


class BegunBattle(NamedTuple):
    """A new battle; or the one that an earlier request with the same Idempotency-Key began, if `is_repeat`."""

    battle: Battle
    is_repeat: bool


async def begin_battle(
    redis: Redis, settings: Settings, request: BattleRequest, caller: Caller, fingerprint: str
) -> BegunBattle:
    """Draws two models and queues their calls.

    Raises Refused if the judge or the models can't be used, or if the judge can't judge the item, and
    IdempotencyConflictError.
    """
    try:
        [judge] = await resolve_judges(redis, settings, JobOrder(judge=request.judge, models=request.models))
        if len(set(judge.models)) < 2:
            at = "/judge" if request.models is None else "/models"
            raise impossible([Fault(at, "must give two different models: list them in `models`, or in the judge")])
        return await _begin(redis, settings, judge, request.item, caller, fingerprint)
    except Refused:
        if (repeat := await _repeat(redis, caller, fingerprint)) is None:
            raise
        return repeat


async def regenerate_battle(
    redis: Redis,
    settings: Settings,
    view: View,
    battle_id: str,
    caller: Caller,
    fingerprint: str,
    item: Item | None = None,
) -> BegunBattle:
    """Begins another battle with the judge of an earlier one, and with its item unless another one is given.

    Its models are drawn again.

    Raises Refused if there is no such battle, or if fewer than two of its models can still be asked, and
    IdempotencyConflictError.
    """
    try:
        record = (await _stored(redis, battle_id, view)).record
        models = [model for model in record.judge.models if settings.model_fault(model) is None]
        if len(models) < 2:
            raise impossible([Fault("", "fewer than two of the battle's models have a configured provider")])
        judge = msgspec.structs.replace(record.judge, models=models)
        return await _begin(redis, settings, judge, record.item if item is None else item, caller, fingerprint)
    except Refused:
        if (repeat := await _repeat(redis, caller, fingerprint)) is None:
            raise
        return repeat


async def show_battle(
    redis: Redis,
    signals: Signals,
    settings: Settings,
    view: View,
    battle_id: str,
    voter: str | None,
    wait_s: float,
) -> Battle:
    """Returns a battle as a voter may see it, or as everybody may if `voter` is None.

    Waits up to `wait_s` seconds for it to be open or failed. Raises Refused if there is no such battle.
    """
    battle = await _awaited(redis, signals, settings, await _stored(redis, battle_id, view), wait_s)
    if battle.course.status == "failed":
        return msgspec.structs.replace(_shown(battle), failures=await arena.battle_failures(redis, battle.course))
    return _shown(battle, None if voter is None else await arena.vote_of(redis, battle_id, voter))


async def battle_page(
    redis: Redis, settings: Settings, view: View, status: BattleStatus | None, limit: int, cursor: str | None
) -> BattlePage:
    """Returns up to `limit` battles, newest first; only those of one status unless `status` is None.

    A page may be short although it has a `next_cursor`, because only so many battles are read for one page.
    """
    found: list[BattleSummary] = []
    read = 0
    while True:
        page, following = await arena.page_of_battles(redis, before=cursor, limit=_READ_AT_ONCE)
        for each in page:
            if view.shows(each.record.owner):
                battle = await _up_to_date(redis, settings, each)
                if status is None or battle_status(battle) is status:
                    found.append(_summary(battle))
            if len(found) == limit:
                is_last = following is None and each is page[-1]
                return BattlePage(battles=found, next_cursor=None if is_last else each.record.id)
        cursor, read = following, read + _READ_AT_ONCE
        if cursor is None or read >= _MOST_READ:
            return BattlePage(battles=found, next_cursor=cursor)


async def cast_vote(redis: Redis, settings: Settings, view: View, battle_id: str, vote: VoteRequest) -> Battle:
    """Stores a vote, and returns the battle with the names of its models.

    Raises Refused if there is no such battle, if it is not open, if this voter has voted on it, or if the voter has
    given as many votes as the settings allow in an hour.
    """
    battle = await _up_to_date(redis, settings, await _stored(redis, battle_id, view))
    row = _vote_row(battle, vote)
    most = settings.arena.votes_per_voter_per_hour
    try:
        counted = await arena.store_vote(
            redis,
            battle,
            row,
            fields=vote_fields((row.A, row.B, row.winner), row.lengths),
            rating=EloRating(ELO_START, ELO_K),
            metrics=[] if battle.votes else await arena.metrics_of_battle(redis, battle.course),
            request=secrets.token_hex(8),
            most_per_hour=most,
            keep_s=settings.store.keep_s,
        )
    except LookupError as error:
        raise not_found(f"battle {battle_id}") from error
    if counted is None:
        raise Refused(Kind.ALREADY_VOTED, detail=f"{vote.voter} has already voted on this battle")
    if isinstance(counted, Paced):
        detail = (
            f"{vote.voter} has given {most} votes within an hour, the most that arena.votes_per_voter_per_hour allows"
        )
        raise Refused(Kind.TOO_MANY_VOTES, detail=detail, retry_after_s=math.ceil(counted.wait_ms / 1000))
    return _shown(battle._replace(votes=counted.votes), vote.winner)


def battle_status(battle: StoredBattle) -> BattleStatus:
    """Returns the status of a battle, which is `voted` from the first vote on."""
    if battle.course.status == "open" and battle.votes:
        return BattleStatus.VOTED
    return BattleStatus(battle.course.status)


async def _begin(
    redis: Redis, settings: Settings, judge: ResolvedJudge, item: Item, caller: Caller, fingerprint: str
) -> BegunBattle:
    pair = await draw_models(redis, judge.definition.criterion, judge.models)
    job, is_repeat = await _queue_calls(redis, settings, judge, pair, item, caller, fingerprint)
    prompts = await prompts_about(redis, judge, item)
    record = BattleRecord(
        id=_id_of(job.id),
        item=item,
        judge=judge,
        prompts=[Prompt(order=order, messages=messages) for order, messages in prompts.items()],
        owner=job.owner,
        created_at=job.created_at,
    )
    a, b = _sides(job)  # if this request is a repeat, the models that were drawn for the first one
    await arena.put_battle(redis, record, Course(status="queued", A=a, B=b), keep_s=settings.store.keep_s)
    return BegunBattle(_shown(await _stored(redis, record.id, EVERYTHING)), is_repeat)


async def _repeat(redis: Redis, caller: Caller, fingerprint: str) -> BegunBattle | None:
    """The battle that the same request began before it was refused, None if there is none."""
    job = await job_of_repeat(redis, caller, fingerprint)
    found = None if job is None else await arena.find_battle(redis, _id_of(job.id))
    return None if found is None else BegunBattle(_shown(found), is_repeat=True)


async def _queue_calls(
    redis: Redis,
    settings: Settings,
    judge: ResolvedJudge,
    models: Sequence[str],
    item: Item,
    caller: Caller,
    fingerprint: str,
) -> tuple[JobRecord, bool]:
    """A hidden job in which each of these models judges the item alone, and whether an earlier request made it.

    The cache is neither read nor written: a job over the same item would reveal by it which models were asked.
    """
    judges = [msgspec.structs.replace(judge, models=[model]) for model in models]
    order = JobOrder(judge=judge.definition, cache=False)
    intake = JobIntake(redis, settings, order, judges, caller, purpose="battle")
    await intake.take(numbered([item]), place=lambda _: "/item")
    taken = await intake.commit(fingerprint)
    return taken.record, taken.is_repeat


async def _stored(redis: Redis, battle_id: str, view: View) -> StoredBattle:
    found = await arena.find_battle(redis, battle_id)
    if found is None or not view.shows(found.record.owner):
        raise not_found(f"battle {battle_id}")
    return found


async def _awaited(
    redis: Redis, signals: Signals, settings: Settings, battle: StoredBattle, wait_s: float
) -> StoredBattle:
    """The battle once it is open or failed, or as it is after `wait_s` seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_s
    before = None
    while True:
        battle = await _up_to_date(redis, settings, battle)
        left = deadline - loop.time()
        if battle.course.status != "queued" or left <= 0:
            return battle
        if battle.written == before:
            await asyncio.sleep(min(_PAUSE_S, left))
        before = battle.written
        waiting = [side for side in (battle.course.A, battle.course.B) if side.evaluation is None]
        await until_over(redis, signals, waiting[0].job_id, left)
        battle = await _stored(redis, battle.record.id, EVERYTHING)


async def _up_to_date(redis: Redis, settings: Settings, battle: StoredBattle) -> StoredBattle:
    """The battle, moved forward by the judgments that have finished."""
    if battle.course.status != "queued":
        return battle
    answers = await arena.battle_answers(redis, battle.course)
    if not all(each.is_over for each in answers):
        return battle
    sides = [
        msgspec.structs.replace(side, evaluation=answer.evaluation, finished_ms=answer.finished_ms)
        for side, answer in zip((battle.course.A, battle.course.B), answers, strict=True)
    ]
    course = msgspec.structs.replace(battle.course, A=sides[0], B=sides[1])
    if all(side.evaluation is not None for side in sides):
        await arena.move_battle(redis, battle, msgspec.structs.replace(course, status="open"))
    elif not await _replace_models(redis, settings, battle, course):
        return battle
    return await _stored(redis, battle.record.id, EVERYTHING)


async def _replace_models(redis: Redis, settings: Settings, battle: StoredBattle, course: Course) -> bool:
    """Draws another model for each side without a valid score; False if another process is doing so."""
    record, sides = battle.record, (course.A, course.B)
    kept = [side.model for side in sides if side.evaluation is not None]
    dropped = [*course.dropped, *(side.model for side in sides if side.evaluation is None)]
    gone = [(side.job_id, side.position) for side in sides if side.evaluation is None]
    course = msgspec.structs.replace(course, dropped=dropped, replaced=[*course.replaced, *gone])
    left = [
        model for model in record.judge.models if model not in {*dropped, *kept} and settings.model_fault(model) is None
    ]
    if len(left) + len(kept) < len(sides):
        failed = msgspec.structs.replace(course, status="failed")
        return await arena.move_battle(redis, battle, failed, await arena.metrics_of_battle(redis, failed))
    if not await arena.claim_drawing(redis, battle):
        return False
    pair = await draw_models(redis, record.criterion, [*left, *kept], keep=kept[0] if kept else None)
    fresh = [model for model in pair if model not in kept]
    caller = Caller(record.owner, None)
    job, _ = await _queue_calls(redis, settings, record.judge, fresh, record.item, caller, "")
    new = iter(_sides(job))
    a, b = (side if side.evaluation is not None else next(new) for side in sides)
    return await arena.move_battle(redis, battle, msgspec.structs.replace(course, A=a, B=b))


def _vote_row(battle: StoredBattle, vote: VoteRequest) -> VoteRow:
    """Raises Refused if the battle is not open."""
    course = battle.course
    seen = _blind_evaluations(course)
    if seen is None:
        detail = f"the battle is {course.status}: it has no two evaluations to choose from"
        raise Refused(Kind.NOT_OPEN, detail=detail)
    return VoteRow(
        battle=battle.record.id,
        criterion=battle.record.criterion,
        A=course.A.model,
        B=course.B.model,
        winner=vote.winner,
        voter=vote.voter,
        at_ms=clock.now_ms(),
        lengths=(len(seen.A.explanation or ""), len(seen.B.explanation or "")),
    )


def _shown(battle: StoredBattle, winner: Winner | None = None) -> Battle:
    """The battle as it is shown to a voter who voted for `winner`; without names if None."""
    record, course = battle.record, battle.course
    blind = Battle(
        id=record.id,
        status=battle_status(battle),
        criterion=record.criterion,
        judge=record.judge.ref,
        item=record.item,
        evaluations=_blind_evaluations(course),
        votes=battle.votes,
        created_at=record.created_at,
    )
    if winner is None:
        return blind
    models = BattleModels(A=course.A.model, B=course.B.model)
    evaluations = _evaluations(course)
    return msgspec.structs.replace(blind, winner=winner, models=models, prompts=record.prompts, evaluations=evaluations)


def _evaluations(course: Course) -> Evaluations | None:
    """Returns both evaluations; None unless the battle is open."""
    if course.status != "open" or course.A.evaluation is None or course.B.evaluation is None:
        return None
    return Evaluations(A=course.A.evaluation, B=course.B.evaluation)


def _blind_evaluations(course: Course) -> Evaluations | None:
    """Returns the evaluations as voters see them: without explanations if one of them names its model."""
    full = _evaluations(course)
    if full is None:
        return None
    sides = ((course.A.model, full.A), (course.B.model, full.B))
    if not any(_names_itself(model, evaluation.explanation) for model, evaluation in sides):
        return full
    a, b = (msgspec.structs.replace(evaluation, explanation=None) for _, evaluation in sides)
    return Evaluations(A=a, B=b)


def _names_itself(model: str, explanation: str | None) -> bool:
    """Returns whether a text has a model's name in it, as those of baselines have, with or without its provider's."""
    name = model.rpartition("/")[2]
    text = (explanation or "").casefold()
    return model.casefold() in text or (len(name) >= _SHORTEST_NAME and name.casefold() in text)


def _summary(battle: StoredBattle) -> BattleSummary:
    record = battle.record
    return BattleSummary(
        id=record.id,
        status=battle_status(battle),
        criterion=record.criterion,
        votes=battle.votes,
        created_at=record.created_at,
    )


def _sides(job: JobRecord) -> list[Side]:
    return [Side(model=judge.models[0], job_id=job.id, position=at) for at, judge in enumerate(job.judges)]


def _id_of(job_id: str) -> str:
    """The id of a job's battle: the same for a repeat of the request, and no way back to the job's id."""
    made_at = job_id.partition("_")[2][:_TIME_DIGITS]
    return f"battle_{made_at}{sha256(job_id.encode()).hexdigest()[:10]}"
