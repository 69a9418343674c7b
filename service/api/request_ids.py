"""Request ids: `X-Request-Id`, taken from the request or made, sent back with every response and logged."""

import re
from collections.abc import MutableMapping
from typing import Any

from litestar.types import Message, Send

from service.contracts.ids import new_id

HEADER = "X-Request-Id"

_NAME = HEADER.lower().encode()
_VALID = re.compile(rb"[A-Za-z0-9._:@/+=-]{1,128}")  # safe in a log line and in a header


def with_request_id(scope: MutableMapping[str, Any], send: Send) -> Send:
    """Gives a request its id, in `scope["state"]`. Returns a `send` that adds the id to the response."""
    given = next((value for name, value in scope["headers"] if name == _NAME), b"")
    request_id = given if _VALID.fullmatch(given) else new_id("req").encode()
    scope.setdefault("state", {})["request_id"] = request_id.decode()

    async def send_with_id(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), (_NAME, request_id)]
        await send(message)

    return send_with_id
