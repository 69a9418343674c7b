"""Newton's method on the likelihood of a coin, whose maximum is known."""

import math

import numpy as np
import pytest

from service.stats.arrays import Floats
from service.stats.newton import Curve, maximum


@pytest.mark.parametrize(("heads", "tails"), [(3, 1), (1, 1), (1, 10**6), (999, 1)])
def test_the_log_odds_of_a_coin_are_found_exactly(heads: int, tails: int) -> None:
    def curve(at: Floats) -> Curve:
        p = 1 / (1 + math.exp(-float(at[0])))
        return Curve(np.array([heads - (heads + tails) * p]), np.array([[(heads + tails) * p * (1 - p)]]))

    found = maximum(curve, np.zeros(1), lambda change: float(np.abs(change).max()))
    assert found is not None
    assert float(found[0]) == pytest.approx(math.log(heads / tails), abs=1e-9)


def test_a_maximum_beyond_the_limit_is_none() -> None:
    def curve(at: Floats) -> Curve:
        p = 1 / (1 + math.exp(-float(at[0])))
        return Curve(np.array([5 - 5 * p]), np.array([[max(5 * p * (1 - p), 1e-12)]]))

    assert maximum(curve, np.zeros(1), lambda change: float(np.abs(change).max()), most=20) is None
