"""`POST /v1/arena/ratings`: ratings of votes that are sent along, with nothing stored."""

import json
from math import log
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from redis.asyncio import Redis

from service.arena.leaderboard import MOST_RATED_MODELS
from service.contracts.arena import MOST_RATED_VOTES, RatingsRequest
from tests.api.conftest import is_untouched, pointers
from tests.arena.test_real_votes import judges_votes, systems_votes
from tests.flows.conftest import Row

FIELDS = {
    *("model", "rating", "lower", "upper", "rank", "elo"),
    *("votes", "wins", "losses", "ties", "regularised"),
}
VOTES = [["x", "y", "A"], ["y", "x", "A"], ["x", "y", "A"], ["x", "z", "tie"], ["z", "y", "both_bad"], ["z", "y", "B"]]


async def rated(api: httpx.AsyncClient, votes: list[list[str]]) -> list[Row]:
    response = await api.post("/v1/arena/ratings", json={"votes": votes})
    assert response.status_code == 200, response.text
    answer: Row = response.json()
    assert set(answer) == {"leaderboard"}
    rows: list[Row] = answer["leaderboard"]
    for row in rows:
        assert set(row) == FIELDS
        assert row["lower"] < row["rating"] < row["upper"]
    return rows


async def test_votes_are_rated_and_nothing_is_stored(api: httpx.AsyncClient, redis: Redis) -> None:
    rows = await rated(api, VOTES)
    assert {row["model"]: [row["votes"], row["wins"], row["losses"], row["ties"]] for row in rows} == {
        "x": [4, 2, 1, 1],
        "y": [5, 2, 2, 1],
        "z": [3, 0, 1, 2],
    }
    assert [row["rating"] for row in rows] == sorted((row["rating"] for row in rows), reverse=True)
    assert sum(row["rating"] for row in rows) == pytest.approx(3000)
    assert sum(row["elo"] for row in rows) == pytest.approx(3600)
    assert {row["regularised"] for row in rows} == {False}
    assert await is_untouched(redis)


async def test_one_vote_is_regularised_and_ranks_nobody(api: httpx.AsyncClient) -> None:
    first, second = await rated(api, [["x", "y", "B"]])
    assert (first["model"], first["rank"], second["rank"]) == ("y", 1, 1)
    assert first["regularised"]
    assert second["regularised"]
    assert (first["elo"], second["elo"]) == (1216, 1184)


async def test_both_bad_rates_as_a_tie(api: httpx.AsyncClient) -> None:
    votes = [["x", "y", "A"], ["y", "x", "A"], ["x", "y", "A"]]
    assert await rated(api, [*votes, ["x", "y", "both_bad"]]) == await rated(api, [*votes, ["x", "y", "tie"]])


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ({}, ["/votes"]),
        ({"votes": None}, ["/votes"]),
        ({"votes": [["x", "y", "A"]], "what": 1}, ["/what"]),
        ({"votes": [["x", "y", "A"], ["x", "y", "C"]]}, ["/votes/1/2"]),
        ({"votes": [["x", 1, "A"], [None, "y", "a"]]}, ["/votes/0/1", "/votes/1/0", "/votes/1/2"]),
        ({"votes": [["", "x" * 301, "A"]]}, ["/votes/0/0", "/votes/0/1"]),
        ({"votes": [["x", "y"], ["x", "y", "A", "B"], "xyA", {}]}, ["/votes/0", "/votes/1", "/votes/2", "/votes/3"]),
        ({"votes": [["x", "y", "A"], ["x", "x", "A"], ["y", "y", "tie"]]}, ["/votes/1/1", "/votes/2/1"]),
        ({"votes": [[f"m{at}", "x", "A"] for at in range(MOST_RATED_MODELS)]}, ["/votes"]),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_each_place_that_does_not_fit_is_named(api: httpx.AsyncClient, body: Any, places: list[str]) -> None:
    assert sorted(pointers(await api.post("/v1/arena/ratings", json=body))) == places


async def test_no_votes_have_no_ratings(api: httpx.AsyncClient) -> None:
    response = await api.post("/v1/arena/ratings", json={"votes": []})
    assert pointers(response, 422, "impossible") == ["/votes"]


async def test_a_million_votes_are_rated(api: httpx.AsyncClient) -> None:
    four = b'["x","y","A"],["y","x","A"],["y","x","tie"],["x","y","A"]'
    content = b'{"votes":[' + b",".join([four] * (MOST_RATED_VOTES // 4)) + b"]}"
    response = await api.post("/v1/arena/ratings", content=content, headers={"Content-Type": "application/json"})
    assert response.status_code == 200
    assert [row["votes"] for row in response.json()["leaderboard"]] == [MOST_RATED_VOTES] * 2


def test_more_than_a_million_votes_are_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="1000000"):
        msgspec.convert({"votes": [["x", "y", "A"]] * (MOST_RATED_VOTES + 1)}, RatingsRequest)


@pytest.mark.parametrize(
    ("votes_of", "known"),
    [
        (judges_votes, ("leaderboard_of_judges_llmbar", "bradley_terry_elo_scale_mean_1000")),
        (systems_votes, ("leaderboard_of_systems_pandalm", "humans")),
    ],
)
async def test_leaderboards_of_real_judges_and_systems_come_out(
    api: httpx.AsyncClient, data: Path, votes_of: Any, known: tuple[str, str]
) -> None:
    figures = json.loads((data / "expected.json").read_text())[known[0]][known[1]]
    response = await api.post("/v1/arena/ratings", json={"votes": list(votes_of(data))})
    assert response.status_code == 200
    found = {row["model"]: row["rating"] for row in response.json()["leaderboard"]}
    strengths = figures.get("bradley_terry_log_strength_mean_zero")
    wanted = figures if strengths is None else {name: 1000 + 400 / log(10) * each for name, each in strengths.items()}
    assert found == pytest.approx(wanted, abs=1e-3)
