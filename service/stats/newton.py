"""Newton's method for likelihoods of logistic models, which are concave."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

_SMALL = 1e-6  # from here on a step's error is its square: one or two more reach the end of floating point
_MOST_STEPS = 10_000  # a thousand times what votes take; the way is as long as the largest log-odds


class Curve(NamedTuple):
    """A log-likelihood at one point: its gradient, and minus its matrix of second derivatives, invertible."""

    slope: Numbers
    information: Numbers


def maximum(
    curve: Callable[[Numbers], Curve], start: Numbers, reach: Callable[[Numbers], float], most: float = math.inf
) -> Numbers | None:
    """Where the likelihood is greatest, as exactly as floating point can say; None beyond `most` log-odds from 0.

    `reach` is by how much at most a change of the parameters changes a log-odds. No step changes one by more than 1:
    over that much, p (1 - p) changes by a factor of e at most, so that every step leads upwards (Bach 2010,
    Self-concordant analysis for logistic regression), where Newton's own may overshoot for ever.
    Raises numpy's LinAlgError where the information can't be inverted.
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
    raise ArithmeticError("Newton's method found no maximum")
