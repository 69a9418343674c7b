"""Figures of all drawn labels, each weighted by its item's level of doubt."""

import numpy as np
import pytest

from service.agreement.coding import Coding
from service.agreement.estimates import estimate_of
from service.agreement.reports import Agreement, agreement
from tests.agreement.items import FIVE, PASS_FAIL, ZERO_ONE, Item, counted, report, rows_of, scored, simulated
from tests.benchmarks.inclusion import NAMES, measured, summary


def weighted(told: list[Item]) -> Agreement:
    return report(FIVE, told, "weighted")


def test_the_table_has_real_pairs_and_the_statistics_weighted_ones() -> None:
    """Of 100 items without doubt 20 are labelled, of 100 with doubt 40: agreement is the mean of 1 and 1/2."""
    told = [Item({"ann": (4, "r")}, 4) for _ in range(20)] + [Item({}, 4) for _ in range(80)]
    told += [Item({"ann": (4 if n % 2 else 3, "d")}, 4, doubt=4) for n in range(40)]
    told += [Item({}, 4, doubt=4) for _ in range(60)]
    told += [Item({"ann": (1, "t")}, 4, doubt=4)]  # picked by hand
    found = weighted(told)
    assert (found.pairs, found.items, found.annotators) == (60, 60, 1)
    assert sum(map(sum, found.table.counts)) == 60
    assert found.statistics["exact"].value == pytest.approx(0.75, abs=0.002)
    assert (found.statistics["exact"].lower or 1) < 0.75 < (found.statistics["exact"].upper or 0)


def test_without_doubt_and_labels_picked_by_hand_the_values_are_those_of_random_labels() -> None:
    told = [*simulated(3, 60, 1), *[item._replace(people={}) for item in simulated(4, 400, 1)]]
    plain, found = report(FIVE, told), weighted(told)
    for name, each in plain.statistics.items():
        assert found.statistics[name].value == pytest.approx(each.value), name
    assert found.table == plain.table
    assert (found.bias, found.alt_test, found.human_ceiling) == (plain.bias, plain.alt_test, plain.human_ceiling)


def test_items_with_several_annotators_are_no_independent_pairs() -> None:
    told = [*simulated(3, 80, 3), *[item._replace(people={}) for item in simulated(4, 4000, 1)]]
    plain, found = report(FIVE, told).statistics["exact"], weighted(told).statistics["exact"]
    assert found.lower == pytest.approx(plain.lower, abs=0.02)
    assert found.upper == pytest.approx(plain.upper, abs=0.02)


def test_nothing_labelled_has_nothing_to_weigh() -> None:
    found = weighted([Item({}, 4), Item({"ann": (3, "t")}, 4)])
    assert (found.pairs, found.items) == (0, 0)
    assert found.statistics["exact"].reason == "no_pairs"


@pytest.mark.parametrize("coding", [FIVE, PASS_FAIL, ZERO_ONE])
def test_a_mean_of_doubtful_and_other_items_is_that_of_the_strata(coding: Coding) -> None:
    """The judge never varies, so that only the labels count: 1/4 of the items have doubt."""
    low, *_, high = coding.values or (0, 1)
    told = [Item({"ann": (high, "r")}, high) for _ in range(60)] + [Item({}, high) for _ in range(240)]
    told += [Item({"ann": (low, "d")}, high, doubt=5) for _ in range(40)] + [Item({}, high, doubt=5) for _ in range(60)]
    found = estimate_of(coding, counted(rows_of(coding, told)), scored(coding, told)).corrected_mean
    top, bottom = (1.0, 0.0) if coding is PASS_FAIL else (float(high), float(low))
    assert found.value == pytest.approx(bottom + 0.75 * (top - bottom), abs=0.02)


@pytest.mark.parametrize("coding", [FIVE, PASS_FAIL])
def test_labels_that_were_all_drawn_at_random_count_alike(coding: Coding) -> None:
    """However much doubt there is about their items: the mean by few labels is the one that people can check."""
    low, *_, high = coding.values or (0, 1)
    told = [Item({"ann": (high, "r")}, high) for _ in range(20)] + [Item({}, high) for _ in range(240)]
    told += [Item({"ann": (low, "r")}, high, doubt=5) for _ in range(10)] + [Item({}, high, doubt=5)] * 10
    found = estimate_of(coding, counted(rows_of(coding, told)), scored(coding, told)).corrected_mean
    top, bottom = (1.0, 0.0) if coding is PASS_FAIL else (float(high), float(low))
    assert found.value == pytest.approx(bottom + 2 / 3 * (top - bottom))
    exact = report(coding, told, "weighted").statistics["exact"].value
    assert exact == pytest.approx(2 / 3)


def test_more_labels_make_narrower_intervals_down_to_nothing() -> None:
    widths = []
    for share in (60, 150, 295):
        told = [each if n < share else each._replace(people={}) for n, each in enumerate(simulated(5, 300, 1))]
        rows = rows_of(FIVE, told)
        mean = estimate_of(FIVE, counted(rows), scored(FIVE, told)).corrected_mean
        exact = agreement(FIVE, counted(rows), scored(FIVE, told), {}, "weighted").statistics["exact"]
        widths.append([(each.upper or 0) - (each.lower or 0) for each in (mean, exact)])
    assert np.all(np.diff(np.array(widths), axis=0) < 0)
    assert max(widths[-1]) < 0.1


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_weighted_figures_hold_the_truth_of_all_items(share: float) -> None:
    found = measured(share, 40, items=600)
    for name in (*(f"{each} weighted" for each in NAMES), "mean weighted"):
        bias, coverage, width = summary(found[name])
        assert abs(bias) < 0.25 * width, name
        assert coverage >= 0.85, name


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.05, 0.3, 0.9])
@pytest.mark.parametrize("useful", [True, False])
def test_weighted_figures_cover_the_truth_as_often_as_they_should(share: float, useful: bool) -> None:
    found = measured(share, 300, useful=useful)
    coverage = {name: summary(each)[1] for name, each in found.items()}
    print(share, useful, coverage)
    assert min(value for name, value in coverage.items() if "weighted" in name) >= 0.90
