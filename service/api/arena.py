"""`/v1/arena`: ratings of models by people's votes on pairs of evaluations."""

import asyncio
from itertools import islice
from typing import Annotated, Any

import msgspec
from litestar import Request, post
from litestar.di import NamedDependency
from msgspec import Meta

from service.api.access import needs
from service.api.bodies import read_json
from service.api.openapi import json_body, operation
from service.api.problems import documented
from service.arena.elo import elo
from service.arena.standings import Standing, leaderboard
from service.arena.win_counts import Battles
from service.config.settings import Settings
from service.contracts.arena import SentVote
from service.contracts.pointing import MOST_FAULTS
from service.contracts.refusals import Fault, impossible, invalid

MOST_VOTES = 1_000_000
MOST_MODELS = 500  # a rating costs the cube of their number, here about a second


class RatingsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Votes in the order in which they were given, each as [A, B, winner]; both_bad counts as a tie."""

    votes: Annotated[list[SentVote], Meta(max_length=MOST_VOTES)]


class LeaderboardResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The models that have votes, best rating first."""

    leaderboard: list[Standing]


_EXAMPLE = {"votes": [["openai/gpt-4.1", "ollama/qwen3", "A"], ["ollama/qwen3", "openai/gpt-4.1", "tie"]]}


@post(
    "/v1/arena/ratings",
    operation_id="rateVotes",
    summary="Rate models by votes",
    response_description="The leaderboard, best rating first.",
    operation_class=operation(body=json_body(RatingsRequest, _EXAMPLE)),
    opt=needs("read"),
    status_code=200,
    tags=["arena"],
    responses=documented(400, 401, 403, 413, 415, 422),
)
async def rate_votes(request: Request[Any, Any, Any], settings: NamedDependency[Settings]) -> LeaderboardResponse:
    """Rates models by votes that are sent along, as the arena's leaderboard does; stores nothing."""
    asked = await read_json(request, RatingsRequest, settings.server.max_body_bytes)
    return await asyncio.to_thread(_rated, asked.votes)  # a million votes take a second


def _rated(votes: list[SentVote]) -> LeaderboardResponse:
    if not votes:
        raise impossible([Fault("/votes", "there are none, and so nothing to rate")])
    found = (
        Fault(f"/votes/{index}/1", "is the same as the first: a model can't be set against itself")
        for index, (first, second, _) in enumerate(votes)
        if first == second
    )
    faults = list(islice(found, MOST_FAULTS))
    if faults:
        raise invalid(faults)
    models = {model for first, second, _ in votes for model in (first, second)}
    if len(models) > MOST_MODELS:
        raise invalid([Fault("/votes", f"name {len(models)} models; at most {MOST_MODELS} can be rated together")])
    return LeaderboardResponse(leaderboard=leaderboard(Battles.from_votes(votes), elo(votes)))
