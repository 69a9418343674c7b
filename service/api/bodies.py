"""Reads request bodies, as a whole or line by line, within limits; and the media types of bodies and answers."""

import asyncio
import re
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any, TypeVar

from litestar import Request
from litestar.datastructures.headers import Accept

from service.api.problems import ProblemError
from service.contracts.decoding import decode
from service.contracts.refusals import too_large
from service.threads import aside_if_large

JSON = "application/json"
NDJSON = "application/x-ndjson"
CSV = "text/csv"
MARKDOWN = "text/markdown"

_UNWANTED = re.compile(r";\s*q\s*=\s*0(\.0*)?\s*(;|$)")

_T = TypeVar("_T")


def media_type(request: Request[Any, Any, Any], *accepted: str) -> str:
    """Returns the body's media type without its parameters. Raises ProblemError (415) if it is not in `accepted`."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in accepted:
        detail = f"the Content-Type is {given or 'missing'}; send {' or '.join(accepted)}"
        raise ProblemError(415, "unsupported-media-type", detail)
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("", "identity"):  # a compressed body may be a thousand times as large
        detail = f"the Content-Encoding is {coding[:50]}; send it uncompressed"
        raise ProblemError(415, "unsupported-media-type", detail, {"Accept-Encoding": "identity"})
    return given


def form_wanted(request: Request[Any, Any, Any], *others: str) -> str:
    """Returns the one of JSON and the other media types that `Accept` prefers; JSON if it wants none of them."""
    ranges = request.headers.get("accept", "*/*").lower().split(",")
    unwanted = {each.partition(";")[0].strip() for each in ranges if _UNWANTED.search(each)}
    wanted = Accept(",".join(each for each in ranges if not _UNWANTED.search(each)))
    return wanted.best_match([form for form in (JSON, *others) if form not in unwanted], default=JSON)


MOST_LINE_BYTES = 10_000_000
MOST_PAUSE_S = 30.0  # between two parts of a body


class Body:
    """The body of a request, read once. `digest` and `size`, in bytes, are of the part that has been read.

    A whole body may have `most_bytes`, one that is read line by line `most_upload_bytes`, if they are given.
    """

    def __init__(self, request: Request[Any, Any, Any], most_bytes: int, most_upload_bytes: int | None = None) -> None:
        self._request = request
        self._most_bytes = most_bytes
        self._most_upload_bytes = most_upload_bytes
        self._hash = sha256()
        self._left = self._parts()
        self.size = 0

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    async def whole(self) -> bytes:
        """Returns all of it. Raises Refused (too-large) if it exceeds the limit."""
        parts = []
        async for part in self._left:
            if self.size > self._most_bytes:
                raise too_large(f"the body has more than {self._most_bytes} bytes")
            parts.append(part)
        return b"".join(parts)

    async def lines(self) -> AsyncIterator[list[bytes]]:
        """Yields the lines of each part without line ends. Raises Refused (too-large) if a line or the upload exceeds
        its limit.
        """
        begun: list[bytes] = []  # the parts of a line, joined once: to join them with each part would be squared
        size = ended = 0  # bytes of the begun line; lines before it
        most = min(self._most_bytes, MOST_LINE_BYTES)
        async for part in self._left:
            self._check_size()
            first, *others = part.split(b"\n")
            begun.append(first)
            size += len(first)
            if max(sizes := [size, *map(len, others)]) > most:
                number = ended + 1 + next(index for index, each in enumerate(sizes) if each > most)
                raise too_large(f"line {number} of the body has more than {most} bytes")
            if others:
                ended += len(others)
                rest = others.pop()
                yield [b"".join(begun), *others]
                begun, size = [rest], len(rest)
        if size:
            yield [b"".join(begun)]

    async def read_rest(self) -> None:
        """Reads the rest, for `digest`. Raises Refused (too-large) if the upload exceeds its limit."""
        async for _ in self._left:
            self._check_size()

    def _check_size(self) -> None:
        if self._most_upload_bytes is not None and self.size > self._most_upload_bytes:
            raise too_large(f"more than {self._most_upload_bytes} bytes in one upload")

    async def _parts(self) -> AsyncIterator[bytes]:
        """Raises ProblemError (408) if the client pauses for too long."""
        parts = aiter(self._request.stream())
        while True:
            try:
                async with asyncio.timeout(MOST_PAUSE_S):
                    part = await anext(parts)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                detail = f"no part of the body came within {MOST_PAUSE_S:g} s"
                raise ProblemError(408, "upload-too-slow", detail, headers={"Connection": "close"}) from error
            self._hash.update(part)
            self.size += len(part)
            yield part


async def decode_aside(raw: bytes, type_: type[_T]) -> _T:
    """Returns the JSON as `type_`; large JSON is decoded in a thread. Raises Refused (invalid) with each fault."""
    return await aside_if_large(len(raw), decode, raw, type_)  # to name the faults of many takes seconds


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
    content = await decode_aside(await body.whole(), type_)
    return content, sha256(f"{scope}\n{body.digest}".encode()).hexdigest()
