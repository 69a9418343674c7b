"""How often intervals cover the truth, by simulation: `python -m pytest -m slow tests/stats/test_coverage.py`."""

from collections.abc import Callable

import numpy as np
import pytest

from service.agreement.reports import headline_statistics, human_ceiling, panel_alpha
from service.stats.alphas import Level, alpha
from service.stats.ceiling import leave_one_out
from service.stats.statistics import evaluate
from service.stats.table import Table
from tests.agreement.items import FIVE, Item, counted, rows_of
from tests.benchmarks.coverage import cells_of
from tests.stats.coincidences import coincidences_of
from tests.stats.populations import POPULATIONS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SAMPLES = 400
NAMES = ["exact", "pearson", "spearman", "kendall_tau_b", "cohen_kappa_quadratic", "bias"]
VALUES = [1, 2, 3, 4, 5]
LOWEST = 0.90 - 2 * 0.015  # less two standard errors of the simulation

Rated = list[tuple[list[int], int]]


@pytest.mark.parametrize("pairs", [20, 30, 50, 100, 300])
@pytest.mark.parametrize("population", POPULATIONS)
def test_intervals_of_a_table_hold_the_truth(population: str, pairs: int) -> None:
    """Wherever they are published: also with the flag `too_few_of_a_class`."""
    cells = cells_of(POPULATIONS[population](), pairs, SAMPLES)
    coverage = {cell.name: cell.coverage("all") for cell in cells}
    print(population, pairs, coverage)
    assert min(coverage.values()) >= LOWEST, coverage


def two_to_four(random: np.random.Generator, items: int) -> Rated:
    """Items of two to four raters who, as the judge does, see the item's quality with an error of their own."""
    return _rated(random, random.integers(2, 5, items))


def mostly_one(random: np.random.Generator, items: int) -> Rated:
    """Singles, and a thirtieth of the items with twenty raters."""
    return _rated(random, np.where(np.arange(items) % 30 == 0, 20, 1))


def _rated(random: np.random.Generator, raters: np.ndarray) -> Rated:
    quality = random.standard_normal(len(raters))
    shape = len(raters), int(raters.max())
    human = np.clip(np.round(3 + quality[:, None] + 0.6 * random.standard_normal(shape)), 1, 5).astype(int)
    judge = np.clip(np.round(3 + quality + 0.6 * random.standard_normal(len(raters))), 1, 5).astype(int)
    return [(row[:how_many].tolist(), int(j)) for row, how_many, j in zip(human, raters, judge, strict=True)]


@pytest.mark.parametrize("items", [60, 150, 300])
@pytest.mark.parametrize("rated", [two_to_four, mostly_one])
def test_intervals_of_items_with_several_raters_hold_the_truth(
    rated: Callable[[np.random.Generator, int], Rated], items: int
) -> None:
    random = np.random.default_rng(items)
    many = [(human, judge) for people, judge in rated(random, 150_000) for human in people]
    truth = evaluate(Table.from_pairs(VALUES, many), NAMES)
    held = dict.fromkeys(NAMES, 0)
    for _ in range(SAMPLES):
        told = [
            Item({f"{place}": (human, "r") for place, human in enumerate(people)}, judge)
            for people, judge in rated(random, items)
        ]
        _, found = headline_statistics(FIVE, counted(rows_of(FIVE, told)), NAMES)
        for name, each in found.items():
            held[name] += _holds(each.lower, each.upper, truth[name].value or 0)
    coverage = {name: count / SAMPLES for name, count in held.items()}
    print(rated.__name__, items, coverage)
    assert min(coverage.values()) >= LOWEST, coverage


@pytest.mark.parametrize("items", [20, 60])
@pytest.mark.parametrize("raters", [2, 3])
def test_intervals_of_ceilings_and_panels_hold_the_truth(raters: int, items: int) -> None:
    random = np.random.default_rng(items)

    def rows(how_many: int) -> list[list[int]]:
        return [people for people, _ in _rated(random, np.full(how_many, raters))]

    many = coincidences_of([[each - 1 for each in row] for row in rows(100_000)], 5)
    true_alpha = alpha(many, Level.ORDINAL, VALUES).value or 0
    true_rest = leave_one_out(many, VALUES)
    held = dict.fromkeys(["alpha", "panel", "pearson", "rmse"], 0)
    for _ in range(SAMPLES):
        told = rows(items)
        labels = [Item({f"{place}": (each, "r") for place, each in enumerate(row)}, row[0], row[1]) for row in told]
        fields = counted(rows_of(FIVE, labels), "ceiling", "")
        found = human_ceiling(FIVE, fields, "random", ["krippendorff_alpha_ordinal"])
        ordinal, rest = found.statistics["krippendorff_alpha_ordinal"], found.leave_one_out
        held["alpha"] += _holds(ordinal.lower, ordinal.upper, true_alpha)
        held["pearson"] += _holds(rest.pearson.lower, rest.pearson.upper, true_rest.pearson.value or 0)
        held["rmse"] += _holds(rest.rmse.lower, rest.rmse.upper, true_rest.rmse.value or 0)
        models = panel_alpha(FIVE, counted(rows_of(FIVE, labels), "panel", "judge@1"))
        held["panel"] += _holds(models.lower, models.upper, true_alpha)
    coverage = {name: count / SAMPLES for name, count in held.items()}
    print(raters, "raters", items, "items", coverage)
    assert min(coverage.values()) >= LOWEST, coverage


def _holds(lower: float | None, upper: float | None, truth: float) -> bool:
    return lower is not None and upper is not None and lower <= truth <= upper
