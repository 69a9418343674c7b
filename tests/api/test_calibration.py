"""`/v1/calibration`: its parameters, its refusals, and a judge without labels."""

import httpx
import pytest

from tests.api.conftest import pointers
from tests.flows.conftest import Row

WIT: Row = {"criterion": "wit", "method": "rating", "instructions": "Is it funny?", "models": ["control/length"]}


@pytest.fixture
async def wit(api: httpx.AsyncClient) -> httpx.AsyncClient:
    for name, definition in (("wit", WIT), ("pair", {**WIT, "criterion": "better", "method": "pairwise"})):
        assert (await api.put(f"/v1/judges/{name}", json=definition)).status_code == 201
    return api


async def test_a_judge_without_labels_has_rows_without_values(wit: httpx.AsyncClient) -> None:
    response = await wit.get("/v1/calibration", params={"judge": "wit", "score": 3})
    assert response.status_code == 200, response.text
    shown = response.json()
    assert (shown["judge"]["name"], shown["model"], shown["criterion"]) == ("wit", "control/length", "wit")
    assert (shown["window"], shown["selection"], shown["items"]) == ("7d", "random", 0)
    assert [row["judge"] for row in shown["rows"]] == [1, 2, 3, 4, 5]
    assert shown["rows"][0] == {
        "judge": 1,
        "items": 0,
        "human": {"value": None, "lower": None, "upper": None},
        "fitted": None,
        "item_lower": None,
        "item_upper": None,
        "reason": "no_labels",
    }
    assert shown["mapped"] == {
        "score": 3,
        "fitted": None,
        "item_lower": None,
        "item_upper": None,
        "reason": "no_labels",
    }
    assert (shown["item_coverage"], shown["item_reason"], shown["prevalence"]) == (0.9, "no_labels", None)


@pytest.mark.parametrize(
    ("query", "status", "pointer"),
    [
        ({}, 400, "/judge"),
        ({"judge": "wit", "window": "1d"}, 400, "/window"),
        ({"judge": "wit", "selection": "some"}, 400, "/selection"),
        ({"judge": "wit", "score": "high"}, 400, "/score"),
        ({"judge": "wit", "score": "nan"}, 400, "/score"),
        ({"judge": "wit", "score": "-inf"}, 400, "/score"),
        ({"judge": "wit", "scores": 3}, 400, "/scores"),
        ({"judge": "wit", "served": "gpt"}, 422, "/served"),
        ({"judge": "wits"}, 422, "/judge"),
        ({"judge": "pair"}, 422, "/judge"),
    ],
)
async def test_a_query_that_can_not_be_answered_is_refused(
    wit: httpx.AsyncClient, query: Row, status: int, pointer: str
) -> None:
    response = await wit.get("/v1/calibration", params=query)
    code = "invalid-request" if status == 400 else "impossible"
    assert pointers(response, status, code) == [pointer]
