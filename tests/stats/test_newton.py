"""Newton's method for logistic likelihoods: exact if there is a maximum, and an end in every other case."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import minimize

from service.stats.arrays import Floats
from service.stats.newton import Curve, maximum

START = np.zeros(1)


def largest(step: Floats) -> float:
    return float(np.abs(step).max())


def coin(heads: float, tails: float) -> Callable[[Floats], Curve]:
    """The curve of one log-odds; its maximum is log(heads / tails)."""

    def curve(at: Floats) -> Curve:
        share, other = 1 / (1 + np.exp(-at[0])), 1 / (1 + np.exp(at[0]))
        return Curve(np.array([heads * other - tails * share]), np.array([[(heads + tails) * share * other]]))

    return curve


def regression(design: Floats, outcomes: Floats) -> Callable[[Floats], Curve]:
    def curve(at: Floats) -> Curve:
        shares = 1 / (1 + np.exp(-design @ at))
        return Curve(design.T @ (outcomes - shares), (design.T * (shares * (1 - shares))) @ design)

    return curve


@pytest.mark.parametrize(
    ("heads", "tails"), [(1, 1), (3, 1), (1, 9), (999, 1), (1, 10**6), (10**9, 1), (1, 10**9), (0.5, 40)]
)
def test_one_log_odds_is_found_to_floating_point_precision(heads: float, tails: float) -> None:
    found = maximum(coin(heads, tails), START, largest)
    assert found is not None
    assert found[0] == pytest.approx(math.log(heads / tails), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("start", [-15.0, 0.0, 15.0])
def test_the_start_makes_no_difference(start: float) -> None:
    """From far away, a full Newton step would overshoot by millions."""
    found = maximum(coin(3, 1), np.array([start]), largest)
    assert found is not None
    assert found[0] == pytest.approx(math.log(3), rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_a_regression_equals_that_of_a_general_optimizer(seed: int) -> None:
    random = np.random.default_rng(seed)
    design = np.column_stack([np.ones(200), random.normal(size=(200, 2))])
    outcomes = (random.random(200) < 1 / (1 + np.exp(-design @ np.array([0.3, -1.0, 2.0])))).astype(np.float64)

    def cost(at: Floats) -> float:
        odds = design @ at
        return float(np.logaddexp(0, odds).sum() - outcomes @ odds)

    theirs = minimize(cost, np.zeros(3), method="BFGS", options={"gtol": 1e-6})
    curve = regression(design, outcomes)
    found = maximum(curve, np.zeros(3), lambda step: largest(design @ step))
    assert found is not None
    assert found == pytest.approx(theirs.x, abs=1e-5)
    assert np.abs(curve(found).slope).max() < 1e-10


def test_a_maximum_at_infinity_is_none_if_there_is_a_bound() -> None:
    assert maximum(coin(5, 0), START, largest, most=30.0) is None


def test_a_maximum_within_the_bound_is_found() -> None:
    found = maximum(coin(3, 1), START, largest, most=2.0)
    assert found is not None
    assert found[0] == pytest.approx(math.log(3))


def test_a_slope_that_never_ends_raises() -> None:
    with pytest.raises(ArithmeticError, match="did not converge"):
        maximum(lambda at: Curve(np.ones(1), np.eye(1)), START, largest)


def test_parameters_that_the_data_can_not_tell_apart_raise() -> None:
    with pytest.raises(np.linalg.LinAlgError):
        maximum(lambda at: Curve(np.ones(2), np.ones((2, 2))), np.zeros(2), largest)
