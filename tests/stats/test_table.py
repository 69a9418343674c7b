"""Tables from counts, cells and pairs, and what can't be one."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from service.stats.table import MOST_A_CELL, Table, TableError


def places(build: Callable[[], Any]) -> list[str]:
    with pytest.raises(TableError) as caught:
        build()
    assert all(detail for _, detail in caught.value.problems)
    return [pointer for pointer, _ in caught.value.problems]


def test_counts_cells_and_pairs_make_the_same_table() -> None:
    pairs = [(1, 1), (1, 2), (1, 2), (3, 3)]
    counts = [[1, 2, 0], [0, 0, 0], [0, 0, 1]]
    for each in (
        Table.from_pairs([1, 2, 3], pairs),
        Table.from_pairs([1, 2, 3], [(float(human), judge) for human, judge in pairs]),
        Table.from_cells([1, 2, 3], {(1, 1): 1, (1, 2): 2, (3, 3): 1}),
        Table.from_counts([1, 2, 3], counts),
        Table.from_counts([1, 2, 3], np.array(counts)),
    ):
        assert each.counts.tolist() == counts
        assert each.pairs == 4
        assert each.values == each.columns == (1, 2, 3)


def test_an_empty_table_is_one() -> None:
    assert Table.from_pairs([1, 2], []).pairs == 0
    assert Table.from_counts(["x"], [[0]]).pairs == 0


def test_it_knows_its_kind() -> None:
    assert Table.from_pairs(["A", "tie", "B"], []).are_words
    assert not Table.from_pairs([1, 2], []).are_words
    assert Table.from_pairs([1, 2], [], [1, 1.5, 2]).is_fractional
    assert not Table.from_pairs([1, 2], [], [1, 2]).is_fractional
    assert Table.from_pairs(["fail", "pass"], []).is_binary
    assert Table.from_pairs([0.0, 1.0], []).is_binary
    assert not Table.from_pairs(["pass", "fail"], []).is_binary
    assert not Table.from_pairs([0, 1], [], [0, 0.5, 1]).is_binary


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ([], ["/values"]),
        ([1, 2, 2], ["/values/2"]),
        ([1, 1.0], ["/values/1"]),
        (["a", "b", "a"], ["/values/2"]),
        ([1, 3, 2], ["/values/2"]),
        ([2, 1, 0], ["/values/1", "/values/2"]),
        ([1, "a", 2, "b"], ["/values/1", "/values/3"]),
        (["a", 1], ["/values/1"]),
        ([0, 1e300], ["/values/1"]),
        ([float("nan")], ["/values/0"]),
        ([0, 1e-15, 1], ["/values"]),
    ],
)
def test_values_that_are_no_scale_are_refused(values: list[Any], where: list[str]) -> None:
    assert places(lambda: Table.from_pairs(values, [])) == where


def test_strange_values_of_pairs_are_named() -> None:
    pairs: Any = [(1, 1), (1, 3), (9, 2), ("1", 0)]
    assert places(lambda: Table.from_pairs([1, 2], pairs)) == ["/pairs/1/1", "/pairs/2/0", "/pairs/3/0", "/pairs/3/1"]
    assert places(lambda: Table.from_cells([1, 2], {(1, 3): 1})) == ["/cells/0/1"]


@pytest.mark.parametrize(
    ("counts", "where"),
    [
        ([[1, 2]], ["/counts"]),
        ([[1, 2], [3]], ["/counts/1"]),
        ([[1, 2, 3], [3, 4, 5]], ["/counts/0", "/counts/1"]),
        ([[1, -2], [MOST_A_CELL + 1, 0]], ["/counts/0/1", "/counts/1/0"]),
        ([[0.5, 1], [0, float("nan")]], ["/counts/0/0", "/counts/1/1"]),
    ],
)
def test_counts_that_are_none_are_named(counts: Any, where: list[str]) -> None:
    assert places(lambda: Table.from_counts([1, 2], counts)) == where


def test_columns_are_checked_as_the_values_are() -> None:
    assert places(lambda: Table.from_pairs([1, 2], [], [2, 1])) == ["/columns/1"]
    assert places(lambda: Table.from_pairs([1, 2], [], [])) == ["/columns"]
    assert places(lambda: Table.from_pairs(["a", "b"], [], ["a", "c"])) == ["/columns"]
    assert places(lambda: Table.from_pairs([1, 2], [], ["a"])) == ["/columns"]
    assert places(lambda: Table.from_pairs(["a"], [], [1, 2])) == ["/columns"]
