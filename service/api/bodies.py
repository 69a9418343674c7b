"""Reads request bodies: whole as JSON, or line by line as NDJSON, within limits."""

from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any, TypeVar

from litestar import Request

from service.api.problems import ProblemError
from service.contracts.decoding import decode
from service.contracts.refusals import too_large

T = TypeVar("T")

JSON = "application/json"
NDJSON = "application/x-ndjson"
CSV = "text/csv"
MARKDOWN = "text/markdown"


def media_type(request: Request[Any, Any, Any], *accepted: str) -> str:
    """The body's media type without its parameters. Raises a 415 problem unless it is one of `accepted`."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in accepted:
        raise ProblemError(415, "unsupported-media-type", f"send {' or '.join(accepted)}, not {given or 'nothing'}")
    return given


def form_wanted(request: Request[Any, Any, Any]) -> str:
    """Of JSON, CSV and Markdown the one that `Accept` asks for; JSON where it asks for neither of the others."""
    accepted = request.headers.get("accept", "")
    return CSV if CSV in accepted else MARKDOWN if MARKDOWN in accepted else JSON


class Body:
    """A request's body, read once. `digest` covers what was read so far."""

    def __init__(self, request: Request[Any, Any, Any], most_bytes: int) -> None:
        self._request = request
        self._most_bytes = most_bytes
        self._hash = sha256()

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    async def whole(self) -> bytes:
        """All of it. Raises a 413 problem where it is larger than allowed."""
        parts, size = [], 0
        async for part in self._parts():
            size += len(part)
            self._check(size)
            parts.append(part)
        return b"".join(parts)

    async def lines(self) -> AsyncIterator[bytes]:
        """Line by line, without line ends. Raises a 413 problem where one line is larger than allowed."""
        rest = b""
        async for part in self._parts():
            *lines, rest = (rest + part).split(b"\n")
            self._check(len(rest))
            for line in lines:
                self._check(len(line))
                yield line
        if rest:
            yield rest

    async def _parts(self) -> AsyncIterator[bytes]:
        async for part in self._request.stream():
            self._hash.update(part)
            yield part

    def _check(self, size: int) -> None:
        if size > self._most_bytes:
            raise too_large(f"more than {self._most_bytes} bytes in one body or line")


async def read_json(request: Request[Any, Any, Any], type_: type[T], most_bytes: int) -> T:
    """The body as `type_`. Raises a problem: 400 naming each bad place, 413, 415."""
    media_type(request, JSON)
    return decode(await Body(request, most_bytes).whole(), type_)
