"""HEAD is answered as GET is, without the body, and every refusal or OPTIONS names all methods of its path."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, cast

from litestar import Litestar
from litestar.routes import HTTPRoute
from litestar.types import HTTPResponseStartEvent, Message, Receive, Scope, Send

from service.api.responses import on_start

Handle = Callable[[Scope, Receive, Send], Awaitable[None]]


def allow_header(methods: Iterable[str]) -> str:
    """Returns the value of an Allow header."""
    found = set(methods) | {"OPTIONS"}
    return ", ".join(sorted(found | {"HEAD"} if "GET" in found else found))


async def route_by_method(handle: Handle, app: Litestar, scope: Any, receive: Receive, send: Send) -> None:
    """Handles a request for any method."""
    if scope["method"] == "HEAD":
        await handle(cast("Scope", {**scope, "method": "GET"}), receive, _without_body(send))
    elif scope["method"] == "OPTIONS":
        await handle(scope, receive, _with_methods(app, scope, send))
    else:
        await handle(scope, receive, send)


def _without_body(send: Send) -> Send:
    """A stream ends at once: the server tells it that nobody listens."""
    is_over = False

    async def send_head(message: Message) -> None:
        nonlocal is_over
        if message["type"] == "http.response.start":
            await send(message)
        elif not is_over:
            is_over = True
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return send_head


def _with_methods(app: Litestar, scope: Mapping[str, Any], send: Send) -> Send:
    """Litestar names only the methods that it knew when it made the path's first handler."""

    def name_methods(message: HTTPResponseStartEvent) -> None:
        if message["status"] == HTTPStatus.NO_CONTENT:
            path = _nameless(scope["path_template"])
            of_http = (each for each in app.routes if isinstance(each, HTTPRoute))
            routes = [each for each in of_http if _nameless(each.path_format) == path]
            methods = {method for route in routes for method in route.methods}
            others = [(name, value) for name, value in message["headers"] if name.lower() != b"allow"]
            message["headers"] = [*others, (b"allow", allow_header(methods).encode())]

    return on_start(send, name_methods)


def _nameless(path: str) -> str:
    """A path without the names of its parameters, in which handlers differ."""
    return re.sub(r"\{[^}]*\}", "{}", path)
