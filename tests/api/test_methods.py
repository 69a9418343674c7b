"""HEAD is answered as GET is, without a body; OPTIONS and 405 name all methods of a path."""

import httpx
import pytest

from tests.api.conftest import problem_of

JOB = {"judge": "politeness", "models": ["control/length"], "items": [{"output": "an answer"}]}


@pytest.mark.parametrize(
    ("path", "status"),
    [("/healthz", 200), ("/v1/jobs", 200), ("/", 200), ("/metrics", 200), ("/v1/jobs/job_none", 404)],
)
async def test_head_has_the_status_and_the_headers_of_get(api: httpx.AsyncClient, path: str, status: int) -> None:
    head, got = await api.head(path), await api.get(path)
    assert (head.status_code, head.content) == (status, b"") == (got.status_code, b"")
    assert head.headers["content-type"] == got.headers["content-type"]


async def test_head_of_a_stream_ends_at_once(api: httpx.AsyncClient) -> None:
    job = (await api.post("/v1/jobs", json=JOB)).json()["id"]
    response = await api.head(f"/v1/jobs/{job}/events")
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/jobs", "GET, HEAD, OPTIONS, POST"),
        ("/v1/judges/helpfulness", "DELETE, GET, HEAD, OPTIONS, PUT"),
        ("/v1/parse", "OPTIONS, POST"),
        ("/healthz", "GET, HEAD, OPTIONS"),
    ],
)
async def test_options_and_refusals_name_all_methods_of_a_path(api: httpx.AsyncClient, path: str, methods: str) -> None:
    options = await api.options(path)
    assert (options.status_code, options.headers["allow"]) == (204, methods)
    refused = await api.patch(path)
    assert refused.headers["allow"] == methods
    problem = problem_of(refused, 405, "method-not-allowed")
    assert problem["detail"] == f"PATCH is not allowed for this path (allowed: {methods})"
