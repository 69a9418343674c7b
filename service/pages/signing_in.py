"""`/login` and `/logout`: a session for a browser, opened with an API key."""

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Redirect
from redis.asyncio import Redis

from service.api.access import key_named
from service.api.origins import TAKES_FORMS
from service.config.settings import Settings
from service.pages.access import SESSION_COOKIE, cookie
from service.pages.documents import document, redirect
from service.store.sessions import SESSION_S, close_session, open_session

NextQuery = Annotated[str, QueryParameter(name="next", max_length=4_000)]

_MOST_OF_A_FORM = 10_000  # bytes


@get("/login")
async def show_login(
    request: Request[Any, Any, Any], settings: NamedDependency[Settings], following: NextQuery = "/"
) -> Response[bytes]:
    """Asks for an API key."""
    following, has_keys = own_path(following), bool(settings.keys)
    return await document(request, "login.html", following=following, wrong=False, has_keys=has_keys)


@post("/login", opt=TAKES_FORMS, status_code=200, request_max_body_size=_MOST_OF_A_FORM)
async def sign_in(
    request: Request[Any, Any, Any], settings: NamedDependency[Settings], redis: NamedDependency[Redis]
) -> Response[bytes] | Redirect:
    """Opens a session for a valid key, and leads back to the page that asked for it."""
    form = await request.form()
    following = own_path(str(form.get("next", "/")))
    key = key_named(settings.keys, str(form.get("key", "")).strip())
    if key is None:
        has_keys = bool(settings.keys)
        values: dict[str, Any] = {"following": following, "wrong": has_keys, "has_keys": has_keys}
        return await document(request, "login.html", status_code=401, **values)
    token = await open_session(redis, key.sha256)
    return redirect(following, cookie(request, SESSION_COOKIE, token, SESSION_S))


@post("/logout", opt=TAKES_FORMS, status_code=303, request_max_body_size=_MOST_OF_A_FORM)
async def sign_out(request: Request[Any, Any, Any], redis: NamedDependency[Redis]) -> Redirect:
    """Ends the session, in the store and in the browser."""
    if token := request.cookies.get(SESSION_COOKIE):
        await close_session(redis, token)
    return redirect("/login", cookie(request, SESSION_COOKIE, "", 0))


def own_path(path: str) -> str:
    """Returns a path of this service that a sign-in may lead to, `/` in place of any other address."""
    is_own = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and path.isascii()
    return path if is_own else "/"
