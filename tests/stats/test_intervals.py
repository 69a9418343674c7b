"""Intervals: Wilson's and the bootstrap's."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.stats.intervals import FEWEST_REPLICATES, REPLICATES, Measure, bootstrap, measure, replicates, wilson
from service.stats.statistics import STATISTICS, evaluate
from service.stats.table import Table
from service.stats.undefined import Undefined
from tests.stats.tables import EVEN, UNEVEN, WORDS, drawn, one_cell, rows_of, table, tables


def ends(of: Measure) -> tuple[float | None, float | None]:
    return of.lower, of.upper


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
@given(tables((*EVEN, *UNEVEN, *WORDS), least_pairs=30))
def test_from_30_pairs_on_what_a_varied_table_has_it_has_with_an_interval(of: Table) -> None:
    support = min(np.sort(of.counts.sum(axis=axis))[-2:].min() for axis in (0, 1))
    if len(of.values) > 1 and support >= 3:  # else half of all replicates may well be constant
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


def test_a_statistic_that_most_replicates_lack_has_a_value_and_no_interval() -> None:
    # The judge's one 4 is missing from (1 - 1/40)^40 = 36% of the tables, one of two pairs from half of them.
    assert measure(table([[20, 0], [19, 1]]))["pearson"].lower is not None
    found = measure(one_cell(3, {(1, 1): 1, (2, 2): 1}))["pearson"]
    assert found.value == 1
    kept = sum(int(np.count_nonzero(each.human_values > 1)) for each in replicates(table([[1, 0], [0, 1]]), ""))
    assert (found.reason is Undefined.FEW_REPLICATES) == (kept < FEWEST_REPLICATES)
    rare = Table.from_pairs([0, 1], [(0, 0)] * 60 + [(1, 0)])  # F1 is defined by that one pair: 63% of the replicates
    assert measure(rare)["f1"].upper == 0


def test_the_same_key_and_table_give_the_same_and_another_key_nearly_the_same() -> None:
    of = drawn(2, 5, 300)
    first, again, other = measure(of, "a judge"), measure(of, "a judge"), measure(of, "another")
    assert first == again
    assert ends(first["pearson"]) != ends(other["pearson"])
    assert ends(first["pearson"]) == pytest.approx(ends(other["pearson"]), abs=0.03)
    assert ends(first["exact"]) == ends(other["exact"])


def test_a_statistic_alone_has_the_interval_that_it_has_among_all() -> None:
    of = drawn(3, 4, 100)
    assert measure(of, "k", ["spearman"])["spearman"] == measure(of, "k")["spearman"]


def test_a_chosen_few_can_be_had() -> None:
    assert list(measure(drawn(3, 4, 100), names=["mae", "exact"])) == ["mae", "exact"]


def test_replicates_have_as_many_pairs_and_the_table_in_their_middle() -> None:
    of = drawn(4, 41, 5000)
    stacks = list(replicates(of, ""))
    assert len(stacks) > 1
    assert sum(len(each.counts) for each in stacks) == REPLICATES
    assert all((each.pairs == 5000).all() for each in stacks)
    mean = sum(each.counts.sum(axis=0) for each in stacks) / REPLICATES
    said = of.counts[np.ix_(of.counts.any(axis=1), of.counts.any(axis=0))]
    assert np.abs(mean - said).max() < 6 * math.sqrt(said.max() / REPLICATES)


def test_a_stack_computes_for_each_table_what_the_table_alone_has() -> None:
    of = drawn(5, 4, 60)
    (stack,) = replicates(of, "x")
    rows, columns = (np.flatnonzero(of.counts.sum(axis=axis)) for axis in (1, 0))
    for index in range(0, REPLICATES, 97):
        counts = np.zeros_like(of.counts)
        counts[np.ix_(rows, columns)] = stack.counts[index]
        alone = evaluate(Table(of.values, of.columns, counts))
        for name, value in alone.items():
            if value.value is not None:
                assert STATISTICS[name].compute(stack)[index] == pytest.approx(value.value, abs=1e-12), name


def test_tables_drawn_again_vary_as_pairs_drawn_again() -> None:
    of = drawn(6, 5, 200)
    human, judge = rows_of(of)
    random = np.random.default_rng(7)
    by_rows = []
    for _ in range(1000):
        chosen = random.integers(0, 200, 200)
        by_rows.append(np.corrcoef(human[chosen], judge[chosen])[0, 1])
    interval = bootstrap(of, ["pearson"], "")["pearson"]
    assert interval is not None
    assert tuple(interval) == pytest.approx(tuple(np.quantile(by_rows, [0.025, 0.975])), abs=0.02)


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
