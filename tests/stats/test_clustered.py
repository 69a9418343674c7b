"""Design effects of tables whose items have several raters."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.stats.arrays import Floats
from service.stats.clustered import ItemSums, SharedItems
from service.stats.item_terms import exact_terms, pearson_terms, products_of
from service.stats.table import Table

Items = Sequence[tuple[Sequence[int], int]]

FIVE = (1, 2, 3, 4, 5)
ITEMS = st.lists(
    st.tuples(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.integers(1, 5)), min_size=2, max_size=30
)


def sums_of(items: Items, terms_of: Callable[[Sequence[int], int], tuple[int, ...]]) -> ItemSums:
    terms = [terms_of(human, judge) for human, judge in items]
    products = [products_of(each) for each in terms]
    return ItemSums(len(items), _added(terms), _added(products))


def _added(rows: Sequence[Sequence[int]]) -> list[int]:
    return [sum(column) for column in zip(*rows, strict=True)]


def design_of(items: Items, *, words: bool = False) -> SharedItems:
    """Of scores from 1 to 5, which are at 0, 25, 50, 75 and 100 per cent."""
    places = [([25 * (each - 1) for each in human], 25 * (judge - 1)) for human, judge in items]
    pearson = None if words else sums_of(places, pearson_terms)
    return SharedItems(sums_of(items, exact_terms), pearson, least=1, span=4)


def table_of(items: Items) -> Table:
    return Table.from_pairs(FIVE, [(human, judge) for raters, judge in items for human in raters])


def by_items(items: Items, cells: Floats) -> float:
    """The design effect from the items themselves, at least 1."""
    influence = [[cells[human - 1, judge - 1] for human in raters] for raters, judge in items]
    mean = np.mean([each for row in influence for each in row])
    sums = np.array([sum(each - mean for each in row) for row in influence])
    of_pairs = sum((each - mean) ** 2 for row in influence for each in row)
    return max(float((sums**2).sum() * len(items) / (len(items) - 1) / of_pairs), 1.0)


def test_the_terms_of_an_item_and_how_many_counters_they_take() -> None:
    assert pearson_terms([2, 3, 5], 4) == (3, 10, 12, 38, 48, 40)
    assert exact_terms([2, 3, 5, 3], 3) == (4, 2)
    assert len(products_of(pearson_terms([1], 1))) == 21
    assert products_of((4, 2)) == (16, 8, 4)


@settings(deadline=None)
@given(ITEMS)
def test_influences_that_are_quadratic_in_the_scores_have_the_design_effect_of_the_items(items: Items) -> None:
    """As that of Pearson's correlation is: zh zj - r (zh^2 + zj^2) / 2, z the standardised values."""
    human = np.array([each for raters, _ in items for each in raters], dtype=float)
    judge = np.array([judge for raters, judge in items for _ in raters], dtype=float)
    if min(np.ptp(human), np.ptp(judge)) == 0:
        return
    r = float(np.corrcoef(human, judge)[0, 1])
    zh, zj = ((np.array(FIVE) - side.mean()) / side.std() for side in (human, judge))
    cells = np.outer(zh, zj) - r * np.add.outer(zh**2, zj**2) / 2
    counts = table_of(items).counts
    if float((counts * cells**2).sum()) > 1e-6:
        assert design_of(items).effect(table_of(items), cells) == pytest.approx(by_items(items, cells), abs=1e-4)


@settings(deadline=None)
@given(ITEMS)
def test_influences_that_depend_on_equality_do_so_for_words(items: Items) -> None:
    cells = np.eye(5)
    if 0 < np.trace(table_of(items).counts) < table_of(items).pairs:
        found = design_of(items, words=True).effect(table_of(items), cells)
        assert found == pytest.approx(by_items(items, cells), abs=1e-6)


def test_raters_that_only_repeat_each_other_add_nothing_to_what_is_known() -> None:
    random = np.random.default_rng(1)
    items = [([int(human)] * 3, int(judge)) for human, judge in random.integers(1, 6, (200, 2))]
    for cells in (np.subtract.outer(FIVE, FIVE) ** 2.0, np.eye(5), random.standard_normal((5, 5))):
        assert design_of(items).effect(table_of(items), cells) == pytest.approx(3, rel=0.02)


@settings(deadline=None)
@given(ITEMS)
def test_one_rater_an_item_is_as_independent_as_pairs_are(items: Items) -> None:
    alone = [(human[:1], judge) for human, judge in items]
    cells = np.random.default_rng(2).standard_normal((5, 5))
    assert design_of(alone).worth == len(alone)
    assert 1 <= design_of(alone).effect(table_of(alone), cells) <= len(alone) / (len(alone) - 1) + 1e-6


def test_unequal_numbers_of_raters_are_worth_less_than_items() -> None:
    """(150 + 5 * 20)^2 / (150 + 5 * 400) = 29.07."""
    items = [([3], 3)] * 150 + [([3] * 20, 4)] * 5
    assert design_of(items).worth == pytest.approx(29.07, abs=0.01)
    assert design_of(items).same_for_all == pytest.approx(2150 / 250)
    assert design_of(items).deciding == pytest.approx(2150**2 / (150 + 5 * 20**4))  # 5.8: the five
    assert design_of([([3] * 3, 3)] * 40).deciding == pytest.approx(40)
    assert design_of([([3], 3)] * 40).deciding == 40
