"""An upload is read no further than it takes to refuse it. These never end, so that reading on would not either."""

from collections.abc import AsyncIterator

import httpx
import pytest

from service.contracts.pointing import MOST_FAULTS
from tests.api.conftest import problem_of

NDJSON, CSV = "application/x-ndjson", "text/csv"
UPLOADS = {
    "job": ("POST", "/v1/jobs?judge=helpfulness", NDJSON),
    "labels": ("POST", "/v1/labels", NDJSON),
    "anchors": ("PUT", "/v1/anchors/helpfulness", NDJSON),
    "dataset": ("PUT", "/v1/datasets/d", NDJSON),
    "table": ("PUT", "/v1/datasets/d", CSV),
}
HEADER = b"input,output,human.wit.0\n"


async def sent(api: httpx.AsyncClient, name: str, line: bytes, begin: bytes = b"") -> httpx.Response:
    async def endless() -> AsyncIterator[bytes]:
        if name == "table":
            yield HEADER + begin
        while True:
            yield line * 1000

    method, url, media_type = UPLOADS[name]
    return await api.request(method, url, content=endless(), headers={"Content-Type": media_type})


@pytest.mark.parametrize("name", UPLOADS)
async def test_faults(api: httpx.AsyncClient, name: str) -> None:
    problem = problem_of(await sent(api, name, b'{"unheard": 1, "of": 2}\n'), 400, "invalid-request")
    assert len(problem["errors"]) == MOST_FAULTS


@pytest.mark.parametrize("name", UPLOADS)
@pytest.mark.parametrize("line", [b"\n", b" \r\n"])
async def test_blank_lines(api: httpx.AsyncClient, name: str, line: bytes) -> None:
    assert "blank lines" in problem_of(await sent(api, name, line), 413, "too-large")["detail"]


async def test_rows_without_a_cell(api: httpx.AsyncClient) -> None:
    assert "blank lines" in problem_of(await sent(api, "table", b",,\n"), 413, "too-large")["detail"]


@pytest.mark.parametrize(("line", "status"), [(b'{"id": "twice", "input": "q", "output": "x"}\n', 400), (b"{}\n", 422)])
async def test_items_that_are_unfit_or_impossible(api: httpx.AsyncClient, line: bytes, status: int) -> None:
    response = await sent(api, "job", line)
    assert (response.status_code, len(response.json()["errors"])) == (status, MOST_FAULTS)


async def test_a_line_and_a_quoted_cell_without_an_end(api: httpx.AsyncClient) -> None:
    for name in UPLOADS:
        detail = problem_of(await sent(api, name, b"x" * 100), 413, "too-large")["detail"]
        assert f"line {2 if name == 'table' else 1} of the body has more than" in detail
    assert (
        "in one record"
        in problem_of(await sent(api, "table", b"x" * 999 + b"\n", begin=b'"'), 413, "too-large")["detail"]
    )
    lines = await sent(api, "table", b"\n", begin=b'"')
    assert "lines in one record" in problem_of(lines, 413, "too-large")["detail"]


async def test_carriage_returns_in_place_of_line_ends(api: httpx.AsyncClient) -> None:
    for name in UPLOADS:
        assert problem_of(await sent(api, name, b"\r" * 100), 413, "too-large")
