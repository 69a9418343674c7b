"""The scatter of votes that depend on each other: several votes on one battle, and all votes of one voter.

A vote on models i and j adds (y - p)(e_i - e_j) to the gradient of the Bradley-Terry likelihood, y being 1, .5 or 0. If
votes are independent, the covariance of the gradient is the sum of the squares of these. If they are not, the gradients
of a cluster are added up first. With two kinds of clusters, those of battles and of voters, the two scatters are added
and that of single votes, which are in both, is subtracted (two-way clustering).

Source: A. Cameron, J. Gelbach and D. Miller, Robust Inference with Multiway Clustering, Journal of Business & Economic
Statistics 29, 2011.
"""

from typing import NamedTuple

import numpy as np

from service.stats.arrays import Floats, Indices
from service.stats.distributions import student_t_quantile
from service.stats.intervals import Z, freedom_of_sum

_MOST_LEVERAGE = 0.9  # of a voter: beyond it, the votes of the others say next to nothing of how voters differ
_AT_ONCE = 1 << 22  # numbers of voters' gradients held at once: 32 MB


class ClusteredVotes(NamedTuple):
    """N votes in parallel arrays of length N: the models' positions, the wins of the first, the battle and the voter.

    `won` is 1, .5 or 0. Votes on one battle are on the same two models, the first one being the same.
    """

    first: Indices
    second: Indices
    won: Floats
    battle: Indices
    voter: Indices


def two_way_scatter(votes: ClusteredVotes, p: Floats) -> Floats | None:
    """Returns the covariance of the gradient (J x J) at the probabilities `p` (J x J) that the row beats the column.

    Battles are the first kind of clusters; voters add to their scatter only as far as the votes of one voter are alike.
    With few voters the difference could be negative, which would leave some ratings without any uncertainty. Residuals
    are smaller than errors, and are enlarged by 1 / (1 - h) with h the leverage of a cluster (HC3: MacKinnon and
    White 1985, Some Heteroskedasticity-Consistent Covariance Matrix Estimators): the mean one of battles, and a voter's
    share of the votes, as ratings follow who votes most. Returns None if there are fewer than two battles for each free
    strength: hardly any scatter is then left.
    """
    free = len(p) - 1
    battles = len(np.unique(votes.battle))
    if battles < 2 * free:
        return None
    scatter = battle_scatter(votes, p) * (battles / (battles - free)) ** 2
    _, voter, counts = np.unique(votes.voter, return_inverse=True, return_counts=True)
    if len(counts) < 2:
        return scatter
    expected = p[votes.first, votes.second]
    enlarged = votes._replace(won=expected + _enlarged(votes.won - expected, voter, counts))
    return scatter + _positive(voter_scatter(enlarged, p) - battle_scatter(_battles_as_votes(votes), p))


def share_effect(votes: ClusteredVotes) -> float:
    """Returns the design effect on the share of the votes that the first model won, of votes without ties; 1 or more.

    It is the variance of the share over that of as many independent votes, times (t / z)^2 as it is estimated from a
    few battles and voters (Korn and Graubard 1998). If all votes are alike, votes on a battle say as much as one.
    """
    _, battle, of_battle = np.unique(votes.battle, return_inverse=True, return_counts=True)
    _, voter, of_voter = np.unique(votes.voter, return_inverse=True, return_counts=True)
    battles, voters = len(of_battle), len(of_voter)
    residuals = votes.won - votes.won.mean()
    alone = float((residuals**2).sum())
    if battles < 2 or not alone:
        return float((of_battle**2).sum() / of_battle.sum())
    together = float((np.bincount(battle, residuals) ** 2).sum()) * (battles / (battles - 1)) ** 2
    enlarged = np.bincount(voter, _enlarged(residuals, voter, of_voter))
    more = max(float((enlarged**2).sum()) - alone, 0.0) if voters > 1 else 0.0
    freedom = freedom_of_sum([together, more], [battles - 1, voters - 1])
    return max((together + more) / alone, 1.0) * (student_t_quantile(0.975, max(freedom, 2.0)) / Z) ** 2


def battle_effect(votes: ClusteredVotes, p: Floats) -> float:
    """Returns how much larger the scatter of the gradient is than that of independent votes, by battles; 1 or more."""
    battles, free = len(np.unique(votes.battle)), len(p)
    alone = float(np.trace(battle_scatter(_battles_as_votes(votes), p)))
    together = float(np.trace(battle_scatter(votes, p))) * (battles / max(battles - free, 1)) ** 2
    return max(together / alone, 1.0) if alone else 1.0


def battle_scatter(votes: ClusteredVotes, p: Floats) -> Floats:
    """Returns the scatter of the gradient (J x J) if the clusters are the battles."""
    _, at, place = np.unique(votes.battle, return_index=True, return_inverse=True)
    sums = np.bincount(place, votes.won - p[votes.first, votes.second])
    weights: Floats = np.square(sums, dtype=np.float64)
    return _laplacian_of(votes.first[at], votes.second[at], weights, len(p))


def largest_scatter(votes: ClusteredVotes, p: Floats) -> Floats:
    """Returns the scatter (J x J) of votes of the model's own variance p q, all votes on a battle being the same."""
    _, at, counts = np.unique(votes.battle, return_index=True, return_counts=True)
    first, second = votes.first[at], votes.second[at]
    return _laplacian_of(first, second, counts.astype(np.float64) ** 2 * p[first, second] * p[second, first], len(p))


def voter_scatter(votes: ClusteredVotes, p: Floats) -> Floats:
    """Returns the scatter of the gradient (J x J) if the clusters are the voters."""
    size = len(p)
    _, voter = np.unique(votes.voter, return_inverse=True)
    order = np.argsort(voter, kind="stable")
    residuals = votes.won - p[votes.first, votes.second]
    scatter = np.zeros((size, size))
    at_once = max(1, _AT_ONCE // size)
    for start in range(0, int(voter.max(initial=-1)) + 1, at_once):
        low, high = np.searchsorted(voter, [start, start + at_once], sorter=order)
        some = order[low:high]
        rows = (voter[some] - start) * size
        length = at_once * size
        sums = np.bincount(rows + votes.first[some], residuals[some], minlength=length)
        sums -= np.bincount(rows + votes.second[some], residuals[some], minlength=length)
        gradients = sums.reshape(at_once, size)
        scatter += gradients.T @ gradients
    return scatter


def _enlarged(residuals: Floats, voter: Indices, counts: Indices) -> Floats:
    """The residuals over 1 - h, with h the voter's share of the votes; `counts` are the votes of each voter."""
    leverage: Floats = np.minimum(counts / len(residuals), _MOST_LEVERAGE)
    return residuals / (1 - leverage[voter])


def _battles_as_votes(votes: ClusteredVotes) -> ClusteredVotes:
    """The same votes, each as a battle of its own."""
    return votes._replace(battle=np.arange(len(votes.battle)))


def _laplacian_of(first: Indices, second: Indices, weights: Floats, size: int) -> Floats:
    """The sum of weight (e_first - e_second)(e_first - e_second)'."""
    pairs = np.bincount(first * size + second, weights, minlength=size * size).reshape(size, size)
    both = pairs + pairs.T
    laplacian: Floats = np.diag(both.sum(axis=1)) - both
    return laplacian


def _positive(symmetric: Floats) -> Floats:
    """The matrix without its negative eigenvalues."""
    values, vectors = np.linalg.eigh(symmetric)
    positive: Floats = (vectors * values.clip(0)) @ vectors.T
    return positive
