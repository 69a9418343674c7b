"""What statistics of agreement must not depend on, and what adds up."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.stats.statistics import STATISTICS, Domain
from service.stats.table import Table
from tests.stats.tables import NUMERIC, tables
from tests.stats.test_statistics import ALPHAS, CLOSE, values


@settings(deadline=None)
@given(tables([("A", "tie", "B")]), st.permutations(range(3)))
def test_nominal_ones_do_not_depend_on_names_or_their_order(of: Table, order: list[int]) -> None:
    renamed = Table.from_counts(["x", "y", "z"], of.counts[np.ix_(order, order)].tolist())
    ours, others = values(of), values(renamed)
    for name, value in ours.items():
        assert others[name] == (value if value is None else pytest.approx(value, abs=CLOSE)), name


@settings(deadline=None)
@given(tables())
def test_only_the_sign_of_bias_and_somers_d_know_who_is_the_judge(of: Table) -> None:
    ours, swapped = values(of), values(Table.from_counts(of.values, of.counts.T.tolist()))
    for name in NUMERIC - {"somers_d"}:
        value = ours[name]
        expected = value if value is None else pytest.approx(-value if name == "bias" else value, abs=CLOSE)
        assert swapped[name] == expected, name


@settings(deadline=None)
@given(tables(), st.sampled_from([0.001, 2, 10]), st.sampled_from([-3, 0, 1000]))
def test_another_unit_scales_the_distances_and_changes_nothing_else(of: Table, factor: float, offset: float) -> None:
    moved = Table.from_counts([offset + factor * float(value) for value in of.values], of.counts.tolist())
    ours, others = values(of), values(moved)
    for name, value in ours.items():
        if value is not None and STATISTICS[name].domain is not Domain.BINARY:
            in_units = value * factor if name in ("mae", "bias", "rmse") else value
            assert others[name] == pytest.approx(in_units, abs=1e-8), name


@settings(deadline=None)
@given(tables(least_pairs=1))
def test_turning_the_scale_round_turns_the_bias_alone(of: Table) -> None:
    turned = Table.from_counts([-float(value) for value in reversed(of.values)], of.counts[::-1, ::-1].tolist())
    ours, others = values(of), values(turned)
    for name in NUMERIC:
        value = ours[name]
        expected = value if value is None else pytest.approx(-value if name == "bias" else value, abs=CLOSE)
        assert others[name] == expected, name


@settings(deadline=None)
@given(tables(most=1000, least_pairs=2))
def test_a_million_times_the_pairs_change_nothing_but_the_alphas_correction(of: Table) -> None:
    ours, many = values(of), values(Table.from_counts(of.values, (of.counts * 10**6).tolist()))
    for name, value in ours.items():
        if value is None:
            assert many[name] is None
        elif name in ALPHAS:
            corrected = 2 * of.pairs / (2 * of.pairs - 1)  # the factor N - 1 for small samples, in place of N
            assert many[name] == pytest.approx(1 - (1 - value) * corrected, rel=1e-6, abs=1e-6), name
        else:
            assert many[name] == pytest.approx(value, abs=CLOSE), name


@given(tables(), st.sampled_from(["exact", "mae", "bias"]))
def test_means_of_two_windows_add_up_to_that_of_both(of: Table, name: str) -> None:
    other = Table.from_counts(of.values, of.counts[::-1].tolist())
    both = Table(of.values, of.columns, of.counts + other.counts)
    one, another, mean = (values(each)[name] for each in (of, other, both))
    if one is not None and another is not None:
        assert mean == pytest.approx((one + another) / 2)
