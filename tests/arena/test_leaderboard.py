"""The arena's leaderboard: its rows, and what it says of the side and of the length of critiques."""

from collections import Counter

import numpy as np
import pytest
from msgspec import UNSET

from service.arena.leaderboard import ARENA_GAUGES, FEWEST_STYLE_VOTES, arena_gauge_rows, arena_leaderboard, standings
from service.arena.vote_counts import ArenaCounts, read_vote_counts, vote_fields
from service.contracts.arena import ArenaVote, Winner
from service.stats.elo import elo_ratings
from service.stats.intervals import wilson

LENGTHS = ((100, 100), (120, 100), (100, 120), (200, 100), (100, 200))
LIFT = {4: 120.0, 3: 60.0, 2: 0.0, 1: -60.0, 0: -120.0}  # points, by how much longer A's critique is


def told(votes: list[tuple[ArenaVote, tuple[int, int]]]) -> ArenaCounts:
    fields = Counter(field for vote, lengths in votes for field in vote_fields(vote, lengths))
    ratings = elo_ratings([vote for vote, _ in votes])
    return read_vote_counts(
        {
            **{field: str(count) for field, count in fields.items()},
            **{f"elo\t{m}": f"{r:.17g}" for m, r in ratings.items()},
        }
    )


def simulated(how_many: int) -> list[tuple[ArenaVote, tuple[int, int]]]:
    """Four models of ratings 150 points apart, judged by people who like long critiques."""
    chance = np.random.default_rng(5)
    votes: list[tuple[ArenaVote, tuple[int, int]]] = []
    for _ in range(how_many):
        a, b = chance.choice(4, 2, replace=False).tolist()
        which = int(chance.integers(len(LENGTHS)))
        lift = LIFT[(2, 3, 1, 4, 0)[which]]
        p = 1 / (1 + 10 ** (-(150 * (a - b) + lift) / 400))
        winner = Winner.A if chance.random() < p else Winner.B
        votes.append(((f"m/{a}", f"m/{b}", winner), LENGTHS[which]))
    return votes


def test_its_rows_are_those_of_the_votes_and_its_gauges_those_of_the_rows() -> None:
    votes = simulated(300)
    counted = told(votes)
    found = arena_leaderboard(counted, "wit")
    assert (found.criterion, found.votes) == ("wit", 300)
    adjusted = {row.model: row.length_adjusted_rating or 0.0 for row in found.leaderboard}
    assert found.leaderboard == standings(counted.battles, counted.elo, adjusted=adjusted)
    assert sum(adjusted.values()) == pytest.approx(4000)
    assert [row.model for row in found.leaderboard] == ["m/3", "m/2", "m/1", "m/0"]
    gauges = arena_gauge_rows(found.leaderboard)
    assert gauges.keys() == ARENA_GAUGES.keys()
    best = found.leaderboard[0]
    assert [gauges[name][0] for name in ARENA_GAUGES] == [
        (("m/3",), best.rating),
        (("m/3",), best.lower),
        (("m/3",), best.upper),
    ]


def test_left_wins_are_of_decided_votes() -> None:
    winners = [Winner.A] * 6 + [Winner.B] * 2 + [Winner.TIE] * 5 + [Winner.BOTH_BAD]
    found = arena_leaderboard(told([(("m/a", "m/b", winner), (1, 1)) for winner in winners]), None).left_win_rate
    assert found is not None
    interval = wilson(6, 8)
    assert (found.value, found.lower, found.upper, found.votes) == (0.75, interval.lower, interval.upper, 8)
    assert arena_leaderboard(told([(("m/a", "m/b", Winner.TIE), (1, 1))]), None).left_win_rate is None


def test_the_worth_of_a_long_critique_comes_out_with_its_error() -> None:
    found = arena_leaderboard(told(simulated(6000)), None).style
    assert found is not None
    for effect, truth in ((found.longer, 60), (found.much_longer, 120)):
        assert effect is not None
        assert abs(effect.points - truth) < 3 * effect.standard_error
        assert 5 < effect.standard_error < 20
    assert found.votes == pytest.approx(6000 * 4 / 5, rel=0.05)


def test_too_few_votes_on_unlike_lengths_tell_nothing_of_length() -> None:
    votes = simulated(2000)
    unlike = [each for each in votes if each[1] != (100, 100)]
    alike = [each for each in votes if each[1] == (100, 100)]
    assert arena_leaderboard(told(alike + unlike[: FEWEST_STYLE_VOTES - 1]), None).style is None
    assert arena_leaderboard(told(alike + unlike[:FEWEST_STYLE_VOTES]), None).style is not None
    tied = [((a, b, Winner.TIE), lengths) for (a, b, _), lengths in unlike[: FEWEST_STYLE_VOTES - 1]]
    assert arena_leaderboard(told(alike + tied), None).style is None


def test_ratings_without_the_effect_of_length_stand_beside() -> None:
    """Models 150 points apart, of which the worst always writes twice as much, and each length counts 120 points."""
    chance = np.random.default_rng(8)
    votes: list[tuple[ArenaVote, tuple[int, int]]] = []
    for _ in range(12_000):
        a, b = chance.choice(3, 2, replace=False).tolist()
        lengths = tuple(200 if m == 0 or chance.random() < 0.2 else 100 for m in (a, b))
        lift = 120 * (lengths[0] > lengths[1]) - 120 * (lengths[0] < lengths[1])
        p = 1 / (1 + 10 ** (-(150 * (a - b) + lift) / 400))
        votes.append(((f"m/{a}", f"m/{b}", Winner.A if chance.random() < p else Winner.B), (lengths[0], lengths[1])))
    rows = {row.model: row for row in arena_leaderboard(told(votes), None).leaderboard}
    for model, truth in (("m/0", 850), ("m/1", 1000), ("m/2", 1150)):
        assert rows[model].length_adjusted_rating == pytest.approx(truth, abs=20)
    assert rows["m/0"].rating > 880
    few = arena_leaderboard(told(simulated(20)), None).leaderboard
    assert {row.length_adjusted_rating for row in few} == {UNSET}


def test_lengths_that_can_not_be_told_from_strength_are_not_told() -> None:
    votes = [(("m/a", "m/b", Winner.A if n % 3 else Winner.B), (200, 100)) for n in range(400)]
    assert arena_leaderboard(told(votes), None).style is None
