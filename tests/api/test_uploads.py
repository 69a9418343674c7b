"""A job arrives in one of two forms, and is the same job."""

import json

import httpx
import pytest
from redis.asyncio import Redis

from service.api.uploads import order_parameters
from service.contracts.jobs import JobOrder
from service.store import jobs
from tests.api.conftest import pointers
from tests.flows.conftest import Row

ITEMS: list[Row] = [{"input": "a question", "output": "an answer"}, {"output": "another"}]
LINES = "\n".join(json.dumps(item) for item in ITEMS)
TONE = {"criterion": "tone", "method": "rating", "instructions": "Is it kind?", "models": ["control/length"]}
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


@pytest.mark.parametrize("form", ["application/json", "application/x-ndjson"])
async def test_a_repeat_gets_its_first_answer_although_its_judge_takes_no_new_jobs(
    api: httpx.AsyncClient, form: str
) -> None:
    async def send(items: list[Row], key: str) -> httpx.Response:
        headers = {"Idempotency-Key": key, "Content-Type": form, "Prefer": "wait=0.01"}
        if form == "application/json":
            return await api.post("/v1/jobs", json={"judge": "tone", "items": items}, headers=headers)
        lines = "\n".join(map(json.dumps, items))
        return await api.post("/v1/jobs?judge=tone", content=lines, headers=headers)

    assert (await api.put("/v1/judges/tone", json=TONE)).status_code == 201
    accepted = (await send(ITEMS, "once")).json()
    assert (await api.delete("/v1/judges/tone")).status_code == 204
    again = await send(ITEMS, "once")
    assert (again.status_code, again.json()["id"]) == (202, accepted["id"])
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["preference-applied"] == "wait=0.01"
    assert pointers(await send(ITEMS, "another"), 422, "impossible") == ["/judge"]
    assert pointers(await send([*ITEMS, *ITEMS[:1]], "once"), 422, "impossible") == ["/judge"]  # another request


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
