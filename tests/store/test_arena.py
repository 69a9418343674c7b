"""Votes in the store: once each, counted whichever way they come, and counted again from their rows."""

import asyncio
import random
from collections import Counter

import pytest
from redis.asyncio import Redis

from service.arena.vote_counts import read_vote_counts, vote_fields
from service.contracts.arena import ArenaVote, Course, VoteRow, Winner
from service.stats.elo import elo_ratings
from service.store import arena, keys
from service.store.arena import Paced, Voted
from service.store.connection import reply
from tests.store.battles import KEEP_S, MODELS, drawn, opened, vote_rows, voted

HOUR_MS = 3_600_000


async def cast(redis: Redis, votes: list[tuple[ArenaVote, str, tuple[str, str]]]) -> None:
    for number, ((a, b, winner), criterion, texts) in enumerate(votes):
        battle = await opened(redis, a, b, criterion=criterion, explanations=texts)
        assert await voted(redis, battle, winner, f"voter {number}") == Voted(1)


async def counts(redis: Redis, criterion: str | None) -> dict[str, str]:
    """The counters of a scope without what depends on the order of the votes."""
    stored = await arena.arena_counts(redis, criterion)
    return {field: value for field, value in stored.items() if field.split("\t")[0] in ("win", "tie", "vote")}


async def test_votes_in_any_order_give_the_same_counters(redis: Redis) -> None:
    votes = drawn(random.Random(3), 30)
    seen = []
    for seed in range(3):
        await redis.flushall()
        await cast(redis, random.Random(seed).sample(votes, len(votes)))
        seen.append([await counts(redis, scope) for scope in (None, "wit", "tact")])
    assert seen[0] == seen[1] == seen[2]


async def test_the_counters_are_those_of_a_recount_of_the_rows(redis: Redis) -> None:
    votes = drawn(random.Random(4), 40)
    await cast(redis, votes)
    rows = [row async for row in vote_rows(redis)]
    assert [(row.A, row.B, row.winner) for row in rows] == [vote for vote, _, _ in votes]
    for scope in (None, "wit", "tact"):
        of_scope = [row for row in rows if scope in (None, row.criterion)]
        recount = Counter(field for row in of_scope for field in vote_fields((row.A, row.B, row.winner), row.lengths))
        assert await counts(redis, scope) == {field: str(count) for field, count in recount.items()}
        stored = read_vote_counts(await arena.arena_counts(redis, scope))
        expected = elo_ratings([(row.A, row.B, row.winner) for row in of_scope])
        assert stored.elo == pytest.approx(expected, abs=1e-9)


async def test_a_row_has_all_that_was_said_and_when(redis: Redis) -> None:
    battle = await opened(redis, explanations=("one", "three"))
    await voted(redis, battle, Winner.BOTH_BAD, "ada\x00 \U0001f600", at_ms=1_700_000_000_123)
    [row] = [row async for row in vote_rows(redis)]
    assert row == VoteRow(
        battle=battle,
        criterion="wit",
        A=MODELS[0],
        B=MODELS[1],
        winner=Winner.BOTH_BAD,
        voter="ada\x00 \U0001f600",
        at_ms=1_700_000_000_123,
        lengths=(3, 5),
    )


async def test_a_voter_votes_once_however_many_requests_come_at_once(redis: Redis) -> None:
    battle = await opened(redis)
    said = [(f"voter {number % 10}", list(Winner)[number % 4]) for number in range(100)]
    answers = await asyncio.gather(*(voted(redis, battle, winner, voter) for voter, winner in said))
    assert sorted(each.votes for each in answers if isinstance(each, Voted)) == list(range(1, 11))
    assert sum(each is None for each in answers) == 90
    assert len([row async for row in vote_rows(redis)]) == 10
    assert sum(read_vote_counts(await arena.arena_counts(redis, None)).outcomes.values()) == 10


async def test_the_same_delivery_twice_is_one_vote(redis: Redis) -> None:
    battle = await opened(redis)
    answers = [await voted(redis, battle, Winner.A, "ada", request="r") for _ in range(2)]
    assert answers == [Voted(1), Voted(1)]
    assert await voted(redis, battle, Winner.A, "ada") is None
    assert len([row async for row in vote_rows(redis)]) == 1


async def test_a_voter_has_so_many_votes_in_any_hour(redis: Redis) -> None:
    battles = [await opened(redis) for _ in range(6)]
    start = 1_700_000_000_000
    for minute, battle in zip((0, 10, 20), battles, strict=False):
        assert await voted(redis, battle, Winner.A, "ada", most=3, at_ms=start + minute * 60_000) == Voted(1)
    late = start + 30 * 60_000
    assert await voted(redis, battles[3], Winner.A, "ada", most=3, at_ms=late) == Paced(HOUR_MS // 2)
    assert await voted(redis, battles[3], Winner.A, "bob", most=3, at_ms=late) == Voted(1)
    assert await voted(redis, battles[0], Winner.A, "ada", most=3, at_ms=late) is None
    assert await voted(redis, battles[4], Winner.A, "ada", most=3, at_ms=start + HOUR_MS) == Voted(1)
    assert await voted(redis, battles[5], Winner.A, "ada", most=3, at_ms=start + HOUR_MS) == Paced(600_000)


async def test_each_vote_makes_another_version_of_its_scopes(redis: Redis) -> None:
    seen = {await arena.newest_vote(redis, None)}
    for number in range(3):
        await voted(redis, await opened(redis), Winner.TIE, f"voter {number}")
        seen.add(await arena.newest_vote(redis, None))
    assert len(seen) == 4
    assert await arena.newest_vote(redis, "tact") == ""
    assert await arena.newest_vote(redis, "wit") == await arena.newest_vote(redis, None)


async def test_a_battle_that_is_gone_takes_no_vote(redis: Redis) -> None:
    battle_id = await opened(redis)
    battle = await arena.find_battle(redis, battle_id)
    assert battle is not None
    await redis.delete(keys.battle(battle_id))
    row = VoteRow(battle=battle_id, criterion="wit", A="a", B="b", winner=Winner.A, voter="v", at_ms=0, lengths=(0, 0))
    with pytest.raises(LookupError):
        await arena.store_vote(
            redis,
            battle,
            row,
            fields=[],
            rating=arena.EloRating(1200, 32),
            request="r",
            most_per_hour=1,
            keep_s=KEEP_S,
        )
    assert await redis.keys(f"{keys.PREFIX}*") == [keys.BATTLES.encode()]
    assert await arena.page_of_battles(redis, before=None, limit=10) == ([], None)
    assert not await redis.exists(keys.BATTLES)


async def test_a_battle_moves_on_from_where_it_was_read_alone(redis: Redis) -> None:
    battle_id = await opened(redis, status="queued")
    first = await arena.find_battle(redis, battle_id)
    second = await arena.find_battle(redis, battle_id)
    assert first is not None
    assert second is not None
    assert await arena.move_battle(redis, first, Course(status="open", A=first.course.A, B=first.course.B))
    assert not await arena.move_battle(redis, second, Course(status="failed", A=first.course.A, B=first.course.B))
    now = await arena.find_battle(redis, battle_id)
    assert now is not None
    assert now.course.status == "open"


async def test_one_at_a_time_draws_again_and_another_may_in_the_next_course(redis: Redis) -> None:
    battle = await arena.find_battle(redis, await opened(redis, status="queued"))
    assert battle is not None
    assert [await arena.claim_drawing(redis, battle) for _ in range(3)] == [True, False, False]
    await arena.move_battle(redis, battle, Course(status="queued", A=battle.course.A, B=battle.course.B, dropped=["x"]))
    again = await arena.find_battle(redis, battle.record.id)
    assert again is not None
    assert await arena.claim_drawing(redis, again)


async def test_a_battle_is_stored_once(redis: Redis) -> None:
    battle_id = await opened(redis)
    await voted(redis, battle_id, Winner.A, "ada")
    battle = await arena.find_battle(redis, battle_id)
    assert battle is not None
    await arena.put_battle(
        redis, battle.record, Course(status="queued", A=battle.course.A, B=battle.course.B), keep_s=1
    )
    assert await arena.find_battle(redis, battle_id) == battle
    assert await redis.ttl(keys.battle(battle_id)) > 1


@pytest.mark.parametrize("labelled", [False, True])
async def test_the_first_vote_notes_the_judgments_and_leaves_a_labelled_item_for_ever(
    redis: Redis, labelled: bool
) -> None:
    if labelled:
        await reply(redis.hset(keys.item("i-1"), "L\twit\tada", "label"))
    battle_id = await opened(redis)
    assert not [field for field in await reply(redis.hkeys(keys.item("i-1"))) if field.startswith(b"R\t")]
    for voter in ("ada", "bob"):
        await voted(redis, battle_id, Winner.A, voter)
    battle = await arena.find_battle(redis, battle_id)
    assert battle is not None
    noted = {field.decode() for field in await reply(redis.hkeys(keys.item("i-1"))) if field.startswith(b"R\t")}
    assert noted == {f"R\t{battle.course.A.job_id}\t0\t{position}" for position in (0, 1)}
    assert (await redis.ttl(keys.item("i-1")) == -1) is labelled


async def test_battles_are_listed_newest_first_in_pages(redis: Redis) -> None:
    ids = [await opened(redis) for _ in range(5)]
    listed, cursor = [], None
    while True:
        page, cursor = await arena.page_of_battles(redis, before=cursor, limit=2)
        listed += [each.record.id for each in page]
        if cursor is None:
            break
    assert listed == ids[::-1]
