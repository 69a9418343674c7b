"""Strengths and their covariance: other people's figures, sums by hand, symmetries, and arenas that have no maximum."""

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.arena.vote_counts import WinCounts
from service.contracts.arena import ArenaVote
from service.stats.bradley_terry import RIDGE, is_strongly_connected, win_probabilities
from service.stats.intervals import Z
from tests.arena.oracles import by_statsmodels, strengths_by_evalica, strengths_with_ridge
from tests.arena.votes import MODELS, TIE, A, B, battles, fitted, halves, simulated, turned, votes

CYCLE: list[ArenaVote] = [("x", "y", A), ("y", "z", A), ("z", "x", A)]


def test_a_sum_done_by_hand() -> None:
    """Three wins of four and a tie: half-wins 3.5 and 1.5, so the odds are 7 : 3 and theta = ± ln(7/3) / 2.

    p = .7, A = 5 * .21 = 1.05 and B = 3 * .09 + 1 * .49 + 1 * .04 = .8, times the Laplacian ((1, -1), (-1, 1)), whose
    pseudo-inverse is a quarter of it: the variance of each is .8 / (2 * 1.05)^2 = .18141.
    """
    found = fitted(battles("xy", [[0, 3], [1, 0]], [[0, 1], [1, 0]]))
    assert found.strengths == pytest.approx([math.log(7 / 3) / 2, -math.log(7 / 3) / 2], abs=1e-15)
    assert found.covariance == pytest.approx(0.8 / 2.1**2 * np.array([[1, -1], [-1, 1]]), abs=1e-15)
    assert not found.regularised


@pytest.mark.parametrize(("size", "how_many"), [(2, 30), (5, 200), (10, 500), (20, 3000)])
@pytest.mark.parametrize("ties", [0.0, 0.3])
def test_strengths_and_covariance_are_those_of_the_libraries(size: int, how_many: int, ties: float) -> None:
    drawn = np.random.default_rng(size)
    given_votes = simulated(drawn, drawn.normal(0, 0.8, size), how_many, ties)
    counted = WinCounts.from_votes(given_votes)
    found = fitted(counted)
    assert not found.regularised
    assert found.strengths == pytest.approx(strengths_by_evalica(given_votes, counted.models), abs=1e-8)
    oracle = by_statsmodels(given_votes, counted.models)
    assert found.strengths == pytest.approx(oracle.coefficients, abs=1e-10)
    assert found.covariance == pytest.approx(oracle.covariance, abs=1e-10)


@settings(deadline=None)
@given(votes(least=1))
def test_where_there_is_no_maximum_a_ridge_gives_one(given_votes: list[ArenaVote]) -> None:
    counted = WinCounts.from_votes(given_votes)
    found = fitted(counted)
    assert found.regularised is not is_strongly_connected(halves(counted) > 0)
    assert np.isfinite(found.strengths).all()
    assert np.isfinite(found.covariance).all()
    assert abs(found.strengths.sum()) < 1e-9
    assert (np.diag(found.covariance) > 0).all()
    if found.regularised:
        oracle = strengths_with_ridge(given_votes, counted.models, RIDGE)
        assert found.strengths == pytest.approx(oracle, abs=1e-8)


@settings(deadline=None)
@given(votes(least=1), st.integers(0, 99))
def test_neither_the_order_nor_the_sides_matter(given_votes: list[ArenaVote], seed: int) -> None:
    shuffled = [turned(vote) for vote in random.Random(seed).sample(given_votes, len(given_votes))]
    first, second = fitted(WinCounts.from_votes(given_votes)), fitted(WinCounts.from_votes(shuffled))
    assert first.strengths.tolist() == second.strengths.tolist()
    assert first.covariance.tolist() == second.covariance.tolist()


@settings(deadline=None)
@given(votes(least=1), st.permutations(range(len(MODELS))))
def test_what_models_are_called_does_not_matter(given_votes: list[ArenaVote], renamed: list[int]) -> None:
    names = {model: f"m{renamed[at]}" for at, model in enumerate(MODELS)}
    plain = WinCounts.from_votes(given_votes)
    other = WinCounts.from_votes([(names[first], names[second], winner) for first, second, winner in given_votes])
    first, second = fitted(plain), fitted(other)
    order = [other.models.index(names[model]) for model in plain.models]
    assert first.regularised is second.regularised
    assert second.strengths[order] == pytest.approx(first.strengths, abs=1e-9)
    assert second.covariance[np.ix_(order, order)] == pytest.approx(first.covariance, rel=1e-7, abs=1e-9)


@settings(deadline=None)
@given(votes(least=1), st.integers(2, 1000))
def test_the_same_votes_many_times_have_the_same_strengths_and_less_variance(
    given_votes: list[ArenaVote], times: int
) -> None:
    once = WinCounts.from_votes(given_votes)
    found = fitted(once)
    often = fitted(WinCounts(once.models, times * once.wins, times * once.ties))
    if not found.regularised:
        assert often.strengths == pytest.approx(found.strengths, abs=1e-9)
        assert often.covariance == pytest.approx(found.covariance / times, rel=1e-7, abs=1e-12)
    else:
        assert np.ptp(often.strengths) >= np.ptp(found.strengths) - 1e-9


def test_who_never_lost_is_ahead_by_a_finite_lead() -> None:
    """q = RIDGE * theta / n of n wins, with 2 theta between the two: the root of .1 theta = 10 / (1 + exp(2 theta))."""
    found = fitted(battles("xy", [[0, 10], [0, 0]], [[0, 0], [0, 0]]))
    theta = found.strengths[0]
    assert found.regularised
    assert RIDGE * theta == pytest.approx(10 / (1 + math.exp(2 * theta)), abs=1e-12)


def test_two_arenas_that_never_met_are_each_centred() -> None:
    found = fitted(WinCounts.from_votes([("a", "b", A), ("a", "b", B), ("x", "y", A), ("x", "y", B)]))
    assert found.regularised
    assert found.strengths == pytest.approx([0, 0, 0, 0], abs=1e-12)


def test_how_far_apart_groups_are_that_never_met_is_known_by_the_prior_alone() -> None:
    """The distance of the means of two groups of two is a unit vector times the strengths: its variance is 1 / RIDGE.

    Within a group nothing changes, and other votes do not make the distance any surer.
    """
    apart, alone = np.array([0.5, 0.5, -0.5, -0.5]), fitted(battles("ab", [[0, 900], [100, 0]], [[0, 0], [0, 0]]))
    for many in (1, 1000):
        wins = np.zeros((4, 4), dtype=int)
        wins[0, 1], wins[1, 0], wins[2, 3], wins[3, 2] = 900, 100, many, many
        found = fitted(battles("abxy", wins.tolist(), np.zeros((4, 4), dtype=int).tolist()))
        assert found.regularised
        assert apart @ found.covariance @ apart == pytest.approx(1 / RIDGE)
        between = np.array([1, -1, 0, 0])
        assert between @ found.covariance @ between == pytest.approx(
            between[:2] @ alone.covariance @ between[:2], rel=0.01
        )


def test_a_chain_of_ties_connects_and_one_more_win_does_not_break_it() -> None:
    for given_votes in ([("x", "y", TIE), ("y", "z", TIE)], [("x", "y", TIE), ("y", "z", TIE), ("x", "z", A)], CYCLE):
        assert not fitted(WinCounts.from_votes(given_votes)).regularised
    assert fitted(WinCounts.from_votes(CYCLE[:2])).regularised


def test_ties_alone_say_that_all_are_equal_but_not_for_sure() -> None:
    """Their own scatter is none, which would make one vote final; the model's own is that of a coin, 1 / (8 p q n)."""
    found = fitted(WinCounts.from_votes([("x", "y", TIE)]))
    assert found.strengths == pytest.approx([0, 0], abs=1e-12)
    assert np.diag(found.covariance) == pytest.approx([1, 1], abs=1e-12)


def test_one_vote_makes_nobody_better_for_sure() -> None:
    found = fitted(WinCounts.from_votes([("x", "y", A)]))
    assert found.strengths[0] > 0
    assert found.strengths[0] < Z * np.sqrt(found.covariance[0, 0])


def test_a_model_without_votes_is_in_the_middle_and_least_sure() -> None:
    counted = WinCounts.from_votes([("x", "y", A), ("y", "x", A)] * 50)
    found = fitted(counted.among(["new", "x", "y"]))
    assert found.regularised
    assert found.strengths[0] == pytest.approx(0, abs=1e-12)
    own = np.diag(found.inverse)
    variances = own[:, None] + own[None, :] - 2 * found.inverse
    assert variances[0, 1] == pytest.approx(variances[0, 2])
    assert variances[0, 1] > 10 * variances[1, 2]


def test_counts_of_a_billion_come_out() -> None:
    """Odds of 10^9 a step round a circle: Newton's steps alone would overshoot."""
    found = fitted(battles("xyz", [[0, 10**9, 1], [1, 0, 10**9], [10**9, 1, 0]], np.zeros((3, 3), dtype=int).tolist()))
    assert found.strengths == pytest.approx([0, 0, 0], abs=1e-9)
    found = fitted(battles("xyz", [[0, 10**9, 1], [1, 0, 10**9], [1, 1, 0]], np.zeros((3, 3), dtype=int).tolist()))
    assert not found.regularised
    steps = -np.diff(found.strengths)
    assert steps == pytest.approx([steps[0]] * 2)
    assert 19 < steps[0] < 22


def test_chances_are_those_of_a_logistic_curve_without_overflow() -> None:
    p = win_probabilities(np.array([0.0, math.log(3), 4000.0]))
    assert p[1, 0] == pytest.approx(0.75)
    assert (p + p.T == 1).all()
    assert p[2, 0] == 1
