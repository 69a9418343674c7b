"""Which two models to set against each other next: those whose vote would teach the most."""

import random
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.arena.bradley_terry import chances, fit
from service.arena.win_counts import Battles

FLOOR = 0.1  # the share drawn evenly: no pair is ever left out, however settled it seems


class Pair(NamedTuple):
    """Two models, by the side on which their evaluations are shown."""

    a: str
    b: str


def draw(candidates: Sequence[str], battles: Battles, chance: random.Random, keeping: str | None = None) -> Pair:
    """Two different candidates, in either order equally often; one of them is `keeping`, where given.

    Raises ValueError where there are no two to draw.
    """
    models = sorted(set(candidates))
    pairs = [pair for pair in combinations(range(len(models)), 2) if keeping is None or keeping in _named(pair, models)]
    if not pairs:
        raise ValueError("a battle needs two different models")
    weights = worth(models, battles)
    drawn = chance.choices(pairs, [weights[pair] for pair in pairs])[0]
    first, second = _named(drawn, models)
    return Pair(first, second) if chance.random() < 0.5 else Pair(second, first)


def worth(models: Sequence[str], battles: Battles) -> NDArray[np.float64]:
    """The chance with which each two of two models or more are drawn: J x J, symmetric, each pair's counted once.

    A vote on i and j narrows their difference, whose variance is Omega_ii + Omega_jj - 2 Omega_ij, by as much as
    it tells, p q. A model without votes is drawn most: its variance is that of the prior. Votes against others than
    `models` tell of their strengths, too.
    """
    everyone = [*models, *(model for model in battles.models if model not in set(models))]
    found = fit(battles.among(everyone))
    size = len(models)
    p = chances(found.strengths[:size])
    omega = found.inverse[:size, :size]
    own = np.diag(omega)
    gain = (p * p.T * (own[:, None] + own[None, :] - 2 * omega)).clip(0)
    np.fill_diagonal(gain, 0)
    even = (1 - np.eye(size)) * 2 / (size * (size - 1))
    total = gain.sum() / 2
    return (1 - FLOOR) * gain / total + FLOOR * even if total > 0 else even


def _named(pair: tuple[int, int], models: Sequence[str]) -> tuple[str, str]:
    return models[pair[0]], models[pair[1]]
