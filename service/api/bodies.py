"""Reads request bodies, as a whole or line by line, within limits; and the media types of bodies and answers."""

from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any, TypeVar

from litestar import Request

from service.api.problems import ProblemError
from service.contracts.decoding import decode
from service.contracts.refusals import too_large

JSON = "application/json"
NDJSON = "application/x-ndjson"
CSV = "text/csv"
MARKDOWN = "text/markdown"

_T = TypeVar("_T")


def media_type(request: Request[Any, Any, Any], *accepted: str) -> str:
    """Returns the body's media type without its parameters. Raises ProblemError (415) if it is not in `accepted`."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in accepted:
        detail = f"the Content-Type is {given or 'missing'}; send {' or '.join(accepted)}"
        raise ProblemError(415, "unsupported-media-type", detail)
    return given


def form_wanted(request: Request[Any, Any, Any]) -> str:
    """Returns CSV or Markdown if `Accept` names it, else JSON."""
    accepted = request.headers.get("accept", "")
    return CSV if CSV in accepted else MARKDOWN if MARKDOWN in accepted else JSON


class Body:
    """The body of a request, read once. `digest` covers the part that has been read."""

    def __init__(self, request: Request[Any, Any, Any], most_bytes: int) -> None:
        self._request = request
        self._most_bytes = most_bytes
        self._hash = sha256()

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    async def whole(self) -> bytes:
        """Returns all of it. Raises Refused (too-large) if it exceeds the limit."""
        parts, size = [], 0
        async for part in self._parts():
            size += len(part)
            self._check(size)
            parts.append(part)
        return b"".join(parts)

    async def lines(self) -> AsyncIterator[bytes]:
        """Yields the lines without line ends. Raises Refused (too-large) if a line exceeds the limit."""
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


async def read_json(request: Request[Any, Any, Any], type_: type[_T], most_bytes: int) -> _T:
    """Returns the JSON body as `type_`.

    Raises ProblemError (415) for other media types, Refused (too-large, or invalid with each fault).
    """
    content, _ = await read_fingerprinted(request, type_, most_bytes, "")
    return content


async def read_fingerprinted(
    request: Request[Any, Any, Any], type_: type[_T], most_bytes: int, scope: str
) -> tuple[_T, str]:
    """Returns the body as `read_json` does, and a digest of it within `scope` for the request's Idempotency-Key."""
    media_type(request, JSON)
    body = Body(request, most_bytes)
    content = decode(await body.whole(), type_)
    return content, sha256(f"{scope}\n{body.digest}".encode()).hexdigest()
