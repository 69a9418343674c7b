"""Votes for tests: random ones, many of them of degenerate arenas, and simulated ones of known strengths."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.arena.vote_counts import LENGTH_BINS, LengthCounts, WinCounts
from service.contracts.arena import ArenaVote, Winner
from service.stats.bradley_terry import BradleyTerryFit, fit_strengths
from service.stats.vote_clusters import ClusteredVotes

A, B, TIE, BOTH_BAD = Winner.A, Winner.B, Winner.TIE, Winner.BOTH_BAD

MODELS = ("control/length", "ollama/qwen3", "openai/gpt-4.1", "x", "y")
TURNED = {A: B, B: A, TIE: TIE, BOTH_BAD: BOTH_BAD}


def votes(least: int = 0, most: int = 40, models: int = len(MODELS)) -> st.SearchStrategy[list[ArenaVote]]:
    """Few votes on few models: many are never beaten, or never met."""
    pair = st.permutations(range(models)).map(lambda each: (MODELS[each[0]], MODELS[each[1]]))
    vote: st.SearchStrategy[ArenaVote] = st.builds(lambda two, winner: (*two, winner), pair, st.sampled_from(Winner))
    return st.lists(vote, min_size=least, max_size=most)


def turned(vote: ArenaVote) -> ArenaVote:
    """The same vote with the sides exchanged."""
    first, second, winner = vote
    return second, first, TURNED[winner]


def simulated(
    random: np.random.Generator, strengths: NDArray[np.float64], how_many: int, ties: float = 0.2
) -> list[ArenaVote]:
    """Votes on pairs drawn evenly; half-wins of the model A are expected by Bradley and Terry's formula."""
    size = len(strengths)
    first = random.integers(size, size=how_many)
    second = (first + random.integers(1, size, size=how_many)) % size
    return [vote_on(random, strengths, int(a), int(b), ties) for a, b in zip(first, second, strict=True)]


def vote_on(
    random: np.random.Generator, strengths: NDArray[np.float64], a: int, b: int, ties: float = 0.2
) -> ArenaVote:
    """One vote; the share of ties is greatest between equals."""
    p = 0.5 + math.tanh((strengths[a] - strengths[b]) / 2) / 2  # win_probabilities, of which a call takes long
    tied = 4 * ties * p * (1 - p)
    drawn = random.random()
    winner = TIE if drawn < tied else A if drawn < p + tied / 2 else B
    return f"m{a:02}", f"m{b:02}", winner


def battles(models: Sequence[str], wins: Sequence[Sequence[int]], ties: Sequence[Sequence[int]]) -> WinCounts:
    return WinCounts(tuple(models), np.array(wins, dtype=np.int64), np.array(ties, dtype=np.int64))


def fitted(counts: WinCounts) -> BradleyTerryFit:
    return fit_strengths(counts.wins, counts.ties)


def halves(counts: WinCounts) -> NDArray[np.float64]:
    """Wins of the row over the column, a tie as half a win for each."""
    found: NDArray[np.float64] = counts.wins + counts.ties / 2
    return found


def added(first: WinCounts, second: WinCounts) -> WinCounts:
    """Both together, of all models that either has."""
    models = sorted({*first.models, *second.models})
    one, other = first.among(models), second.among(models)
    return WinCounts(one.models, one.wins + other.wins, one.ties + other.ties)


def counted_by_length(given_votes: Iterable[tuple[ArenaVote, int]]) -> LengthCounts:
    """From each vote and the bin of A's length against B's."""
    wins: Counter[tuple[str, str, int]] = Counter()
    ties: Counter[tuple[str, str, int]] = Counter()
    for ((first, second, winner), at), count in Counter(given_votes).items():
        if winner == "A":
            wins[first, second, at] += count
        elif winner == "B":
            wins[second, first, LENGTH_BINS - 1 - at] += count
        else:
            ties[first, second, at] += count
    return LengthCounts.from_counts(wins, ties)


class Arena(NamedTuple):
    """Simulated votes of which several are on one battle or by one voter; `strengths` are those of the mean voter."""

    strengths: NDArray[np.float64]
    votes: list[ArenaVote]
    clustered: ClusteredVotes


def arena_of(
    random: np.random.Generator,
    size: int,
    *,
    battles: int,
    votes: int,
    voters: int,
    battle_sd: float,
    taste_sd: float = 0.0,
    spread: float = 0.8,
) -> Arena:
    """An arena with `votes` different voters on each of its `battles`.

    `battle_sd` is the standard deviation, in log-odds, of how much better one text of a battle is than its model's
    usual ones; `taste_sd` that of a voter's liking of each model.
    """
    strengths = random.normal(0, spread, size)
    tastes = random.normal(0, taste_sd, (voters, size))
    found, rows = [], []
    for battle in range(battles):
        a, b = random.choice(size, 2, replace=False).tolist()
        lead = strengths[a] - strengths[b] + random.normal(0, battle_sd)
        for voter in random.choice(voters, votes, replace=False).tolist():
            own = np.zeros(size)
            own[a] = lead + tastes[voter, a] - tastes[voter, b]
            vote = vote_on(random, own, a, b)
            found.append(vote)
            rows.append((a, b, {A: 1.0, B: 0.0}.get(vote[2], 0.5), battle, voter))
    first, second, won, of_battle, of_voter = np.array(rows).T
    places = (each.astype(np.intp) for each in (first, second, of_battle, of_voter))
    at_first, at_second, at_battle, at_voter = places
    return Arena(strengths, found, ClusteredVotes(at_first, at_second, won, at_battle, at_voter))
