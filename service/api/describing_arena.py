"""What the OpenAPI description says of the arena beyond what Litestar finds out by itself."""

from typing import Any

from service.api.bodies import CSV, MARKDOWN
from service.arena.leaderboard import ArenaLeaderboard
from service.contracts.battles import Battle, BattlePage, BattleRequest, BattleSummary, VoteRequest

Json = dict[str, Any]

SAID = (BattleRequest, Battle, BattleSummary, BattlePage, VoteRequest, ArenaLeaderboard)
NAMES = {
    ("/v1/arena/battles", "post"): ("beginBattle", "Begin a battle"),
    ("/v1/arena/battles", "get"): ("listBattles", "List battles"),
    ("/v1/arena/battles/{battle_id}", "get"): ("showBattle", "Show a battle"),
    ("/v1/arena/battles/{battle_id}/vote", "post"): ("voteOnBattle", "Vote on a battle"),
    ("/v1/arena/battles/{battle_id}/regenerate", "post"): ("regenerateBattle", "Begin a battle like another"),
    ("/v1/arena/leaderboard", "get"): ("showLeaderboard", "Show the leaderboard"),
}

_JSON = "application/json"
_EXAMPLE_BATTLE = {
    "judge": "helpfulness",
    "item": {"input": "How do I reset my password?", "output": "Choose Settings, then Reset password."},
    "models": ["control/length", "control/overlap"],
}
_EXAMPLE_VOTE = {"winner": "A", "voter": "ada"}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Makes a repeat of this request return the first one's battle.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


def describe_arena(paths: Json) -> None:
    """Completes the arena's operations in place."""
    begin = paths["/v1/arena/battles"]["post"]
    begin["requestBody"] = _body(BattleRequest, _EXAMPLE_BATTLE)
    for operation in (begin, paths["/v1/arena/battles/{battle_id}/regenerate"]["post"]):
        operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
        taken = operation["responses"]["202"]
        taken["description"] = "Taken in. Its evaluations are there as soon as both models have judged."
        taken["headers"] = {
            "Location": _header("Where the battle is."),
            "Idempotent-Replayed": _header("`true` where the Idempotency-Key had been used: this is that battle."),
        }
    vote = paths["/v1/arena/battles/{battle_id}/vote"]["post"]
    vote["requestBody"] = _body(VoteRequest, _EXAMPLE_VOTE)
    vote["responses"]["200"]["description"] = "The vote counts. With the names, from now on for this voter."
    vote["responses"]["409"]["description"] = "The battle is not open, or this voter has voted on it."
    board = paths["/v1/arena/leaderboard"]["get"]
    shown = board["responses"]["200"]
    shown["content"] |= {form: {"schema": {"type": "string"}} for form in (CSV, MARKDOWN)}
    shown["headers"] = {
        "ETag": _header("Another one after each vote; send it as If-None-Match."),
        "Vary": _header("`Accept`."),
    }
    board["responses"]["304"] = {"description": "As it was when it had the ETag that If-None-Match names."}


def _body(said: type, example: Json) -> Json:
    schema = {"$ref": f"#/components/schemas/{said.__name__}"}
    return {"required": True, "content": {_JSON: {"schema": schema, "example": example}}}


def _header(description: str) -> Json:
    return {"description": description, "schema": {"type": "string"}}
