"""Ranks of ratings of which the covariance is known, by all comparisons together (`step_down.py`)."""

from itertools import pairwise

import numpy as np

from service.stats.arrays import Booleans, Floats
from service.stats.step_down import decided, ranks_of

_FEWEST_DRAWS, _MOST_DRAWS = 1000, 4000
_NUMBERS = 1 << 22  # comparisons times draws, if the number of draws allows it
_NOISE = 1e-9  # log-odds: strengths of equal models may differ by it


def rating_ranks(strengths: Floats, covariance: Floats) -> list[int]:
    """Returns the rank of each of J ratings: 1 + the number of ratings that are higher, at 95% over all pairs.

    `covariance` is J x J. The draws are normal and the same for each call. The time grows with the square of J, and is
    about a second for 500 ratings.
    """
    size = len(strengths)
    one, other = np.triu_indices(size, 1)
    leads = strengths[one] - strengths[other]
    own = np.diag(covariance)
    errors = np.sqrt((own[one] + own[other] - 2 * covariance[one, other]).clip(_NOISE**2))
    values, vectors = np.linalg.eigh(covariance)
    count = int(np.clip(_NUMBERS // max(len(one), 1), _FEWEST_DRAWS, _MOST_DRAWS))
    normal = np.random.Generator(np.random.PCG64(size)).standard_normal((count, size))
    drawn = np.ascontiguousarray(((normal * np.sqrt(values.clip(0))) @ vectors.T).T, dtype=np.float32)

    ends = np.concatenate([[0], np.cumsum(np.arange(size - 1, -1, -1))])

    def largest(chosen: Booleans) -> Floats:
        found = np.zeros(count, dtype=np.float32)
        for at, (start, end) in enumerate(pairwise(ends.tolist())):  # all pairs of one rating
            mine = start + np.flatnonzero(chosen[start:end])
            if len(mine):
                sizes = np.abs(drawn[at] - drawn[other[mine]])
                sizes /= errors[mine, None].astype(np.float32)
                np.maximum(found, sizes.max(axis=0), out=found)
        return found.astype(np.float64)

    better: Booleans = np.zeros((size, size), dtype=np.bool_)
    statistics = np.where(np.abs(leads) > _NOISE, np.abs(leads) / errors, 0.0)
    sure = decided(statistics, largest)
    higher, lower = np.where(leads > 0, one, other), np.where(leads > 0, other, one)
    better[higher[sure], lower[sure]] = True
    return ranks_of(better)
