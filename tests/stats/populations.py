"""Populations of pairs of a human and a judge, for simulations of how often intervals cover the truth."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from service.stats.arrays import Floats

FIVE = (1, 2, 3, 4, 5)
TEN = tuple(range(1, 11))


class Population(NamedTuple):
    """The values, and the share of pairs in each cell: shape (values, values)."""

    values: Sequence[float]
    shares: Floats


def cut(correlation: float, human: Sequence[float], judge: Sequence[float]) -> Floats:
    """Two normal variables of this correlation, cut at these points."""
    of_human, noise = np.random.default_rng(0).standard_normal((2, 1_000_000))
    of_judge = correlation * of_human + np.sqrt(1 - correlation**2) * noise
    size = len(human) + 1
    cells = np.digitize(of_human, human) * size + np.digitize(of_judge, judge)
    return np.bincount(cells, minlength=size**2).reshape(size, size) / len(noise)


def near(shares: Sequence[float], exact: float) -> Floats:
    """A judge that is right with this probability, else one step off."""
    size = len(shares)
    counts = np.diag(shares) * exact
    for row, share in enumerate(shares):
        beside = [column for column in (row - 1, row + 1) if 0 <= column < size]
        for column in beside:
            counts[row, column] += share * (1 - exact) / len(beside)
    return counts


def guessing(human: Sequence[float], judge: Sequence[float], known: float = 0.0) -> Floats:
    """A judge that knows the value with this probability, else says anything, with these shares."""
    guessed: Floats = np.outer(human, judge) * (1 - known)
    return guessed + known * np.diag(human)


def binary(passing: float, sensitivity: float, specificity: float) -> Floats:
    return np.array(
        [
            [(1 - passing) * specificity, (1 - passing) * (1 - specificity)],
            [passing * (1 - sensitivity), passing * sensitivity],
        ]
    )


_AT_THE_TOP = np.array([[0.3, 0.2, 0, 0, 0.5], [0, 0.3, 0.2, 0, 0.5], [0, 0, 0.3, 0.2, 0.5], [0, 0, 0, 0.4, 0.6]])

# Made by those who simulate: every process imports this, and a million draws take a while.
POPULATIONS: dict[str, Callable[[], Population]] = {
    "5: r .64": lambda: Population(FIVE, cut(0.71, *[(-1.2, -0.4, 0.4, 1.2)] * 2)),
    "5: r .88, half at the top": lambda: Population(FIVE, cut(0.94, *[(-1.9, -1.4, -0.8, 0.0)] * 2)),
    "5: r .89, 3/4 at the top": lambda: Population(FIVE, cut(0.955, *[(-2.2, -1.7, -1.2, -0.7)] * 2)),
    "5: 95% equal": lambda: Population(FIVE, near((0.1, 0.2, 0.3, 0.25, 0.15), 0.95)),
    "5: 98% equal, skewed": lambda: Population(FIVE, near((0.02, 0.03, 0.05, 0.1, 0.8), 0.98)),
    "5: judge guesses": lambda: Population(FIVE, guessing([0.2] * 5, (0.1, 0.2, 0.3, 0.3, 0.1))),
    "5: judge guesses, skewed": lambda: Population(
        FIVE, guessing((0.02, 0.03, 0.05, 0.15, 0.75), (0.02, 0.03, 0.1, 0.25, 0.6))
    ),
    "5: judge likes the top": lambda: Population(
        FIVE, near((0.1, 0.15, 0.25, 0.3, 0.2), 0.5) @ np.vstack([_AT_THE_TOP, [0, 0, 0, 0, 1]])
    ),
    "2: 95% pass": lambda: Population((0, 1), binary(0.95, 0.97, 0.6)),
    "2: 80% pass, lenient": lambda: Population((0, 1), binary(0.8, 0.95, 0.5)),
    "2: even, 85% equal": lambda: Population((0, 1), binary(0.5, 0.85, 0.85)),
    "2: even, 98% equal": lambda: Population((0, 1), binary(0.5, 0.98, 0.98)),
    "2: judge guesses, 90% pass": lambda: Population((0, 1), binary(0.9, 0.9, 0.1)),
    "3: 73% equal": lambda: Population((1, 2, 3), guessing((0.3, 0.4, 0.3), (0.3, 0.4, 0.3), 0.6)),
    "3: 92% equal, skewed": lambda: Population((1, 2, 3), guessing((0.1, 0.1, 0.8), (0.1, 0.1, 0.8), 0.75)),
    "10: r .7": lambda: Population(TEN, cut(0.75, np.linspace(-2, 2, 9).tolist(), np.linspace(-1.5, 2.2, 9).tolist())),
    "10: 90% equal": lambda: Population(TEN, near((0.05, 0.05, 0.05, 0.1, 0.1, 0.1, 0.15, 0.15, 0.15, 0.1), 0.9)),
}
