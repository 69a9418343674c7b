"""One span for each request, under that of the client if it sends one; jobs take it along to the workers."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from litestar.types import HTTPResponseStartEvent, HTTPScope, Receive, Scope, Send

from service import telemetry
from service.api.responses import on_start

_UNTRACED = frozenset({"/healthz", "/readyz", "/metrics"})  # asked for all the time
_SENT_ON = (b"traceparent", b"tracestate")
_SERVER_ERROR = 500


async def in_span(
    handle: Callable[[Scope, Receive, Send], Awaitable[None]], scope: Scope, receive: Receive, send: Send
) -> None:
    """Handles a request within a span, which is named by the route and has no parameter of it."""
    if not telemetry.records_spans() or scope["path"] in _UNTRACED:
        await handle(scope, receive, send)
        return
    method, status = cast("HTTPScope", scope)["method"], 0

    def note(message: HTTPResponseStartEvent) -> None:
        nonlocal status
        status = message["status"]

    parent = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in _SENT_ON}
    attributes: dict[str, telemetry.Attribute] = {"http.request.method": method, "url.scheme": scope["scheme"]}
    with telemetry.span(method, "server", attributes, parent) as span:
        try:
            await handle(scope, receive, on_start(send, note))
        finally:
            route = cast("dict[str, Any]", scope).get("path_template")
            if route:
                span.rename(f"{method} {route}")
            span.note({"http.route": route, "http.response.status_code": status or None})
            if status >= _SERVER_ERROR or not status:
                span.fail(str(status or "disconnected"))
