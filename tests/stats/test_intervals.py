"""Intervals: Wilson's, and those of the infinitesimal jackknife."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.stats.intervals import FixedEffect, Measure, freedom_of, measure, t_interval, wilson
from service.stats.statistics import STATISTICS, Domain, Statistic, evaluate, exact
from service.stats.table import Table
from service.stats.transforms import BOUNDED, COMPLEMENT, FISHER, IDENTITY, LOG, LOGIT, Transform
from service.stats.undefined import Undefined
from tests.stats.tables import EVEN, UNEVEN, WORDS, drawn, one_cell, rows_of, table, tables


def test_wilson_of_a_published_example() -> None:
    # Newcombe 1998, table I: 81 of 263, Wilson without continuity correction .2553 to .3662; 0 of 20: 0 to .1611.
    assert tuple(wilson(81, 263)) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert tuple(wilson(0, 20)) == pytest.approx((0, 0.1611), abs=5e-5)
    assert tuple(wilson(20, 20)) == pytest.approx((1 - 0.1611, 1), abs=5e-5)


@settings(max_examples=60, deadline=None)
@given(tables((*EVEN, *UNEVEN, *WORDS), least_pairs=2))
def test_every_value_lies_inside_its_interval_or_has_none_and_a_reason(of: Table) -> None:
    for name, each in measure(of).items():
        assert (each.lower is None) == (each.upper is None)
        if each.value is None or each.lower is None:
            assert each.reason is not None, name
        else:
            assert each.reason is None
            assert each.lower <= each.value <= (each.upper or 0), name
            assert math.isfinite(each.upper or 0), name


@settings(max_examples=30, deadline=None)
@given(tables((*EVEN, *UNEVEN, *WORDS), least_pairs=2))
def test_every_value_of_two_pairs_or_more_has_an_interval(of: Table) -> None:
    assert all(each.lower is not None for each in measure(of).values() if each.value is not None)


def test_the_values_are_those_without_intervals() -> None:
    of = drawn(1, 5, 400)
    assert {name: (each.value, each.reason) for name, each in measure(of).items()} == evaluate(of)


def test_one_pair_has_values_without_intervals() -> None:
    found = measure(one_cell(5, {(3, 4): 1}))
    assert found["exact"] == Measure(value=0.0, lower=None, upper=None, reason=Undefined.ONE_PAIR)
    assert {each.reason for each in found.values()} == {Undefined.ONE_PAIR}


def test_no_pairs_have_nothing() -> None:
    assert {each.reason for each in measure(one_cell(5, {})).values()} == {Undefined.NO_PAIRS}


@settings(max_examples=60, deadline=None)
@given(tables((*EVEN, *UNEVEN), least_pairs=2))
def test_differences_are_none_that_the_scale_does_not_allow(of: Table) -> None:
    span = max(map(float, of.values)) - min(map(float, of.values))
    found = measure(of, ["mae", "rmse", "bias"])
    for each in found.values():
        assert each.lower is not None
        assert each.upper is not None
        assert -span <= each.lower <= each.upper <= span
        assert (type(each.lower), type(each.upper)) == (float, float)


def test_perfect_agreement_is_not_certain() -> None:
    """A percentile bootstrap gives [1, 1]."""
    found = measure(table([[30, 0], [0, 30]], [0, 1]))
    for name in ("cohen_kappa", "gwet_ac1", "f1", "pearson", "balanced_accuracy", "krippendorff_alpha_nominal"):
        assert found[name].value == found[name].upper == 1
        assert 0.65 < (found[name].lower or 0) < 0.95, name
    assert (found["mae"].value, found["mae"].lower) == (0, 0)
    assert 0 < (found["mae"].upper or 0) < 0.2


def test_the_same_pairs_have_the_same_intervals() -> None:
    of = drawn(2, 5, 300)
    assert measure(of) == measure(Table(of.values, of.columns, of.counts.copy()))


def test_a_statistic_alone_has_the_interval_that_it_has_among_all() -> None:
    of = drawn(3, 4, 100)
    assert measure(of, ["spearman"])["spearman"] == measure(of)["spearman"]


def test_a_chosen_few_can_be_had() -> None:
    assert list(measure(drawn(3, 4, 100), ["mae", "exact"])) == ["mae", "exact"]


def test_intervals_of_many_pairs_are_those_of_pairs_drawn_again() -> None:
    of = drawn(6, 5, 400)
    human, judge = rows_of(of)
    random = np.random.default_rng(7)
    draws = random.integers(0, 400, (1000, 400))
    by_rows = np.quantile([np.corrcoef(human[each], judge[each])[0, 1] for each in draws], [0.025, 0.975])
    found = measure(of, ["pearson"])["pearson"]
    assert (found.lower, found.upper) == pytest.approx(tuple(by_rows), abs=0.02)


def test_a_design_effect_widens_intervals_by_its_root() -> None:
    of = drawn(7, 5, 4000)
    one, other = measure(of), measure(of, design=FixedEffect(1000, 4.0))
    for name, each in one.items():
        narrow, wide = ((found.upper or 0) - (found.lower or 0) for found in (each, other[name]))
        assert wide / narrow == pytest.approx(2, rel=0.05), name


def test_pairs_worth_fewer_than_two_have_no_intervals() -> None:
    found = measure(drawn(8, 3, 100), design=FixedEffect(1.5, 100 / 1.5))
    assert {(each.lower, each.reason) for each in found.values()} == {(None, Undefined.ONE_ITEM)}


def test_statistics_known_more_exactly_have_intervals_around_them() -> None:
    of = drawn(9, 5, 200)
    [plain] = measure(of, ["bias"]).values()
    [moved] = measure(of, ["bias"], known={"bias": (plain.value or 0) + 0.1, "mae": 9}).values()
    assert moved.value == (plain.value or 0) + 0.1
    assert (moved.lower, moved.upper) == pytest.approx(((plain.lower or 0) + 0.1, (plain.upper or 0) + 0.1))


def test_a_standard_error_of_a_few_rare_pairs_has_few_degrees_of_freedom() -> None:
    """Of n pairs of influence +-1 the fourth moment is the square of the second; of k with 1 among n it is k / n."""
    assert freedom_of(np.array([1.0, -1.0]), np.array([50.0, 50.0]), 1.0, 100) == 99
    few = freedom_of(np.array([1.0, 0.0]), np.array([2.0, 98.0]), 0.02, 100)
    assert few == pytest.approx(2 * 100 * 0.02**2 / (0.02 - 0.02**2))


def test_intervals_stay_in_the_range_of_their_statistic_and_contain_the_value() -> None:
    assert t_interval(COMPLEMENT, -1.2, -0.9, 0.5, 10).lower == -1.2
    assert t_interval(COMPLEMENT, 0.0, -0.9, 5.0, 2).lower == -1
    assert t_interval(BOUNDED, 0.99, 0.97, 0.1, 10).upper == 1
    assert t_interval(LOG, 0.0, 0.1, 0.1, 10).lower == 0
    assert t_interval(IDENTITY, 1.0, 1.0, 1.0, math.inf) == pytest.approx((-0.959964, 2.959964), abs=1e-3)
    assert t_interval(IDENTITY, 0.0, 1.0, 1.0, math.inf) == pytest.approx((-1.459964, 2.959964), abs=1e-3)


@pytest.mark.parametrize("transform", [BOUNDED, COMPLEMENT, FISHER, IDENTITY, LOG, LOGIT])
@pytest.mark.parametrize("value", [0.01, 0.5, 0.99])
def test_a_transform_has_its_inverse_and_its_derivative(transform: Transform, value: float) -> None:
    assert transform.inverse(transform.forward(value)) == pytest.approx(value)
    difference = transform.forward(value + 1e-6) - transform.forward(value - 1e-6)
    assert transform.slope(value) == pytest.approx(difference / 2e-6, rel=1e-5)


def test_a_new_statistic_is_one_function_and_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its interval follows without a formula: here that of a share of equal pairs, less certain than Wilson's."""
    monkeypatch.setitem(STATISTICS, "equal", Statistic(exact, Domain.ANY, transform=LOGIT))
    of = drawn(10, 4, 300)
    found, share = measure(of)["equal"], measure(of)["exact"]
    assert found.value == share.value
    assert (found.lower, found.upper) == pytest.approx((share.lower, share.upper), abs=0.01)


@given(st.integers(1, 10**9), st.integers(0, 10**9))
def test_wilson_holds_the_share_and_stays_between_0_and_1(trials: int, successes: int) -> None:
    successes = min(successes, trials)
    lower, upper = wilson(successes, trials)
    assert 0 <= lower <= successes / trials + 1e-12
    assert successes / trials - 1e-12 <= upper <= 1


def test_a_billion_pairs_a_cell_have_narrow_intervals() -> None:
    found = measure(table([[10**9, 10**8], [10**8, 10**9]], [0, 1]))
    for name, each in found.items():
        assert each.lower is not None, name
        assert each.upper is not None, name
        assert 0 < each.upper - each.lower < 1e-3, name


def words_table(size: int, pairs: int) -> Table:
    """Two raters who agree on half of the pairs, on words of which some are frequent."""
    random = np.random.default_rng(7)
    human = np.minimum(random.geometric(4 / size, pairs), size) - 1
    judge = np.where(random.random(pairs) < 0.5, human, np.minimum(random.geometric(4 / size, pairs), size) - 1)
    counts = np.zeros((size, size), dtype=np.int64)
    np.add.at(counts, (human, judge), 1)
    return Table.from_counts([f"w{place}" for place in range(size)], counts.tolist())


def test_very_many_words_have_their_own_values_and_intervals_from_the_frequent_ones() -> None:
    """With 400 words, the influences of all cells would take 190 GB."""
    found = measure(words_table(400, 2000))
    assert {name: each.value for name, each in found.items()} == {
        name: each.value for name, each in evaluate(words_table(400, 2000)).items()
    }
    for each in found.values():
        assert each.value is not None
        assert each.lower is not None
        assert each.upper is not None
        assert 0.4 < each.lower < each.value < each.upper < 0.6
    few, many = (measure(words_table(size, 2000))["cohen_kappa"] for size in (30, 31))
    widths = [each.upper - each.lower for each in (few, many) if each.lower is not None and each.upper is not None]
    assert widths[0] == pytest.approx(widths[1], rel=0.1)
