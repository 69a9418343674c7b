"""`/v1/archive/judgments` and items without an archive, and with one that is away."""

from pathlib import Path

import httpx

from tests.api.conftest import OpenApi, problem_of

SINCE = "/v1/archive/judgments?since=2026-01-01T00:00:00Z"


async def test_without_an_archive_the_list_is_empty(api: httpx.AsyncClient) -> None:
    response = await api.get(SINCE)
    assert (response.status_code, response.text) == (200, "")
    assert response.headers["content-type"] == "application/x-ndjson"


async def test_a_time_has_to_be_named(api: httpx.AsyncClient) -> None:
    assert problem_of(await api.get("/v1/archive/judgments"), 400, "invalid-request")["errors"]
    assert problem_of(await api.get("/v1/archive/judgments?since=now"), 400, "invalid-request")["errors"]


async def test_an_archive_that_is_away_is_503_and_concerns_no_other_request(open_api: OpenApi, tmp_path: Path) -> None:
    (tmp_path / "archive").write_text("no folder")
    client = await open_api(archive={"url": str(tmp_path / "archive")})
    for path in (SINCE, "/v1/items/i-1"):
        response = await client.get(path)
        assert problem_of(response, 503, "archive-unavailable")["detail"].startswith("the archive can't be read")
        assert response.headers["retry-after"]
    assert (await client.get("/v1/jobs")).status_code == 200
    assert (await client.get("/metrics")).status_code == 200
