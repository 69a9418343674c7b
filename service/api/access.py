"""API keys and their scopes."""

from hashlib import sha256
from hmac import compare_digest
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from redis.asyncio import Redis

from service.api.problems import ProblemError
from service.config.settings import KeySettings, Scope
from service.jobs import EVERYTHING, Caller, View, check_budget


def needs(scope: Scope) -> dict[str, Any]:
    """Returns the `opt=` of a handler that only keys with this scope, or with scope admin, may use."""
    return {"scope": scope}


async def check_access(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Guards each handler: raises ProblemError (401 or 403) if the key is missing, wrong, or lacks the scope.

    If no keys are configured, everyone may use everything.
    """
    keys: tuple[KeySettings, ...] = connection.app.state.settings.keys
    scope = handler.opt.get("scope")
    connection.state.key = None
    if scope is None or not keys:
        return
    key = key_named(keys, _given(connection))
    if key is None:
        raise ProblemError(
            401,
            "unauthorized",
            "send a valid API key as `Authorization: Bearer <key>` or `X-API-Key: <key>`",
            headers={"WWW-Authenticate": "Bearer"},
        )
    connection.scope["state"]["key_name"] = key.name  # of which `connection.state` is a copy
    if not has_scope(key, scope):
        raise ProblemError(403, "forbidden", f"the key {key.name} lacks the scope {scope}")
    connection.state.key = key


def has_scope(key: KeySettings | None, scope: Scope) -> bool:
    """Returns whether a key has a scope, or the scope admin; None stands for a service without keys."""
    return key is None or bool({scope, "admin"} & set(key.scopes))


def can(request: Request[Any, Any, Any], scope: Scope) -> bool:
    """Returns whether the key of a request, or of its session, may do what needs a scope."""
    return has_scope(request.state.key, scope)


def view_of(request: Request[Any, Any, Any]) -> View:
    """Returns the jobs, benchmarks and battles that a request may see: its key's own, all of them with scope admin."""
    key: KeySettings | None = request.state.key
    return EVERYTHING if key is None or has_scope(key, "admin") else View(key.name)


def caller_of(request: Request[Any, Any, Any], idempotency_key: str | None) -> Caller:
    """Returns the caller of a request, with the digest of its Idempotency-Key."""
    key: KeySettings | None = request.state.key
    digest = None if idempotency_key is None else sha256(idempotency_key.encode()).hexdigest()
    return Caller(None if key is None else key.name, digest)


async def paying_caller(redis: Redis, request: Request[Any, Any, Any], idempotency_key: str | None) -> Caller:
    """Returns the caller of a request that calls models. Raises Refused (budget-spent) as `check_budget` does."""
    caller = caller_of(request, idempotency_key)
    await check_budget(redis, request.state.key, caller)
    return caller


def key_named(keys: tuple[KeySettings, ...], given: str) -> KeySettings | None:
    """Returns the key that somebody sent or typed, None if there is no such key."""
    return key_with_digest(keys, sha256(given.encode()).hexdigest()) if given else None


def key_with_digest(keys: tuple[KeySettings, ...], digest: str) -> KeySettings | None:
    """Returns the key of which a session has the SHA-256 digest, None if it is configured no longer."""
    return next((key for key in keys if compare_digest(key.sha256, digest)), None)


def _given(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else connection.headers.get("x-api-key", "")
