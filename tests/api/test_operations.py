"""Health, readiness and metrics."""

import math

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text
from redis.asyncio import Redis

from service.store import counters
from tests.api.conftest import problem_of
from tests.flows.conftest import Judged, Serve

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


async def test_healthz_says_that_this_process_answers(api: httpx.AsyncClient) -> None:
    response = await api.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_readyz_is_503_until_a_worker_is_alive_and_again_once_none_is(serve: Serve) -> None:
    judged: Judged = await serve(workers=0)
    problem_of(await judged.client.get("/readyz"), 503, "no-worker")
    async with judged.worker():
        await judged.judge([{"output": "x"}])
        ready = await judged.client.get("/readyz")
        assert (ready.status_code, ready.json()) == (200, {"status": "ready", "workers": 1})
    problem_of(await judged.client.get("/readyz"), 503, "no-worker")


async def test_metrics_of_an_idle_service_can_be_read_and_have_their_types(api: httpx.AsyncClient) -> None:
    response = await api.get("/metrics")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = {family.name: family for family in read_text(response.text)}
    assert families["judged_queue_items"].samples[0].value == 0
    assert families["judged_workers"].samples[0].value == 0
    for metric in counters.METRICS:
        assert families["judged_" + metric.name.removesuffix("_total")].documentation


@pytest.mark.parametrize("accept", [None, "text/plain", "*/*", OPENMETRICS])
async def test_metrics_after_a_job_are_read_by_prometheus_own_parsers(serve: Serve, accept: str | None) -> None:
    judged: Judged = await serve()
    await judged.judge([{"output": "one", "input": "one two"}, {"output": 'a "quoted"\nline'}])
    response = await judged.client.get("/metrics", headers={"Accept": accept} if accept else {})
    is_openmetrics = accept == OPENMETRICS
    assert response.headers["content-type"].startswith(
        "application/openmetrics-text" if is_openmetrics else "text/plain"
    )
    assert response.headers["content-type"].count("charset") == 1
    families = list((read_openmetrics if is_openmetrics else read_text)(response.text))
    samples = [sample for family in families for sample in family.samples]
    assert not any(math.isnan(sample.value) for sample in samples)
    judgments = [sample for sample in samples if sample.name == "judged_judgments_total"]
    assert sum(sample.value for sample in judgments) == 2
    assert judgments[0].labels == {
        "judge": "helpfulness",
        "version": "1",
        "model": "control/overlap",
        "outcome": "scored",
        "reason": "",
    }
    counted = next(sample for sample in samples if sample.name == "judged_judgment_seconds_count")
    assert counted.value == 2


async def test_metrics_survive_a_restart_of_every_process(serve: Serve) -> None:
    first: Judged = await serve()
    await first.judge([{"output": "x"}])
    second: Judged = await serve(workers=0)
    assert (await second.metrics())["judged_judgment_seconds_count"] == 1


async def test_series_past_the_cap_are_counted_as_other(
    api: httpx.AsyncClient, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counters, "MAX_SERIES", 3)
    for number in range(6):
        await counters.add_counts(redis, [counters.increment(counters.TOKENS, f"m/{number}", "input", by=5)])
    families = {family.name: family for family in read_text((await api.get("/metrics")).text)}
    tokens = {sample.labels["model"]: sample.value for sample in families["judged_tokens"].samples}
    assert sum(tokens.values()) == 30
    assert tokens["other"] == 15
    assert families["judged_metrics_series_dropped"].samples[0].value == 3


async def test_the_schema_is_served_as_openapi(api: httpx.AsyncClient) -> None:
    response = await api.get("/schema")
    assert response.headers["content-type"] == "application/vnd.oai.openapi+json"
    assert response.json()["openapi"].startswith("3.1")
    assert "judged" in response.json()["info"]["title"]
