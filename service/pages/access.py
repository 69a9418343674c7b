"""Who may see a page: sessions that were opened with an API key. `api/origins.py` refuses forms of other origins."""

from hashlib import sha256
from hmac import compare_digest
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from service.api.problems import ProblemError
from service.config.settings import KeySettings, Scope
from service.store.sessions import key_of_session

SESSION_COOKIE = "judged_session"


class SignInNeededError(Exception):
    """A page that needs a key, without a session."""


def shown_to(scope: Scope) -> dict[str, Any]:
    """Returns the `opt=` of a page that only keys with this scope, or with scope admin, may use."""
    return {"page_scope": scope}


async def check_session(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Guards each page, after the guards of the API, whose operations pages are not.

    Raises ProblemError (403) if the session's key lacks the scope, and SignInNeededError without a session. If no keys
    are configured, everyone may use everything.
    """
    keys: tuple[KeySettings, ...] = connection.app.state.settings.keys
    scope = handler.opt.get("page_scope")
    key = await _key_of(connection, keys) if keys else None
    connection.state.key = key
    if key is not None:
        connection.scope["state"]["key_name"] = key.name  # of which `connection.state` is a copy
    if not keys or scope is None:
        return
    if key is None:
        raise SignInNeededError
    if not may(key, scope):
        raise ProblemError(403, "forbidden", f"the key {key.name} lacks the scope {scope}")


def may(key: KeySettings | None, scope: Scope) -> bool:
    """Returns whether a page may show what needs a scope; None stands for a service without keys."""
    return key is None or bool({scope, "admin"} & set(key.scopes))


def key_named(keys: tuple[KeySettings, ...], given: str) -> KeySettings | None:
    """Returns the key that somebody typed, None if there is no such key."""
    return _with_digest(keys, sha256(given.encode()).hexdigest())


def can(request: Request[Any, Any, Any], scope: Scope) -> bool:
    """Returns whether the session of a request may do what needs a scope."""
    return may(request.state.key, scope)


async def _key_of(connection: ASGIConnection[Any, Any, Any, Any], keys: tuple[KeySettings, ...]) -> KeySettings | None:
    """Returns the key of the session. A key that is configured no longer opens nothing."""
    token = connection.cookies.get(SESSION_COOKIE)
    digest = await key_of_session(connection.app.state.redis, token) if token else None
    return None if digest is None else _with_digest(keys, digest)


def _with_digest(keys: tuple[KeySettings, ...], digest: str) -> KeySettings | None:
    return next((key for key in keys if compare_digest(key.sha256, digest)), None)
