"""The arena's leaderboard: the ratings of the votes, in each of its forms, and told to be the same while it is."""

import csv
import io
import random
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from service.contracts.arena import Winner
from service.store import keys
from service.store.connection import reply
from tests.store.battles import drawn, opened, voted

BOARD = "/v1/arena/leaderboard"


async def cast(redis: Redis, seed: int = 1, how_many: int = 60) -> list[tuple[list[str], str]]:
    """Votes on real battles; each as the ratings endpoint takes it, with its criterion."""
    votes = drawn(random.Random(seed), how_many)
    for number, ((a, b, winner), criterion, texts) in enumerate(votes):
        battle = await opened(redis, a, b, criterion=criterion, explanations=texts)
        await voted(redis, battle, winner, f"voter {number}")
    return [([a, b, str(winner)], criterion) for (a, b, winner), criterion, _ in votes]


async def test_the_leaderboard_rates_as_the_same_votes_sent_along(api: httpx.AsyncClient, redis: Redis) -> None:
    votes = await cast(redis)
    for criterion in (None, "wit", "tact"):
        of_scope = [vote for vote, its in votes if criterion in (None, its)]
        expected = (await api.post("/v1/arena/ratings", json={"votes": of_scope})).json()["leaderboard"]
        board = (await api.get(BOARD, params={"criterion": criterion} if criterion else {})).json()
        assert (board["criterion"], board["votes"]) == (criterion, len(of_scope))
        assert len(board["leaderboard"]) == len(expected)
        for row, other in zip(board["leaderboard"], expected, strict=True):
            interval = {end: row[end] for end in ("lower", "upper", "rank")}  # votes sent along have no voters
            assert row == {**other, "elo": pytest.approx(other["elo"], abs=1e-9), **interval}
            assert row["upper"] - row["lower"] >= other["upper"] - other["lower"] - 1e-9
        left = sum(vote[2] == "A" for vote in of_scope)
        decided = sum(vote[2] in "AB" for vote in of_scope)
        assert board["left_win_rate"]["votes"] == decided
        assert board["left_win_rate"]["value"] == pytest.approx(left / decided)
        assert board["left_win_rate"]["lower"] < left / decided < board["left_win_rate"]["upper"]
        assert board["style"] is None  # too few votes


async def test_no_votes_are_an_empty_leaderboard(api: httpx.AsyncClient) -> None:
    for query in ({}, {"criterion": "unheard of"}):
        board = (await api.get(BOARD, params=query)).json()
        assert (board["leaderboard"], board["votes"], board["left_win_rate"], board["style"]) == ([], 0, None, None)
    markdown = await api.get(BOARD, headers={"Accept": "text/markdown"})
    assert "0 votes" in markdown.text


async def test_an_etag_holds_until_the_next_vote(api: httpx.AsyncClient, redis: Redis) -> None:
    await cast(redis, how_many=5)
    first = await api.get(BOARD)
    etag = first.headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        same = await api.get(BOARD, headers={"If-None-Match": known})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
    assert (await api.get(BOARD, headers={"If-None-Match": etag, "Accept": "text/csv"})).status_code == 200
    assert (await api.get(BOARD, params={"criterion": "wit"}, headers={"If-None-Match": etag})).status_code == 200
    await voted(redis, await opened(redis, criterion="else"), Winner.A, "ada")
    after = await api.get(BOARD, headers={"If-None-Match": etag})
    assert (after.status_code, after.json()["votes"]) == (200, 6)
    assert after.headers["etag"] != etag


async def test_an_emptied_store_is_not_taken_for_the_one_before(api: httpx.AsyncClient, redis: Redis) -> None:
    await voted(redis, await opened(redis), Winner.A, "ada")
    first = await api.get(BOARD)
    await redis.flushall()
    await voted(redis, await opened(redis, "openai/new", "openai/newer"), Winner.A, "ada")
    second = await api.get(BOARD, headers={"If-None-Match": first.headers["etag"]})
    assert second.status_code == 200
    assert "openai/new" in second.text


async def test_the_leaderboard_comes_as_csv_and_as_markdown(api: httpx.AsyncClient, redis: Redis) -> None:
    await cast(redis)
    rows = (await api.get(BOARD)).json()["leaderboard"]
    as_csv = await api.get(BOARD, headers={"Accept": "text/csv"})
    assert as_csv.headers["content-type"].startswith("text/csv")
    lines = list(csv.DictReader(io.StringIO(as_csv.text)))
    assert [line["model"] for line in lines] == [row["model"] for row in rows]
    assert [float(line["rating"]) for line in lines] == [row["rating"] for row in rows]
    assert [line["regularised"] for line in lines] == [str(row["regularised"]).lower() for row in rows]
    markdown = await api.get(BOARD, params={"criterion": "wit"}, headers={"Accept": "text/markdown"})
    assert markdown.headers["content-type"].startswith("text/markdown")
    assert "# Arena: wit" in markdown.text
    assert all(f"| {row['model']} |" in markdown.text for row in rows)


async def test_a_million_votes_are_rated_from_their_counters(api: httpx.AsyncClient, redis: Redis) -> None:
    names = [f"p/{number:02}" for number in range(20)]
    counters: dict[str, Any] = {
        f"win\t{a}\t{b}\t{at}": 600 if a < b else 453 for a in names for b in names for at in range(5) if a != b
    }
    total = sum(counters.values())
    assert total > 1_000_000
    counters |= {f"elo\t{name}": "1200" for name in names} | {"vote\tA": total, "version": "1-0"}
    await reply(redis.hset(keys.arena_counters(None), mapping=counters))
    board = (await api.get(BOARD)).json()
    assert board["votes"] == total
    assert [row["model"] for row in board["leaderboard"]] == names
    assert board["style"]["votes"] == total * 4 // 5
    for effect in (board["style"]["longer"], board["style"]["much_longer"]):
        assert abs(effect["points"]) < 1e-6  # as often won by the shorter critique
        assert 0 < effect["standard_error"] < 1
