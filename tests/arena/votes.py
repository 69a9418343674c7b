"""Votes for tests: random ones, many of them of degenerate arenas, and simulated ones of known strengths."""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.arena.bradley_terry import chances
from service.arena.win_counts import Battles
from service.contracts.arena import Vote, Winner

A, B, TIE, BOTH_BAD = Winner.A, Winner.B, Winner.TIE, Winner.BOTH_BAD

MODELS = ("control/length", "ollama/qwen3", "openai/gpt-4.1", "x", "y")
TURNED = {A: B, B: A, TIE: TIE, BOTH_BAD: BOTH_BAD}


def votes(least: int = 0, most: int = 40, models: int = len(MODELS)) -> st.SearchStrategy[list[Vote]]:
    """Few votes on few models: many are never beaten, or never met."""
    pair = st.permutations(range(models)).map(lambda each: (MODELS[each[0]], MODELS[each[1]]))
    vote: st.SearchStrategy[Vote] = st.builds(lambda two, winner: (*two, winner), pair, st.sampled_from(Winner))
    return st.lists(vote, min_size=least, max_size=most)


def turned(vote: Vote) -> Vote:
    """The same vote with the sides exchanged."""
    first, second, winner = vote
    return second, first, TURNED[winner]


def simulated(
    random: np.random.Generator, strengths: NDArray[np.float64], how_many: int, ties: float = 0.2
) -> list[Vote]:
    """Votes on pairs drawn evenly; half-wins of the model A are expected by Bradley and Terry's formula."""
    size = len(strengths)
    first = random.integers(size, size=how_many)
    second = (first + random.integers(1, size, size=how_many)) % size
    return [vote_on(random, strengths, int(a), int(b), ties) for a, b in zip(first, second, strict=True)]


def vote_on(random: np.random.Generator, strengths: NDArray[np.float64], a: int, b: int, ties: float = 0.2) -> Vote:
    """One vote; the share of ties is greatest between equals."""
    p = float(chances(strengths[[a, b]])[0, 1])
    tied = 4 * ties * p * (1 - p)
    drawn = random.random()
    winner = TIE if drawn < tied else A if drawn < p + tied / 2 else B
    return f"m{a:02}", f"m{b:02}", winner


def battles(models: Sequence[str], wins: Sequence[Sequence[int]], ties: Sequence[Sequence[int]]) -> Battles:
    return Battles(tuple(models), np.array(wins, dtype=np.int64), np.array(ties, dtype=np.int64))
