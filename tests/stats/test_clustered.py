"""Intervals over items that have several raters."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.stats.clustered import (
    ItemSums,
    clustered_exact,
    clustered_pearson,
    exact_terms,
    independent_error,
    pearson_error,
    pearson_terms,
    products_of,
)
from service.stats.intervals import Z, wilson
from service.stats.table import Table
from service.stats.undefined import Undefined

Items = Sequence[tuple[Sequence[int], int]]

ITEMS = st.lists(
    st.tuples(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.integers(1, 5)), min_size=2, max_size=30
)


def sums_of(items: Items, terms_of: Callable[[Sequence[int], int], tuple[int, ...]]) -> ItemSums:
    terms = [terms_of(human, judge) for human, judge in items]
    products = [products_of(each) for each in terms]
    return ItemSums(len(items), _added(terms), _added(products))


def _added(rows: Sequence[Sequence[int]]) -> list[int]:
    return [sum(column) for column in zip(*rows, strict=True)]


def test_the_terms_of_an_item_and_how_many_counters_they_take() -> None:
    assert pearson_terms([2, 3, 5], 4) == (3, 10, 12, 38, 48, 40)
    assert exact_terms([2, 3, 5, 3], 3) == (4, 2)
    assert len(products_of(pearson_terms([1], 1))) == 21
    assert products_of((4, 2)) == (16, 8, 4)


@given(ITEMS)
def test_pearson_is_that_of_the_pooled_pairs_and_its_variance_the_sandwich(items: Items) -> None:
    found = clustered_pearson(sums_of(items, pearson_terms))
    human = np.array([each for raters, _ in items for each in raters], dtype=float)
    judge = np.array([judge for raters, judge in items for _ in raters], dtype=float)
    if np.ptp(human) == 0 or np.ptp(judge) == 0:
        assert found.value is None
        return
    r = float(np.corrcoef(human, judge)[0, 1])
    assert found.value is not None
    assert found.lower is not None
    assert found.upper is not None
    assert found.value == pytest.approx(r, abs=1e-9)
    assert found.lower <= found.value <= found.upper
    if abs(r) < 1 - 1e-9:
        # The influence of a pair on r is zh zj - r (zh^2 + zj^2) / 2; an item's is the sum over its raters.
        zh, zj = ((side - side.mean()) / side.std() for side in (human, judge))
        influence = zh * zj - r * (zh**2 + zj**2) / 2
        item = np.repeat(np.arange(len(items)), [len(raters) for raters, _ in items])
        by_item = np.bincount(item, influence)
        error = math.sqrt(len(items) / (len(items) - 1) * (by_item**2).sum()) / len(human) / (1 - r**2)
        assert found.lower == pytest.approx(math.tanh(math.atanh(r) - Z * error), abs=1e-7)
        assert found.upper == pytest.approx(math.tanh(math.atanh(r) + Z * error), abs=1e-7)


@given(ITEMS, st.sampled_from([1, 1000]), st.sampled_from([0, 10**6]))
def test_pearson_does_not_depend_on_unit_and_origin(items: Items, factor: int, offset: int) -> None:
    moved = [([offset + factor * each for each in human], factor * judge - offset) for human, judge in items]
    one, other = (clustered_pearson(sums_of(each, pearson_terms)) for each in (items, moved))
    assert one.reason == other.reason
    if one.value is not None and abs(one.value) < 1 - 1e-9:
        assert (one.value, one.lower, one.upper) == pytest.approx((other.value, other.lower, other.upper), abs=1e-9)


def test_raters_that_only_repeat_each_other_add_nothing_to_what_is_known() -> None:
    random = np.random.default_rng(1)
    alone = [([int(human)], int(judge)) for human, judge in random.integers(1, 6, (200, 2))]
    thrice = [(human * 3, judge) for human, judge in alone]
    for interval, terms in ((clustered_pearson, pearson_terms), (clustered_exact, exact_terms)):
        one, other = (interval(sums_of(items, terms)) for items in (alone, thrice))
        assert (one.value, one.lower, one.upper) == pytest.approx((other.value, other.lower, other.upper), abs=1e-3)


@given(ITEMS)
def test_one_rater_an_item_is_as_independent_as_pairs_are(items: Items) -> None:
    alone = [(human[:1], judge) for human, judge in items]
    table = Table.from_pairs(range(1, 6), [(human[0], judge) for human, judge in alone])
    one, other = pearson_error(sums_of(alone, pearson_terms)), independent_error(table)
    r = clustered_pearson(sums_of(alone, pearson_terms)).value
    if r is not None and abs(r) < 1 - 1e-9:
        assert one == pytest.approx(other, rel=1e-6, abs=1e-9)
    elif r is None:
        assert (one, other) == (None, None)


def test_a_correlation_that_rounds_to_one_has_no_error() -> None:
    almost = [([each], each) for each in range(10**9, 10**9 + 400, 4)] + [([10**9 + 10**6], 10**9 + 10**6 + 1)]
    sums = sums_of([([10**6 * h for h in human], 10**6 * judge) for human, judge in almost], pearson_terms)
    error = pearson_error(sums)
    assert error is None or math.isfinite(error)
    assert clustered_pearson(sums).upper == pytest.approx(1)


def test_exact_of_one_rater_an_item_is_about_wilsons() -> None:
    items = [([4], 4)] * 70 + [([3], 4)] * 30
    found = clustered_exact(sums_of(items, exact_terms))
    assert found.value == 0.7
    assert (found.lower, found.upper) == pytest.approx(wilson(70, 100), abs=2e-3)


def test_exact_where_all_agree_is_worth_the_items() -> None:
    found = clustered_exact(sums_of([([4, 4, 4], 4)] * 50, exact_terms))
    assert (found.value, found.lower, found.upper) == (1, wilson(50, 50).lower, 1)


def test_exact_is_never_worth_more_than_its_pairs() -> None:
    items = [([3, 4], 4)] * 50  # each item exactly half: the variance over items is 0
    found = clustered_exact(sums_of(items, exact_terms))
    assert (found.lower, found.upper) == wilson(25, 50)


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        ([([1], 1)], Undefined.ONE_PAIR),
        ([([1, 1], 2)], Undefined.BOTH_CONSTANT),
        ([([1, 2], 2)], Undefined.JUDGE_CONSTANT),
        ([([1], 2), ([1], 3)], Undefined.HUMAN_CONSTANT),
    ],
)
def test_pearson_of_too_little_is_null_with_a_reason(items: Items, reason: Undefined) -> None:
    found = clustered_pearson(sums_of(items, pearson_terms))
    assert (found.value, found.lower, found.reason) == (None, None, reason)


def test_exact_of_too_little_has_a_reason() -> None:
    nothing = ItemSums(0, (0, 0), (0, 0, 0))
    assert clustered_exact(nothing).reason is Undefined.NO_PAIRS
    assert clustered_pearson(ItemSums(0, (0,) * 6, (0,) * 21)).reason is Undefined.NO_PAIRS
    found = clustered_exact(sums_of([([1, 2], 2)], exact_terms))
    assert (found.value, found.lower, found.reason) == (0.5, None, Undefined.ONE_ITEM)
    found = clustered_exact(sums_of([([2], 2)], exact_terms))
    assert (found.value, found.lower, found.reason) == (1, None, Undefined.ONE_PAIR)
