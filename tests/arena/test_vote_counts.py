"""Counts of votes: additive, whatever the sides and the order."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.arena.vote_counts import LengthCounts, WinCounts
from service.contracts.arena import ArenaVote
from tests.arena.votes import BOTH_BAD, MODELS, TIE, A, B, added, halves, turned, votes


def same(first: WinCounts, second: WinCounts) -> bool:
    return (
        first.models == second.models
        and first.wins.tolist() == second.wins.tolist()
        and first.ties.tolist() == second.ties.tolist()
    )


def test_votes_are_counted_by_pair() -> None:
    found = WinCounts.from_votes([("x", "y", A), ("y", "x", A), ("y", "x", B), ("x", "z", TIE), ("z", "x", BOTH_BAD)])
    assert found.models == ("x", "y", "z")
    assert found.wins.tolist() == [[0, 2, 0], [1, 0, 0], [0, 0, 0]]
    assert found.ties.tolist() == [[0, 0, 2], [0, 0, 0], [2, 0, 0]]
    assert found.votes.tolist() == [5, 3, 2]
    assert halves(found).tolist() == [[0, 2, 1], [1, 0, 0], [1, 0, 0]]


def test_counters_give_the_same_as_the_votes_they_count() -> None:
    counted = LengthCounts.from_counts(
        {("x", "y", 4): 2, ("y", "x", 0): 1}, {("x", "z", 2): 1, ("z", "x", 1): 1}
    ).without_length
    assert same(
        counted,
        WinCounts.from_votes([("x", "y", A), ("x", "y", A), ("x", "y", B), ("x", "z", TIE), ("x", "z", TIE)]),
    )


def test_no_votes_have_no_models() -> None:
    assert WinCounts.from_votes([]).models == ()
    assert same(added(WinCounts.from_votes([]), WinCounts.from_votes([])), WinCounts.from_votes([]))


def test_a_model_is_never_set_against_itself() -> None:
    with pytest.raises(ValueError, match="itself"):
        WinCounts.from_votes([("x", "y", A), ("x", "x", TIE)])


@settings(deadline=None)
@given(votes(), votes())
def test_windows_add(first: list[ArenaVote], second: list[ArenaVote]) -> None:
    assert same(
        added(WinCounts.from_votes(first), WinCounts.from_votes(second)), WinCounts.from_votes([*first, *second])
    )


@settings(deadline=None)
@given(votes(), st.integers(0, 99))
def test_neither_the_order_nor_the_sides_matter(given_votes: list[ArenaVote], seed: int) -> None:
    shuffled = [turned(vote) for vote in random.Random(seed).sample(given_votes, len(given_votes))]
    assert same(WinCounts.from_votes(shuffled), WinCounts.from_votes(given_votes))


@settings(deadline=None)
@given(votes(), st.permutations(MODELS))
def test_models_that_are_not_there_yet_have_no_votes(given_votes: list[ArenaVote], models: list[str]) -> None:
    found = WinCounts.from_votes(given_votes)
    wider = found.among([*models, "new"])
    assert wider.models == (*models, "new")
    assert wider.votes[-1] == 0
    assert wider.votes.sum() == found.votes.sum() == 2 * len(given_votes)
    assert same(wider.voted.among(found.models), found)
