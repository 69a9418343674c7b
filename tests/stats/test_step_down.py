"""Many comparisons decided together: sums by hand, a naive form, and how often equal ones are told apart."""

import numpy as np
from numpy.typing import NDArray

from service.stats.step_down import decided, ranks_of


def by_loops(statistics: list[float], draws: NDArray[np.float64]) -> list[bool]:
    """The same over sorted lists; `draws` has a row for each comparison."""
    left = set(range(len(statistics)))
    while True:
        largest = sorted(max(draws[at][draw] for at in left) for draw in range(draws.shape[1]))
        above = {at for at in left if statistics[at] > largest[int(np.ceil(0.95 * (draws.shape[1] + 1))) - 1]}
        left -= above
        if not above or not left:
            return [at not in left for at in range(len(statistics))]


def test_a_second_step_decides_more_than_the_first() -> None:
    """Of 99 draws the 95th is the limit: 5 with both comparisons, 2 once the first is decided."""
    draws = np.array([np.full(99, 5.0), np.full(99, 2.0)])
    found = decided(np.array([6.0, 3.0]), lambda chosen: draws[chosen].max(axis=0))
    assert found.tolist() == [True, True]
    assert decided(np.array([4.0, 3.0]), lambda chosen: draws[chosen].max(axis=0)).tolist() == [False, False]


def test_it_is_the_naive_form() -> None:
    drawn = np.random.default_rng(1)
    for _ in range(50):
        draws = np.abs(drawn.standard_normal((6, 200)))
        statistics = np.abs(drawn.normal(1.5, 1.5, 6))
        found = decided(statistics, lambda chosen, draws=draws: draws[chosen].max(axis=0))  # type: ignore[misc]
        assert found.tolist() == by_loops(statistics.tolist(), draws)


def test_what_can_not_be_compared_is_not_decided() -> None:
    assert decided(np.array([np.nan, np.inf]), lambda chosen: np.ones(99)).tolist() == [False, True]
    assert decided(np.zeros(0), lambda chosen: np.ones(99)).tolist() == []


def test_so_few_draws_that_no_quantile_exists_decide_nothing() -> None:
    assert decided(np.array([9.0]), lambda chosen: np.zeros(18)).tolist() == [False]


def test_ranks_count_the_better_rows() -> None:
    better = np.array([[False, True, True], [False, False, False], [False, False, False]])
    assert ranks_of(better) == [1, 2, 2]
