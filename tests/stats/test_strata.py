"""Strata of items by doubt, and the weights of their labelled items."""

import numpy as np
import pytest

from service.stats.intervals import measure, wilson
from service.stats.statistics import evaluate
from service.stats.strata import LEAST_IN_STRATUM, PairStratum, WeightedPairs, merged_levels
from service.stats.table import Table
from tests.stats.populations import near


@pytest.mark.parametrize(
    ("labelled", "levels", "groups"),
    [
        ({}, [], []),
        ({}, [0, 3], [[0, 3]]),
        ({0: 2}, [0], [[0]]),
        ({0: 3, 1: 5, 4: 30}, [4, 1, 0], [[0], [1], [4]]),
        ({0: 10, 1: 1, 2: 2, 4: 12}, [0, 1, 2, 4], [[0], [1, 2], [4]]),
        ({0: 40, 5: 2}, [0, 2, 5], [[0, 2, 5]]),
        ({0: 1, 1: 50, 2: 2}, [0, 1, 2], [[0, 1, 2]]),
    ],
)
def test_levels_with_few_labels_are_merged_with_their_neighbours(
    labelled: dict[int, int], levels: list[int], groups: list[list[int]]
) -> None:
    assert LEAST_IN_STRATUM == 3
    assert merged_levels(labelled, levels) == groups


def stratum(counts: list[list[int]], items: int) -> PairStratum:
    table = np.array(counts)
    return PairStratum(table, int(table.sum()), items)


def test_a_labelled_item_counts_for_as_many_as_its_stratum_has() -> None:
    """40 of 900 items and 60 of 100: weights .9 / .4 and .1 / .6."""
    pairs = WeightedPairs([stratum([[10, 0], [0, 30]], 900), stratum([[12, 18], [12, 18]], 100)], None)
    first, second = 0.9 / 0.4, 0.1 / 0.6
    assert pairs.counts == pytest.approx(
        np.array([[10 * first + 12 * second, 18 * second], [12 * second, 30 * first + 18 * second]])
    )
    assert pairs.counts.sum() == pytest.approx(100)
    assert pairs.worth == pytest.approx(100**2 / (40 * first**2 + 60 * second**2))  # Kish


def test_one_stratum_of_endlessly_many_items_is_the_plain_table() -> None:
    counts = [[20, 4, 1], [3, 25, 6], [0, 5, 36]]
    table = Table.from_counts((1, 2, 3), counts)
    pairs = WeightedPairs([stratum(counts, 10**9)], None)
    weighted = Table(table.values, table.columns, pairs.counts)
    plain, found = measure(table), measure(weighted, design=pairs)
    for name, each in plain.items():
        assert found[name].value == pytest.approx(each.value), name
        assert found[name].lower == pytest.approx(each.lower, abs=0.005), name
        assert found[name].upper == pytest.approx(each.upper, abs=0.005), name


def test_with_all_items_labelled_nothing_is_left_to_chance() -> None:
    counts = [[30, 5], [5, 60]]
    pairs = WeightedPairs([stratum(counts, 100)], None)
    found = measure(Table((0, 1), (0, 1), pairs.counts), ["exact", "cohen_kappa"], design=pairs)
    for each in found.values():
        assert each.lower == pytest.approx(each.value, abs=0.01)
        assert each.upper == pytest.approx(each.value, abs=0.01)


@pytest.mark.parametrize("agreed", [20, 60])
def test_pairs_that_are_all_equal_are_no_proof(agreed: int) -> None:
    """With half of the items labelled, as many as twice the pairs could tell, and hardly more."""
    counts = np.diag([agreed // 4] * 4)
    for strata in (
        [PairStratum(counts, agreed, 2 * agreed)],
        [PairStratum(counts // 5 * 2, agreed // 5 * 2, agreed), PairStratum(counts // 5 * 3, agreed // 5 * 3, agreed)],
    ):
        pairs = WeightedPairs(strata, None)
        found = measure(Table((1, 2, 3, 4), (1, 2, 3, 4), pairs.counts), design=pairs)
        exact = found["exact"]
        assert exact.value == 1
        assert exact.lower is not None
        assert 1 - 3.9 / agreed < exact.lower < wilson(2.2 * agreed, 2.2 * agreed).lower
        for name, each in found.items():
            assert each.lower is not None
            assert each.upper is not None
            assert each.upper - each.lower > 0.02, name


def test_a_table_of_other_cells_has_the_constant_effect() -> None:
    pairs = WeightedPairs([stratum([[10, 0], [0, 30]], 900), stratum([[12, 18], [12, 18]], 100)], None)
    other = Table((0, 1, 2), (0, 1, 2), np.ones((3, 3)))
    assert pairs.effect(other, np.ones((3, 3))) == pairs.constant


@pytest.mark.parametrize(("labelled", "items"), [(99, 100), (95, 100), (300, 310)])
def test_intervals_cover_the_statistics_of_items_that_are_nearly_all_labelled(labelled: int, items: int) -> None:
    """Pseudo-pairs stand for the few others only: with all of their weight, that of mae covered in a third of cases."""
    shares, values = near((0.02, 0.03, 0.05, 0.1, 0.8), 0.97), (1, 2, 3, 4, 5)
    random, names = np.random.default_rng(items), ("mae", "spearman", "cohen_kappa", "gwet_ac1")
    held: dict[str, list[bool]] = {name: [] for name in names}
    for _ in range(120):
        every = random.multinomial(items, shares.ravel())
        known = random.multivariate_hypergeometric(every, labelled).reshape(5, 5)
        truth = evaluate(Table.from_counts(values, every.reshape(5, 5)), names)
        pairs = WeightedPairs([PairStratum(known, labelled, items)], None)
        for name, found in measure(Table(values, values, pairs.counts), names, design=pairs).items():
            true = truth[name].value
            if found.lower is not None and found.upper is not None and true is not None:
                held[name].append(found.lower - 1e-9 <= true <= found.upper + 1e-9)
    assert min(np.mean(each) for each in held.values()) > 0.88
