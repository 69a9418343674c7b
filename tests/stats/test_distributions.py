"""Tails of distributions, against scipy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from service.stats.distributions import chi2_quantile, chi2_sf, regularised_beta, student_t_quantile, student_t_sf


@pytest.mark.parametrize("freedom", [2, 2.01, 2.5, 3, 4.9, 5, 7.7, 19, 100, 1e4, 1e9])
def test_quantiles_of_t_are_nearly_scipys(freedom: float) -> None:
    for probability in (0.9, 0.95, 0.975, 0.995):
        expected = float(stats.t.ppf(probability, freedom))
        assert student_t_quantile(probability, freedom) == pytest.approx(expected, rel=5e-4)


@pytest.mark.parametrize("freedom", [1, 2, 3, 5, 10, 19, 29, 50, 99, 1_000, 100_000, 10_000_000])
def test_the_tail_of_t_is_scipys(freedom: int) -> None:
    ts = [*np.linspace(-15, 15, 121), 1e-4, 40.0]
    found = [student_t_sf(float(t), freedom) for t in ts]
    expected = [float(stats.t.sf(t, freedom)) for t in ts]
    assert found == pytest.approx(expected, abs=1e-10)
    assert found == pytest.approx(expected, rel=1e-8, abs=1e-250)


def test_the_tail_of_cauchy_is_right_where_scipy_rounds_it_away() -> None:
    """1/2 - arctan(t) / pi; scipy 1.17 gives 1/2 at t = 1e-9."""
    assert student_t_sf(1e-9, 1) == pytest.approx(0.5 - math.atan(1e-9) / math.pi, abs=1e-16)


@given(st.floats(0.5, 5_000), st.floats(0.5, 5_000), st.floats(0, 1))
def test_the_incomplete_beta_function_is_scipys(a: float, b: float, x: float) -> None:
    assert regularised_beta(a, b, x) == pytest.approx(float(special.betainc(a, b, x)), abs=1e-10)


@pytest.mark.parametrize("freedom", [*range(1, 102), 1000])
def test_chi_squared_is_scipys(freedom: int) -> None:
    for probability in (0.5, 0.95, 0.99, 0.999):
        expected = float(stats.chi2.ppf(probability, freedom))
        assert chi2_quantile(probability, freedom) == pytest.approx(expected, rel=1e-12)
    for x in (0.0, 0.3, freedom / 2, float(freedom), 3.0 * freedom):
        assert chi2_sf(x, freedom) == pytest.approx(float(stats.chi2.sf(x, freedom)), abs=1e-12)
