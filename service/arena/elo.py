"""Elo ratings, one vote after another: known from chess, easy to follow, and dependent on the order of the votes.

Three thousand votes in another order move an Elo rating by some 45 points, so models are ranked by Bradley-Terry.
"""

from collections.abc import Iterable

from service.contracts.arena import SentVote, Vote

START = 1200.0  # as in Judge Arena
K = 32.0  # the most points that one vote moves

_SHARE: dict[str, float] = {"A": 1.0, "B": 0.0, "tie": 0.5, "both_bad": 0.5}


def elo(votes: Iterable[Vote | SentVote], start: float = START, k: float = K) -> dict[str, float]:
    """Every model's rating after these votes, in their order."""
    ratings: dict[str, float] = {}
    for first, second, winner in votes:
        before, others = ratings.get(first, start), ratings.get(second, start)
        gained = gain(before, others, winner, k)
        ratings[first], ratings[second] = before + gained, others - gained
    return ratings


def gain(first: float, second: float, winner: str, k: float = K) -> float:
    """The points that A, rated `first`, wins from B, rated `second`; negative where it loses some."""
    return k * (_SHARE[winner] - 1 / (1 + 10 ** ((second - first) / 400)))
