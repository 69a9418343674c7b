"""Battles on their way: two models drawn, asked in a job that nobody sees, and drawn again where one gave no score."""

import asyncio
import random
from collections.abc import Sequence
from hashlib import sha256

import msgspec
from redis.asyncio import Redis

from service.arena.counters import read
from service.arena.pairing import Pair, draw
from service.config.settings import Settings
from service.contracts.arena import Winner
from service.contracts.battles import (
    Battle,
    BattleModels,
    BattleRecord,
    BattleRequest,
    BattleStatus,
    Course,
    Evaluations,
    Prompt,
    PromptMessage,
    Side,
)
from service.contracts.decoding import numbered
from service.contracts.items import Item
from service.contracts.jobs import JobOrder, JobRecord
from service.contracts.judges import ResolvedJudge
from service.contracts.refusals import Fault, impossible, not_found
from service.jobs import Caller, JobIntake, resolve_judges, until_over
from service.judging.ballots import question_about
from service.judging.methods import METHODS
from service.store import arena
from service.store.arena import StoredBattle
from service.store.secret import installation_secret
from service.store.signals import Signals

_UNPROCESSABLE = 422
_PAUSE_S = 0.05  # until another process has drawn again
_TIME_DIGITS = 12  # of a job's id: battles sort by them as jobs do

_chance = random.SystemRandom()


async def judge_of(redis: Redis, settings: Settings, asked: BattleRequest) -> ResolvedJudge:
    """The judge with all models that may be drawn. Raises a 422 problem where it or they can't be had."""
    [judge] = await resolve_judges(redis, settings, JobOrder(judge=asked.judge, models=asked.models))
    if len(set(judge.models)) < 2:
        at = "/judge" if asked.models is None else "/models"
        raise impossible([Fault(at, "a battle needs two different models: name them in `models`, or in the judge")])
    return judge


async def begin(
    redis: Redis, settings: Settings, judge: ResolvedJudge, item: Item, caller: Caller, fingerprint: str
) -> tuple[StoredBattle, bool]:
    """A new battle, and False; or the one that the same request began before, and True.

    Raises a problem that says why the judge can't judge the item, and IdempotencyConflictError.
    """
    pair = await _drawn(redis, judge.definition.criterion, judge.models)
    job, is_repeat = await _asked(redis, settings, judge, pair, item, caller, fingerprint)
    record = BattleRecord(
        id=_id_of(job.id),
        item=item,
        judge=judge,
        prompts=_prompts(judge, item, await installation_secret(redis)),
        owner=job.owner,
        created_at=job.created_at,
    )
    # Where it is a repeat, the models are those of the job that was queued then.
    a, b = _sides(job)
    await arena.put_battle(redis, record, Course(status="queued", A=a, B=b), keep_s=settings.store.keep_s)
    return await existing(redis, record.id), is_repeat


async def existing(redis: Redis, battle_id: str) -> StoredBattle:
    """A battle as it stands. Raises a 404 problem."""
    found = await arena.find_battle(redis, battle_id)
    if found is None:
        raise not_found(f"battle {battle_id}")
    return found


async def moved_on(redis: Redis, settings: Settings, battle: StoredBattle) -> StoredBattle:
    """The battle after all that has come of its calls by now: nobody moves it on but who looks at it."""
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
    elif not await _drawn_again(redis, settings, battle, course):
        return battle
    return await existing(redis, battle.record.id)


async def awaited(
    redis: Redis, signals: Signals, settings: Settings, battle: StoredBattle, wait_s: float
) -> StoredBattle:
    """The battle once it is open or failed, or as it stands after `wait_s` seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_s
    before = None
    while True:
        battle = await moved_on(redis, settings, battle)
        left = deadline - loop.time()
        if battle.course.status != "queued" or left <= 0:
            return battle
        if battle.written == before:
            await asyncio.sleep(min(_PAUSE_S, left))
        before = battle.written
        waiting = [side for side in (battle.course.A, battle.course.B) if side.evaluation is None]
        await until_over(redis, signals, waiting[0].job_id, left)
        battle = await existing(redis, battle.record.id)


def shown(battle: StoredBattle, said: Winner | None = None) -> Battle:
    """How a battle is shown to who has said this of it, or has not voted."""
    record, course = battle.record, battle.course
    evaluations = None
    if course.status == "open" and course.A.evaluation is not None and course.B.evaluation is not None:
        evaluations = Evaluations(A=course.A.evaluation, B=course.B.evaluation)
    blind = Battle(
        id=record.id,
        status=status_of(battle),
        criterion=record.criterion,
        judge=record.judge.ref,
        item=record.item,
        evaluations=evaluations,
        votes=battle.votes,
        created_at=record.created_at,
    )
    if said is None:
        return blind
    models = BattleModels(A=course.A.model, B=course.B.model)
    return msgspec.structs.replace(blind, winner=said, models=models, prompts=record.prompts)


def status_of(battle: StoredBattle) -> BattleStatus:
    """Open until the first vote."""
    if battle.course.status == "open" and battle.votes:
        return BattleStatus.VOTED
    return BattleStatus(battle.course.status)


async def _drawn_again(redis: Redis, settings: Settings, battle: StoredBattle, course: Course) -> bool:
    """Draws another model for each side without an evaluation; False where somebody else is about it."""
    record, sides = battle.record, (course.A, course.B)
    kept = [side.model for side in sides if side.evaluation is not None]
    course = msgspec.structs.replace(
        course, dropped=[*course.dropped, *(side.model for side in sides if side.evaluation is None)]
    )
    left = [
        model
        for model in record.judge.models
        if model not in {*course.dropped, *kept} and settings.provider_of(model) is not None
    ]
    if len(left) + len(kept) < len(sides):
        return await arena.move_battle(redis, battle, msgspec.structs.replace(course, status="failed"))
    if not await arena.claim_drawing(redis, battle):
        return False
    pair = await _drawn(redis, record.criterion, [*left, *kept], kept[0] if kept else None)
    fresh = [model for model in pair if model not in kept]
    caller = Caller(record.owner, None)
    job, _ = await _asked(redis, settings, record.judge, fresh, record.item, caller, "")
    new = iter(_sides(job))
    a, b = (side if side.evaluation is not None else next(new) for side in sides)
    return await arena.move_battle(redis, battle, msgspec.structs.replace(course, A=a, B=b))


async def _drawn(redis: Redis, criterion: str, candidates: Sequence[str], keeping: str | None = None) -> Pair:
    battles = read(await arena.arena_counts(redis, criterion)).battles
    return await asyncio.to_thread(draw, candidates, battles, _chance, keeping)


async def _asked(
    redis: Redis,
    settings: Settings,
    judge: ResolvedJudge,
    models: Sequence[str],
    item: Item,
    caller: Caller,
    fingerprint: str,
) -> tuple[JobRecord, bool]:
    """A job in which each of these models judges the item alone, and whether an earlier request made it.

    Nothing comes from the cache or goes there: a job on the same item would tell by it which models were asked.
    """
    judges = [msgspec.structs.replace(judge, models=[model]) for model in models]
    order = JobOrder(judge=judge.definition, cache=False)
    intake = JobIntake(redis, settings, order, judges, caller, purpose="battle")
    await intake.take(numbered([item]), lambda _: "/item")
    return await intake.commit(fingerprint)


def _sides(job: JobRecord) -> list[Side]:
    return [Side(model=judge.models[0], job_id=job.id, position=at) for at, judge in enumerate(job.judges)]


def _prompts(judge: ResolvedJudge, item: Item, secret: bytes) -> list[Prompt]:
    prompts = []
    for order in METHODS[judge.definition.method].orders(judge.definition):
        question = question_about(judge.definition, item, order, secret)
        messages = [PromptMessage(each.role, each.content) for each in question.messages]
        prompts.append(Prompt(order=order, messages=messages))
    return prompts


def _id_of(job_id: str) -> str:
    """A repeat of the request finds the same one; the job's id can't be told from it."""
    made_at = job_id.partition("_")[2][:_TIME_DIGITS]
    return f"battle_{made_at}{sha256(job_id.encode()).hexdigest()[:10]}"
