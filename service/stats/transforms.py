"""Scales on which the sampling distribution of a statistic is nearly normal, for the ends of its interval."""

import math
from collections.abc import Callable
from typing import NamedTuple


class Transform(NamedTuple):
    """An increasing function with its inverse and derivative, and the range of the statistics that it is for.

    The functions are defined inside the range. At its ends `forward` returns an infinity.
    """

    forward: Callable[[float], float]
    inverse: Callable[[float], float]
    slope: Callable[[float], float]
    least: float
    most: float


def _fisher(value: float) -> float:
    return math.copysign(math.inf, value) if abs(value) >= 1 else math.atanh(value)


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf


def _exp(value: float) -> float:
    return math.exp(min(value, 700.0))


def _complement(value: float) -> float:
    return -_log(1 - value)


def _complement_inverse(value: float) -> float:
    return -math.expm1(min(-value, 700.0))


def _logit(value: float) -> float:
    return _log(value) - _log(1 - value)


def _logit_inverse(value: float) -> float:
    return 1 / (1 + _exp(-value))


def _same(value: float) -> float:
    return value


def _one(_: float) -> float:
    return 1.0


IDENTITY = Transform(_same, _same, _one, -math.inf, math.inf)
BOUNDED = Transform(_same, _same, _one, -1.0, 1.0)  # of statistics that reach 1 for even marginals only
FISHER = Transform(_fisher, math.tanh, lambda value: 1 / (1 - value**2), -1.0, 1.0)  # of correlations: Fisher 1915
COMPLEMENT = Transform(_complement, _complement_inverse, lambda value: 1 / (1 - value), -1.0, 1.0)  # log disagreement
LOG = Transform(_log, _exp, lambda value: 1 / value, 0.0, math.inf)
LOGIT = Transform(_logit, _logit_inverse, lambda value: 1 / (value * (1 - value)), 0.0, 1.0)
