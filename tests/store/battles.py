"""Battles as tests need them: open, with nobody asked."""

import random
from collections.abc import AsyncIterator

from redis.asyncio import Redis

from service.arena.vote_counts import vote_fields
from service.contracts.arena import ArenaVote, BattleRecord, Course, Evaluation, Side, VoteRow, Winner
from service.contracts.ids import new_id
from service.contracts.items import Item
from service.contracts.judges import Judge, JudgeRef, Method, ResolvedJudge
from service.stats.elo import ELO_K, ELO_START
from service.store import arena, clock
from service.store.arena import EloRating, Paced, Voted

KEEP_S = 600
MODELS = ("openai/one", "openai/two", "ollama/three")


async def opened(
    redis: Redis,
    a: str = MODELS[0],
    b: str = MODELS[1],
    *,
    criterion: str = "wit",
    explanations: tuple[str, str] = ("Good.", "Bad, as anybody can see who reads it."),
    status: str = "open",
) -> str:
    """A battle of these two models; its id."""
    definition = Judge(criterion=criterion, method=Method.RATING, instructions="Is it funny?")
    record = BattleRecord(
        id=new_id("battle"),
        item=Item(id="i-1", output="Ha."),
        judge=ResolvedJudge(
            ref=JudgeRef(name=None, version=None, digest="sha256:0"), definition=definition, models=[a, b]
        ),
        prompts=[],
        owner=None,
        created_at=clock.now(),
    )
    job = new_id("job")
    sides = [
        Side(
            model=model,
            job_id=job,
            position=at,
            evaluation=Evaluation(score=at + 1, label=None, ranking=None, explanation=text),
            finished_ms=clock.now_ms(),
        )
        for at, (model, text) in enumerate(zip((a, b), explanations, strict=True))
    ]
    course = Course(status=status, A=sides[0], B=sides[1])  # type: ignore[arg-type]
    await arena.put_battle(redis, record, course, keep_s=KEEP_S)
    return record.id


async def voted(
    redis: Redis,
    battle_id: str,
    winner: Winner,
    voter: str,
    *,
    most: int = 1000,
    request: str | None = None,
    at_ms: int | None = None,
) -> Voted | Paced | None:
    """A vote on an open battle, as the API gives it to the store."""
    battle = await arena.find_battle(redis, battle_id)
    assert battle is not None
    a, b = battle.course.A, battle.course.B
    lengths = tuple(len(side.evaluation.explanation or "") for side in (a, b) if side.evaluation is not None)
    assert len(lengths) == 2
    row = VoteRow(
        battle=battle_id,
        criterion=battle.record.criterion,
        A=a.model,
        B=b.model,
        winner=winner,
        voter=voter,
        at_ms=clock.now_ms() if at_ms is None else at_ms,
        lengths=lengths,
    )
    return await arena.store_vote(
        redis,
        battle,
        row,
        fields=vote_fields((row.A, row.B, winner), lengths),
        rating=EloRating(ELO_START, ELO_K),
        request=new_id("request") if request is None else request,
        most_per_hour=most,
        keep_s=KEEP_S,
    )


def drawn(chance: random.Random, how_many: int) -> list[tuple[ArenaVote, str, tuple[str, str]]]:
    """Votes with their criteria and explanations; the first model is the best."""
    votes = []
    for _ in range(how_many):
        a, b = chance.sample(MODELS, 2)
        winners = [Winner.A, Winner.B] if MODELS.index(a) < MODELS.index(b) else [Winner.B, Winner.A]
        winner = chance.choices([*winners, Winner.TIE, Winner.BOTH_BAD], [5, 2, 1, 1])[0]
        texts = chance.choice(["x", "x" * 5, "x" * 50]), chance.choice(["x", "x" * 4, "x" * 60])
        votes.append(((a, b, winner), chance.choice(["wit", "tact"]), texts))
    return votes


async def vote_rows(redis: Redis) -> AsyncIterator[VoteRow]:
    """Yields every vote in the order in which they were given."""
    page = await arena.votes_after(redis, "")
    while page:
        for _, row in page:
            yield row
        page = await arena.votes_after(redis, page[-1][0])
