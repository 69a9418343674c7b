"""Headers of every response, errors included: the request's id, and those that tell browsers what they must not do.

`X-Request-Id` is taken from the request or made, sent back and logged.
"""

import re
from collections.abc import Callable, MutableMapping
from typing import Any

from litestar.types import HTTPResponseStartEvent, Message, Send

from service.contracts.ids import new_id

REQUEST_ID = "X-Request-Id"
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_ID_NAME = REQUEST_ID.lower().encode()
_VALID_ID = re.compile(rb"[A-Za-z0-9._:@/+=-]{1,128}")  # safe in a log line and in a header
_SECURITY = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]


def on_start(send: Send, see: Callable[[HTTPResponseStartEvent], None]) -> Send:
    """Returns a `send` that calls `see` with the start of the response, which it may change, before it sends that."""

    async def send_seen(message: Message) -> None:
        if message["type"] == "http.response.start":
            see(message)
        await send(message)

    return send_seen


def with_own_headers(scope: MutableMapping[str, Any], send: Send) -> Send:
    """Gives a request its id, in `scope["state"]`. Returns a `send` that adds the id and the security headers.

    A security header that the response has itself stays.
    """
    given = next((value for name, value in scope["headers"] if name == _ID_NAME), b"")
    request_id = given if _VALID_ID.fullmatch(given) else new_id("req").encode()
    scope.setdefault("state", {})["request_id"] = request_id.decode()

    def add(message: HTTPResponseStartEvent) -> None:
        own = [(name.lower(), value) for name, value in message.get("headers", ())]
        names = {name for name, _ in own}
        security = ((name, value) for name, value in _SECURITY if name not in names)
        message["headers"] = [*own, (_ID_NAME, request_id), *security]

    return on_start(send, add)
