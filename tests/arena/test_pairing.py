"""Which two models are set against each other."""

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.arena.pairing import EVEN_SHARE, Pair, draw_pair, draw_probabilities
from service.arena.vote_counts import WinCounts
from service.contracts.arena import ArenaVote
from tests.arena.votes import MODELS, TIE, A, added, fitted, simulated, vote_on, votes

NONE = WinCounts.from_votes([])


def settled(size: int = 4, how_many: int = 400) -> WinCounts:
    return WinCounts.from_votes(simulated(np.random.default_rng(1), np.linspace(0, 1, size), how_many))


@settings(deadline=None)
@given(votes(), st.lists(st.sampled_from([*MODELS, "new", "newer"]), min_size=2, unique=True))
def test_chances_are_those_of_different_pairs_and_none_is_left_out(
    given_votes: list[ArenaVote], models: list[str]
) -> None:
    found = draw_probabilities(models, WinCounts.from_votes(given_votes))
    size = len(models)
    assert np.allclose(found, found.T)
    assert np.diag(found).tolist() == [0] * size
    assert found.sum() / 2 == pytest.approx(1)
    assert (found + np.eye(size) >= EVEN_SHARE / (size * (size - 1) / 2) - 1e-12).all()


def test_a_chance_is_what_a_vote_would_teach() -> None:
    """A round of ties, n on each of x-y and y-z, has p q = .25 and Omega ~ resistances 1, 1 and 2 (in series).

    So the gains are as 1 : 1 : 2 and the chances .9 * (1/4, 1/4, 1/2) + .1 / 3 = .258333, .258333, .483333.
    """
    found = draw_probabilities("xyz", WinCounts.from_votes([("x", "y", TIE), ("y", "z", TIE)] * 9))
    assert found == pytest.approx(np.array([[0, 31, 58], [31, 0, 31], [58, 31, 0]]) / 120, abs=1e-12)


def test_votes_against_others_than_the_candidates_count_too() -> None:
    by_way_of_z: list[ArenaVote] = [("x", "z", A), ("z", "x", A), ("y", "z", A), ("z", "y", A)] * 20
    found = draw_probabilities(["new", "x", "y"], WinCounts.from_votes(by_way_of_z))
    assert found[1, 2] < 0.05
    assert found[0, 1] == pytest.approx(found[0, 2])


def test_a_newcomer_is_drawn_most() -> None:
    counted = settled()
    found = draw_probabilities([*counted.models, "new"], counted)
    assert found[4, :4].min() > 3 * found[:4, :4].max()


def test_both_sides_come_as_often_and_every_pair_comes() -> None:
    chance = random.Random(7)
    counted = settled(3, 90)
    drawn = Counter(draw_pair(counted.models, counted, chance) for _ in range(600))
    assert len(drawn) == 6
    for a, b in (("m00", "m01"), ("m00", "m02"), ("m01", "m02")):
        one, other = drawn[Pair(a, b)], drawn[Pair(b, a)]
        assert abs(one - other) < 3 * np.sqrt(one + other)


def test_the_same_seed_draws_the_same() -> None:
    counted = settled()
    reversed_ = sorted(counted.models, reverse=True)
    for seed in range(20):
        drawn = draw_pair(counted.models, counted, random.Random(seed))
        assert draw_pair(reversed_, counted, random.Random(seed)) == drawn


def test_one_can_be_kept_while_the_other_is_drawn_again() -> None:
    chance = random.Random(1)
    drawn = [draw_pair(["x", "y", "z"], NONE, chance, keep="y") for _ in range(50)]
    assert all("y" in pair for pair in drawn)
    assert {model for pair in drawn for model in pair} == {"x", "y", "z"}
    assert {pair.a == "y" for pair in drawn} == {True, False}


@pytest.mark.parametrize(("candidates", "keeping"), [([], None), (["x"], None), (["x", "x"], None), (["x", "y"], "z")])
def test_there_is_no_battle_of_one(candidates: list[str], keeping: str | None) -> None:
    with pytest.raises(ValueError, match="two different"):
        draw_pair(candidates, NONE, random.Random(0), keeping)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_newcomer_is_placed_sooner_than_by_even_pairs() -> None:
    """The mean error of a newcomer's rating after 50, 100 and 200 votes among seven settled models, in points."""
    random_, chance = np.random.default_rng(0), random.Random(0)
    errors: dict[str, list[list[float]]] = {"even": [], "drawn": []}
    for _ in range(60):
        strengths = random_.normal(0, 0.7, 8)
        before = WinCounts.from_votes(simulated(random_, strengths[:7], 1500))
        for way, runs in errors.items():
            runs.append(_errors(before, strengths, way == "drawn", random_, chance))
    even, drawn = (np.mean(runs, axis=0) for runs in errors.values())
    print("even", even.round(1), "drawn", drawn.round(1))
    assert (drawn < even).all()


def _errors(
    counted: WinCounts, strengths: NDArray[np.float64], drawn: bool, random_: np.random.Generator, chance: random.Random
) -> list[float]:
    models = [f"m{at:02}" for at in range(8)]
    found = []
    for how_many in range(1, 201):
        pair = draw_pair(models, counted, chance) if drawn else chance.sample(models, 2)
        a, b = (models.index(each) for each in pair)
        counted = added(counted, WinCounts.from_votes([vote_on(random_, strengths, a, b)]))
        if how_many in (50, 100, 200):
            rated = fitted(counted.among(models)).strengths
            found.append(400 / np.log(10) * abs((rated[7] - rated[:7].mean()) - (strengths[7] - strengths[:7].mean())))
    return found
