"""Statistics from sums of integer units equal those that numpy computes from the pairs themselves."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.stats.moments import Moments

CLOSE = 1e-9
PAIRS = st.sampled_from([5, 10**5]).flatmap(
    lambda most: st.lists(st.tuples(st.integers(0, most), st.integers(0, most)), min_size=1, max_size=40)
)


def moments(pairs: Sequence[tuple[int, int]]) -> Moments:
    return Moments(
        n=len(pairs),
        x=sum(x for x, _ in pairs),
        y=sum(y for _, y in pairs),
        xx=sum(x * x for x, _ in pairs),
        yy=sum(y * y for _, y in pairs),
        xy=sum(x * y for x, y in pairs),
        ad=sum(abs(y - x) for x, y in pairs),
    )


@given(PAIRS, st.sampled_from([1.0, 0.1, 0.25]))
def test_they_equal_those_of_numpy(pairs: list[tuple[int, int]], unit: float) -> None:
    human, judge = np.array(pairs, dtype=float).T * unit
    ours = moments(pairs).statistics(unit)
    assert ours["bias"] == pytest.approx(np.mean(judge - human), abs=CLOSE)
    assert ours["mae"] == pytest.approx(np.mean(np.abs(judge - human)), abs=CLOSE)
    assert ours["rmse"] == pytest.approx(np.sqrt(np.mean((judge - human) ** 2)), abs=CLOSE)
    varies = len(set(human)) > 1 and len(set(judge)) > 1
    assert ("pearson" in ours) == ("lin_ccc" in ours) == varies
    if varies:
        covariance = np.cov(human, judge, bias=True)
        lin = 2 * covariance[0, 1] / (covariance[0, 0] + covariance[1, 1] + (human.mean() - judge.mean()) ** 2)
        assert ours["pearson"] == pytest.approx(np.corrcoef(human, judge)[0, 1], abs=1e-6)
        assert ours["lin_ccc"] == pytest.approx(lin, abs=1e-6)


def test_a_sum_by_hand() -> None:
    # Human 1, 2, 3 and judge 2, 2, 5: differences 1, 0, 2; covariance 1, variances 2/3 and 2.
    found = moments([(1, 2), (2, 2), (3, 5)]).statistics(0.5)
    assert found == {
        "bias": 0.5,
        "mae": 0.5,
        "rmse": pytest.approx(0.5 * math.sqrt(5 / 3)),
        "pearson": pytest.approx(1 / math.sqrt(2 / 3 * 2)),
        "lin_ccc": pytest.approx(2 / (2 / 3 + 2 + 1)),
    }


@pytest.mark.parametrize("pairs", [[(3, 4)], [(3, 4), (3, 5)], [(3, 4), (2, 4)]])
def test_without_variance_of_both_sides_there_is_no_correlation(pairs: list[tuple[int, int]]) -> None:
    assert set(moments(pairs).statistics(1)) == {"bias", "mae", "rmse"}


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=20, unique=True), st.integers(0, 10**6))
def test_a_constant_shift_correlates_perfectly_and_no_more(values: list[int], shift: int) -> None:
    found = moments([(value, value + shift) for value in values]).statistics(1)
    assert found["rmse"] == found["mae"] == found["bias"] == shift
    assert 1 - CLOSE <= found["pearson"] <= 1
    assert found["lin_ccc"] <= found["pearson"] + CLOSE


def test_a_tiny_variance_beside_a_large_mean_is_not_lost() -> None:
    """The sums are integers: the same in floating point would cancel to nothing."""
    large = 10**12
    found = moments([(large, large), (large + 1, large + 1), (large, large), (large + 1, large)]).statistics(1e-9)
    assert found["pearson"] == pytest.approx(np.corrcoef([0, 1, 0, 1], [0, 1, 0, 0])[0, 1])
