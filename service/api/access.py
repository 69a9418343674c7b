"""Who may do what: API keys and their scopes."""

from hashlib import sha256
from hmac import compare_digest
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from redis.asyncio import Redis

from service.api.problems import ProblemError
from service.config.settings import KeySettings, Scope
from service.contracts.refusals import Kind, Refused
from service.store import clock
from service.store.finishing import spent_today

OPEN = "-"  # the caller's name where no keys are configured


def needs(scope: Scope) -> dict[str, Any]:
    """Marks a route: only keys of this scope, or of scope admin, may use it."""
    return {"scope": scope}


def check_access(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """A Litestar guard. Where no keys are configured, everybody may do everything."""
    keys: tuple[KeySettings, ...] = connection.app.state.settings.keys
    scope = handler.opt.get("scope")
    connection.state.caller = OPEN
    connection.state.key = None
    if scope is None or not keys:
        return
    key = _known(keys, _given(connection))
    if not {scope, "admin"} & set(key.scopes):
        raise ProblemError(403, "forbidden", f"the key {key.name} lacks the scope {scope}")
    connection.state.caller = key.name
    connection.state.key = key


def _known(keys: tuple[KeySettings, ...], given: str) -> KeySettings:
    digest = sha256(given.encode()).hexdigest()
    found = [key for key in keys if compare_digest(key.sha256, digest)]
    if not given or not found:
        raise ProblemError(
            401,
            "unauthorized",
            "send a valid API key as `Authorization: Bearer <key>` or `X-API-Key: <key>`",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return found[0]


def _given(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else connection.headers.get("x-api-key", "")


async def check_budget(redis: Redis, key: KeySettings | None) -> None:
    """Raises a 429 problem where a key has spent what it may in a day, with the time until the next."""
    if key is None or key.budget_usd_per_day is None:
        return
    if await spent_today(redis, key.name) >= key.budget_usd_per_day:
        detail = f"the key {key.name} has spent its budget of {key.budget_usd_per_day:g} USD for today"
        raise Refused(Kind.BUDGET_SPENT, detail=detail, retry_after_s=clock.seconds_left_today())
