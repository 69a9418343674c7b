"""Who beat whom how often: the counts that all ratings but Elo are computed from."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from service.contracts.arena import SentVote, Vote

Counts = NDArray[np.int64]
Halves = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Battles:
    """Counts of votes, J x J in the order of `models`: `wins` of the row over the column, and `ties`, symmetric.

    The diagonals are zero. Counts are additive: those of two windows are the sum of both.
    """

    models: tuple[str, ...]
    wins: Counts
    ties: Counts

    @classmethod
    def from_votes(cls, votes: Iterable[Vote | SentVote]) -> Self:
        """Models in alphabetical order. Raises ValueError where a model is set against itself."""
        wins: Counter[tuple[str, str]] = Counter()
        ties: Counter[tuple[str, str]] = Counter()
        for (first, second, winner), count in Counter(votes).items():
            if winner == "A":
                wins[first, second] += count
            elif winner == "B":
                wins[second, first] += count
            else:
                ties[first, second] += count
        return cls.from_counts(wins, ties)

    @classmethod
    def from_counts(cls, wins: Mapping[tuple[str, str], int], ties: Mapping[tuple[str, str], int]) -> Self:
        """From wins by (winner, loser) and ties by two models in whichever order; both orders of a tie add up."""
        models = tuple(sorted({model for pair in (*wins, *ties) for model in pair}))
        position = {model: index for index, model in enumerate(models)}
        won, tied = (np.zeros((len(models), len(models)), dtype=np.int64) for _ in range(2))
        for cells, counts in ((wins, won), (ties, tied)):
            for (first, second), count in cells.items():
                if first == second:
                    raise ValueError(f"{first} can't be set against itself")
                counts[position[first], position[second]] += count
        return cls(models, won, tied + tied.T)

    def __add__(self, other: "Battles") -> "Battles":
        """Both together, of all models that either has."""
        models = sorted({*self.models, *other.models})
        mine, theirs = self.among(models), other.among(models)
        return Battles(mine.models, mine.wins + theirs.wins, mine.ties + theirs.ties)

    def among(self, models: Sequence[str]) -> "Battles":
        """The votes between these models alone, in this order; those that are not here yet have none."""
        known = {model: index for index, model in enumerate(self.models)}
        there = np.array([at for at, model in enumerate(models) if model in known], dtype=np.intp)
        here = np.array([known[model] for model in models if model in known], dtype=np.intp)
        wins, ties = (np.zeros((len(models), len(models)), dtype=np.int64) for _ in range(2))
        wins[np.ix_(there, there)] = self.wins[np.ix_(here, here)]
        ties[np.ix_(there, there)] = self.ties[np.ix_(here, here)]
        return Battles(tuple(models), wins, ties)

    @property
    def voted(self) -> "Battles":
        """Without the models that have no vote: nothing can be said of them."""
        return self.among([model for model, votes in zip(self.models, self.votes, strict=True) if votes])

    @property
    def votes(self) -> Counts:
        """How many votes each model has."""
        each: Counts = (self.wins + self.wins.T + self.ties).sum(axis=1)
        return each

    @property
    def halves(self) -> Halves:
        """Wins of the row over the column, a tie as half a win for each."""
        return self.wins + self.ties / 2
