"""`/v1/anchors`: whole sets from JSON and NDJSON, with each bad place named, their findings, and their removal."""

import json
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from service.store import keys
from tests.api.conftest import OpenApi, is_untouched, pointers, problem_of
from tests.api.test_access import SUBMITS, bearer, key
from tests.flows.conftest import Row

NDJSON = {"Content-Type": "application/x-ndjson"}
ITEMS: list[Row] = [{"id": "a/1", "input": "q", "output": "one"}, {"id": "b", "input": "q", "output": "two"}]


async def test_anchors_are_stored_shown_listed_and_removed(api: httpx.AsyncClient) -> None:
    response = await api.put("/v1/anchors/helpfulness", json={"items": ITEMS})
    assert response.status_code == 201, response.text
    assert response.headers["location"] == "/v1/anchors/helpfulness"
    stored = response.json()
    assert (stored["judge"], stored["items"], stored["owner"], stored["problem"]) == ("helpfulness", 2, None, None)
    lines = "\n".join(map(json.dumps, ITEMS))
    assert (await api.put("/v1/anchors/helpfulness", content=lines, headers=NDJSON)).status_code == 200
    shown = (await api.get("/v1/anchors/helpfulness", params={"window": "24h"})).json()
    assert (shown["anchors_of"], shown["judge"]["version"], shown["items"]) == ("helpfulness", 1, 2)
    assert (shown["verdict"], shown["model"], shown["window"]) == ("too_few", "control/overlap", "24h")
    page = (await api.get("/v1/anchors")).json()
    assert ([each["anchors_of"] for each in page["anchors"]], page["next_cursor"]) == (["helpfulness"], None)
    assert (await api.get("/v1/agreement", params={"judge": "helpfulness"})).json()["anchors"]["verdict"] == "too_few"
    assert (await api.delete("/v1/anchors/helpfulness/items/a%2F1")).status_code == 204
    problem_of(await api.delete("/v1/anchors/helpfulness/items/a%2F1"), 404, "not-found")
    assert (await api.delete("/v1/anchors/helpfulness")).status_code == 204
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/items"), ("POST", "/restart")):
        problem_of(await api.request(method, f"/v1/anchors/helpfulness{path}"), 404, "not-found")
    assert (await api.get("/v1/agreement", params={"judge": "helpfulness"})).json()["anchors"] is None


async def test_anchors_come_back_in_the_form_in_which_they_are_stored(api: httpx.AsyncClient) -> None:
    await api.put("/v1/anchors/helpfulness@1", json={"items": ITEMS})
    whole = (await api.get("/v1/anchors/helpfulness@1/items")).json()
    assert [each["id"] for each in whole["items"]] == ["a/1", "b"]
    response = await api.get("/v1/anchors/helpfulness@1/items", headers={"Accept": "application/x-ndjson"})
    assert [json.loads(line) for line in response.text.splitlines()] == whole["items"]
    again = await api.put("/v1/anchors/helpfulness@1", content=response.content, headers=NDJSON)
    assert again.status_code == 200


async def test_a_restart_moves_the_baseline(api: httpx.AsyncClient) -> None:
    before = (await api.put("/v1/anchors/helpfulness", json={"items": ITEMS})).json()
    after = (await api.post("/v1/anchors/helpfulness/restart")).json()
    assert after["baseline_at"] > before["baseline_at"]
    assert {**after, "baseline_at": ""} == {**before, "baseline_at": ""}


@pytest.mark.parametrize(
    ("items", "where"),
    [
        ([], ["/items"]),
        ([{"id": "a", "output": 3}], ["/items/0/output"]),
        ([*ITEMS, {**ITEMS[1]}], ["/items/2/id"]),
        ([{"id": "a", "output": "x", "metadata": {"n": 2**70}}], ["/items/0/metadata/n"]),
        ([{"output": "x", "human": {}}], ["/items/0/human"]),
    ],
)
async def test_bad_items_are_named_and_nothing_is_stored(
    api: httpx.AsyncClient, redis: Redis, items: list[Row], where: list[str]
) -> None:
    assert pointers(await api.put("/v1/anchors/helpfulness", json={"items": items})) == where
    lines = "\n".join(map(json.dumps, items))
    assert pointers(await api.put("/v1/anchors/helpfulness", content=lines, headers=NDJSON)) == where
    assert await is_untouched(redis)


async def test_items_that_the_judge_can_t_judge_are_refused(api: httpx.AsyncClient, redis: Redis) -> None:
    refused = await api.put("/v1/anchors/helpfulness", json={"items": [*ITEMS, {"input": "no output"}]})
    assert pointers(refused, 422, "impossible") == ["/items/2/output"]
    assert await redis.exists(keys.ANCHORS) == 0


async def test_judges_that_give_no_scores_are_refused(api: httpx.AsyncClient) -> None:
    judge = {"criterion": "rank", "method": "ranking", "instructions": "Which is best?"}
    await api.put("/v1/judges/rank", json=judge)
    body: Any = {"items": [{"outputs": ["a", "b"]}]}
    assert pointers(await api.put("/v1/anchors/rank", json=body), 422, "impossible") == ["/judge"]
    problem = problem_of(await api.put("/v1/anchors/helpfulnes", json={"items": ITEMS}), 404, "not-found")
    assert "did you mean 'helpfulness'" in problem["detail"]
    problem_of(await api.put("/v1/anchors/helpfulness@9", json={"items": ITEMS}), 404, "not-found")
    await api.delete("/v1/judges/rank")
    assert pointers(await api.put("/v1/anchors/rank", json=body), 422, "impossible") == ["/judge"]


async def test_too_many_anchors_are_refused(api: httpx.AsyncClient) -> None:
    lines = "\n".join(json.dumps({"id": str(number), "output": "x"}) for number in range(1001))
    refused = await api.put("/v1/anchors/helpfulness", content=lines, headers=NDJSON)
    problem_of(refused, 413, "too-large")


async def test_a_set_belongs_to_the_key_that_marked_it(open_api: OpenApi) -> None:
    api = await open_api(keys=(key(SUBMITS, "submit"),))
    stored = await api.put("/v1/anchors/helpfulness", json={"items": ITEMS}, headers=bearer(SUBMITS))
    assert stored.json()["owner"] == "submit"
