"""Elo ratings, vote by vote."""

import numpy as np
import pytest
from hypothesis import given, settings

from service.contracts.arena import ArenaVote, Winner
from service.stats.elo import ELO_K, ELO_START, elo_gain, elo_ratings
from tests.arena.oracles import elo_by_evalica
from tests.arena.votes import BOTH_BAD, TIE, TURNED, A, B, simulated, votes


def test_sums_done_by_hand() -> None:
    """Equals expect .5 each: a win moves 16 points. 1216 against 1184 expects 1 / (1 + 10^(-32/400)) = .54592."""
    assert elo_ratings([("x", "y", A)]) == {"x": 1216, "y": 1184}
    assert elo_ratings([("x", "y", A), ("x", "y", B)])["x"] == pytest.approx(1216 - 32 * 0.545922, abs=1e-4)
    assert elo_ratings([("x", "y", TIE)]) == elo_ratings([("x", "y", BOTH_BAD)]) == {"x": 1200, "y": 1200}


def test_ratings_are_those_of_evalica() -> None:
    random = np.random.default_rng(3)
    given_votes = simulated(random, random.normal(0, 1, 8), 2000)
    for start, k in ((ELO_START, ELO_K), (1000, 4)):
        assert elo_ratings(given_votes, start, k) == pytest.approx(elo_by_evalica(given_votes, start, k), abs=1e-8)


@settings(deadline=None)
@given(votes())
def test_what_one_wins_another_loses(given_votes: list[ArenaVote]) -> None:
    found = elo_ratings(given_votes)
    assert sum(found.values()) == pytest.approx(ELO_START * len(found))


@pytest.mark.parametrize("winner", Winner)
def test_it_does_not_matter_who_is_a(winner: Winner) -> None:
    assert elo_gain(1300, 1100, winner) == pytest.approx(-elo_gain(1100, 1300, TURNED[winner]))


def test_the_order_matters() -> None:
    assert elo_ratings([("x", "y", A), ("x", "y", B)]) != elo_ratings([("x", "y", B), ("x", "y", A)])
