"""What humans agree on among themselves, from coincidences, against plain rows."""

import math
from collections.abc import Sequence
from itertools import permutations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from service.stats.ceiling import disattenuated, leave_one_out, pair_table
from tests.stats.coincidences import coincidences_of, merge

Row = Sequence[int | None]

rows = st.lists(st.lists(st.one_of(st.none(), st.integers(0, 4)), min_size=5, max_size=5), min_size=1, max_size=15)


def against_the_rest(items: Sequence[Row], values: Sequence[float]) -> tuple[list[float], list[float]]:
    ones, rests = [], []
    for row in items:
        present = [values[value] for value in row if value is not None]
        for index, one in enumerate(present):
            others = present[:index] + present[index + 1 :]
            if others:
                ones.append(one)
                rests.append(sum(others) / len(others))
    return ones, rests


@given(rows)
def test_the_table_holds_every_ordered_pair(items: list[Row]) -> None:
    expected = np.zeros((5, 5), dtype=np.int64)
    for row in items:
        for first, second in permutations([value for value in row if value is not None], 2):
            expected[first, second] += 1
    table = pair_table(coincidences_of(items, 5), 5)
    assert (table == expected).all()
    assert (table == table.T).all()


def test_without_pairs_the_table_is_empty_and_figures_have_a_reason() -> None:
    assert pair_table({}, 3).tolist() == [[0] * 3] * 3
    found = leave_one_out({}, (1, 2, 3))
    assert (found.ratings, found.pearson.value, found.pearson.reason) == (0, None, "no_pairs")
    assert (found.rmse.value, found.rmse.reason) == (None, "no_pairs")


def test_leave_one_out_of_a_sum_done_by_hand() -> None:
    """Items (1,2,3) and (3,3): x = 1 2 3 3 3 against y = 2.5 2 1.5 3 3; both means are 12/5.

    sum dx dy = -.14 + .16 + -.54 + .36 + .36 = .2, sum dx^2 = 3.2, sum dy^2 = .01 + .16 + .81 + .36 + .36 = 1.7:
    r = .2 / sqrt(5.44). The squared errors are 2.25 + 0 + 2.25 + 0 + 0 = 4.5, over 5 is .9.
    """
    found = leave_one_out(coincidences_of([(0, 1, 2), (2, 2, None)], 3), (1, 2, 3))
    assert found.ratings == 5
    assert found.pearson.value == pytest.approx(0.2 / math.sqrt(5.44), abs=1e-12)
    assert found.rmse.value == pytest.approx(math.sqrt(0.9), abs=1e-12)


@pytest.mark.parametrize("values", [(1, 2, 3, 4, 5), (0, 0.5, 1, 3, 10), (1e6 + 1, 1e6 + 2, 1e6 + 3, 1e6 + 4, 1e6 + 5)])
@given(items=rows)
def test_leave_one_out_is_that_of_the_rows(values: Sequence[float], items: list[Row]) -> None:
    ones, rests = against_the_rest(items, values)
    assume(len(set(ones)) > 1)
    found = leave_one_out(coincidences_of(items, 5), values)
    centred = np.array(ones) - np.mean(ones), np.array(rests) - np.mean(rests)
    assert found.ratings == len(ones)
    assert found.pearson.value == pytest.approx(float(stats.pearsonr(*centred).statistic), abs=1e-7)
    assert found.rmse.value == pytest.approx(math.sqrt(np.mean(np.square(np.subtract(ones, rests)))), abs=1e-6)


@given(rows, rows)
def test_windows_add(first: list[Row], second: list[Row]) -> None:
    both = merge([coincidences_of(first, 5), coincidences_of(second, 5)])
    whole = coincidences_of([*first, *second], 5)
    assert leave_one_out(both, range(5)) == leave_one_out(whole, range(5))
    assert (
        pair_table(both, 5) == pair_table(coincidences_of(first, 5), 5) + pair_table(coincidences_of(second, 5), 5)
    ).all()


def test_annotators_who_all_say_the_same_have_no_correlation_but_no_error() -> None:
    found = leave_one_out(coincidences_of([(1, 1), (1, 1, 1)], 3), (0.1, 0.3, 0.7))
    assert (found.pearson.value, found.pearson.reason) == (None, "both_constant")
    assert found.rmse.value == pytest.approx(0, abs=1e-8)


def test_the_mean_of_the_rest_is_a_higher_ceiling_than_one_other() -> None:
    random = np.random.default_rng(5)
    truth = random.normal(3, 1, size=(400, 1))
    items = np.clip(np.round(truth + random.normal(0, 0.7, size=(400, 4))), 1, 5).astype(int) - 1
    coincidences = coincidences_of(items.tolist(), 5)
    table = pair_table(coincidences, 5)
    one, other = np.repeat(np.arange(5), 5), np.tile(np.arange(5), 5)
    pairwise = float(np.corrcoef(np.repeat(one, table.ravel()), np.repeat(other, table.ravel()))[0, 1])
    of_rest = leave_one_out(coincidences, range(1, 6)).pearson.value
    assert of_rest is not None
    assert of_rest > pairwise + 0.03


def test_disattenuation_divides_by_the_root_of_human_agreement() -> None:
    assert disattenuated(0.6, 0.64).value == pytest.approx(0.75)  # .6 / .8
    assert disattenuated(0.9, 0.49).value == pytest.approx(9 / 7)  # can exceed 1


@pytest.mark.parametrize(
    ("judge_human", "human_human", "reason"),
    [(None, 0.5, "no_pairs"), (0.5, None, "no_pairs"), (0.5, 0.1, "humans_disagree"), (0.5, -0.2, "humans_disagree")],
)
def test_disattenuation_without_a_ground_is_none(
    judge_human: float | None, human_human: float | None, reason: str
) -> None:
    found = disattenuated(judge_human, human_human)
    assert (found.value, found.reason) == (None, reason)
