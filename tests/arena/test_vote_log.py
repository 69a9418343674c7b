"""The votes one by one as a process reads them: once, up to a version, and again after the store has lost them."""

import random

import numpy as np
from redis.asyncio import Redis

from service.arena.leaderboard import current_leaderboard, leaderboard_version, standings
from service.arena.vote_counts import read_vote_counts
from service.arena.vote_log import VoteLog
from service.contracts.arena import Winner
from service.store import arena
from tests.store.battles import MODELS, drawn, opened, vote_rows, voted


async def cast(redis: Redis, battles: int, voters: int) -> None:
    for (a, b, winner), criterion, texts in drawn(random.Random(2), battles):
        battle = await opened(redis, a, b, criterion=criterion, explanations=texts)
        for voter in range(voters):
            await voted(redis, battle, winner if voter else Winner.TIE, f"voter {voter}")


async def test_votes_are_those_of_the_rows_with_their_battles_and_voters(redis: Redis) -> None:
    await cast(redis, 20, 3)
    log = VoteLog()
    await log.read_on(redis)
    rows = [row async for row in vote_rows(redis)]
    models = sorted(MODELS)
    for criterion in (None, "wit", "tact"):
        mine = [row for row in rows if criterion in (None, row.criterion)]
        found = log.clustered(criterion, await arena.newest_vote(redis, criterion), models)
        assert [(models[a], models[b]) for a, b in zip(found.first, found.second, strict=True)] == [
            (row.A, row.B) for row in mine
        ]
        assert found.won.tolist() == [{Winner.A: 1, Winner.B: 0}.get(row.winner, 0.5) for row in mine]
        assert len(np.unique(found.battle)) == len({row.battle for row in mine})
        assert len(np.unique(found.voter)) == 3
    assert len(log.clustered("tone", await arena.newest_vote(redis, None), models).won) == 0
    assert len(log.clustered(None, "", models).won) == 0
    assert len(log.clustered(None, await arena.newest_vote(redis, None), models[:1]).won) == 0


async def test_later_votes_are_read_on_and_an_earlier_version_stays(redis: Redis) -> None:
    log = VoteLog()
    await log.read_on(redis)
    await cast(redis, 2, 2)
    earlier = await arena.newest_vote(redis, None)
    await log.read_on(redis)
    await voted(redis, await opened(redis), Winner.A, "ada")
    await log.read_on(redis)
    assert len(log.clustered(None, earlier, MODELS).won) == 4
    assert len(log.clustered(None, await arena.newest_vote(redis, None), MODELS).won) == 5
    await redis.flushall()
    await voted(redis, await opened(redis), Winner.A, "ada")
    await log.read_on(redis)
    assert len(log.clustered(None, await arena.newest_vote(redis, None), MODELS).won) == 1


async def test_the_leaderboard_takes_votes_on_one_battle_as_dependent(redis: Redis) -> None:
    await cast(redis, 30, 8)
    found = (await current_leaderboard(redis, None, await leaderboard_version(redis, None))).leaderboard
    counts = read_vote_counts(await arena.arena_counts(redis, None))
    apart = standings(counts.battles, counts.elo)
    assert [row.rating for row in found] == [row.rating for row in apart]
    assert all(row.upper - row.lower > 1.5 * (one.upper - one.lower) for row, one in zip(found, apart, strict=True))
