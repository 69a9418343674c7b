"""Draws the two models of a battle: mostly the pairs for which a vote would teach the most."""

import asyncio
import random
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from redis.asyncio import Redis

from service.arena.vote_counts import WinCounts, read_vote_counts
from service.stats.bradley_terry import fit_strengths, win_probabilities
from service.store import arena

EVEN_SHARE = 0.1  # the share of battles drawn evenly, so that every pair keeps being drawn

_chance = random.SystemRandom()


class Pair(NamedTuple):
    """Two models, by the side on which their evaluations are shown."""

    a: str
    b: str


async def draw_models(redis: Redis, criterion: str, candidates: Sequence[str], keep: str | None = None) -> Pair:
    """Returns two different candidates for a battle on a criterion, drawn by the votes so far.

    One of them is `keep`, if given. Raises ValueError if there are fewer than two candidates.
    """
    counts = read_vote_counts(await arena.arena_counts(redis, criterion)).battles
    return await asyncio.to_thread(draw_pair, candidates, counts, _chance, keep)


def draw_pair(candidates: Sequence[str], counts: WinCounts, chance: random.Random, keep: str | None = None) -> Pair:
    """Returns two different candidates; each is shown as A half of the time. One of them is `keep`, if given.

    Raises ValueError if there are fewer than two candidates.
    """
    models = sorted(set(candidates))
    pairs = [pair for pair in combinations(range(len(models)), 2) if keep is None or keep in _named(pair, models)]
    if not pairs:
        raise ValueError("a battle needs two different models")
    weights = draw_probabilities(models, counts)
    drawn = chance.choices(pairs, [weights[pair] for pair in pairs])[0]
    first, second = _named(drawn, models)
    return Pair(first, second) if chance.random() < 0.5 else Pair(second, first)


def draw_probabilities(models: Sequence[str], counts: WinCounts) -> NDArray[np.float64]:
    """Returns the probability of each pair of J models: J x J and symmetric, each pair counted once. J is at least 2.

    A vote on i and j reduces the variance of their difference, Omega_ii + Omega_jj - 2 Omega_ij, in proportion to p q.
    A model without votes is drawn most, because its variance is that of the prior. Votes that involve models other than
    `models` count too.
    """
    everyone = [*models, *(model for model in counts.models if model not in set(models))]
    known = counts.among(everyone)
    fit = fit_strengths(known.wins, known.ties)
    size = len(models)
    p = win_probabilities(fit.strengths[:size])
    omega = fit.inverse[:size, :size]
    own = np.diag(omega)
    gain = (p * p.T * (own[:, None] + own[None, :] - 2 * omega)).clip(0)
    np.fill_diagonal(gain, 0)
    even = (1 - np.eye(size)) * 2 / (size * (size - 1))
    total = gain.sum() / 2
    return (1 - EVEN_SHARE) * gain / total + EVEN_SHARE * even if total > 0 else even


def _named(pair: tuple[int, int], models: Sequence[str]) -> tuple[str, str]:
    return models[pair[0]], models[pair[1]]
