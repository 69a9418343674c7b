"""The scatter of clustered votes: against statsmodels' cluster covariance, and by simulation."""

import numpy as np
import pytest
from numpy.typing import NDArray

from service.arena.leaderboard import standings
from service.arena.vote_counts import WinCounts
from service.stats.bradley_terry import fit_strengths, win_probabilities
from service.stats.intervals import wilson
from service.stats.vote_clusters import (
    ClusteredVotes,
    battle_effect,
    battle_scatter,
    largest_scatter,
    share_effect,
    two_way_scatter,
    voter_scatter,
)
from tests.arena.oracles import designed
from tests.arena.votes import Arena, arena_of

SIZE = 5


@pytest.fixture(scope="module")
def arena() -> Arena:
    return arena_of(np.random.default_rng(2), SIZE, battles=80, votes=6, voters=15, battle_sd=1.0, taste_sd=0.4)


def by_statsmodels(arena: Arena, groups: NDArray[np.intp]) -> NDArray[np.float64]:
    """The covariance of all strengths, their mean 0, without corrections for small samples."""
    import statsmodels.api as sm

    centred = np.zeros((SIZE, SIZE - 1))
    centred[: SIZE - 1] = np.eye(SIZE - 1)
    centred[SIZE - 1] = -1
    design = designed(arena.votes, [f"m{at:02}" for at in range(SIZE)]) @ centred
    model = sm.GLM(arena.clustered.won, design, family=sm.families.Binomial())
    found = model.fit(cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False}, tol=1e-14, maxiter=200)
    return np.asarray(centred @ found.cov_params() @ centred.T)


def test_scatters_give_the_covariance_of_statsmodels(arena: Arena) -> None:
    counts = WinCounts.from_votes(arena.votes)
    fit = fit_strengths(counts.wins, counts.ties)
    p = win_probabilities(fit.strengths)
    kinds = ((arena.clustered.battle, battle_scatter), (arena.clustered.voter, voter_scatter))
    for groups, scatter in kinds:
        found = fit.inverse @ scatter(arena.clustered, p) @ fit.inverse
        assert found == pytest.approx(by_statsmodels(arena, groups), abs=1e-10)
    alone = arena.clustered._replace(battle=np.arange(len(arena.votes)))
    assert fit.inverse @ battle_scatter(alone, p) @ fit.inverse == pytest.approx(fit.covariance, abs=1e-12)


def test_two_ways_are_their_sum_without_what_is_in_both(arena: Arena) -> None:
    p = win_probabilities(np.zeros(SIZE))
    alone = arena.clustered._replace(battle=np.arange(len(arena.votes)))
    found = two_way_scatter(arena.clustered, p)
    assert found is not None
    battles = battle_scatter(arena.clustered, p) * (80 / 76) ** 2
    of_voter = np.bincount(arena.clustered.voter)[arena.clustered.voter] / len(arena.votes)
    enlarged = arena.clustered._replace(won=0.5 + (arena.clustered.won - 0.5) / (1 - of_voter))
    excess = voter_scatter(enlarged, p) - battle_scatter(alone, p)
    values, vectors = np.linalg.eigh(excess)
    assert found == pytest.approx(battles + vectors @ np.diag(values.clip(0)) @ vectors.T, abs=1e-9)
    one_voter = arena.clustered._replace(voter=np.zeros(len(arena.votes), dtype=np.intp))
    assert two_way_scatter(one_voter, p) == pytest.approx(battles, abs=1e-9)


def test_few_battles_have_no_scatter_and_their_votes_count_as_one(arena: Arena) -> None:
    votes = arena.clustered
    few = ClusteredVotes(votes.first[:36], votes.second[:36], votes.won[:36], votes.battle[:36], votes.voter[:36])
    p = win_probabilities(np.zeros(SIZE))
    assert two_way_scatter(few, p) is None
    assert np.trace(largest_scatter(few, p)) == pytest.approx(2 * 6 * 6**2 / 4)  # six battles of six votes


def test_twenty_votes_on_one_battle_rank_nobody() -> None:
    counts = WinCounts.from_votes([("x", "y", "A")] * 20)
    same = np.zeros(20, dtype=np.intp)
    votes = ClusteredVotes(same, same + 1, np.ones(20), same, np.arange(20))
    assert {row.rank for row in standings(counts, {"x": 1200.0, "y": 1200.0}, votes)} == {1}
    assert {row.rank for row in standings(counts, {"x": 1200.0, "y": 1200.0})} == {1, 2}


def test_intervals_hold_the_truth_with_twenty_votes_on_each_battle() -> None:
    """The truth is 0 for all: five equal models. Independent votes would be covered in two of three cases."""
    random = np.random.default_rng(7)
    held, before = [], []
    for _ in range(120):
        arena = arena_of(random, SIZE, battles=60, votes=20, voters=500, battle_sd=1.0, spread=0.0)
        counts, elo = WinCounts.from_votes(arena.votes), {f"m{at:02}": 0.0 for at in range(SIZE)}
        held += [row.lower <= 1000 <= row.upper for row in standings(counts, elo, arena.clustered)]
        before += [row.lower <= 1000 <= row.upper for row in standings(counts, elo)]
    assert 0.92 < np.mean(held) < 0.98
    assert np.mean(before) < 0.8


@pytest.mark.parametrize(("share", "least"), [(0.3, 0.93), (0.6, 0.92), (0.9, 0.88)])
def test_intervals_hold_the_truth_though_one_voter_with_a_taste_gives_most_votes(share: float, least: float) -> None:
    """Without that voter's leverage they hold it in .95, .85 and .59 of the cases."""
    random, size, votes, voters = np.random.default_rng(11), 6, 240, 20
    held = []
    for _ in range(60):
        voter = np.where(random.random(votes) < share, 0, random.integers(1, voters, votes))
        first = random.integers(size, size=votes)
        second = (first + random.integers(1, size, size=votes)) % size
        tastes = random.normal(0, 0.5, (voters, size))
        lead = tastes[voter, first] - tastes[voter, second]
        won = (random.random(votes) < 1 / (1 + np.exp(-lead))).astype(np.float64)
        wins = np.zeros((size, size), dtype=np.int64)
        np.add.at(wins, (np.where(won > 0, first, second), np.where(won > 0, second, first)), 1)
        clustered = ClusteredVotes(first, second, won, np.arange(votes), voter)
        fit = fit_strengths(wins, np.zeros_like(wins), clustered)
        held += (np.abs(fit.strengths) <= 1.96 * np.sqrt(np.diag(fit.covariance))).tolist()
    assert np.mean(held) >= least


def on_one_pair(won: NDArray[np.float64], battle: NDArray[np.intp], voter: NDArray[np.intp]) -> ClusteredVotes:
    nobody = np.zeros(len(won), dtype=np.intp)
    return ClusteredVotes(nobody, nobody + 1, won, battle, voter)


def test_votes_on_a_battle_say_as_much_as_one_if_they_are_all_alike() -> None:
    """Of a share, and of a gradient: four votes on each of 100 battles, which all fall to one side."""
    battle = np.repeat(np.arange(100), 4)
    won = (battle % 2).astype(np.float64)
    votes = on_one_pair(won, battle, np.arange(400))
    small, t_of_99, even = (100 / 99) ** 2, 1.984217 / 1.959964, np.full((2, 2), 0.5)
    assert share_effect(votes) == pytest.approx(4 * small * t_of_99**2, rel=2e-3)
    assert share_effect(votes._replace(won=np.ones(400))) == 4
    assert battle_effect(votes, even) == pytest.approx(4 * (100 / 98) ** 2)
    alone = votes._replace(battle=np.arange(400))
    assert share_effect(alone) == pytest.approx(1, abs=0.02)
    assert battle_effect(alone, even) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("kind", ["battle", "voter"])
def test_the_interval_of_a_share_covers_it_if_votes_depend_on_each_other(kind: str) -> None:
    """Each battle, or each voter, has a leaning of its own: independent votes would be covered in .6 of the cases."""
    random = np.random.default_rng(12)
    held: list[bool] = []
    before: list[bool] = []
    for _ in range(200):
        shared, own = np.repeat(np.arange(20), 15), np.arange(300)
        chance = 1 / (1 + np.exp(-random.normal(0, 1.2, 20)[shared]))
        won = (random.random(300) < chance).astype(np.float64)
        votes = on_one_pair(won, *((shared, own) if kind == "battle" else (own, shared)))
        for found, trials in ((held, 300 / share_effect(votes)), (before, 300.0)):
            interval = wilson(float(won.mean()) * trials, trials)
            found.append(interval.lower <= 0.5 <= interval.upper)
    assert 0.92 < np.mean(held) < 0.99
    assert np.mean(before) < 0.75
