"""Statistics of pairs without a table: against scipy, krippendorff and the same statistics of a table."""

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from service.stats.pair_values import pair_values
from service.stats.statistics import evaluate
from service.stats.table import Table
from service.stats.values import Value

fractional = st.floats(1, 5) | st.sampled_from([1.0, 4 / 3, 5 / 3, 2.0, 3.0, 3.25, 5.0])


@settings(deadline=None)
@given(st.lists(st.tuples(fractional, fractional), min_size=2, max_size=60))
def test_they_are_those_of_scipy_and_krippendorff(pairs: list[tuple[float, float]]) -> None:
    human, judge = (np.round([pair[side] for pair in pairs], 6) for side in (0, 1))
    found = pair_values(human, judge, None)
    assert found["mae"] == pytest.approx(np.abs(human - judge).mean(), abs=1e-9)
    assert found["rmse"] == pytest.approx(np.sqrt(((human - judge) ** 2).mean()), abs=1e-9)
    if len(set(human)) == 1 or len(set(judge)) == 1:
        assert "spearman" not in found
        return
    if min(np.ptp(human), np.ptp(judge)) > 1e-3:  # scipy itself loses digits on numbers that nearly agree
        assert found["pearson"] == pytest.approx(stats.pearsonr(human, judge).statistic, abs=1e-9)
    assert found["spearman"] == pytest.approx(stats.spearmanr(human, judge).statistic, abs=1e-9)
    assert found["kendall_tau_b"] == pytest.approx(stats.kendalltau(human, judge).statistic, abs=1e-9)
    assert found["kendall_tau_c"] == pytest.approx(stats.kendalltau(human, judge, variant="c").statistic, abs=1e-9)
    with np.errstate(invalid="ignore", divide="ignore"):  # scipy's p value of no variance
        somers_d = stats.somersd(human, judge).statistic
    assert found["somers_d"] == pytest.approx(somers_d, abs=1e-9)
    for level in ("ordinal", "interval"):
        expected = krippendorff.alpha(np.array([human, judge]), level_of_measurement=level)
        assert found[f"krippendorff_alpha_{level}"] == pytest.approx(expected, abs=1e-7)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=60))
def test_they_are_those_of_the_table_of_the_same_pairs(pairs: list[tuple[int, int]]) -> None:
    values: list[Value] = [1, 2, 3, 4, 5]
    human, judge = (np.array([pair[side] for pair in pairs], dtype=np.float64) for side in (0, 1))
    at_table = evaluate(Table.from_pairs(values, list(pairs)))
    found = pair_values(human, judge, 1.0)
    for name, value in found.items():
        assert at_table[name].value == pytest.approx(value, abs=1e-12), name
    numbers = {"spearman", "kendall_tau_b", "lin_ccc", "krippendorff_alpha_ordinal", "within_one"}
    assert {name for name in numbers if at_table[name].value is not None} <= found.keys()


def test_many_pairs_take_little_time_and_stay_exact() -> None:
    drawn = np.random.default_rng(0)
    human = np.round(drawn.normal(3, 1, 20_000), 3)
    judge = human + drawn.normal(0, 1, 20_000)
    found = pair_values(human, judge, None)
    assert found["kendall_tau_b"] == pytest.approx(stats.kendalltau(human, judge).statistic, abs=1e-12)
    assert found["spearman"] == pytest.approx(stats.spearmanr(human, judge).statistic, abs=1e-12)


def test_sums_that_differ_by_rounding_are_equal() -> None:
    found = pair_values(np.array([0.3, 0.5]), np.array([0.1 + 0.2, 0.5]), None)
    assert found["exact"] == 1.0
    assert pair_values(np.array([]), np.array([]), 1.0) == {}
