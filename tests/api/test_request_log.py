"""Each request is one line in the log, without its query and its key."""

import logging

import httpx
import pytest


async def test_a_request_is_logged_once(api: httpx.AsyncClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    await api.get("/v1/jobs?limit=3", headers={"X-Request-Id": "trace-9", "X-API-Key": "a-secret"})
    found = [record for record in caplog.records if record.name == "service.api.request_log"]
    assert [record.levelno for record in found] == [logging.INFO]
    assert found[0].getMessage().startswith("GET /v1/jobs 200 in ")
    assert found[0].fields["status"] == 200  # type: ignore[attr-defined]
    assert "limit" not in found[0].getMessage()
    assert "a-secret" not in caplog.text


async def test_probes_and_scrapes_are_logged_as_other_requests_are(
    api: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    paths = ("/healthz", "/healthz", "/readyz", "/readyz", "/metrics", "/metrics")
    for path in paths:
        await api.get(path)
    found = [record for record in caplog.records if record.name == "service.api.request_log"]
    assert [record.fields["path"] for record in found] == list(paths)  # type: ignore[attr-defined]
