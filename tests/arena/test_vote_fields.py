"""Votes as counters: what a vote adds to, and that nothing of the votes is lost but their order."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from service.arena.vote_counts import LENGTH_BINS, WinCounts, length_bin, read_vote_counts, vote_fields
from service.contracts.arena import ArenaVote, Winner
from tests.arena.votes import BOTH_BAD, TIE, A, B, counted_by_length, turned, votes

Told = list[tuple[ArenaVote, tuple[int, int]]]


def with_lengths() -> st.SearchStrategy[Told]:
    lengths = st.sampled_from([(1, 1), (1, 2), (90, 100), (100, 130), (130, 100), (500, 100), (0, 0), (0, 9)])
    return votes().flatmap(lambda each: st.tuples(*(st.tuples(st.just(vote), lengths) for vote in each)).map(list))


def counted(told: Told) -> dict[str, str]:
    return {
        field: str(count)
        for field, count in Counter(field for vote, lengths in told for field in vote_fields(vote, lengths)).items()
    }


def test_a_vote_adds_to_two_fields() -> None:
    assert vote_fields(("m/a", "m/b", A), (200, 100)) == ("win\tm/a\tm/b\t4", "vote\tA")
    assert vote_fields(("m/a", "m/b", B), (200, 100)) == ("win\tm/b\tm/a\t0", "vote\tB")
    assert vote_fields(("m/b", "m/a", TIE), (200, 100)) == ("tie\tm/a\tm/b\t0", "vote\ttie")
    assert vote_fields(("m/a", "m/b", BOTH_BAD), (100, 100)) == ("tie\tm/a\tm/b\t2", "vote\tboth_bad")


@given(with_lengths())
def test_the_counters_give_the_battles_of_the_votes_themselves(told: Told) -> None:
    found = read_vote_counts(counted(told))
    expected = WinCounts.from_votes([vote for vote, _ in told])
    by_length = counted_by_length([(vote, length_bin(*lengths)) for vote, lengths in told])
    assert found.battles.models == found.by_length.models == expected.models == by_length.models
    for one, other in ((found.battles, expected), (found.by_length, by_length)):
        np.testing.assert_array_equal(one.wins, other.wins)
        np.testing.assert_array_equal(one.ties, other.ties)
    assert found.outcomes == Counter(winner for (_, _, winner), _ in told)


@given(with_lengths())
def test_sides_exchanged_are_counted_alike_but_for_the_side_that_won(told: Told) -> None:
    exchanged = [(turned(vote), lengths[::-1]) for vote, lengths in told]
    one, other = (Counter(vote_fields(vote, lengths)[0] for vote, lengths in each) for each in (told, exchanged))
    assert one == other


def test_what_is_not_known_here_is_passed_over() -> None:
    found = read_vote_counts({"version": "1-0", "elo\tm/a": "1216.5", "later\tx": "?"})
    assert (found.battles.models, found.elo, found.outcomes) == ((), {"m/a": 1216.5}, {})
    assert found.battles.wins.shape == (0, 0)
    assert found.by_length.wins.shape == (0, 0, LENGTH_BINS)
    assert read_vote_counts({"vote\ttie": "2"}).outcomes == {Winner.TIE: 2}
