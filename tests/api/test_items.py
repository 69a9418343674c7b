"""`GET /v1/items/{item_id}`: all that was said of one item."""

from urllib.parse import quote

import httpx
import pytest

from tests.api.conftest import problem_of
from tests.flows.conftest import Judged, Row, Serve

ODD = ["a/b", "/", "//", "100%", "%2F", "a b", "é 日本", "?q#f;,=+&@:", "\t\n\0", "..", "x" * 512]


def part(name: str) -> str:
    """An id in a path; clients resolve dots before they ask, unless these are encoded too."""
    return quote(name, safe="").replace(".", "%2E")


def label(item_id: str) -> Row:
    return {"item_id": item_id, "criterion": "helpfulness", "annotator": "ann", "score": 4}


async def test_judgments_and_labels_of_an_item_are_shown_the_newest_last(serve: Serve) -> None:
    judged: Judged = await serve()
    first = await judged.judge([{"id": "a/b", "input": "q", "output": "one"}, {"id": "c", "input": "q", "output": "x"}])
    second = await judged.judge([{"id": "a/b", "input": "q", "output": "two"}], judge=["helpfulness", "politeness"])
    assert (await judged.client.post("/v1/labels", json={"labels": [label("a/b")]})).status_code == 200
    shown = (await judged.client.get("/v1/items/a%2Fb")).json()
    assert shown.keys() == {"item_id", "judgments", "labels"}
    assert shown["item_id"] == "a/b"
    assert shown["judgments"][0] == first["judgments"][0]
    ids = [each["id"] for each in second["judgments"]]
    assert sorted(each["id"] for each in shown["judgments"][1:]) == sorted(ids)
    assert [(each["annotator"], each["score"]) for each in shown["labels"]] == [("ann", 4)]
    other = (await judged.client.get("/v1/items/c")).json()
    assert (len(other["judgments"]), other["labels"]) == (1, [])


async def test_an_item_without_an_id_is_found_by_the_one_it_was_given(serve: Serve) -> None:
    judged: Judged = await serve()
    job = await judged.judge([{"input": "q", "output": "x"}])
    name = job["judgments"][0]["item_id"]
    assert (await judged.client.get(f"/v1/items/{name}")).json()["judgments"] == job["judgments"]


@pytest.mark.parametrize("name", ODD)
async def test_any_id_can_stand_in_a_path(api: httpx.AsyncClient, name: str) -> None:
    await is_found(api, name)


async def test_any_id_can_stand_in_a_path_over_a_socket(serve: Serve) -> None:
    judged: Judged = await serve(workers=0)
    for name in ODD:
        await is_found(judged.client, name)


async def is_found(api: httpx.AsyncClient, name: str) -> None:
    problem_of(await api.get(f"/v1/items/{part(name)}"), 404, "not-found")
    assert (await api.post("/v1/labels", json={"labels": [label(name)]})).status_code == 200
    response = await api.get(f"/v1/items/{part(name)}")
    assert (response.status_code, response.json()["item_id"]) == (200, name)
    shown = await api.get("/v1/labels", params={"item_id": name})
    assert shown.json()["labels"] == response.json()["labels"]


async def test_other_paths_are_decoded_as_ever(api: httpx.AsyncClient) -> None:
    assert (await api.get("/v1/judges/helpfulness%401")).json()["version"] == 1
    assert (await api.get("/v1/%6Audges/helpfulness")).status_code == 200
    assert (await api.get("/v1/judges/helpfulness%2Fversions%2F1")).status_code == 404
    for path in ("/v1/items/", "/v1/items", "/v1/items/a/b", "/v1/items/%", "/v1/items/%FF", "/v1/jobs/a%2Fb"):
        assert (await api.get(path)).status_code == 404, path
