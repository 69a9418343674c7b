"""The arena's leaderboard."""

from collections.abc import Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from service.arena.bradley_terry import CENTRE, SCALE, fit
from service.arena.win_counts import Battles

Z = 1.959964  # of 95%, two-sided
_NOISE = 1e-6  # points: an interval of no width must not rank models by rounding


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One model's row.

    `rating` is Bradley-Terry's, 1000 on average, with its 95% interval; 400 points are odds of ten to one. `rank` is
    1 + the number of models whose interval lies wholly above. `elo` depends on the order of the votes. `ties` has the
    votes that found both bad, too. `regularised`: the votes alone leave a rating unbounded, as where a model never
    lost, and all ratings are drawn towards 1000.
    """

    model: str
    rating: float
    lower: float
    upper: float
    rank: int
    elo: float
    votes: int
    wins: int
    losses: int
    ties: int
    regularised: bool


def leaderboard(battles: Battles, elo: Mapping[str, float]) -> list[Standing]:
    """The models that have votes, best rating first; `elo` has a rating for each of them."""
    battles = battles.voted
    if not battles.models:
        return []
    found = fit(battles)
    ratings = CENTRE + SCALE * found.strengths
    reach = Z * SCALE * np.sqrt(np.diag(found.covariance).clip(0))
    ranks = _ranks(ratings - reach, ratings + reach)
    columns = zip(
        battles.models,
        ratings.tolist(),
        (ratings - reach).tolist(),
        (ratings + reach).tolist(),
        ranks.tolist(),
        battles.wins.sum(axis=1).tolist(),
        battles.wins.sum(axis=0).tolist(),
        battles.ties.sum(axis=1).tolist(),
        strict=True,
    )
    rows = [
        Standing(
            model=model,
            rating=rating,
            lower=lower,
            upper=upper,
            rank=rank,
            elo=elo[model],
            votes=wins + losses + ties,
            wins=wins,
            losses=losses,
            ties=ties,
            regularised=found.regularised,
        )
        for model, rating, lower, upper, rank, wins, losses, ties in columns
    ]
    return sorted(rows, key=lambda row: (-row.rating, row.model))


def _ranks(lower: NDArray[np.float64], upper: NDArray[np.float64]) -> NDArray[np.intp]:
    """1 + how many lower ends are above each upper end."""
    above = np.sort(lower)
    ranks: NDArray[np.intp] = 1 + len(lower) - np.searchsorted(above, upper + _NOISE, side="right")
    return ranks
