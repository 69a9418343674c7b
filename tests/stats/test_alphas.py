"""Krippendorff's alpha from coincidences: against the library, published figures and any order of arrival."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import krippendorff
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.stats.alphas import Coincidences, Level, alpha, marginals
from tests.stats.coincidences import coincidences_of, merge

FIVE = (1, 2, 3, 4, 5)

rows = st.lists(st.lists(st.one_of(st.none(), st.integers(0, 3)), min_size=4, max_size=4), min_size=1, max_size=12)


def same(first: Coincidences, second: Coincidences) -> bool:
    return first.keys() == second.keys() and all((first[coders] == second[coders]).all() for coders in first)


def by_library(items: Sequence[Sequence[int | None]], level: Level, values: Sequence[float]) -> float:
    reliability = [
        [np.nan if value is None else values[value] for value in coder] for coder in zip(*items, strict=True)
    ]
    return float(
        krippendorff.alpha(
            reliability_data=np.array(reliability, dtype=float), level_of_measurement=level.value, value_domain=values
        )
    )


def test_krippendorffs_own_example_comes_out() -> None:
    """Computing Krippendorff's Alpha-Reliability (2011), sections C and D: four observers, twelve units.

    It prints nominal .743, ordinal .815 and interval .849.
    """
    observers = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    ]
    items = [[None if value is None else value - 1 for value in unit] for unit in zip(*observers, strict=True)]
    coincidences = coincidences_of(items, 5)
    # n_c of the paper: 9 13 10 5 3, of 40 pairable values; the twelfth unit has one value and adds none
    assert marginals(coincidences, 5).tolist() == [9, 13, 10, 5, 3]
    printed = {Level.NOMINAL: 0.743, Level.ORDINAL: 0.815, Level.INTERVAL: 0.849}
    for level, figure in printed.items():
        found = alpha(coincidences, level, FIVE)
        assert found.ratings == 40
        assert found.value == pytest.approx(figure, abs=5e-4)


def test_a_sum_done_by_hand() -> None:
    """Two coders, items (0,0) (0,1) (1,1): o = [[2,1],[1,2]], n_c = 3, 3, N = 6.

    alpha = 1 - 5 * (1 + 1) / (2 * 3 * 3) = 1 - 10/18 = 4/9.
    """
    found = alpha(coincidences_of([(0, 0), (0, 1), (1, 1)], 2), Level.NOMINAL, (0, 1))
    assert found.value == pytest.approx(4 / 9, abs=1e-15)


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("coders", [2, 3, 4, 5, 6])
def test_alpha_is_the_librarys_with_a_third_missing(level: Level, coders: int) -> None:
    random = np.random.default_rng(coders)
    for values in [FIVE, (0, 0.5, 1, 3), tuple(range(11))]:
        for _ in range(10):
            truth = random.integers(0, len(values), size=(40, 1))
            noisy = np.clip(truth + random.integers(-1, 2, size=(40, coders)), 0, len(values) - 1)
            missing = random.random(noisy.shape) < 0.3
            items = [
                [None if gone else int(value) for value, gone in zip(row, absent, strict=True)]
                for row, absent in zip(noisy, missing, strict=True)
            ]
            found = alpha(coincidences_of(items, len(values)), level, values)
            assert found.value == pytest.approx(by_library(items, level, values), abs=1e-9)


@pytest.mark.parametrize("level", Level)
def test_nothing_to_measure_has_a_reason(level: Level) -> None:
    for lone in ([], [(None, None)], [(1, None), (None, 2)]):
        found = alpha(coincidences_of(lone, 3), level, (1, 2, 3))
        assert (found.value, found.ratings, found.reason) == (None, 0, "no_pairs")
    constant = alpha(coincidences_of([(1, 1), (1, 1)], 3), level, (1, 2, 3))
    assert (constant.value, constant.ratings, constant.reason) == (None, 4, "both_constant")


@pytest.mark.parametrize("level", Level)
def test_the_limits_are_numbers(level: Level) -> None:
    one_each = coincidences_of([(0, 0), (1, 1)], 2)
    assert alpha(one_each, level, (0, 1)).value == 1
    disagreeing = coincidences_of([(0, 1)], 2)
    assert alpha(disagreeing, level, (0, 1)).value == 0  # 1/n - 1 with n = 1
    fifty = coincidences_of([(0, 1)] * 50, 2)
    assert alpha(fifty, level, (0, 1)).value == pytest.approx(1 / 50 - 1)


def test_interval_alpha_of_categories_with_equal_values_is_constant() -> None:
    assert alpha(coincidences_of([(0, 1), (1, 0)], 2), Level.INTERVAL, (1, 1)).reason == "both_constant"


@given(rows, rows)
def test_windows_add(first: list[list[int | None]], second: list[list[int | None]]) -> None:
    both = merge([coincidences_of(first, 4), coincidences_of(second, 4)])
    assert same(both, coincidences_of([*first, *second], 4))


@given(rows, st.permutations(range(4)))
def test_who_coded_and_what_nominal_categories_are_called_does_not_matter(
    items: list[list[int | None]], renamed: list[int]
) -> None:
    coders_swapped = [row[::-1] for row in items]
    relabelled = [[None if value is None else renamed[value] for value in row] for row in items]
    plain = alpha(coincidences_of(items, 4), Level.NOMINAL, FIVE[:4])
    assert alpha(coincidences_of(coders_swapped, 4), Level.NOMINAL, FIVE[:4]) == plain
    other = alpha(coincidences_of(relabelled, 4), Level.NOMINAL, FIVE[:4])
    assert other.value == (None if plain.value is None else pytest.approx(plain.value, abs=1e-12))


def read(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line)["ratings"] for line in lines]


@pytest.mark.parametrize("criterion", ["Informativeness", "Relevance", "Fluency", "Coherence"])
def test_newsroom_figures_come_out(data: Path, criterion: str) -> None:
    items = [[value - 1 for value in ratings[criterion]] for ratings in read(data / "newsroom_human_ratings.jsonl.gz")]
    published = json.loads((data / "expected.json").read_text())["newsroom_krippendorff"][criterion]["published"]
    found = alpha(coincidences_of(items, 5), Level.ORDINAL, FIVE)
    assert found.value == pytest.approx(published, abs=1e-6)


def test_dices_figure_comes_out(data: Path) -> None:
    words = ("No", "Unsure", "Yes")
    items = [
        [words.index(value) if value in words else None for value in ratings["safety"]]
        for ratings in read(data / "dices350_human_labels.jsonl.gz")
    ]
    published = json.loads((data / "expected.json").read_text())["dices350_krippendorff"]["safety"]["published"]
    found = alpha(coincidences_of(items, 3), Level.NOMINAL, (0, 1, 2))
    assert found.value == pytest.approx(published, abs=1e-6)
