"""`/v1/arena/battles` and what comes of them: two models' evaluations without names, votes, the leaderboard."""

import math
import secrets
from hashlib import sha256
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from redis.asyncio import Redis

from service.api.access import caller_of, needs
from service.api.bodies import JSON, Body, media_type, read_json
from service.api.parameters import Cursor, IdempotencyKey, Limit, Wait
from service.api.problems import documented
from service.arena.battles import awaited, begin, existing, judge_of, moved_on, shown, status_of
from service.arena.boards import in_form
from service.arena.counters import fields_of
from service.arena.elo import START, K
from service.arena.leaderboard import ArenaLeaderboard
from service.config.settings import Settings
from service.contracts.battles import (
    Battle,
    BattlePage,
    BattleRequest,
    BattleStatus,
    BattleSummary,
    VoteRequest,
    VoteRow,
)
from service.contracts.decoding import decode
from service.contracts.refusals import Fault, Kind, Refused, impossible, not_found
from service.jobs import check_budget
from service.store import arena, clock
from service.store.arena import EloRating, Paced, StoredBattle
from service.store.signals import Signals

_LOOKED_AT_ONCE, _MOST_LOOKED_AT = 100, 1000  # battles, for one page of a list

VoterQuery = Annotated[
    str | None,
    QueryParameter(min_length=1, max_length=200, description="Who asks: one who has voted sees the models."),
]
StatusQuery = Annotated[BattleStatus | None, QueryParameter(description="Battles of this status alone.")]
CriterionQuery = Annotated[
    str | None,
    QueryParameter(min_length=1, max_length=100, description="Votes on this criterion alone; all together without it."),
]


class ArenaController(Controller):
    path = "/v1/arena"
    tags = ("arena",)

    @post(
        "/battles",
        opt=needs("submit"),
        status_code=202,
        responses=documented(400, 401, 403, 408, 409, 413, 415, 422, 429, 503),
    )
    async def begin(
        self,
        request: Request[Any, Any, Any],
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
        idempotency_key: IdempotencyKey = None,
    ) -> Response[Battle]:
        """Has two models judge an item, for people to say which of them judged it better.

        The two are drawn, those most often whose comparison would tell most, and so are their sides. Nothing tells
        them apart until somebody has voted; but texts are shown as they are, and one may name the model that wrote it.
        """
        await check_budget(redis, request.state.key)
        media_type(request, JSON)
        body = Body(request, settings.server.max_body_bytes)
        asked = decode(await body.whole(), BattleRequest)
        judge = await judge_of(redis, settings, asked)
        caller = caller_of(request, idempotency_key)
        fingerprint = sha256(f"{self.path}/battles\n{body.digest}".encode()).hexdigest()
        return _begun(*await begin(redis, settings, judge, asked.item, caller, fingerprint))

    @get("/battles", opt=needs("read"), responses=documented(400, 401, 403, 503))
    async def list_newest(
        self,
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
        status: StatusQuery = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> BattlePage:
        """Battles, newest first. A page of those of one status may be short, and yet have a `next_cursor`."""
        found: list[BattleSummary] = []
        looked_at = 0
        while True:
            page, following = await arena.list_battles(redis, before=cursor, limit=_LOOKED_AT_ONCE)
            for each in page:
                current = await moved_on(redis, settings, each)
                if status is None or status_of(current) is status:
                    found.append(_summary(current))
                if len(found) == limit:
                    is_last = following is None and each is page[-1]
                    return BattlePage(battles=found, next_cursor=None if is_last else each.record.id)
            cursor, looked_at = following, looked_at + _LOOKED_AT_ONCE
            if cursor is None or looked_at >= _MOST_LOOKED_AT:
                return BattlePage(battles=found, next_cursor=cursor)

    @get("/battles/{battle_id:str}", opt=needs("read"), responses=documented(400, 401, 403, 404, 503))
    async def show(
        self,
        battle_id: FromPath[str],
        redis: NamedDependency[Redis],
        signals: NamedDependency[Signals],
        settings: NamedDependency[Settings],
        voter: VoterQuery = None,
        wait: Wait = None,
    ) -> Battle:
        """A battle without its models' names; with them, and what they were asked, for a `voter` who has voted."""
        battle = await existing(redis, battle_id)
        wait_s = min(wait or 0.0, settings.server.max_wait_seconds)
        battle = await awaited(redis, signals, settings, battle, wait_s)
        return shown(battle, None if voter is None else await arena.vote_of(redis, battle_id, voter))

    @post(
        "/battles/{battle_id:str}/vote",
        opt=needs("label"),
        status_code=200,
        responses=documented(400, 401, 403, 404, 409, 413, 415, 422, 429, 503),
    )
    async def vote(
        self,
        battle_id: FromPath[str],
        request: Request[Any, Any, Any],
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
    ) -> Battle:
        """Stores one vote a voter, and only then tells which model was A and which was B."""
        said = await read_json(request, VoteRequest, settings.server.max_body_bytes)
        battle = await moved_on(redis, settings, await existing(redis, battle_id))
        return shown(await _voted(redis, settings, battle, said), said.winner)

    @post(
        "/battles/{battle_id:str}/regenerate",
        opt=needs("submit"),
        status_code=202,
        responses=documented(400, 401, 403, 404, 408, 409, 422, 429, 503),
    )
    async def regenerate(
        self,
        battle_id: FromPath[str],
        request: Request[Any, Any, Any],
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
        idempotency_key: IdempotencyKey = None,
    ) -> Response[Battle]:
        """Begins another battle over the same item with the same judge; its models are drawn anew."""
        await check_budget(redis, request.state.key)
        record = (await existing(redis, battle_id)).record
        models = [model for model in record.judge.models if settings.provider_of(model) is not None]
        if len(models) < 2:
            raise impossible([Fault("", "fewer than two of the battle's models have a provider that is configured")])
        judge = msgspec.structs.replace(record.judge, models=models)
        caller = caller_of(request, idempotency_key)
        fingerprint = sha256(f"{self.path}/battles/{battle_id}/regenerate".encode()).hexdigest()
        return _begun(*await begin(redis, settings, judge, record.item, caller, fingerprint))

    @get("/leaderboard", opt=needs("read"), responses=documented(400, 401, 403, 503))
    async def leaderboard(
        self, request: Request[Any, Any, Any], redis: NamedDependency[Redis], criterion: CriterionQuery = None
    ) -> Response[ArenaLeaderboard]:
        """The models by people's votes, best first; also as `text/csv` or `text/markdown`."""
        return await in_form(redis, criterion, request)


def _begun(battle: StoredBattle, is_repeat: bool) -> Response[Battle]:
    headers = {"Location": f"/v1/arena/battles/{battle.record.id}"}
    if is_repeat:
        headers["Idempotent-Replayed"] = "true"
    return Response(shown(battle), status_code=202, headers=headers)


def _summary(battle: StoredBattle) -> BattleSummary:
    record = battle.record
    return BattleSummary(
        id=record.id,
        status=status_of(battle),
        criterion=record.criterion,
        votes=battle.votes,
        created_at=record.created_at,
    )


async def _voted(redis: Redis, settings: Settings, battle: StoredBattle, said: VoteRequest) -> StoredBattle:
    """The battle with the vote. Raises a problem where the vote does not count."""
    course, record = battle.course, battle.record
    a, b = course.A.evaluation, course.B.evaluation
    if course.status != "open" or a is None or b is None:
        raise Refused(
            Kind.NOT_OPEN, detail=f"the battle is {course.status}: there are no two evaluations to choose from"
        )
    lengths = len(a.explanation or ""), len(b.explanation or "")
    row = VoteRow(
        battle=record.id,
        criterion=record.criterion,
        A=course.A.model,
        B=course.B.model,
        winner=said.winner,
        voter=said.voter,
        at_ms=clock.now_ms(),
        lengths=lengths,
    )
    most = settings.arena.votes_per_voter_per_hour
    try:
        counted = await arena.store_vote(
            redis,
            battle,
            row,
            fields=fields_of((row.A, row.B, row.winner), lengths),
            rating=EloRating(START, K),
            request=secrets.token_hex(8),
            most_per_hour=most,
            keep_s=settings.store.keep_s,
        )
    except LookupError as error:
        raise not_found(f"battle {record.id}") from error
    if counted is None:
        raise Refused(Kind.ALREADY_VOTED, detail=f"{said.voter} has voted on this battle")
    if isinstance(counted, Paced):
        detail = f"{said.voter} gave {most} votes within an hour"
        raise Refused(Kind.TOO_MANY_VOTES, detail=detail, retry_after_s=math.ceil(counted.wait_ms / 1000))
    return battle._replace(votes=counted.votes)
