"""A job arrives in one of two forms, and is the same job."""

import json

import httpx
import pytest
from redis.asyncio import Redis

from service.api.uploads import order_parameters
from service.contracts.jobs import JobOrder
from service.store import jobs
from tests.api.conftest import pointers

ITEMS = [{"input": "a question", "output": "an answer"}, {"output": "another"}]
LINES = "\n".join(json.dumps(item) for item in ITEMS)
NDJSON = {"content-type": "application/x-ndjson"}


async def test_json_and_ndjson_make_the_same_job(api: httpx.AsyncClient, redis: Redis) -> None:
    order = {"judge": "politeness", "models": ["control/length", "control/overlap"], "cache": False}
    as_json = await api.post("/v1/jobs", json={**order, "items": ITEMS})
    query = "judge=politeness&models=control/length,control/overlap&cache=false"
    as_lines = await api.post(f"/v1/jobs?{query}", content=LINES, headers=NDJSON)
    assert as_json.status_code == as_lines.status_code == 202
    records = []
    for response in (as_json, as_lines):
        found = await jobs.load_job(redis, response.json()["id"])
        assert found is not None
        records.append(found[0])
    assert records[0].judges == records[1].judges
    assert (records[0].items, records[0].cache) == (records[1].items, records[1].cache) == (2, False)


async def test_several_judges_are_named_by_repeating_the_parameter(api: httpx.AsyncClient) -> None:
    response = await api.post("/v1/jobs?judge=politeness&judge=toxicity", content=LINES, headers=NDJSON)
    assert [judge["name"] for judge in response.json()["judge"]] == ["politeness", "toxicity"]


async def test_the_same_key_with_another_query_is_another_request(api: httpx.AsyncClient) -> None:
    headers = {**NDJSON, "Idempotency-Key": "once"}
    first = await api.post("/v1/jobs?judge=politeness", content=LINES, headers=headers)
    again = await api.post("/v1/jobs?judge=politeness", content=LINES, headers=headers)
    assert first.json()["id"] == again.json()["id"]
    assert again.headers["idempotent-replayed"] == "true"
    assert (await api.post("/v1/jobs?judge=toxicity", content=LINES, headers=headers)).status_code == 409


async def test_a_parameter_of_ndjson_is_refused_with_json(api: httpx.AsyncClient) -> None:
    response = await api.post("/v1/jobs?budget_usd=1&cache=false", json={"judge": "politeness", "items": ITEMS})
    assert pointers(response) == ["/budget_usd", "/cache"]


@pytest.mark.parametrize("given", ["{", "[" * 5000])
async def test_a_json_parameter_that_is_none_is_refused_by_name(api: httpx.AsyncClient, given: str) -> None:
    response = await api.post(f"/v1/jobs?judge=politeness&parameters={given}", content=LINES, headers=NDJSON)
    assert pointers(response, 400) == ["/parameters"]


async def test_only_wrong_parameters_are_faults(api: httpx.AsyncClient) -> None:
    right = "judge=politeness&samples=2&cache=false&budget_usd=1&models=control/length&parameters={}"
    query = f"{right}&reasks=many&callback_url="
    response = await api.post(f"/v1/jobs?{query}", content=LINES, headers=NDJSON)
    assert pointers(response, 400) == ["/reasks", "/callback_url"]


def test_every_field_of_an_order_is_a_documented_parameter() -> None:
    assert [each["name"] for each in order_parameters()] == list(JobOrder.__struct_fields__)
