"""The effect of length: Bradley-Terry with the difference of lengths as one more cause of a vote.

People like long explanations. Votes are counted by pair and by bin of length (see `vote_counts`), and
log-odds(i beats j) = theta_i - theta_j + gamma[bin] is fitted to the counts: a logistic regression with the bin as a
factor. By symmetry gamma of "shorter" is minus gamma of "longer", and gamma of "about the same" is 0.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.arena.vote_counts import LENGTH_BINS, LengthCounts
from service.contracts.arena import LengthEffect
from service.stats.bradley_terry import RATING_SCALE, RIDGE, is_strongly_connected
from service.stats.newton import Curve, maximum

_Floats = NDArray[np.float64]

LENGTH_LEVELS = ("longer", "much_longer")  # the bins above the middle one
_MIDDLE = LENGTH_BINS // 2
_MOST_LOG_ODDS = 30.0  # beyond this the maximum has no bound: some causes explain all votes
_LEAST_CURVATURE = 1e-9  # of the greatest; less is rounding: causes that always come together can't be told apart


class LengthFit(NamedTuple):
    """Strengths of J models adjusted for length, in log-odds with mean 0 (length J), with their covariance (J x J).

    `effects` has the effect of each of `LENGTH_LEVELS` that has votes. `regularised` is true if a ridge was needed,
    because strengths or effects are unbounded or can't be told apart: all are then drawn towards 0.
    """

    strengths: _Floats
    covariance: _Floats
    effects: dict[str, LengthEffect]
    regularised: bool


class _Cells(NamedTuple):
    """One row for each pair of models and bin that has votes: its causes (-1, 0 or 1), and its outcomes."""

    causes: _Floats
    won: _Floats
    lost: _Floats
    tied: _Floats

    @property
    def votes(self) -> _Floats:
        return self.won + self.lost + self.tied


def fit_length_effect(counts: LengthCounts) -> LengthFit:
    """Returns the maximum-likelihood fit, or a fit with a ridge if there is no maximum. Needs at least one vote.

    The covariance is the sandwich (HC0), or the model's own if a ridge is needed or too few votes were decided.
    """
    size = len(counts.models)
    cells, levels = _cells(counts)
    halves = (counts.wins + counts.ties / 2).sum(axis=2)
    found = None
    if is_strongly_connected(halves > 0) and _can_be_told_apart(cells, size):
        found = _maximum(cells, size, 0.0, _MOST_LOG_ODDS)
    regularised = found is None
    if found is None:
        found = _maximum(cells, size, RIDGE, math.inf)
    assert found is not None  # no bound was given
    decided = counts.wins.sum(axis=2)
    own = regularised or not is_strongly_connected(decided + decided.T > 0)
    covariance = _covariance(found, cells, size, RIDGE if regularised else 0.0, own)
    errors = np.sqrt(np.diag(covariance).clip(0))
    effects = {
        LENGTH_LEVELS[level]: LengthEffect(
            points=RATING_SCALE * float(found[size + at]), standard_error=RATING_SCALE * float(errors[size + at])
        )
        for at, level in enumerate(levels)
    }
    strengths = found[:size] - float(found[:size].mean())
    return LengthFit(strengths, covariance[:size, :size], effects, regularised)


def _cells(counts: LengthCounts) -> tuple[_Cells, list[int]]:
    """The cells, and the indices of the `LENGTH_LEVELS` that have votes: the last columns of the causes."""
    lost = counts.wins.transpose(1, 0, 2)[:, :, ::-1]
    size = len(counts.models)
    once = np.triu(np.ones((size, size), dtype=np.bool_), 1)[:, :, None]  # each pair from one side
    at = np.nonzero(once & (counts.wins + lost + counts.ties > 0))
    rows, columns, bins = at
    lengths = np.stack([(bins - _MIDDLE == each) * 1.0 - (_MIDDLE - bins == each) for each in (1, 2)], axis=1)
    levels = np.flatnonzero(lengths.any(axis=0)).tolist()
    models = np.eye(size)
    causes = np.hstack([models[rows] - models[columns], lengths[:, levels]])
    outcomes = (each[at].astype(np.float64) for each in (counts.wins, lost, counts.ties))
    return _Cells(causes, *outcomes), levels


def _can_be_told_apart(cells: _Cells, size: int) -> bool:
    curvature = np.linalg.eigvalsh(_information(cells.votes / 4, cells, size, 0.0))
    return bool(curvature[0] > _LEAST_CURVATURE * curvature[-1])


def _maximum(cells: _Cells, size: int, ridge: float, most: float) -> _Floats | None:
    def curve(at: _Floats) -> Curve:
        p = _probabilities(at, cells)
        lead = cells.won + cells.tied / 2 - cells.votes * p
        information = _information(cells.votes * p * (1 - p), cells, size, ridge)
        return Curve(cells.causes.T @ lead - ridge * at, information)

    def reach(change: _Floats) -> float:
        return float(np.ptp(change[:size]) + np.abs(change[size:]).max(initial=0.0))

    return maximum(curve, np.zeros(cells.causes.shape[1]), reach, most)


def _covariance(at: _Floats, cells: _Cells, size: int, ridge: float, is_own: bool) -> _Floats:
    p = _probabilities(at, cells)
    own = cells.votes * p * (1 - p)
    scattered = cells.won * (1 - p) ** 2 + cells.lost * p**2 + cells.tied * (p - 0.5) ** 2
    inverse = np.linalg.inv(_information(own, cells, size, ridge))
    covariance: _Floats = inverse @ _squares(own if is_own else scattered, cells) @ inverse
    return covariance


def _probabilities(at: _Floats, cells: _Cells) -> _Floats:
    p: _Floats = 0.5 + np.tanh(cells.causes @ at / 2) / 2
    return p


def _information(weights: _Floats, cells: _Cells, size: int, ridge: float) -> _Floats:
    """Made invertible: a shift of all strengths, on which votes have no bearing, gets an average weight."""
    information = _squares(weights, cells) + ridge * np.eye(cells.causes.shape[1])
    information[:size, :size] += np.trace(information) / size**2
    return information


def _squares(weights: _Floats, cells: _Cells) -> _Floats:
    squares: _Floats = (cells.causes.T * weights) @ cells.causes
    return squares
