"""What a longer critique is worth, from counts by bins of length."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.arena.length_effect import fit_length_effect
from service.arena.vote_counts import LENGTH_BINS, WinCounts, length_bin
from service.contracts.arena import ArenaVote
from tests.arena.oracles import by_statsmodels
from tests.arena.votes import TIE, A, B, counted_by_length, fitted, simulated, turned, votes

POINTS = 400 / np.log(10)
binned = votes(least=1).flatmap(
    lambda each: st.lists(st.integers(0, LENGTH_BINS - 1), min_size=len(each), max_size=len(each)).map(
        lambda bins: list(zip(each, bins, strict=True))
    )
)


def causes(bins: np.ndarray) -> np.ndarray:
    """Columns longer and much longer: 1 for A's critique, -1 for B's."""
    return np.stack([(bins - 2 == level) * 1.0 - (2 - bins == level) for level in (1, 2)], axis=1)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [(100, 100, 2), (110, 100, 2), (111, 100, 3), (149, 100, 3), (150, 100, 4), (1, 0, 4), (0, 0, 2)],
)
def test_a_bin_is_how_much_longer_one_is(first: int, second: int, expected: int) -> None:
    assert length_bin(first, second) == expected
    assert length_bin(second, first) == LENGTH_BINS - 1 - expected


def test_votes_are_counted_from_the_winners_side() -> None:
    found = counted_by_length([(("x", "y", A), 4), (("x", "y", B), 4), (("x", "y", TIE), 3)])
    assert found.wins[0, 1].tolist() == [0, 0, 0, 0, 1]
    assert found.wins[1, 0].tolist() == [1, 0, 0, 0, 0]
    assert found.ties[0, 1].tolist() == [0, 0, 0, 1, 0]
    assert found.ties[1, 0].tolist() == [0, 1, 0, 0, 0]
    with pytest.raises(ValueError, match="itself"):
        counted_by_length([(("x", "x", A), 2)])


@pytest.mark.parametrize(("size", "how_many"), [(2, 60), (6, 600), (12, 3000)])
def test_strengths_effects_and_errors_are_those_of_a_regression(size: int, how_many: int) -> None:
    drawn = np.random.default_rng(size)
    given_votes = simulated(drawn, drawn.normal(0, 0.8, size), how_many)
    bins = drawn.integers(LENGTH_BINS, size=how_many)
    counted = counted_by_length(zip(given_votes, bins.tolist(), strict=True))
    found = fit_length_effect(counted)
    assert not found.regularised
    oracle = by_statsmodels(given_votes, counted.models, causes(bins))
    assert found.strengths == pytest.approx(oracle.coefficients[:size], abs=1e-8)
    assert found.covariance == pytest.approx(oracle.covariance[:size, :size], abs=1e-8)
    effects = [found.effects[level] for level in ("longer", "much_longer")]
    errors = np.sqrt(np.diag(oracle.covariance)[size:])
    assert [each.points for each in effects] == pytest.approx((POINTS * oracle.coefficients[size:]).tolist(), abs=1e-8)
    assert [each.standard_error for each in effects] == pytest.approx((POINTS * errors).tolist(), abs=1e-8)


def test_the_effect_that_votes_were_given_with_is_found_and_taken_from_the_ratings() -> None:
    """Equals of which one writes at length: without the lengths it seems better, with them it is not."""
    drawn = np.random.default_rng(0)
    given_votes: list[tuple[ArenaVote, int]] = []
    for _ in range(6000):
        long = drawn.random() < 0.8
        won = drawn.random() < 1 / (1 + np.exp(-0.7 if long else 0.7))
        given_votes.append((("wordy", "terse", A if won else B), 4 if long else 0))
    found = fit_length_effect(counted_by_length(given_votes))
    effect = found.effects["much_longer"]
    assert abs(effect.points - 0.7 * POINTS) < 3 * effect.standard_error < 30
    assert "longer" not in found.effects
    blind = fitted(WinCounts.from_votes(vote for vote, _ in given_votes))
    at = found.strengths, blind.strengths
    assert abs(at[0][1]) < 0.1 < 0.15 < at[1][1]


def test_votes_on_critiques_alike_are_rated_as_without_lengths() -> None:
    drawn = np.random.default_rng(1)
    given_votes = simulated(drawn, np.array([0.0, 0.5, 1.0]), 200)
    found = fit_length_effect(counted_by_length((vote, 2) for vote in given_votes))
    plain = fitted(WinCounts.from_votes(given_votes))
    assert found.effects == {}
    assert found.strengths == pytest.approx(plain.strengths, abs=1e-10)
    assert found.covariance == pytest.approx(plain.covariance, abs=1e-10)


@pytest.mark.parametrize(
    "given_votes",
    [
        [(("x", "y", A), 4), (("x", "y", B), 4)],  # x is always the longer one: whose merit is it?
        [(("x", "y", A), 4), (("x", "y", B), 0)] * 9,  # the longer one always wins
        [(("x", "y", A), 2)],
        [(("x", "y", A), 3), (("p", "q", A), 1)],
    ],
    ids=["always longer", "longer wins", "one vote", "never met"],
)
def test_what_votes_alone_can_not_tell_is_regularised(given_votes: list[tuple[ArenaVote, int]]) -> None:
    found = fit_length_effect(counted_by_length(given_votes))
    assert found.regularised
    assert np.isfinite(found.strengths).all()
    assert all(
        np.isfinite([each.points, each.standard_error]).all() and each.standard_error > 0
        for each in found.effects.values()
    )


def test_ties_alone_do_not_make_an_effect_sure() -> None:
    found = fit_length_effect(counted_by_length([(("x", "y", TIE), 4), (("x", "y", TIE), 0)] * 3))
    assert not found.regularised
    assert found.effects["much_longer"].points == pytest.approx(0, abs=1e-9)
    assert found.effects["much_longer"].standard_error > 100


@settings(deadline=None)
@given(binned, st.integers(0, 99))
def test_neither_the_order_nor_the_sides_matter(given_votes: list[tuple[ArenaVote, int]], seed: int) -> None:
    shuffled = [
        (turned(vote), LENGTH_BINS - 1 - at) for vote, at in random.Random(seed).sample(given_votes, len(given_votes))
    ]
    first, second = fit_length_effect(counted_by_length(given_votes)), fit_length_effect(counted_by_length(shuffled))
    assert first.strengths.tolist() == second.strengths.tolist()
    assert first.effects == second.effects
    assert np.isfinite(first.covariance).all()
    assert abs(first.strengths.sum()) < 1e-9
