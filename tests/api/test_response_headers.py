"""Every response has the headers that keep browsers from misusing it, and has each of them once."""

import httpx
import pytest

from service.api.response_headers import SECURITY_HEADERS


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
async def test_every_response_has_them(api: httpx.AsyncClient, method: str, path: str) -> None:
    response = await api.request(method, path)
    for name, value in SECURITY_HEADERS.items():
        assert response.headers.get_list(name) == [value], (path, name)
