"""Influences against their formulas, and against the jackknife."""

import numpy as np
import pytest

from service.stats.influence import influences, smoothed
from service.stats.statistics import STATISTICS, names_for
from service.stats.table import Table
from service.stats.tallies import Tallies
from tests.stats.tables import drawn, table


def test_pseudo_pairs_are_half_of_one_at_the_marginals_and_one_near_the_diagonal() -> None:
    given = smoothed(table([[3, 1], [0, 0]]))
    # pooled shares 7/8 and 1/8; nearness 1 and 1/4, in all 5/2
    assert given.pseudo - given.counts == pytest.approx(
        np.array([[49, 7], [7, 1]]) / 128 + np.array([[0.4, 0.1], [0.1, 0.4]])
    )


def test_words_are_all_equally_far_from_each_other() -> None:
    given = smoothed(table([[1, 0, 0], [0, 0, 0], [0, 0, 0]], ["a", "b", "c"]))
    beside = (given.pseudo - given.counts)[1:, 1:]
    assert beside == pytest.approx(np.array([[1, 0.25], [0.25, 1]]) / 4.5)


def test_the_influence_on_pearsons_correlation_is_that_of_its_formula() -> None:
    """V = zh zj - r (zh^2 + zj^2) / 2, z the standardised values."""
    given = smoothed(drawn(1, 5, 200))
    shares = given.pseudo / given.pseudo.sum()
    values = np.arange(1.0, 6.0)
    zh, zj = ((values - side @ values) for side in (shares.sum(axis=1), shares.sum(axis=0)))
    zh, zj = zh / np.sqrt(shares.sum(axis=1) @ zh**2), zj / np.sqrt(shares.sum(axis=0) @ zj**2)
    r = zh @ shares @ zj
    found = influences(given, ["pearson"])["pearson"]
    assert found.value == pytest.approx(r)
    assert found.cells == pytest.approx(np.outer(zh, zj) - r * np.add.outer(zh**2, zj**2) / 2, abs=1e-3)


@pytest.mark.parametrize("pairs", [20, 1000, 10**8])
def test_influences_are_the_changes_by_one_more_pair(pairs: int) -> None:
    """By central differences of a thousandth of each cell, for every statistic."""
    of = drawn(2, 3, pairs)
    given = smoothed(of)
    total = given.pseudo.sum()
    names = list(names_for(of))
    found = influences(given, names)
    step = 1e-3 * given.pseudo
    around = np.repeat(given.pseudo[None], 18, axis=0).reshape(2, 9, 9)
    around += np.array([1, -1])[:, None, None] * np.diag(step.ravel())
    tallies = Tallies(given.layout, around.reshape(18, 3, 3))
    for name in names:
        more, less = STATISTICS[name].compute(tallies).reshape(2, 9)
        cells = ((more - less) / (2 * step.ravel()) * total).reshape(3, 3)
        cells -= (given.pseudo * cells).sum() / total
        assert found[name].cells == pytest.approx(cells, rel=1e-2, abs=1e-3 * np.abs(cells).max()), name
        assert found[name].variance == pytest.approx((given.pseudo * cells**2).sum() / total, rel=1e-2), name


def test_binary_statistics_have_influences_of_their_own() -> None:
    of = Table.from_counts([0, 1], [[20, 5], [3, 40]])
    found = influences(smoothed(of), ["f1", "mcc", "balanced_accuracy"])
    assert all(each.variance > 0 for each in found.values())
