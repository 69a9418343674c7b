"""`POST /v1/statistics`: statistics of agreement with nothing stored."""

from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from service.api.statistics import MOST_PAIRS, MOST_VALUES
from service.stats.table import MOST_A_CELL
from tests.api.conftest import is_untouched, pointers
from tests.flows.conftest import Row
from tests.stats.tables import BINARY, NOMINAL

SCALE = [1, 2, 3, 4, 5]
PAIRS = [[1, 1], [2, 2], [2, 3], [3, 3], [4, 5], [5, 5], [5, 4], [3, 2]]


async def computed(api: httpx.AsyncClient, **body: Any) -> Row:
    response = await api.post("/v1/statistics", json=body)
    assert response.status_code == 200, response.text
    answer: Row = response.json()
    assert set(answer) == {"pairs", "statistics", "flags"}
    for name, each in answer["statistics"].items():
        assert set(each) == {"value", "lower", "upper", "reason"}, name
        assert (each["lower"] is None) == (each["upper"] is None) == (each["reason"] is not None), name
    return answer


async def test_pairs_and_the_counts_of_them_have_the_same_statistics(api: httpx.AsyncClient, redis: Redis) -> None:
    counts = [[sum(pair == [h, j] for pair in PAIRS) for j in SCALE] for h in SCALE]
    answer = await computed(api, values=SCALE, pairs=PAIRS)
    assert answer == await computed(api, values=SCALE, counts=counts)
    assert answer == await computed(api, values=SCALE, pairs=PAIRS)
    assert answer["pairs"] == 8
    assert answer["flags"] == ["insufficient"]
    assert answer["statistics"]["exact"]["value"] == 0.5
    assert answer["statistics"]["within_one"]["value"] == 1
    assert answer["statistics"]["bias"]["value"] == 0
    assert await is_untouched(redis)


async def test_a_number_is_the_same_however_it_is_written(api: httpx.AsyncClient) -> None:
    answer = await computed(api, values=[0.5, 1.0, 1.5], pairs=[[1, 1.0], [0.5, 1.5]])
    assert answer["statistics"]["exact"]["value"] == 0.5


async def test_pass_and_fail_have_the_binary_statistics_and_categories_the_nominal_ones(api: httpx.AsyncClient) -> None:
    answer = await computed(api, values=["fail", "pass"], pairs=[["pass", "pass"], ["fail", "pass"]])
    assert set(answer["statistics"]) == NOMINAL | BINARY
    assert answer["statistics"]["sensitivity"]["value"] == 1
    assert answer["statistics"]["npv"]["reason"] == "no_judged_negatives"
    answer = await computed(api, values=["A", "tie", "B"], pairs=[["A", "A"], ["B", "tie"]])
    assert set(answer["statistics"]) == NOMINAL
    answer = await computed(api, values=[0, 1], pairs=[[0, 1], [1, 1]])
    assert {"pearson", "f1"} <= set(answer["statistics"])


@pytest.mark.parametrize("body", [{"pairs": []}, {"counts": [[0, 0], [0, 0]]}])
async def test_no_pairs_have_no_statistics(api: httpx.AsyncClient, body: Row) -> None:
    answer = await computed(api, values=[1, 2], **body)
    assert answer["pairs"] == 0
    assert {each["value"] for each in answer["statistics"].values()} == {None}
    assert {each["reason"] for each in answer["statistics"].values()} == {"no_pairs"}


async def test_a_judge_that_always_says_the_same_is_flagged(api: httpx.AsyncClient) -> None:
    answer = await computed(api, values=SCALE, pairs=[[2, 4], [4, 4], [5, 4]] * 10)
    assert answer["flags"] == ["judge_constant", "degenerate"]
    assert answer["statistics"]["pearson"] == {"value": None, "lower": None, "upper": None, "reason": "judge_constant"}


async def test_a_billion_a_cell_cost_no_more_than_one(api: httpx.AsyncClient) -> None:
    answer = await computed(api, values=[0, 1], counts=[[MOST_A_CELL, 0], [1, MOST_A_CELL]])
    assert answer["pairs"] == 2 * MOST_A_CELL + 1
    assert answer["statistics"]["pearson"]["value"] == pytest.approx(1, abs=1e-8)


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ({}, ["/values"]),
        ({"values": SCALE}, ["/pairs"]),
        ({"values": SCALE, "pairs": [], "counts": [[0] * 5] * 5}, ["/counts"]),
        ({"values": SCALE, "pairs": [[1, 1], [2, 2], [3, 3], [6, 1]]}, ["/pairs/3/0"]),
        ({"values": SCALE, "pairs": [[1, 0], [9, 9]]}, ["/pairs/0/1", "/pairs/1/0", "/pairs/1/1"]),
        ({"values": SCALE, "pairs": [[1, "1"]]}, ["/pairs/0/1"]),
        ({"values": SCALE, "pairs": [[1, 1], [1], [1, 2, 3]]}, ["/pairs/1", "/pairs/2"]),
        ({"values": SCALE, "pairs": [[1, None], [True, 1]]}, ["/pairs/0/1", "/pairs/1/0"]),
        ({"values": ["A", "B"], "pairs": [["A", "C"]]}, ["/pairs/0/1"]),
        ({"values": [1, 2], "counts": [[1, 2], [3]]}, ["/counts/1"]),
        ({"values": [1, 2], "counts": [[1, 2]]}, ["/counts"]),
        ({"values": [1, 2], "counts": [[1, -2], [3, 4]]}, ["/counts/0/1"]),
        ({"values": [1, 2], "counts": [[1, 0.5], [3, MOST_A_CELL + 1]]}, ["/counts/0/1", "/counts/1/1"]),
        ({"values": [1, 2, 2], "pairs": []}, ["/values/2"]),
        ({"values": [1, 3, 2], "pairs": []}, ["/values/2"]),
        ({"values": [1, "a"], "pairs": []}, ["/values/1"]),
        ({"values": [1, 2e9, None], "pairs": []}, ["/values/1", "/values/2"]),
        ({"values": ["", "x" * 101], "pairs": []}, ["/values/0", "/values/1"]),
        ({"values": [], "pairs": []}, ["/values"]),
        ({"values": list(range(MOST_VALUES + 1)), "pairs": []}, ["/values"]),
        ({"values": [1, 2], "pairs": [], "what": 1}, ["/what"]),
        ({"values": [1, 2], "pairs": None}, ["/pairs"]),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_each_place_that_does_not_fit_is_named(api: httpx.AsyncClient, body: Row, places: list[str]) -> None:
    assert sorted(pointers(await api.post("/v1/statistics", json=body))) == places


async def test_more_than_a_million_pairs_are_refused(api: httpx.AsyncClient) -> None:
    content = b'{"values":[1,2],"pairs":[' + b"[1,2]," * MOST_PAIRS + b"[1,2]]}"
    response = await api.post("/v1/statistics", content=content, headers={"Content-Type": "application/json"})
    assert pointers(response) == ["/pairs"]


async def test_one_bad_pair_of_very_many_is_named(api: httpx.AsyncClient) -> None:
    content = b'{"values":[1,2],"pairs":[' + b"[1,2]," * 100_000 + b"[1,null]]}"
    response = await api.post("/v1/statistics", content=content, headers={"Content-Type": "application/json"})
    assert pointers(response) == ["/pairs/100000/1"]
