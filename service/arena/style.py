"""What a longer critique is worth: Bradley-Terry with the difference of lengths as one more cause of a vote.

People like long critiques. Votes are counted by pair and by how much longer one critique was than the other, in five
bins, and log-odds(i beats j) = theta_i - theta_j + gamma[bin] is fitted to the counts: a logistic regression with the
bin as a factor. By symmetry gamma of "shorter" is minus that of "longer", and that of "alike" is 0.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from service.arena.bradley_terry import RIDGE, SCALE, is_strongly_connected
from service.contracts.arena import Vote
from service.stats.newton import Curve, maximum

Counts = NDArray[np.int64]
Numbers = NDArray[np.float64]

BINS = 5
LEVELS = ("longer", "much_longer")  # the bins above the middle one
ALIKE = 0.05  # of (a - b) / (a + b): up to a tenth longer
MUCH = 0.2  # from half as long again
_MOST_LOG_ODDS = 30.0  # no votes tell of greater ones: some causes explain all of them, and have no bound
_LEAST_CURVATURE = 1e-9  # of the greatest; less is rounding: causes that always come together can't be told apart


def bin_of(first: int, second: int) -> int:
    """By the lengths of two critiques: 0 where the first is much shorter, 2 where they are alike, 4 much longer."""
    difference = (first - second) / max(first + second, 1)
    size = abs(difference)
    level = 0 if size <= ALIKE else 1 if size < MUCH else 2
    return 2 + level if difference > 0 else 2 - level


@dataclass(frozen=True, eq=False)
class LengthBattles:
    """Counts of votes, J x J x 5: on the last axis the bin of the row's length against the column's.

    `wins` are those of the row. Each tie is there twice, from either side, in opposite bins. Counts are additive.
    """

    models: tuple[str, ...]
    wins: Counts
    ties: Counts

    @classmethod
    def from_votes(cls, votes: Iterable[tuple[Vote, int]]) -> Self:
        """From each vote and the bin of A's length against B's. Raises ValueError where a model meets itself."""
        wins: Counter[tuple[str, str, int]] = Counter()
        ties: Counter[tuple[str, str, int]] = Counter()
        for ((first, second, winner), at), count in Counter(votes).items():
            if winner == "A":
                wins[first, second, at] += count
            elif winner == "B":
                wins[second, first, BINS - 1 - at] += count
            else:
                ties[first, second, at] += count
        return cls.from_counts(wins, ties)

    @classmethod
    def from_counts(cls, wins: Mapping[tuple[str, str, int], int], ties: Mapping[tuple[str, str, int], int]) -> Self:
        """From wins by (winner, loser, bin of the winner's length) and ties by (first, second, bin of the first's)."""
        models = tuple(sorted({model for first, second, _ in (*wins, *ties) for model in (first, second)}))
        position = {model: index for index, model in enumerate(models)}
        won, tied = (np.zeros((len(models), len(models), BINS), dtype=np.int64) for _ in range(2))
        for cells, counts in ((wins, won), (ties, tied)):
            for (first, second, at), count in cells.items():
                if first == second:
                    raise ValueError(f"{first} can't be set against itself")
                counts[position[first], position[second], at] += count
        return cls(models, won, tied + tied.transpose(1, 0, 2)[:, :, ::-1])


class Effect(NamedTuple):
    """By how many rating points a longer critique lifts its model in a battle, and the standard error of that."""

    points: float
    standard_error: float


class StyleFit(NamedTuple):
    """Strengths with the lengths accounted for, in log-odds, their mean 0, with their covariance: J and J x J.

    `effects` has what each level of `LEVELS` is worth, where votes were on such lengths. `regularised`: a ridge was
    needed, since strengths or effects are unbounded or can't be told apart, and all are drawn towards 0.
    """

    strengths: Numbers
    covariance: Numbers
    effects: dict[str, Effect]
    regularised: bool


class _Cells(NamedTuple):
    """One row for each two models and bin that have votes: what causes them (-1, 0, 1), and how they went."""

    causes: Numbers
    won: Numbers
    lost: Numbers
    tied: Numbers

    @property
    def votes(self) -> Numbers:
        return self.won + self.lost + self.tied


def fit(battles: LengthBattles) -> StyleFit:
    """Maximum likelihood where it exists, else with a ridge, and the covariance as for ratings alone.

    There is at least one vote. The covariance is the sandwich (HC0), or the model's own where a ridge is needed or too
    little was decided.
    """
    size = len(battles.models)
    cells, levels = _cells(battles)
    halves = (battles.wins + battles.ties / 2).sum(axis=2)
    found = None
    if is_strongly_connected(halves > 0) and _can_be_told_apart(cells, size):
        found = _maximum(cells, size, 0.0, _MOST_LOG_ODDS)
    regularised = found is None
    if found is None:
        found = _maximum(cells, size, RIDGE, math.inf)
    assert found is not None  # no bound was given
    decided = battles.wins.sum(axis=2)
    own = regularised or not is_strongly_connected(decided + decided.T > 0)
    covariance = _covariance(found, cells, size, RIDGE if regularised else 0.0, own)
    errors = np.sqrt(np.diag(covariance).clip(0))
    effects = {
        LEVELS[level]: Effect(SCALE * float(found[size + at]), SCALE * float(errors[size + at]))
        for at, level in enumerate(levels)
    }
    strengths = found[:size] - float(found[:size].mean())
    return StyleFit(strengths, covariance[:size, :size], effects, regularised)


def _cells(battles: LengthBattles) -> tuple[_Cells, list[int]]:
    """The cells, and which of `LEVELS` they have: those are the last columns of their causes."""
    lost = battles.wins.transpose(1, 0, 2)[:, :, ::-1]
    size = len(battles.models)
    once = np.triu(np.ones((size, size), dtype=np.bool_), 1)[:, :, None]  # each pair from one side
    at = np.nonzero(once & (battles.wins + lost + battles.ties > 0))
    rows, columns, bins = at
    lengths = np.stack([(bins - 2 == each) * 1.0 - (2 - bins == each) for each in (1, 2)], axis=1)
    levels = np.flatnonzero(lengths.any(axis=0)).tolist()
    models = np.eye(size)
    causes = np.hstack([models[rows] - models[columns], lengths[:, levels]])
    counts = (each[at].astype(np.float64) for each in (battles.wins, lost, battles.ties))
    return _Cells(causes, *counts), levels


def _can_be_told_apart(cells: _Cells, size: int) -> bool:
    curvature = np.linalg.eigvalsh(_information(cells.votes / 4, cells, size, 0.0))
    return bool(curvature[0] > _LEAST_CURVATURE * curvature[-1])


def _maximum(cells: _Cells, size: int, ridge: float, most: float) -> Numbers | None:
    def curve(at: Numbers) -> Curve:
        p = _probabilities(at, cells)
        lead = cells.won + cells.tied / 2 - cells.votes * p
        information = _information(cells.votes * p * (1 - p), cells, size, ridge)
        return Curve(cells.causes.T @ lead - ridge * at, information)

    def reach(change: Numbers) -> float:
        return float(np.ptp(change[:size]) + np.abs(change[size:]).max(initial=0.0))

    return maximum(curve, np.zeros(cells.causes.shape[1]), reach, most)


def _covariance(at: Numbers, cells: _Cells, size: int, ridge: float, is_own: bool) -> Numbers:
    p = _probabilities(at, cells)
    own = cells.votes * p * (1 - p)
    scattered = cells.won * (1 - p) ** 2 + cells.lost * p**2 + cells.tied * (p - 0.5) ** 2
    inverse = np.linalg.inv(_information(own, cells, size, ridge))
    covariance: Numbers = inverse @ _squares(own if is_own else scattered, cells) @ inverse
    return covariance


def _probabilities(at: Numbers, cells: _Cells) -> Numbers:
    p: Numbers = 0.5 + np.tanh(cells.causes @ at / 2) / 2
    return p


def _information(weights: Numbers, cells: _Cells, size: int, ridge: float) -> Numbers:
    """Invertible: a shift of all strengths, which no vote can tell, is held as firmly as the rest is on average."""
    information = _squares(weights, cells) + ridge * np.eye(cells.causes.shape[1])
    information[:size, :size] += np.trace(information) / size**2
    return information


def _squares(weights: Numbers, cells: _Cells) -> Numbers:
    squares: Numbers = (cells.causes.T * weights) @ cells.causes
    return squares
