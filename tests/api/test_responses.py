"""Every response has a request id, the caller's or a new one, and the headers that keep browsers from misusing it."""

import httpx
import pytest
from redis.asyncio import Redis

from service.api.responses import SECURITY_HEADERS
from tests.api.conftest import problem_of


@pytest.mark.parametrize("path", ["/healthz", "/v1/jobs", "/v1/jobs/job_x", "/nowhere", "/v1/jobs?limit=0", "/schema"])
async def test_a_response_has_an_id_of_its_own(api: httpx.AsyncClient, path: str) -> None:
    first, second = [(await api.get(path)).headers.get_list("x-request-id") for _ in range(2)]
    assert len(first) == len(second) == 1
    assert first[0].startswith("req_")
    assert first != second


@pytest.mark.parametrize("given", ["abc", "0af7651916cd43dd8448eb211c80319c", "a/b:c@d=e.f_g-h+1"])
async def test_a_valid_id_is_sent_back(api: httpx.AsyncClient, given: str) -> None:
    response = await api.get("/healthz", headers={"X-Request-Id": given})
    assert response.headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "two words", "x" * 129, 'quo"te', "tab\there"])
async def test_an_invalid_id_is_replaced(api: httpx.AsyncClient, given: str) -> None:
    response = await api.get("/healthz", headers={"X-Request-Id": given})
    assert response.headers["x-request-id"].startswith("req_")


async def test_an_internal_error_and_its_log_line_have_the_id(
    api: httpx.AsyncClient, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    item = {"input": "a question", "output": "an answer"}
    job = (await api.post("/v1/jobs", json={"judge": "helpfulness", "items": [item]})).json()
    await redis.set(f"judged:job:{job['id']}", "no hash")
    response = await api.get(f"/v1/jobs/{job['id']}", headers={"X-Request-Id": "trace-7"})
    problem = problem_of(response, 500, "internal")
    assert problem["detail"] == "internal error; see the server log (request id trace-7)"
    assert "failed (request id trace-7)" in caplog.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/healthz"),
        ("GET", "/metrics"),
        ("GET", "/schema"),
        ("GET", "/v1/jobs"),
        ("GET", "/v1/jobs/job_x"),
        ("GET", "/nowhere"),
        ("PATCH", "/v1/jobs"),
        ("GET", "/v1/jobs?limit=0"),
        ("POST", "/v1/jobs"),
        ("GET", "/v1/arena/leaderboard"),
    ],
)
async def test_every_response_has_each_security_header_once(api: httpx.AsyncClient, method: str, path: str) -> None:
    response = await api.request(method, path)
    for name, value in SECURITY_HEADERS.items():
        assert response.headers.get_list(name) == [value], (path, name)
