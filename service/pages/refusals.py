"""Answers errors of pages with a page that says the same as the API's problem."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, NotFoundException

from service.api.problems import HANDLERS, Problem
from service.pages.access import SignInNeededError
from service.pages.documents import page, redirect, rendered

_Handler = Callable[[Request[Any, Any, Any], Any], Response[Any]]


def _as_page(handler: _Handler) -> _Handler:
    """Returns the handler of an error that shows a page in place of a problem in JSON."""

    def shown(request: Request[Any, Any, Any], error: Any) -> Response[Any]:
        answer = handler(request, error)
        problem = msgspec.json.decode(answer.content, type=Problem)
        kept = {name: value for name, value in answer.headers.items() if name.lower() == "retry-after"}
        return page(rendered(request, "refusal.html", problem=problem), problem.status, kept)

    return shown


def _to_sign_in(request: Request[Any, Any, Any], _: SignInNeededError) -> Response[Any]:
    if request.method != "GET":
        return redirect("/login")
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return redirect(f"/login?{urlencode({'next': asked})}")


def unknown_path(request: Request[Any, Any, Any], error: NotFoundException) -> Response[Any]:
    """Answers a path that nothing stands at: with a page for browsers, which ask for HTML, else with a problem."""
    wants_page = "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/v1/")
    answer: _Handler = (PAGE_HANDLERS if wants_page else HANDLERS)[HTTPException]
    return answer(request, error)


PAGE_HANDLERS: dict[int | type[Exception], Any] = {
    **{kind: _as_page(handler) for kind, handler in HANDLERS.items()},
    SignInNeededError: _to_sign_in,
}
