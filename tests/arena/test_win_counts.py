"""Counts of votes: additive, whatever the sides and the order."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.arena.win_counts import Battles
from service.contracts.arena import Vote
from tests.arena.votes import BOTH_BAD, MODELS, TIE, A, B, turned, votes


def same(first: Battles, second: Battles) -> bool:
    return (
        first.models == second.models
        and first.wins.tolist() == second.wins.tolist()
        and first.ties.tolist() == second.ties.tolist()
    )


def test_votes_are_counted_by_pair() -> None:
    found = Battles.from_votes([("x", "y", A), ("y", "x", A), ("y", "x", B), ("x", "z", TIE), ("z", "x", BOTH_BAD)])
    assert found.models == ("x", "y", "z")
    assert found.wins.tolist() == [[0, 2, 0], [1, 0, 0], [0, 0, 0]]
    assert found.ties.tolist() == [[0, 0, 2], [0, 0, 0], [2, 0, 0]]
    assert found.votes.tolist() == [5, 3, 2]
    assert found.halves.tolist() == [[0, 2, 1], [1, 0, 0], [1, 0, 0]]


def test_counters_give_the_same_as_the_votes_they_count() -> None:
    counted = Battles.from_counts({("x", "y"): 2, ("y", "x"): 1}, {("x", "z"): 1, ("z", "x"): 1})
    assert same(
        counted, Battles.from_votes([("x", "y", A), ("x", "y", A), ("x", "y", B), ("x", "z", TIE), ("x", "z", TIE)])
    )


def test_no_votes_have_no_models() -> None:
    assert Battles.from_votes([]).models == ()
    assert same(Battles.from_votes([]) + Battles.from_votes([]), Battles.from_votes([]))


def test_a_model_is_never_set_against_itself() -> None:
    with pytest.raises(ValueError, match="itself"):
        Battles.from_votes([("x", "y", A), ("x", "x", TIE)])


@settings(deadline=None)
@given(votes(), votes())
def test_windows_add(first: list[Vote], second: list[Vote]) -> None:
    assert same(Battles.from_votes(first) + Battles.from_votes(second), Battles.from_votes([*first, *second]))


@settings(deadline=None)
@given(votes(), st.integers(0, 99))
def test_neither_the_order_nor_the_sides_matter(given_votes: list[Vote], seed: int) -> None:
    shuffled = [turned(vote) for vote in random.Random(seed).sample(given_votes, len(given_votes))]
    assert same(Battles.from_votes(shuffled), Battles.from_votes(given_votes))


@settings(deadline=None)
@given(votes(), st.permutations(MODELS))
def test_models_that_are_not_there_yet_have_no_votes(given_votes: list[Vote], models: list[str]) -> None:
    found = Battles.from_votes(given_votes)
    wider = found.among([*models, "new"])
    assert wider.models == (*models, "new")
    assert wider.votes[-1] == 0
    assert wider.votes.sum() == found.votes.sum() == 2 * len(given_votes)
    assert same(wider.voted.among(found.models), found)
