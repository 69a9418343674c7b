"""`/v1/labels`: taken in whole or not at all, shown, taken back, queued."""

import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from redis.asyncio import Redis

from service.contracts.pointing import MOST_FAULTS
from tests.api.conftest import OpenApi, is_untouched, pointers, problem_of
from tests.flows.conftest import Judged, Row, Serve

WIT: Row = {"criterion": "wit", "method": "rating", "instructions": "Is it funny?", "models": ["control/length"]}
SAFE: Row = {**WIT, "criterion": "safe", "method": "pass_fail"}
NDJSON = {"Content-Type": "application/x-ndjson"}
ODD = ["a/b", "100%", "%2F", "/", "a b", "é 日本", "a?b#c", "a\tb:c", "..", "queue"]


def label(item_id: str = "i", annotator: str = "ann", score: Any = 4, **fields: Any) -> Row:
    return {"item_id": item_id, "criterion": "wit", "annotator": annotator, "score": score, **fields}


async def post(api: httpx.AsyncClient, *labels: Any) -> httpx.Response:
    return await api.post("/v1/labels", json={"labels": list(labels)})


async def stored(api: httpx.AsyncClient, *labels: Any) -> Row:
    response = await post(api, *labels)
    assert response.status_code == 200, response.text
    answer: Row = response.json()
    return answer


def counts(**known: Any) -> Row:
    """An answer to labels of items that nobody has judged, on the criterion `wit` that nobody knows."""
    received = known["received"]
    return {"replaced": 0, "unmatched": received, "unknown_criteria": ["wit"], **known}


async def labels_of(api: httpx.AsyncClient, item_id: str = "i", **query: Any) -> list[Row]:
    response = await api.get("/v1/labels", params={"item_id": item_id, **query})
    assert response.status_code == 200, response.text
    assert set(response.json()) == {"labels", "next_cursor"}
    shown: list[Row] = response.json()["labels"]
    return shown


async def put_judge(api: httpx.AsyncClient, definition: Row = WIT, name: str = "judge") -> httpx.Response:
    return await api.put(f"/v1/judges/{name}", json=definition)


async def test_labels_are_stored_and_shown(api: httpx.AsyncClient) -> None:
    fast: Row = {"selection": "targeted", "probability": 0.25, "comment": "made me laugh"}
    labels = [label(annotator="bob", score=2.5), label(**fast), label("other")]
    assert await stored(api, *labels) == counts(received=3, stored=3, unchanged=0)
    shown = await labels_of(api)
    assert [each.pop("created_at")[-1] for each in shown] == ["Z", "Z"]
    ann = {"label": None, **fast, "counted": True}
    assert shown == [
        {**label(), **ann},
        {**label(annotator="bob", score=2.5), **ann, "selection": "random", "probability": None, "comment": None},
    ]
    assert await labels_of(api, "nobody's") == []


async def test_a_label_said_again_changes_nothing_and_another_value_replaces_it(api: httpx.AsyncClient) -> None:
    assert await stored(api, label()) == counts(received=1, stored=1, unchanged=0)
    assert await stored(api, label()) == counts(received=1, stored=0, unchanged=1)
    assert await stored(api, label(score=5), label(annotator="bob")) == counts(
        received=2, stored=2, unchanged=0, replaced=1
    )
    assert [(each["annotator"], each["score"]) for each in await labels_of(api)] == [("ann", 5), ("bob", 4)]


async def test_a_score_with_the_noise_of_floating_point_is_the_level(api: httpx.AsyncClient) -> None:
    tenths = {**WIT, "scale": {"min": -0.3, "max": 0.3, "step": 0.1}}
    assert (await put_judge(api, tenths)).status_code == 201
    noisy = [-0.3 + 0.1 * step for step in range(7)]
    assert noisy[6] > 0.3
    assert (await stored(api, *(label(f"i{step}", score=score) for step, score in enumerate(noisy))))["stored"] == 7
    assert [(await labels_of(api, f"i{step}"))[0]["score"] for step in (3, 6)] == [0, 0.3]
    assert (await stored(api, label("i6", score=0.3)))["unchanged"] == 1


async def test_lines_are_stored_as_json_is(api: httpx.AsyncClient) -> None:
    lines = [json.dumps(label(f"i{n}")) for n in range(3)]
    content = f"{lines[0]}\n\n{lines[1]}\r\n   \n{lines[2]}".encode()
    response = await api.post("/v1/labels", content=content, headers=NDJSON)
    assert response.json() == counts(received=3, stored=3, unchanged=0)
    assert [len(await labels_of(api, f"i{n}")) for n in range(3)] == [1, 1, 1]


async def test_the_labels_of_an_item_come_in_pages(api: httpx.AsyncClient) -> None:
    people = sorted(f"{n}/{mark}" for n in range(3) for mark in "é%a")
    await stored(api, *(label(annotator=name) for name in people))
    found: list[str] = []
    cursor: str | None = None
    while True:
        query: Row = {"item_id": "i", "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await api.get("/v1/labels", params=query)).json()
        assert len(page["labels"]) <= 2
        found += [each["annotator"] for each in page["labels"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert found == people
    assert pointers(await api.get("/v1/labels", params={"item_id": "i", "cursor": "nonsense"})) == ["/cursor"]
    assert pointers(await api.get("/v1/labels", params={"item_id": "i", "limit": 0})) == ["/limit"]
    assert len((await api.get("/v1/labels")).json()["labels"]) == len(people)
    assert pointers(await api.get("/v1/labels", params={"item_id": ""})) == ["/item_id"]


@pytest.mark.parametrize(
    ("labels", "places"),
    [
        ([label(score="4")], ["/labels/0/score"]),
        ([label(), label(score=True), label(item_id="")], ["/labels/1/score", "/labels/2/item_id"]),
        ([label(annotator="x" * 201), label(criterion="")], ["/labels/0/annotator", "/labels/1/criterion"]),
        ([label(surprise=1), {"item_id": "i"}],
         ["/labels/0/surprise", "/labels/1/criterion", "/labels/1/annotator"]),
        ([label(selection="picked"), label(probability=0), label(probability=1.1)],
         ["/labels/0/selection", "/labels/1/probability", "/labels/2/probability"]),
        ([label(score=None), label(label="pass")], ["/labels/0/score", "/labels/1/label"]),
        ([label(score=None, label="")], ["/labels/0/label"]),
        (["text", None], ["/labels/0", "/labels/1"]),
    ],
    ids=lambda value: str(value)[:50],
)  # fmt: skip
@pytest.mark.parametrize("as_lines", [False, True])
async def test_each_place_that_does_not_fit_is_named_and_nothing_stored(
    api: httpx.AsyncClient, redis: Redis, labels: list[Any], places: list[str], as_lines: bool
) -> None:
    if as_lines:
        content = "\n".join(map(json.dumps, labels)).encode()
        response = await api.post("/v1/labels", content=content, headers=NDJSON)
    else:
        response = await post(api, *labels)
    assert sorted(pointers(response)) == sorted(places)
    assert await is_untouched(redis)


@pytest.mark.parametrize(
    ("content", "headers", "places"),
    [
        (b"", NDJSON, ["/labels"]),
        (b"\n \n", NDJSON, ["/labels"]),
        (b'{"item_id": "\\ud800", "criterion": "c", "annotator": "a", "score": 1}', NDJSON, ["/labels/0/item_id"]),
        (b'{"item_id": "i", "criterion": "c", "annotator": "a", "score": 1e999}', NDJSON, ["/labels/0/score"]),
        (b'{"item_id": "i", "criterion": "c", "annotator": "a", "score": NaN}', NDJSON, ["/labels/0/score"]),
        (b"\n{\n", NDJSON, ["/labels/1"]),
        (b'{"labels": []}', {"Content-Type": "application/json"}, ["/labels"]),
        (b"{}", {"Content-Type": "application/json"}, ["/labels"]),
        (b"[]", {"Content-Type": "application/json"}, [""]),
    ],
)
async def test_what_can_not_be_read_is_refused(
    api: httpx.AsyncClient, redis: Redis, content: bytes, headers: dict[str, str], places: list[str]
) -> None:
    assert pointers(await api.post("/v1/labels", content=content, headers=headers)) == places
    assert await is_untouched(redis)


async def test_a_refusal_names_a_hundred_places_at_most(api: httpx.AsyncClient, redis: Redis) -> None:
    bad = json.dumps(label(score="x"))
    response = await api.post("/v1/labels", content="\n".join([bad] * 300).encode(), headers=NDJSON)
    assert len(pointers(response)) == MOST_FAULTS
    assert len(pointers(await post(api, *[label(score=None)] * 300))) == MOST_FAULTS
    assert await is_untouched(redis)


async def test_more_labels_than_allowed_are_413(open_api: OpenApi, redis: Redis) -> None:
    api = await open_api(server={"max_items": 2})
    problem_of(await post(api, *[label()] * 3), 413, "too-large")
    content = "\n".join([json.dumps(label())] * 3).encode()
    problem_of(await api.post("/v1/labels", content=content, headers=NDJSON), 413, "too-large")
    assert await is_untouched(redis)
    assert (await post(api, label(), label())).status_code == 200


async def test_another_media_type_is_415(api: httpx.AsyncClient) -> None:
    response = await api.post("/v1/labels", content=b"a,b", headers={"Content-Type": "text/csv"})
    problem_of(response, 415, "unsupported-media-type")


async def test_labels_off_the_scale_are_named_and_none_of_the_others_stored(api: httpx.AsyncClient) -> None:
    assert (await put_judge(api)).status_code == 201
    assert (await put_judge(api, SAFE, "guard")).status_code == 201
    safe: Row = {"criterion": "safe", "score": None}
    labels = [label(), label(score=6), label(score=2.5), label(score=None, label="pass"), label(**safe, label="maybe")]
    response = await post(api, *labels)
    assert pointers(response) == ["/labels/1/score", "/labels/2/score", "/labels/3/label", "/labels/4/label"]
    lines = "\n".join(["", *map(json.dumps, labels)]).encode()
    assert pointers(await api.post("/v1/labels", content=lines, headers=NDJSON))[0] == "/labels/2/score"
    assert await labels_of(api) == []
    known = counts(received=2, stored=2, unchanged=0, unknown_criteria=[])
    assert await stored(api, label(), label(**safe, label="pass")) == known


async def test_labels_that_came_before_the_judge_are_checked_when_it_arrives(api: httpx.AsyncClient) -> None:
    await stored(api, label(), label(annotator="bob", score=9))
    assert (await put_judge(api)).status_code == 201
    assert [(each["annotator"], each["counted"]) for each in await labels_of(api)] == [("ann", True), ("bob", False)]


@pytest.mark.parametrize(
    "definition",
    [
        {**WIT, "scale": {"min": 1, "max": 10}},
        {**WIT, "scale": {"min": 1, "max": 5, "step": 0.5}},
        {**WIT, "method": "category", "choices": [{"label": "a"}, {"label": "b"}]},
        {**WIT, "method": "pass_fail"},
        {**WIT, "method": "pairwise"},
    ],
)
async def test_a_judge_with_another_scale_for_its_criterion_is_stored_and_runs(
    api: httpx.AsyncClient, definition: Row
) -> None:
    assert (await put_judge(api)).status_code == 201
    assert (await put_judge(api, definition, "second")).status_code == 201
    item = {"input": "q", "output": "x", "outputs": ["x", "y"]}
    for judge in (definition, "second", ["judge", definition]):
        response = await api.post("/v1/jobs", json={"judge": judge, "items": [item]})
        assert response.status_code == 202, response.text
    assert await stored(api, label(score=5)) == counts(received=1, stored=1, unchanged=0, unknown_criteria=[])
    assert pointers(await post(api, label(score=6))) == ["/labels/0/score"]  # the first judge's scale is the labels'


async def test_a_job_with_another_scale_breaks_no_built_in_judge(api: httpx.AsyncClient) -> None:
    politeness = {**WIT, "criterion": "politeness", "scale": {"min": 0, "max": 100}}
    item = {"input": "q", "output": "x"}
    assert (await api.post("/v1/jobs", json={"judge": politeness, "items": [item]})).status_code == 202
    assert (await put_judge(api, politeness)).status_code == 201
    order = {"judge": "politeness", "items": [item], "models": ["control/length"]}
    assert (await api.post("/v1/jobs", json=order)).status_code == 202
    assert pointers(await post(api, label(criterion="politeness", score=100))) == ["/labels/0/score"]
    assert (await post(api, label(criterion="politeness", score=5))).status_code == 200


@pytest.mark.parametrize("name", ODD)
async def test_a_label_is_taken_back_whatever_its_names_are(api: httpx.AsyncClient, name: str) -> None:
    await taken_back(api, name)


async def test_names_in_paths_survive_a_real_socket(serve: Serve) -> None:
    judged: Judged = await serve(workers=0)
    for name in ODD:
        await taken_back(judged.client, name)


async def taken_back(api: httpx.AsyncClient, name: str) -> None:
    """Stores and takes back a label whose every name is this one."""
    mine = label(name, name, criterion=name)
    await stored(api, mine, label(name, "another"))
    part = quote(name, safe="").replace(".", "%2E")  # clients resolve dots before they ask
    item = await api.get(f"/v1/items/{part}")
    assert (item.status_code, item.json()["item_id"]) == (200, name)
    assert len(item.json()["labels"]) == 2
    response = await api.delete(f"/v1/labels/{part}/{part}/{part}")
    assert (response.status_code, response.content) == (204, b"")
    assert [each["annotator"] for each in await labels_of(api, name)] == ["another"]
    problem_of(await api.delete(f"/v1/labels/{part}/{part}/{part}"), 404, "not-found")


async def test_what_is_no_label_can_not_be_taken_back(api: httpx.AsyncClient) -> None:
    await stored(api, label("a/b"))
    for path in ("i/wit/ann", "a/b/wit/ann", "a%2Fb/wit", "a%2Fb/wit/bob", "a%2fb/tone/ann", "%FF/wit/ann"):
        assert (await api.delete(f"/v1/labels/{path}")).status_code in {404, 405}, path
    assert (await api.delete("/v1/labels/a%2fb/wit/ann")).status_code == 204


async def test_the_queue_is_empty_where_nothing_was_judged(api: httpx.AsyncClient) -> None:
    response = await api.get("/v1/labels/queue", params={"criterion": "wit"})
    assert response.json() == {"items": [], "next_cursor": None}
    assert "criterion" in problem_of(await api.get("/v1/labels/queue"), 400, "invalid-request")["detail"]
    assert pointers(await api.get("/v1/labels/queue", params={"criterion": "wit", "limit": 1001})) == ["/limit"]
    for cursor in ("nonsense", "1", "1.x", "-1.0"):
        query = {"criterion": "wit", "cursor": cursor}
        assert pointers(await api.get("/v1/labels/queue", params=query)) == ["/cursor"]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"per_items": 2}, "/per_items"),
        ({"per_item": 0}, "/per_item"),
        ({"per_item": 11}, "/per_item"),
        ({"annotator": ""}, "/annotator"),
        ({"include": "score"}, "/include"),
    ],
)
async def test_a_query_of_the_queue_is_checked(
    api: httpx.AsyncClient, query: dict[str, str | int], pointer: str
) -> None:
    response = await api.get("/v1/labels/queue", params={"criterion": "wit", **query})
    assert pointers(response) == [pointer]


async def test_a_misspelt_parameter_of_the_queue_is_answered_with_the_nearest(api: httpx.AsyncClient) -> None:
    response = await api.get("/v1/labels/queue", params={"criterion": "wit", "per_items": 2})
    assert "did you mean 'per_item'?" in response.text


async def batch(api: httpx.AsyncClient) -> None:
    """Labels of three items by two people on two criteria, of which one item was judged."""
    assert (await put_judge(api)).status_code == 201
    assert (await put_judge(api, {**WIT, "criterion": "tone"}, "tone")).status_code == 201
    names = [("a", "ann"), ("a", "bob"), ("b", "ann"), ("c", "ann")]
    await stored(api, *(label(item, who, criterion=name) for item, who in names for name in ("wit", "tone")))


async def listed(api: httpx.AsyncClient, **query: Any) -> list[str]:
    response = await api.get("/v1/labels", params=query, headers={"Accept": "application/x-ndjson"})
    assert (response.status_code, response.headers["content-type"]) == (200, "application/x-ndjson")
    labels = [json.loads(line) for line in response.text.splitlines()]
    return [f"{each['criterion']}/{each['item_id']}/{each['annotator']}" for each in labels]


async def test_labels_are_listed_by_criterion_item_and_annotator(api: httpx.AsyncClient) -> None:
    await batch(api)
    every = [f"{name}/{item}" for name in ("tone", "wit") for item in ("a/ann", "a/bob", "b/ann", "c/ann")]
    assert await listed(api) == every
    assert await listed(api, criterion="wit") == every[4:]
    assert await listed(api, annotator="bob") == ["tone/a/bob", "wit/a/bob"]
    assert await listed(api, item_id="b", criterion="tone") == ["tone/b/ann"]
    assert await listed(api, matched="true") == []
    assert await listed(api, matched="false", annotator="ann", criterion="wit") == [every[4], *every[6:]]
    assert await listed(api, criterion="nothing") == []
    assert pointers(await api.get("/v1/labels", params={"matched": "perhaps"})) == ["/matched"]
    found: list[str] = []
    query: Row = {"limit": 3}
    while True:
        page = (await api.get("/v1/labels", params=query)).json()
        found += [f"{each['criterion']}/{each['item_id']}/{each['annotator']}" for each in page["labels"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert found == every


async def test_labels_are_deleted_by_at_least_one_filter(api: httpx.AsyncClient) -> None:
    await batch(api)
    assert pointers(await api.delete("/v1/labels")) == ["/criterion"]
    assert (await api.delete("/v1/labels", params={"annotator": "bob"})).json() == {"deleted": 2}
    assert (await api.delete("/v1/labels", params={"annotator": "bob"})).json() == {"deleted": 0}
    assert (await api.delete("/v1/labels", params={"criterion": "wit", "matched": "true"})).json() == {"deleted": 0}
    assert (await api.delete("/v1/labels", params={"criterion": "wit", "matched": "false"})).json() == {"deleted": 3}
    assert await listed(api) == ["tone/a/ann", "tone/b/ann", "tone/c/ann"]


async def test_a_label_about_other_texts_is_a_conflict(api: httpx.AsyncClient) -> None:
    response = await post(api, label(), label("j", content="0" * 32))
    assert pointers(response, 409, "item-changed") == ["/labels/1/content"]
    assert await labels_of(api) == []


async def test_the_progress_of_labels_is_shown(api: httpx.AsyncClient) -> None:
    await put_judge(api)
    shown = (await api.get("/v1/labels/progress", params={"criterion": "wit"})).json()
    assert (shown["criterion"], shown["waiting"], shown["half_width"], shown["more"]) == ("wit", 0, 0.2, None)
    wished = (await api.get("/v1/labels/progress", params={"criterion": "wit", "half_width": 0.5})).json()
    assert wished["half_width"] == 0.5
    problem_of(
        await api.get("/v1/labels/progress", params={"criterion": "wit", "half_width": 0}), 400, "invalid-request"
    )
    problem_of(await api.get("/v1/labels/progress"), 400, "invalid-request")
