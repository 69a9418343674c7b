"""Named judges: immutable versions, pinned in every result, refused where they can't run."""

import asyncio

import pytest

from tests.flows.conftest import Judged, Row, Serve

WIT: Row = {"criterion": "wit", "method": "rating", "instructions": "Is it funny?", "models": ["control/length"]}


async def test_other_content_makes_the_next_version_and_the_same_content_none(serve: Serve) -> None:
    judged: Judged = await serve(workers=0)
    put = judged.client.put
    first = await put("/v1/judges/wit", json=WIT)
    assert (first.status_code, first.json()["version"]) == (201, 1)
    assert first.headers["location"] == "/v1/judges/wit/versions/1"
    reordered = dict(reversed(list(WIT.items())))
    again = await put("/v1/judges/wit", json={**reordered, "scale": None, "reasks": 2})
    assert (again.status_code, again.json()) == (200, first.json())
    second = await put("/v1/judges/wit", json={**WIT, "instructions": "Is it very funny?"})
    assert (second.status_code, second.json()["version"]) == (201, 2)
    assert second.json()["digest"] != first.json()["digest"]
    back = await put("/v1/judges/wit", json=WIT)
    assert (back.status_code, back.json()["version"]) == (200, 1)
    assert (await judged.client.get("/v1/judges/wit")).json() == second.json()
    assert (await judged.client.get("/v1/judges/wit@1")).json() == first.json()
    assert (await judged.client.get("/v1/judges/wit/versions/1")).json() == first.json()


async def test_versions_made_at_the_same_moment_are_all_there(serve: Serve) -> None:
    judged: Judged = await serve(workers=0)
    bodies = [{**WIT, "instructions": f"Is it funny in way {number}?"} for number in range(10)]
    answers = await asyncio.gather(*(judged.client.put("/v1/judges/wit", json=body) for body in bodies))
    assert sorted(each.json()["version"] for each in answers) == list(range(1, 11))


async def test_a_job_pins_the_version_that_it_resolved(serve: Serve) -> None:
    judged: Judged = await serve()
    await judged.client.put("/v1/judges/wit", json=WIT)
    before = await judged.judge([{"output": "ha"}], judge="wit")
    await judged.client.put("/v1/judges/wit", json={**WIT, "instructions": "Is it very funny?"})
    after = await judged.judge([{"output": "ha"}], judge="wit")
    pinned = await judged.judge([{"output": "ha"}], judge="wit@1")
    assert [each["judge"]["version"] for each in (before, after, pinned)] == [1, 2, 1]
    assert [each["judgments"][0]["judge"] for each in (before, after, pinned)] == [
        each["judge"] for each in (before, after, pinned)
    ]
    assert (await judged.job(before["id"]))["judge"]["version"] == 1


async def test_a_built_in_judge_is_version_1_of_its_name(serve: Serve) -> None:
    judged: Judged = await serve(workers=0)
    shipped = (await judged.client.get("/v1/judges/helpfulness")).json()
    assert (shipped["version"], shipped["criterion"], shipped["created_at"]) == (1, "helpfulness", None)
    own = await judged.client.put("/v1/judges/helpfulness", json=WIT)
    assert (own.status_code, own.json()["version"]) == (201, 2)
    definition = {key: shipped[key] for key in shipped if key not in ("name", "version", "digest", "created_at")}
    same = await judged.client.put("/v1/judges/helpfulness", json=definition)
    assert (same.status_code, same.json()["version"]) == (200, 1)


async def test_judges_are_listed_by_name_in_pages(serve: Serve) -> None:
    judged: Judged = await serve(workers=0)
    await judged.client.put("/v1/judges/zeal", json=WIT)
    first = (await judged.client.get("/v1/judges", params={"limit": 6})).json()
    rest = (await judged.client.get("/v1/judges", params={"limit": 50, "cursor": first["next_cursor"]})).json()
    names = [each["name"] for each in first["judges"] + rest["judges"]]
    assert names == sorted(names)
    assert len(first["judges"]) == 6
    assert {"preference", "toxicity", "faithfulness", "zeal", "instruction-following"} < set(names)
    assert rest["next_cursor"] is None


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
    serve: Serve, body: Row, status: int, pointer: str
) -> None:
    judged: Judged = await serve(workers=0)
    response = await judged.client.put("/v1/judges/wrong", json=body)
    assert (response.status_code, pointer) == (status, response.json()["errors"][0]["pointer"]), response.text
    assert (await judged.client.get("/v1/judges/wrong")).status_code == 404


async def test_a_judge_with_nobody_to_ask_is_refused(serve: Serve) -> None:
    judged: Judged = await serve(workers=0, changes={"defaults": {"models": ()}})
    body = {key: value for key, value in WIT.items() if key != "models"}
    response = await judged.client.put("/v1/judges/wit", json=body)
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/models")


async def test_a_preview_shows_each_call_and_makes_none(serve: Serve) -> None:
    judged: Judged = await serve(workers=0)
    item = {"input": "q", "outputs": ["one", "two"], "context": "c"}
    response = await judged.client.post("/v1/judges/preference/preview", json={"item": item})
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
    assert (await judged.client.get("/v1/jobs")).json()["jobs"] == []


async def test_a_preview_of_an_item_that_does_not_do_is_refused(serve: Serve) -> None:
    judged: Judged = await serve(workers=0)
    response = await judged.client.post("/v1/judges/preference/preview", json={"item": {"outputs": ["one"]}})
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/item/outputs")
    response = await judged.client.post("/v1/judges/helpfulness/preview", json={"item": {}})
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/item/output")
    assert (await judged.client.post("/v1/judges/nobody/preview", json={"item": {}})).status_code == 404
