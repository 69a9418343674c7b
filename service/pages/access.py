"""Who may see a page: sessions that were opened with an API key. `api/origins.py` refuses forms of other origins."""

from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.handlers import BaseRouteHandler

from service.api.access import has_scope, key_with_digest
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
    if not has_scope(key, scope):
        raise ProblemError(403, "forbidden", f"the key {key.name} lacks the scope {scope}")


def cookie(request: Request[Any, Any, Any], name: str, value: str, lasts_s: int) -> Cookie:
    """Returns a cookie that only pages of this service get; one of 0 seconds removes it."""
    return Cookie(
        key=name,
        value=value,
        max_age=lasts_s,
        path="/",
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


async def _key_of(connection: ASGIConnection[Any, Any, Any, Any], keys: tuple[KeySettings, ...]) -> KeySettings | None:
    """Returns the key of the session, None if there is none or it is configured no longer."""
    token = connection.cookies.get(SESSION_COOKIE)
    digest = await key_of_session(connection.app.state.redis, token) if token else None
    return None if digest is None else key_with_digest(keys, digest)
