"""Design effects of all ordered pairs of an item's coders, against the items themselves."""

from collections.abc import Sequence
from itertools import permutations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from service.stats.arrays import Floats
from service.stats.ceiling import pair_table
from service.stats.item_terms import coder_products
from service.stats.ordered_pairs import CODER_PRODUCTS, OrderedPairs
from service.stats.table import Table
from tests.stats.coincidences import coincidences_of

Items = Sequence[Sequence[int]]

PLACES = (0, 25, 50, 75, 100)
ITEMS = st.lists(st.lists(st.integers(0, 4), min_size=2, max_size=5), min_size=2, max_size=25)


def design_of(items: Items, *, words: bool = False) -> OrderedPairs:
    sums: dict[int, list[int]] = {}
    for item in items:
        products = coder_products([str(each) for each in item], [PLACES[each] for each in item])
        sums[len(item)] = [
            one + other for one, other in zip(sums.get(len(item), [0] * CODER_PRODUCTS), products, strict=True)
        ]
    return OrderedPairs(coincidences_of(items, 5), sums, None if words else PLACES)


def table_of(items: Items) -> Table:
    return Table.from_counts((1, 2, 3, 4, 5), pair_table(coincidences_of(items, 5), 5))


def by_items(items: Items, cells: Floats) -> float:
    """The design effect from the items themselves, at least 2."""
    influence = [[cells[one, other] for one, other in permutations(item, 2)] for item in items]
    mean = np.mean([each for row in influence for each in row])
    sums = np.array([sum(each - mean for each in row) for row in influence])
    of_pairs = sum((each - mean) ** 2 for row in influence for each in row)
    return max(float((sums**2).sum() * len(items) / (len(items) - 1) / of_pairs), 2.0)


def test_the_products_of_an_item() -> None:
    """Of 2, 2 and 5: two ordered pairs are equal, the sum is 9, of squares 33, of products 2 (4 + 10 + 10) = 48."""
    assert coder_products(["2", "2", "5"], [2, 2, 5]) == (
        *(1, 2, 9, 33, 48),
        *(4, 18, 66, 96),
        *(81, 297, 432),
        *(1089, 1584),
        48 * 48,
    )


@settings(deadline=None)
@given(ITEMS, st.lists(st.floats(-1, 1), min_size=4, max_size=4))
def test_influences_of_moments_and_of_equality_have_the_design_effect_of_the_items(
    items: Items, parts: list[float]
) -> None:
    x = np.array(PLACES) / 100
    equal, together, squares, products = parts
    cells = equal * np.eye(5) + products * np.outer(x, x)
    cells = cells + together * np.add.outer(x, x) + squares * np.add.outer(x**2, x**2)
    counts = table_of(items).counts
    mean = float((counts * cells).sum()) / counts.sum()
    assume(float((counts * (cells - mean) ** 2).sum()) > 1e-3)
    assert design_of(items).effect(table_of(items), cells) == pytest.approx(by_items(items, cells), rel=1e-3)


@settings(deadline=None)
@given(ITEMS)
def test_influences_of_equality_have_it_for_words_too(items: Items) -> None:
    table = table_of(items)
    if 0 < np.trace(table.counts) < table.pairs:
        found = design_of(items, words=True).effect(table, np.eye(5))
        assert found == pytest.approx(by_items(items, np.eye(5)), rel=1e-6)


@settings(deadline=None)
@given(ITEMS, st.integers(0, 99))
def test_any_influence_of_two_coders_has_the_effect_of_the_items(items: Items, seed: int) -> None:
    pairs = [item[:2] for item in items]
    cells = np.random.default_rng(seed).standard_normal((5, 5))
    even = cells + cells.T
    assume(len({(min(pair), max(pair)) for pair in pairs}) > 1)
    assert design_of(pairs).effect(table_of(pairs), even) == pytest.approx(by_items(pairs, even), rel=1e-6)


def test_without_sums_of_all_items_the_pairs_of_one_say_as_much_as_one() -> None:
    random = np.random.default_rng(1)
    items = random.integers(0, 5, (200, 3)).tolist()
    known, table = design_of(items), table_of(items)
    unknown = OrderedPairs(coincidences_of(items, 5))
    assert unknown.effect(table, np.eye(5)) == pytest.approx(6 * 200 / 199)
    assert known.effect(table, np.eye(5)) == pytest.approx(2, rel=0.2)  # these coders say anything
    assert unknown.worth == known.worth == 200


def test_coders_who_only_repeat_each_other_add_nothing() -> None:
    items = [[each] * 4 for each in np.random.default_rng(2).integers(0, 5, 300).tolist()]
    found = design_of(items).effect(table_of(items), np.add.outer(range(5), range(5)).astype(float))
    assert found == pytest.approx(12, rel=0.01)


def test_without_pairs_there_is_nothing() -> None:
    assert OrderedPairs({}).worth == OrderedPairs({}).deciding == 0


def test_a_few_items_of_many_coders_decide() -> None:
    """Of 30 items with 2 pairs and one with 90: (30 * 4 + 8100)^2 / (30 * 16 + 90^4) = 1.03."""
    items = [[1, 2]] * 30 + [[1, 2, 3, 4, 0] * 2]
    assert design_of(items).deciding == pytest.approx(8220**2 / (480 + 90**4))
    assert design_of(items[:30]).deciding == pytest.approx(30)
