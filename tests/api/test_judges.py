"""`/v1/judges`: immutable versions, references, refusals of what can't run, and previews."""

import asyncio

import httpx
import pytest

from tests.api.conftest import OpenApi, problem_of
from tests.flows.conftest import Row

WIT: Row = {"criterion": "wit", "method": "rating", "instructions": "Is it funny?", "models": ["control/length"]}


async def test_other_content_makes_the_next_version_and_the_same_content_none(api: httpx.AsyncClient) -> None:
    first = await api.put("/v1/judges/wit", json=WIT)
    assert (first.status_code, first.json()["version"]) == (201, 1)
    assert first.headers["location"] == "/v1/judges/wit/versions/1"
    reordered = dict(reversed(list(WIT.items())))
    again = await api.put("/v1/judges/wit", json={**reordered, "scale": None, "reasks": 2})
    assert (again.status_code, again.json()) == (200, first.json())
    assert again.headers["location"] == first.headers["location"]
    second = await api.put("/v1/judges/wit", json={**WIT, "instructions": "Is it very funny?"})
    assert (second.status_code, second.json()["version"]) == (201, 2)
    assert second.headers["location"] == "/v1/judges/wit/versions/2"
    assert second.json()["digest"] != first.json()["digest"]
    back = await api.put("/v1/judges/wit", json=WIT)
    assert (back.status_code, back.json()["version"]) == (200, 1)
    assert (await api.get("/v1/judges/wit")).json() == second.json()
    assert (await api.get("/v1/judges/wit@1")).json() == first.json()
    assert (await api.get("/v1/judges/wit/versions/1")).json() == first.json()


async def test_versions_made_at_the_same_moment_are_all_there(api: httpx.AsyncClient) -> None:
    bodies = [{**WIT, "instructions": f"Is it funny in way {number}?"} for number in range(10)]
    answers = await asyncio.gather(*(api.put("/v1/judges/wit", json=body) for body in bodies))
    assert sorted(each.json()["version"] for each in answers) == list(range(1, 11))


async def test_a_built_in_judge_is_version_1_of_its_name(api: httpx.AsyncClient) -> None:
    shipped = (await api.get("/v1/judges/helpfulness")).json()
    assert (shipped["version"], shipped["criterion"], shipped["created_at"]) == (1, "helpfulness", None)
    own = await api.put("/v1/judges/helpfulness", json=WIT)
    assert (own.status_code, own.json()["version"]) == (201, 2)
    definition = {key: shipped[key] for key in shipped if key not in ("name", "version", "digest", "created_at")}
    same = await api.put("/v1/judges/helpfulness", json=definition)
    assert (same.status_code, same.json()["version"]) == (200, 1)


PAIR: Row = {"criterion": "c", "method": "pairwise", "instructions": "Which?", "models": ["control/length"]}
CATEGORY: Row = {"criterion": "c", "method": "category", "instructions": "Which?", "models": ["control/length"]}

REFUSED: list[tuple[Row, int, str]] = [
    ({**WIT, "models": ["nowhere/model"]}, 422, "/models/0"),
    ({**WIT, "models": ["control/length", "control/length"]}, 422, "/models/1"),
    ({**WIT, "template": "{{item.output}} {{item.answer}}"}, 422, "/template"),
    ({**WIT, "template": "{{ item.output"}, 422, "/template"),
    ({**WIT, "system": "{{ secrets }}"}, 422, "/system"),
    ({**WIT, "scale": {"min": 3, "max": 3}}, 422, "/scale/max"),
    ({**WIT, "scale": {"min": 1, "max": 5, "step": 3}}, 422, "/scale/step"),
    ({**WIT, "scale": {"min": 1, "max": 5, "step": 0}}, 400, "/scale/step"),
    ({**WIT, "scale": {"descriptors": {"6": "x"}}}, 422, "/scale/descriptors/6"),
    ({**WIT, "choices": [{"label": "a"}]}, 422, "/choices"),
    ({**CATEGORY, "choices": [{"label": "a"}]}, 422, "/choices"),
    ({**CATEGORY, "choices": [{"label": "a"}, {"label": "b"}, {"label": "a"}]}, 422, "/choices/2/label"),
    ({**CATEGORY, "choices": [{"label": "a"}, {"label": "b", "aliases": ["a"]}]}, 422, "/choices/1/aliases/0"),
    ({**PAIR, "choices": [{"label": "C"}]}, 422, "/choices/0/label"),
    ({**PAIR, "score_from": "logprobs"}, 422, "/score_from"),
    ({**WIT, "mthod": "rating"}, 400, "/mthod"),
    ({"criterion": "wit", "method": "guess", "instructions": "x"}, 400, "/method"),
    ({"method": "rating", "instructions": "x"}, 400, "/criterion"),
]


@pytest.mark.parametrize(("body", "status", "pointer"), REFUSED)
async def test_a_judge_that_can_not_run_is_refused_with_the_place(
    api: httpx.AsyncClient, body: Row, status: int, pointer: str
) -> None:
    response = await api.put("/v1/judges/wrong", json=body)
    assert (response.status_code, pointer) == (status, response.json()["errors"][0]["pointer"]), response.text
    assert (await api.get("/v1/judges/wrong")).status_code == 404


async def test_a_judge_with_nobody_to_ask_is_refused(open_api: OpenApi) -> None:
    api = await open_api(defaults={"models": ()})
    body = {key: value for key, value in WIT.items() if key != "models"}
    response = await api.put("/v1/judges/wit", json=body)
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/models")


async def test_a_preview_shows_each_call_and_makes_none(api: httpx.AsyncClient) -> None:
    item = {"input": "q", "outputs": ["one", "two"], "context": "c"}
    response = await api.post("/v1/judges/preference/preview", json={"item": item})
    assert response.status_code == 200
    requests = response.json()["requests"]
    assert [(each["model"], each["order"]) for each in requests] == [
        ("control/overlap", "AB"),
        ("control/overlap", "BA"),
    ]
    for each in requests:
        assert [message["role"] for message in each["messages"]] == ["system", "user"]
        user = each["messages"][1]["content"]
        assert all(text in user for text in ("one", "two"))
        assert each["estimated_tokens"] > 100
    shown = [each["messages"][1]["content"] for each in requests]
    assert [each.index("\none\n") < each.index("\ntwo\n") for each in shown] == [True, False]
    assert (await api.get("/v1/jobs")).json()["jobs"] == []


async def test_a_preview_of_an_item_that_does_not_do_is_refused(api: httpx.AsyncClient) -> None:
    response = await api.post("/v1/judges/preference/preview", json={"item": {"outputs": ["one"]}})
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/item/outputs")
    response = await api.post("/v1/judges/helpfulness/preview", json={"item": {}})
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/item/output")
    assert (await api.post("/v1/judges/nobody/preview", json={"item": {}})).status_code == 404


async def test_a_judge_that_does_not_exist_is_named_with_the_nearest(api: httpx.AsyncClient) -> None:
    problem = problem_of(await api.get("/v1/judges/politenes"), 404, "not-found")
    assert problem["detail"] == "there is no judge 'politenes'; did you mean 'politeness'?"
    problem = problem_of(await api.get("/v1/judges/politeness/versions/9"), 404, "not-found")
    assert problem["detail"] == "there is no judge 'politeness@9': the latest version of 'politeness' is 1"


async def test_pages_of_judges_are_in_the_order_of_names(api: httpx.AsyncClient) -> None:
    await api.put("/v1/judges/zeal", json=WIT)
    names: list[str] = []
    cursor = None
    while True:
        page = (await api.get("/v1/judges", params={"limit": 4, **({"cursor": cursor} if cursor else {})})).json()
        names += [judge["name"] for judge in page["judges"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert {"politeness", "zeal"} < set(names)
    assert names == sorted(set(names))
