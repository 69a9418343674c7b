"""`/v1/criteria`: listed, put and deleted, and who may do that."""

from typing import Any

import httpx
import pytest

from tests.api.conftest import OpenApi, pointers, problem_of
from tests.api.test_access import bearer, key
from tests.api.test_labels import WIT, label, post, put_judge, stored
from tests.flows.conftest import Row

FIVE = {"min": 1, "max": 5, "step": 1, "descriptors": {}}
TEN = {"min": 1, "max": 10}
ITEM = {"id": "i", "input": "q", "output": "x"}


async def criterion(api: httpx.AsyncClient, name: str = "wit") -> Row:
    response = await api.get(f"/v1/criteria/{name}")
    assert response.status_code == 200, response.text
    found: Row = response.json()
    return found


async def put(api: httpx.AsyncClient, name: str = "wit", headers: Any = None, **body: Any) -> httpx.Response:
    return await api.put(f"/v1/criteria/{name}", json=body, headers=headers)


async def source(api: httpx.AsyncClient, name: str = "wit") -> tuple[str | None, str | None, float | None]:
    found = await criterion(api, name)
    return found["source"], found["source_judge"], found["scale"] and found["scale"]["max"]


async def test_criteria_are_listed_with_their_scales_labels_and_judges(api: httpx.AsyncClient) -> None:
    assert (await put_judge(api)).status_code == 201
    await stored(api, label(), label(annotator="bob"), label(criterion="a/b"))
    listed = (await api.get("/v1/criteria", params={"limit": 1000})).json()
    assert listed["next_cursor"] is None
    by_name = {each["name"]: each for each in listed["criteria"]}
    assert list(by_name) == sorted(by_name)
    assert by_name["wit"] == {
        **{"name": "wit", "description": None, "scale": FIVE, "choices": [], "source": "judge"},
        **{
            "source_judge": "judge@1",
            "labels": 2,
            "unmatched": 2,
            "labels_off_scale": 0,
            "waiting": 0,
            "judges": ["judge"],
        },
    }
    assert (by_name["a/b"]["source"], by_name["a/b"]["labels"], by_name["a/b"]["judges"]) == (None, 1, [])
    polite = by_name["politeness"]
    assert (polite["source"], polite["source_judge"], polite["judges"]) == ("built_in", "politeness@1", ["politeness"])
    assert by_name["a/b"] == await criterion(api, "a%2Fb")
    found, query = [], {"limit": "5"}
    while True:
        page = (await api.get("/v1/criteria", params=query)).json()
        found += [each["name"] for each in page["criteria"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert found == list(by_name)
    assert (
        "did you mean 'politeness'" in problem_of(await api.get("/v1/criteria/politenes"), 404, "not-found")["detail"]
    )


async def test_a_scale_comes_from_the_one_who_put_it_else_from_the_first_stored_judge(api: httpx.AsyncClient) -> None:
    order = {"judge": {**WIT, "scale": {"min": 0, "max": 100}}, "items": [ITEM]}
    assert (await api.post("/v1/jobs", json=order)).status_code == 202
    assert (await source(api))[::2] == ("inline_judge", 100)
    assert (await put_judge(api)).status_code == 201
    assert await source(api) == ("judge", "judge@1", 5)
    assert (await put_judge(api, {**WIT, "scale": TEN}, "second")).status_code == 201
    assert await source(api) == ("judge", "judge@1", 5)
    assert (await put(api, scale=TEN, description="How funny?")).json()["description"] == "How funny?"
    assert await source(api) == ("put", None, 10)
    await stored(api, label(score=10))
    assert pointers(await post(api, label(score=11))) == ["/labels/0/score"]


@pytest.mark.parametrize(
    ("body", "status", "places"),
    [
        ({}, 400, ["/scale"]),
        ({"scale": TEN, "choices": [{"label": "a"}, {"label": "b"}]}, 400, ["/choices"]),
        ({"scale": {"min": 5, "max": 1}}, 422, ["/scale/max"]),
        ({"choices": [{"label": "a"}]}, 422, ["/choices"]),
        ({"choices": [{"label": "a"}, {"label": "a"}]}, 422, ["/choices/1/label"]),
        ({"scale": TEN, "surprise": 1}, 400, ["/surprise"]),
    ],
)
async def test_a_scale_that_is_none_is_refused(
    api: httpx.AsyncClient, body: Row, status: int, places: list[str]
) -> None:
    code = {400: "invalid-request", 422: "impossible"}[status]
    assert pointers(await put(api, **body), status, code) == places


async def test_choices_are_labels_and_pass_and_fail_are_written_in_many_ways(api: httpx.AsyncClient) -> None:
    assert (await put(api, choices=[{"label": "pass"}, {"label": "fail"}])).status_code == 200
    await stored(api, label(score=None, label="yes"), label("j", score=0))
    shown = (await api.get("/v1/labels", params={"criterion": "wit"})).json()["labels"]
    assert [each["label"] for each in shown] == ["pass", "fail"]
    assert (await put(api, "tone", choices=[{"label": "dry", "score": 1}, {"label": "warm"}])).status_code == 200
    assert [each["label"] for each in (await criterion(api, "tone"))["choices"]] == ["dry", "warm"]
    assert pointers(await post(api, label(criterion="tone", score=None, label="hot"))) == ["/labels/0/label"]


async def test_another_scale_for_labels_needs_admin_and_checks_them(open_api: OpenApi) -> None:
    api = await open_api(keys=(key("label-key", "label", "read"), key("admin-key", "admin"), key("submit", "submit")))
    mine, admin = bearer("label-key"), bearer("admin-key")
    assert (await put(api, headers=bearer("submit"), scale=TEN)).status_code == 403
    assert (await put(api, headers=mine, scale=TEN)).status_code == 200
    labels = {"labels": [label(score=3), label(annotator="bob", score=9)]}
    assert (await api.post("/v1/labels", json=labels, headers=mine)).status_code == 200
    assert (await put(api, headers=mine, scale=TEN, description="more")).status_code == 200  # the same scale
    assert "admin" in problem_of(await put(api, headers=mine, scale=FIVE), 403, "forbidden")["detail"]
    shown = (await put(api, headers=admin, scale=FIVE)).json()
    assert (shown["labels"], shown["labels_off_scale"], shown["description"]) == (2, 1, None)
    listed = (await api.get("/v1/labels", params={"criterion": "wit"}, headers=mine)).json()["labels"]
    assert [(each["annotator"], each["score"], each["counted"]) for each in listed] == [
        ("ann", 3, True),
        ("bob", 9, False),
    ]
    assert (await put(api, headers=admin, scale=TEN)).json()["labels_off_scale"] == 0


async def test_a_criterion_is_deleted_without_labels_alone(api: httpx.AsyncClient) -> None:
    assert (await put(api, scale=TEN)).status_code == 200
    await stored(api, label())
    assert "delete them first" in problem_of(await api.delete("/v1/criteria/wit"), 409, "in-use")["detail"]
    assert (await api.delete("/v1/labels", params={"criterion": "wit"})).json() == {"deleted": 1}
    assert (await api.delete("/v1/criteria/wit")).status_code == 204
    problem_of(await api.get("/v1/criteria/wit"), 404, "not-found")
    problem_of(await api.delete("/v1/criteria/wit"), 404, "not-found")
    assert (await put_judge(api)).status_code == 201
    assert (await put(api, scale=TEN)).status_code == 200
    assert (await api.delete("/v1/criteria/wit")).status_code == 204
    assert await source(api) == ("judge", "judge@1", 5)


async def test_a_built_in_criterion_has_its_scale_again_when_the_put_one_is_deleted(api: httpx.AsyncClient) -> None:
    assert (await put(api, "politeness", scale={"min": 0, "max": 100})).json()["source"] == "put"
    assert (await api.delete("/v1/criteria/politeness")).status_code == 204
    assert (await criterion(api, "politeness"))["source"] == "built_in"


async def test_labels_from_before_the_scale_are_flagged_in_the_report(api: httpx.AsyncClient) -> None:
    await stored(api, label(), label(annotator="bob", score=9))
    assert (await put_judge(api)).status_code == 201
    assert (await criterion(api))["labels_off_scale"] == 1
    report = (await api.get("/v1/agreement", params={"judge": "judge"})).json()
    assert report["flags"] == ["insufficient", "labels_off_scale"]


async def test_a_name_is_one_of_a_criterion(api: httpx.AsyncClient) -> None:
    assert pointers(await put(api, "x" * 101, scale=TEN)) == ["/name"]
