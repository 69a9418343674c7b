"""Votes as counters, and as the matrices that ratings are computed from.

The store keeps one hash of counters for each scope: a criterion, or all criteria together. Its fields, tab-separated:
  win <winner> <loser> <bin>    the bin of the winner's length against the loser's
  tie <first> <second> <bin>    the bin of the first one's length; first < second; votes for both_bad are ties too
  vote <winner>                 how often each answer was given (A is on the left)
  elo <model>                   a rating, not a count: it depends on the order of the votes
Counts are additive: those of all criteria together are the sums over the criteria.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from service.contracts.arena import ArenaVote, SentVote, Winner

_Ints = NDArray[np.int64]

LENGTH_BINS = 5
_ALIKE = 0.05  # of |a - b| / (a + b): up to about a tenth longer
_MUCH = 0.2  # from half as long again


def length_bin(first: int, second: int) -> int:
    """Returns the bin of the first length against the second: 0 is much shorter, 2 about the same, 4 much longer."""
    difference = (first - second) / max(first + second, 1)
    size = abs(difference)
    level = 0 if size <= _ALIKE else 1 if size < _MUCH else 2
    return 2 + level if difference > 0 else 2 - level


@dataclass(frozen=True, eq=False)
class WinCounts:
    """Counts of votes between J models: `wins` (J x J) of the row over the column, and `ties` (J x J, symmetric).

    The order is that of `models`, and the diagonals are zero.
    """

    models: tuple[str, ...]
    wins: _Ints
    ties: _Ints

    @classmethod
    def from_votes(cls, votes: Iterable[ArenaVote | SentVote]) -> Self:
        """Returns the counts, with the models in alphabetical order. Raises ValueError if a model meets itself."""
        wins: Counter[tuple[str, str]] = Counter()
        ties: Counter[tuple[str, str]] = Counter()
        for (first, second, winner), count in Counter(votes).items():
            if winner == "A":
                wins[first, second] += count
            elif winner == "B":
                wins[second, first] += count
            else:
                ties[first, second] += count
        models = _models_in(wins, ties)
        tied = _matrix(models, ties, ())
        return cls(models, _matrix(models, wins, ()), tied + tied.T)

    def among(self, models: Sequence[str]) -> "WinCounts":
        """Returns the votes between these models, in this order. Models that are not in the counts have no votes."""
        known = {model: index for index, model in enumerate(self.models)}
        there = np.array([at for at, model in enumerate(models) if model in known], dtype=np.intp)
        here = np.array([known[model] for model in models if model in known], dtype=np.intp)
        wins, ties = (np.zeros((len(models), len(models)), dtype=np.int64) for _ in range(2))
        wins[np.ix_(there, there)] = self.wins[np.ix_(here, here)]
        ties[np.ix_(there, there)] = self.ties[np.ix_(here, here)]
        return WinCounts(tuple(models), wins, ties)

    @property
    def voted(self) -> "WinCounts":
        """The counts without the models that have no vote."""
        return self.among([model for model, votes in zip(self.models, self.votes, strict=True) if votes])

    @property
    def votes(self) -> _Ints:
        """The number of votes of each model."""
        each: _Ints = (self.wins + self.wins.T + self.ties).sum(axis=1)
        return each


@dataclass(frozen=True, eq=False)
class LengthCounts:
    """Counts of votes by length, J x J x 5: the last axis is the bin of the row's length against the column's.

    `wins` are those of the row. `ties` has each tie twice, from either side, in opposite bins.
    """

    models: tuple[str, ...]
    wins: _Ints
    ties: _Ints

    @classmethod
    def from_counts(cls, wins: Mapping[tuple[str, str, int], int], ties: Mapping[tuple[str, str, int], int]) -> Self:
        """Returns the matrices of wins by (winner, loser, bin of the winner) and ties by (first, second, bin).

        Raises ValueError if a model meets itself.
        """
        models = _models_in(wins, ties)
        tied = _matrix(models, ties, (LENGTH_BINS,))
        return cls(models, _matrix(models, wins, (LENGTH_BINS,)), tied + tied.transpose(1, 0, 2)[:, :, ::-1])

    @property
    def without_length(self) -> WinCounts:
        """The same votes, whatever the lengths."""
        return WinCounts(self.models, self.wins.sum(axis=2), self.ties.sum(axis=2))

    @property
    def on_unlike_lengths(self) -> int:
        """The number of votes on explanations of different lengths."""
        alike = LENGTH_BINS // 2
        decided = self.wins.sum() - self.wins[:, :, alike].sum()
        return int(decided + self.ties[:, :, alike + 1 :].sum())  # a tie is there twice: once from the longer side


class ArenaCounts(NamedTuple):
    """The counters of a scope. `outcomes` has the number of votes for each answer, `elo` each model's rating."""

    battles: WinCounts
    by_length: LengthCounts
    elo: dict[str, float]
    outcomes: Mapping[Winner, int]


def vote_fields(vote: ArenaVote, lengths: tuple[int, int]) -> tuple[str, str]:
    """Returns the two counter fields to which a vote adds 1; `lengths` are those of A's and B's explanations."""
    first, second, winner = vote
    at = length_bin(*lengths)
    if winner is Winner.B or (winner is not Winner.A and second < first):
        first, second, at = second, first, LENGTH_BINS - 1 - at
    kind = "win" if winner in (Winner.A, Winner.B) else "tie"
    return f"{kind}\t{first}\t{second}\t{at}", f"vote\t{winner}"


def read_vote_counts(fields: Mapping[str, str]) -> ArenaCounts:
    """Returns the counters of a scope from its stored fields. Fields of an unknown kind are ignored."""
    wins: Counter[tuple[str, str, int]] = Counter()
    ties: Counter[tuple[str, str, int]] = Counter()
    elo: dict[str, float] = {}
    outcomes: Counter[Winner] = Counter()
    for field, value in fields.items():
        kind, *rest = field.split("\t")
        if kind in ("win", "tie"):
            cells = wins if kind == "win" else ties
            cells[rest[0], rest[1], int(rest[2])] += int(value)
        elif kind == "vote":
            outcomes[Winner(rest[0])] += int(value)
        elif kind == "elo":
            elo[rest[0]] = float(value)
    by_length = LengthCounts.from_counts(wins, ties)
    return ArenaCounts(by_length.without_length, by_length, elo, outcomes)


def _models_in(*counts: Mapping[Any, int]) -> tuple[str, ...]:
    return tuple(sorted({model for cells in counts for first, second, *_ in cells for model in (first, second)}))


def _matrix(models: Sequence[str], counts: Mapping[Any, int], axes: tuple[int, ...]) -> _Ints:
    """Counts by two models, and by the bins of any further axes, as an array."""
    position = {model: index for index, model in enumerate(models)}
    cells: _Ints = np.zeros((len(models), len(models), *axes), dtype=np.int64)
    for (first, second, *bins), count in counts.items():
        if first == second:
            raise ValueError(f"{first} can't be set against itself")
        cells[position[first], position[second], *bins] += count
    return cells
