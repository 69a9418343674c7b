"""Bodies are read within limits, as a whole or line by line."""

from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any, cast

import pytest
from litestar import Request
from litestar.testing import RequestFactory

from service.api.bodies import CSV, JSON, MARKDOWN, NDJSON, Body, form_wanted, media_type
from service.api.problems import ProblemError
from service.contracts.refusals import Refused


class Sent:
    """A request whose body arrives in parts."""

    def __init__(self, *parts: bytes) -> None:
        self._parts = parts

    async def stream(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            yield part


def body(*parts: bytes, most_bytes: int = 5) -> Body:
    return Body(cast("Request[Any, Any, Any]", Sent(*parts)), most_bytes)


async def test_a_whole_body_is_joined_and_its_digest_known() -> None:
    read = body(b"ab", b"c")
    assert await read.whole() == b"abc"
    assert read.digest == sha256(b"abc").hexdigest()


async def test_lines_may_be_cut_anywhere() -> None:
    read = body(b"a\nb", b"c\n", b"\n", b"d", b"e\nf\ng")
    assert [lines async for lines in read.lines()] == [[b"a"], [b"bc"], [b""], [b"de", b"f"], [b"g"]]


@pytest.mark.parametrize("parts", [(b"123456",), (b"123", b"456")])
async def test_too_large_a_body_or_line_is_refused(parts: tuple[bytes, ...]) -> None:
    with pytest.raises(Refused, match="the body has more than 5 bytes"):
        await body(*parts).whole()
    for before, number in ((b"", 1), (b"a\n", 2), (b"a\n\nbc\n", 4)):
        with pytest.raises(Refused, match=f"line {number} of the body has more than 5 bytes"):
            [lines async for lines in body(before, *parts).lines()]
        with pytest.raises(Refused, match=f"line {number} of the body has more than 5 bytes"):
            [lines async for lines in body(before + parts[0], *parts[1:], b"\n").lines()]


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("text/csv", CSV),
        ("TEXT/CSV", CSV),
        ("text/markdown, */*;q=0.1", MARKDOWN),
        ("application/json", JSON),
        ("application/json, text/csv;q=0.5", JSON),
        ("application/json;q=0.5, text/csv", CSV),
        ("text/html, image/png", JSON),
        ("text/csv;q=0", JSON),
        ("text/csv; Q=0.000", JSON),
        ("text/csv;q=0, */*", JSON),
        ("text/*, text/csv;q=0", MARKDOWN),
        ("application/json;q=0, */*;q=0.1", CSV),
        ("*/*;q=0, text/csv", CSV),
        ("*/*;q=0", JSON),
        ("text/csv;q=0.01", CSV),
    ],
)
def test_the_form_is_the_one_that_accept_prefers(accept: str, form: str) -> None:
    assert form_wanted(RequestFactory().get("/", headers={"Accept": accept}), CSV, MARKDOWN) == form


def test_other_media_types_are_refused_with_the_supported_ones() -> None:
    request = RequestFactory().post("/", headers={"Content-Type": "Text/Plain; charset=utf-8"})
    with pytest.raises(ProblemError, match="the Content-Type is text/plain; send application/json or") as refused:
        media_type(request, JSON, NDJSON)
    assert refused.value.status == 415


@pytest.mark.parametrize("coding", ["gzip", "br", "identity, zstd"])
def test_a_compressed_body_is_refused(coding: str) -> None:
    def request(named: str) -> Request[Any, Any, Any]:
        return RequestFactory().post("/", headers={"Content-Type": JSON, "Content-Encoding": named})

    with pytest.raises(ProblemError, match=f"the Content-Encoding is {coding}; send it uncompressed") as refused:
        media_type(request(coding), JSON)
    assert (refused.value.status, refused.value.headers) == (415, {"Accept-Encoding": "identity"})
    assert media_type(request("Identity"), JSON) == JSON
