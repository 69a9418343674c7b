"""Bradley-Terry ratings: P(i beats j) = 1 / (1 + exp(theta_j - theta_i)), a tie counting as half a win for each side.

Only the J x J counts are needed, however many votes there are. Let W be the half-wins, N = W + W', p the probabilities,
q = 1 - p, and A the Laplacian weighted by N p q. Newton's method solves sum_j (W_ij - N_ij p_ij) = 0.

Source: R. Bradley and M. Terry, Rank Analysis of Incomplete Block Designs, Biometrika 39, 1952.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.stats.newton import Curve, maximum
from service.stats.vote_clusters import ClusteredVotes, largest_scatter, two_way_scatter

_Ints = NDArray[np.int64]
_Floats = NDArray[np.float64]
_Bools = NDArray[np.bool_]

RATING_CENTRE = 1000.0  # the mean rating of all models
RATING_SCALE = 400 / math.log(10)  # points per unit of log-odds: 400 points are odds of ten to one, as in chess
RIDGE = 0.1  # a prior with a standard deviation of 3.2 (550 points), used if the votes alone leave strengths unbounded


class BradleyTerryFit(NamedTuple):
    """Strengths of J models in log-odds with mean 0, and their uncertainty.

    `strengths` has length J. `inverse` (J x J) is the inverse of the curvature; only differences of models in it have a
    meaning. `covariance` (J x J) is the covariance of the strengths. `regularised` is true if a ridge was needed: all
    strengths are then drawn towards 0.
    """

    strengths: _Floats
    inverse: _Floats
    covariance: _Floats
    regularised: bool


def fit_strengths(wins: _Ints, ties: _Ints, clustered: ClusteredVotes | None = None) -> BradleyTerryFit:
    """Returns the maximum-likelihood fit, or a fit with a ridge of 0.1 if there is no maximum.

    `wins` (J x J) counts wins of the row over the column, `ties` (J x J, symmetric) the ties; J is at least 1. A
    maximum exists if every model is below every other by some chain of half-wins (Ford 1957). In a fit with a ridge,
    models without votes have strength 0. Between models that no chain of votes connects, the prior alone decides: its
    variance is that of the distance of their groups.

    The covariance is the sandwich of A^+ and the scatter of the votes (HC0), because a tie scatters less than the coin
    flip that A assumes, and A^+ alone would be too wide. If a ridge is needed, or everything was tied, hardly any
    scatter is left: intervals from it covered the truth in 0% to 80% of simulated arenas, and those from the model's
    own scatter N p q in 94% or more, so that is used instead.

    `clustered` has the same votes one by one, if it is known which are on the same battle or by the same voter: the
    scatter is then that of `vote_clusters.py`, which takes them as dependent.
    """
    halves = wins + ties / 2
    regularised = not is_strongly_connected(halves > 0)
    ridge = RIDGE if regularised else 0.0
    highest = maximum(lambda at: _curve(at, halves, ridge), np.zeros(len(halves)), _reach)
    assert highest is not None  # no bound was given
    strengths = highest - float(highest.mean())
    p = win_probabilities(strengths)
    own = (halves + halves.T) * p * p.T
    curvature = _anchored(_laplacian(own) + ridge * np.eye(len(own)))
    inverse = np.asarray(np.linalg.inv(curvature), dtype=np.float64)
    decided = wins + wins.T > 0
    is_scattered = not regularised and is_strongly_connected(decided)
    if clustered is None:
        scatter = _laplacian(_scatter(wins, ties, p) if is_scattered else own)
    else:
        found = two_way_scatter(clustered, p) if is_scattered else None
        scatter = largest_scatter(clustered, p) if found is None else found
    scatter = scatter + ridge * _between_groups(halves + halves.T > 0)
    return BradleyTerryFit(strengths, inverse, inverse @ scatter @ inverse, regularised)


def win_probabilities(strengths: _Floats) -> _Floats:
    """Returns the probability that the row beats the column, J x J."""
    half = np.tanh((strengths[:, None] - strengths[None, :]) / 2) / 2  # antisymmetric, and never overflows
    p: _Floats = 0.5 + half
    return p


def is_strongly_connected(beats: _Bools) -> bool:
    """Whether every node of a directed graph reaches every other; `beats` is its J x J adjacency matrix."""
    return bool(_reached(beats).all() and _reached(beats.T).all())


def _between_groups(met: _Bools) -> _Floats:
    """The projection (J x J) on the distances between groups of models that no vote connects, 0 for a single group."""
    group, found = np.zeros((len(met), len(met))), np.zeros(len(met), dtype=np.bool_)
    while not found.all():
        members = _reached(met, int(np.argmin(found)))
        group += np.outer(members, members) / np.count_nonzero(members)
        found |= members
    return group - 1 / len(met)


def _reached(arrows: _Bools, start: int = 0) -> _Bools:
    """The nodes that the one at `start` reaches, itself among them."""
    reached = np.zeros(len(arrows), dtype=np.bool_)
    reached[start] = True
    newest = reached
    while newest.any():
        newest = arrows[newest].any(axis=0) & ~reached
        reached = reached | newest
    return reached


def _curve(strengths: _Floats, halves: _Floats, ridge: float) -> Curve:
    p = win_probabilities(strengths)
    votes = halves + halves.T
    lead = halves - votes * p
    slope = (lead - lead.T).sum(axis=1) / 2 - ridge * strengths  # antisymmetric, so rounding cancels in the total
    return Curve(slope, _anchored(_laplacian(votes * p * p.T) + ridge * np.eye(len(p))))


def _scatter(wins: _Ints, ties: _Ints, p: _Floats) -> _Floats:
    """The sum over each pair's votes of (outcome - p)^2."""
    q = p.T
    won: _Floats = wins * q**2
    return won + won.T + ties * (p - 0.5) ** 2


def _laplacian(weights: _Floats) -> _Floats:
    """The Laplacian of symmetric weights: their row sums on the diagonal, minus the weights off it."""
    off = weights - np.diag(np.diag(weights))
    return np.diag(off.sum(axis=1)) - off


def _anchored(information: _Floats) -> _Floats:
    """The matrix made invertible: a shift of all strengths, on which votes have no bearing, gets an average weight."""
    size = len(information)
    held: _Floats = information + (float(np.trace(information)) or 1.0) / size**2
    return held


def _reach(change: _Floats) -> float:
    return float(np.ptp(change))
