"""Newton's method for the log-likelihoods of logistic models, which are concave."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from service.stats.arrays import Floats

_SMALL = 1e-6  # below it, convergence is quadratic: one or two more steps reach floating-point precision
_MOST_STEPS = 10_000  # a thousand times the usual number; steps are limited, so large log-odds take many


class Curve(NamedTuple):
    """A log-likelihood at one point: its gradient, and minus its Hessian, which must be invertible."""

    slope: Floats
    information: Floats


def maximum(
    curve: Callable[[Floats], Curve], start: Floats, reach: Callable[[Floats], float], most: float = math.inf
) -> Floats | None:
    """Returns the parameters of maximum likelihood to floating-point precision, None if they pass `most` log-odds.

    `curve` returns the gradient and information at a point, and `reach` the largest change of a log-odds for a change
    of the parameters. No step changes a log-odds by more than 1: within that, p (1 - p) changes by a factor of at most
    e, so every step increases the likelihood (Bach 2010, Self-concordant analysis for logistic regression), while full
    Newton steps may overshoot forever. Raises numpy's LinAlgError if the information is singular, and ArithmeticError
    if the method does not converge.
    """
    at, before = start, math.inf
    for _ in range(_MOST_STEPS):
        slope, information = curve(at)
        step = np.asarray(np.linalg.solve(information, slope), dtype=np.float64)
        size = reach(step)
        at = at + step / max(1.0, size)
        if size < _SMALL and size >= before / 2:
            return at
        if reach(at) > most:
            return None
        before = size
    raise ArithmeticError(f"Newton's method did not converge in {_MOST_STEPS} steps")
