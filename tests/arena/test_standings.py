"""Rows of the leaderboard: who is in it, in which order, and who is ranked above whom."""

import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.arena.leaderboard import standings
from service.arena.vote_counts import WinCounts
from service.contracts.arena import ArenaVote, Standing
from service.stats.elo import elo_ratings
from service.stats.intervals import Z
from service.stats.rating_ranks import rating_ranks
from tests.arena.oracles import by_statsmodels
from tests.arena.votes import BOTH_BAD, TIE, A, B, fitted, simulated, votes

POINTS = 400 / np.log(10)


def rated(given_votes: Sequence[ArenaVote]) -> list[Standing]:
    return standings(WinCounts.from_votes(given_votes), elo_ratings(given_votes))


def test_no_votes_have_no_rows() -> None:
    assert rated([]) == []


def test_odds_of_ten_to_one_are_four_hundred_points() -> None:
    first, second = rated([("x", "y", A)] * 10 + [("x", "y", B)])
    assert (first.model, second.model) == ("x", "y")
    assert first.rating - second.rating == pytest.approx(400, abs=1e-9)
    assert first.rating + second.rating == pytest.approx(2000, abs=1e-9)


def test_nobody_is_ranked_above_a_model_of_a_group_that_it_never_met() -> None:
    first, *middle, last = rated([("a", "b", A)] * 900 + [("a", "b", B)] * 100 + [("x", "y", A), ("x", "y", B)] * 500)
    assert (first.model, [each.model for each in middle], last.model) == ("a", ["x", "y"], "b")
    assert [each.rank for each in (first, *middle, last)] == [1, 1, 1, 2]
    for each in middle:
        assert each.lower < first.rating < each.upper
        assert each.lower < last.rating < each.upper


def test_a_row_counts_what_a_model_won_lost_and_tied() -> None:
    rows = rated([("x", "y", A), ("y", "x", A), ("y", "x", A), ("x", "y", TIE), ("y", "x", BOTH_BAD)])
    assert [(row.model, row.votes, row.wins, row.losses, row.ties) for row in rows] == [
        ("y", 5, 2, 1, 2),
        ("x", 5, 1, 2, 2),
    ]
    assert {row.regularised for row in rows} == {False}


def test_intervals_are_z_standard_errors_wide() -> None:
    drawn = np.random.default_rng(5)
    given_votes = simulated(drawn, drawn.normal(0, 1, 6), 400)
    rows = sorted(rated(given_votes), key=lambda row: row.model)
    errors = POINTS * np.sqrt(np.diag(by_statsmodels(given_votes, [row.model for row in rows]).covariance))
    assert [row.upper - row.rating for row in rows] == pytest.approx((Z * errors).tolist(), abs=1e-8)
    assert [row.rating - row.lower for row in rows] == pytest.approx((Z * errors).tolist(), abs=1e-8)


@settings(deadline=None)
@given(votes(least=1))
def test_every_row_is_in_order(given_votes: list[ArenaVote]) -> None:
    rows = rated(given_votes)
    assert {row.model for row in rows} == {model for first, second, _ in given_votes for model in (first, second)}
    assert [row.rating for row in rows] == sorted((row.rating for row in rows), reverse=True)
    assert sum(row.rating for row in rows) == pytest.approx(1000 * len(rows))
    assert sum(row.votes for row in rows) == 2 * len(given_votes)
    assert sum(row.wins for row in rows) == sum(row.losses for row in rows)
    assert len({row.regularised for row in rows}) == 1
    for row in rows:
        assert row.lower < row.rating < row.upper
        assert row.votes == row.wins + row.losses + row.ties
    assert rows[0].rank == 1
    counts = WinCounts.from_votes(given_votes)
    fit = fitted(counts)
    ranks = dict(zip(counts.models, rating_ranks(fit.strengths, fit.covariance), strict=True))
    assert {row.model: row.rank for row in rows} == ranks


@settings(deadline=None)
@given(votes(least=1), st.integers(0, 99))
def test_shuffled_votes_change_nothing_but_elo(given_votes: list[ArenaVote], seed: int) -> None:
    shuffled = random.Random(seed).sample(given_votes, len(given_votes))
    ratings = elo_ratings(given_votes)
    assert standings(WinCounts.from_votes(shuffled), ratings) == standings(WinCounts.from_votes(given_votes), ratings)


def test_a_model_without_votes_has_no_row() -> None:
    counted = WinCounts.from_votes([("x", "y", A), ("x", "y", B)]).among(["new", "x", "y"])
    rows = standings(counted, {"x": 1200, "y": 1200})
    assert [row.model for row in rows] == ["x", "y"]
    assert not rows[0].regularised


@pytest.mark.parametrize(
    "given_votes",
    [
        [("x", "y", A)],
        [("x", "y", TIE)],
        [("x", "y", TIE), ("y", "z", BOTH_BAD)],
        [("x", "y", A), ("x", "y", A), ("x", "y", A)],
        [("x", "y", A), ("p", "q", B)],
    ],
    ids=str,
)
def test_a_few_votes_rank_nobody_above_another(given_votes: list[ArenaVote]) -> None:
    assert {row.rank for row in rated(given_votes)} == {1}


def test_one_newcomer_who_never_lost_marks_every_row() -> None:
    settled: list[ArenaVote] = [("x", "y", A), ("y", "x", A)] * 50
    rows = rated([*settled, ("new", "x", A)])
    assert rows[0].model == "new"
    assert {row.regularised for row in rows} == {True}
    assert {row.rank for row in rows} == {1}


def test_who_won_every_one_of_many_votes_is_ranked_above() -> None:
    rows = rated([("x", "y", A)] * 20)
    assert [(row.model, row.rank, row.regularised) for row in rows] == [("x", 1, True), ("y", 2, True)]
