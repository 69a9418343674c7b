"""`/v1/arena`: battles of two models without names, people's votes, and the ratings of the models."""

import asyncio
from hashlib import sha256
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, QueryParameter
from redis.asyncio import Redis

from service.api.access import needs, paying_caller
from service.api.bodies import CSV, MARKDOWN, MOST_LINE_BYTES, form_wanted, read_fingerprinted, read_json
from service.api.cursors import id_in
from service.api.etags import etag_of, is_unchanged
from service.api.openapi import headers, json_body, operation, text
from service.api.parameters import Cursor, IdempotencyKey, Limit, Wait
from service.api.problems import documented
from service.arena import (
    BegunBattle,
    battle_page,
    begin_battle,
    cast_vote,
    current_leaderboard,
    leaderboard_version,
    rate_votes,
    regenerate_battle,
    show_battle,
)
from service.config.settings import Settings
from service.contracts.arena import (
    ArenaLeaderboard,
    Battle,
    BattlePage,
    BattleRequest,
    BattleStatus,
    RatingsRequest,
    RatingsResponse,
    VoteRequest,
)
from service.jobs import View
from service.rendering.arena_leaderboard import arena_csv, arena_markdown
from service.store.signals import Signals

_EXAMPLE_BATTLE = {
    "judge": "helpfulness",
    "item": {"input": "How do I reset my password?", "output": "Choose Settings, then Reset password."},
    "models": ["control/length", "control/overlap"],
}
_EXAMPLE_VOTE = {"winner": "A", "voter": "ada"}
_EXAMPLE_RATINGS = {"votes": [["openai/gpt-6-luna", "ollama/qwen3", "A"], ["ollama/qwen3", "openai/gpt-6-luna", "tie"]]}
_BEGUN = headers(
    Location="The URL of the battle.",
    Idempotent_Replayed="`true` if the Idempotency-Key was used before: this is the battle of that request.",
)

VoterQuery = Annotated[
    str | None,
    QueryParameter(min_length=1, max_length=200, description="The voter to show the battle to."),
]
StatusQuery = Annotated[BattleStatus | None, QueryParameter(description="Only battles of this status.")]
VotedCriterion = Annotated[
    str | None,
    QueryParameter(min_length=1, max_length=100, description="Only votes on this criterion; on all if left out."),
]


class ArenaController(Controller):
    path = "/v1/arena"
    tags = ("arena",)

    @post(
        "/battles",
        operation_id="beginBattle",
        summary="Begin a battle",
        opt=needs("submit"),
        status_code=202,
        response_description="The battle is stored. Its evaluations follow once both models have judged.",
        response_headers=_BEGUN,
        responses=documented(400, 401, 403, 408, 409, 413, 415, 422, 429, 503),
        operation_class=operation(body=json_body(BattleRequest, _EXAMPLE_BATTLE)),
    )
    async def begin(
        self,
        request: Request[Any, Any, Any],
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
        idempotency_key: IdempotencyKey = None,
    ) -> Response[Battle]:
        """Has two models judge one item, for people to vote which of the two evaluations is better.

        The models and their sides are drawn; pairs are drawn more often if a vote on them would teach more. Nothing in
        the answer names a model before the vote, except a text that names its own model.
        """
        caller = await paying_caller(redis, request, idempotency_key)
        most_bytes, scope = min(settings.server.max_body_bytes, MOST_LINE_BYTES), f"{self.path}/battles"
        asked, fingerprint = await read_fingerprinted(request, BattleRequest, most_bytes, scope)
        return _accepted(await begin_battle(redis, settings, asked, caller, fingerprint))

    @get(
        "/battles",
        operation_id="listBattles",
        summary="List battles",
        opt=needs("read"),
        response_description="A page of battles.",
        responses=documented(400, 401, 403, 503),
    )
    async def list_newest(
        self,
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
        view: NamedDependency[View],
        status: StatusQuery = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> BattlePage:
        """Lists the battles of the caller's key, newest first; with the scope admin, those of all keys.

        A page may be short although it has a `next_cursor`.
        """
        return await battle_page(redis, settings, view, status, limit, id_in(cursor, "battle"))

    @get(
        "/battles/{battle_id:str}",
        operation_id="showBattle",
        summary="Show a battle",
        opt=needs("read"),
        response_description="The battle.",
        responses=documented(400, 401, 403, 404, 503),
    )
    async def show(
        self,
        battle_id: FromPath[str],
        redis: NamedDependency[Redis],
        signals: NamedDependency[Signals],
        settings: NamedDependency[Settings],
        view: NamedDependency[View],
        voter: VoterQuery = None,
        wait: Wait = None,
    ) -> Battle:
        """Shows a battle without the names of its models; with names and prompts to a `voter` who has voted on it."""
        wait_s = min(wait or 0.0, settings.server.max_wait_seconds)
        return await show_battle(redis, signals, settings, view, battle_id, voter, wait_s)

    @post(
        "/battles/{battle_id:str}/vote",
        operation_id="voteOnBattle",
        summary="Vote on a battle",
        opt=needs("label"),
        status_code=200,
        response_description="The vote is stored. The battle has the names of its models.",
        responses=documented(400, 401, 403, 404, 409, 413, 415, 422, 429, 503),
        operation_class=operation(body=json_body(VoteRequest, _EXAMPLE_VOTE)),
    )
    async def vote(
        self,
        battle_id: FromPath[str],
        request: Request[Any, Any, Any],
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
        view: NamedDependency[View],
    ) -> Battle:
        """Stores a vote, one for each voter, and only then reveals which model was A and which was B.

        The answer is 409 if the battle is not open, or if this voter has voted on it.
        """
        vote = await read_json(request, VoteRequest, settings.server.max_body_bytes)
        return await cast_vote(redis, settings, view, battle_id, vote)

    @post(
        "/battles/{battle_id:str}/regenerate",
        operation_id="regenerateBattle",
        summary="Begin a battle like another",
        opt=needs("submit"),
        status_code=202,
        response_description="The battle is stored. Its evaluations follow once both models have judged.",
        response_headers=_BEGUN,
        responses=documented(400, 401, 403, 404, 408, 409, 422, 429, 503),
    )
    async def regenerate(
        self,
        battle_id: FromPath[str],
        request: Request[Any, Any, Any],
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
        view: NamedDependency[View],
        idempotency_key: IdempotencyKey = None,
    ) -> Response[Battle]:
        """Begins another battle over the same item with the same judge. Its models are drawn again."""
        caller = await paying_caller(redis, request, idempotency_key)
        fingerprint = sha256(f"{self.path}/battles/{battle_id}/regenerate".encode()).hexdigest()
        return _accepted(await regenerate_battle(redis, settings, view, battle_id, caller, fingerprint))

    @get(
        "/leaderboard",
        operation_id="showLeaderboard",
        summary="Show the leaderboard",
        opt=needs("read"),
        response_description="The leaderboard.",
        response_headers=headers(ETag="Changes with each vote; send it as If-None-Match.", Vary="`Accept`."),
        responses={
            304: ResponseSpec(None, description="Unchanged since it had the ETag in If-None-Match."),
            **documented(400, 401, 403, 503),
        },
        operation_class=operation(content={200: text(CSV, MARKDOWN)}),
    )
    async def leaderboard(
        self, request: Request[Any, Any, Any], redis: NamedDependency[Redis], criterion: VotedCriterion = None
    ) -> Response[ArenaLeaderboard]:
        """Rates the models by people's votes, best first; as JSON, `text/csv` or `text/markdown`."""
        form = form_wanted(request, CSV, MARKDOWN)
        version = await leaderboard_version(redis, criterion)
        etag = etag_of(f"{criterion is None} {criterion} {version} {form}".encode())
        known = {"ETag": etag, "Vary": "Accept", "Cache-Control": "no-cache"}
        if is_unchanged(request, etag):
            return Response(b"", status_code=304, media_type=form, headers=known)  # type: ignore[arg-type]
        board = await current_leaderboard(redis, criterion, version)
        return Response(_in_form(board, form), media_type=form, headers=known)  # type: ignore[arg-type]

    @post(
        "/ratings",
        operation_id="rateVotes",
        summary="Rate models by votes",
        opt=needs("read"),
        status_code=200,
        response_description="The leaderboard, best rating first.",
        responses=documented(400, 401, 403, 413, 415, 422),
        operation_class=operation(body=json_body(RatingsRequest, _EXAMPLE_RATINGS)),
    )
    async def rate(self, request: Request[Any, Any, Any], settings: NamedDependency[Settings]) -> RatingsResponse:
        """Rates models by the votes in the request, as the arena's leaderboard does. Stores nothing."""
        asked = await read_json(request, RatingsRequest, settings.server.max_body_bytes)
        return RatingsResponse(leaderboard=await asyncio.to_thread(rate_votes, asked.votes))


def _accepted(begun: BegunBattle) -> Response[Battle]:
    location = {"Location": f"/v1/arena/battles/{begun.battle.id}"}
    replayed = {"Idempotent-Replayed": "true"} if begun.is_repeat else {}
    return Response(begun.battle, status_code=202, headers=location | replayed)


def _in_form(board: ArenaLeaderboard, form: str) -> bytes:
    render = {CSV: arena_csv, MARKDOWN: arena_markdown}.get(form)
    return msgspec.json.encode(board) if render is None else render(board).encode()
