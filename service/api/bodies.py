"""Reads request bodies: whole as JSON, or line by line as NDJSON, within limits."""

from collections.abc import AsyncIterable, AsyncIterator
from hashlib import sha256
from typing import Any, TypeVar

import msgspec
from litestar import Request

from service.api.pointing import faults_in
from service.api.problems import Fault, ProblemError, invalid

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
            raise ProblemError(413, "too-large", f"more than {self._most_bytes} bytes in one body or line")


async def read_json(request: Request[Any, Any, Any], type_: type[T], most_bytes: int) -> T:
    """The body as `type_`. Raises a problem: 400 naming each bad place, 413, 415."""
    media_type(request, JSON)
    return decode(await Body(request, most_bytes).whole(), type_)


def decode(raw: bytes, type_: type[T]) -> T:
    """Raises a 400 problem that names each bad place."""
    try:
        return msgspec.json.decode(raw, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid(faults_in(raw, type_) or [Fault("", str(error))]) from error


async def ndjson(lines: AsyncIterable[bytes], kind: type[T], at: str) -> AsyncIterator[tuple[int, T | list[Fault]]]:
    """Each line that is not empty, by its number from 0: what it holds, or what is wrong with it under `at`."""
    decoder = msgspec.json.Decoder(kind)
    number = -1
    async for line in lines:
        number += 1
        if not line.strip():
            continue
        try:
            yield number, decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            place = f"{at}/{number}"
            yield number, faults_in(line, kind, place) or [Fault(place, str(error))]
