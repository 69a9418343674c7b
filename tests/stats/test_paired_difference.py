"""The difference of two agreements on the same items."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.stats.paired_difference import PairedCounts, paired_difference
from service.stats.statistics import evaluate
from service.stats.table import Table
from service.stats.values import Value

FIVE = (1, 2, 3, 4, 5)
CLASSES = ("fail", "pass")
Triples = list[tuple[int, int, int]]


def paired(values: tuple[Value, ...], triples: Triples, effect: float = 1.0) -> PairedCounts:
    """The counts of (human, judge, rival), by their places among the values."""
    size = len(values)
    cells = np.array([(*each, triples.count(each)) for each in dict.fromkeys(triples)], dtype=np.int64)
    tables = []
    for side in (1, 2):
        counts = np.zeros((size, size), dtype=np.int64)
        np.add.at(counts, (cells[:, 0], cells[:, side]), cells[:, 3])
        tables.append(Table(values, values, counts))
    return PairedCounts(tables[0], tables[1], cells, len(triples), effect)


def drawn(seed: int, items: int, judge: float, rival: float, shares: list[float]) -> Triples:
    """Both copy the human's value with these probabilities, else guess."""
    random, size = np.random.default_rng(seed), len(shares)
    human = random.choice(size, items, p=shares)
    sides = [
        np.where(random.random(items) < copies, human, random.choice(size, items, p=shares))
        for copies in (judge, rival)
    ]
    return [(int(a), int(b), int(c)) for a, b, c in zip(human, *sides, strict=True)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 4)] * 3), min_size=2, max_size=60), st.floats(1, 3))
def test_any_pairs_have_the_difference_of_both_statistics_inside_a_finite_interval(
    triples: Triples, effect: float
) -> None:
    counts = paired(FIVE, triples, effect)
    found = paired_difference(counts, "spearman")
    if found is None:
        assert len({human for human, *_ in triples}) < 2 or len(triples) / effect < 2
        return
    for table, value in ((counts.judge, found.judge), (counts.rival, found.rival)):
        assert value == pytest.approx(evaluate(table, ["spearman"])["spearman"].value or 0.0)
    assert found.value == pytest.approx(found.judge - found.rival)
    assert -2 <= found.lower <= found.value <= found.upper <= 2


def test_a_rival_that_says_the_same_differs_by_nothing_and_little_more() -> None:
    same = [(human, judge, judge) for human, judge, _ in drawn(1, 200, 0.5, 0.5, [0.2] * 5)]
    found = paired_difference(paired(FIVE, same), "spearman")
    assert found is not None
    assert found.value == 0
    assert found.upper - found.lower < 0.05


def test_pairs_of_the_same_items_are_worth_less() -> None:
    triples = drawn(2, 200, 0.7, 0.2, [0.3, 0.7])
    alone, shared = (paired_difference(paired(CLASSES, triples, effect), "cohen_kappa") for effect in (1.0, 4.0))
    assert alone is not None
    assert shared is not None
    assert shared.upper - shared.lower == pytest.approx(2 * (alone.upper - alone.lower), rel=0.05)


def test_a_rival_that_always_says_the_same_counts_as_chance() -> None:
    triples = [(human, judge, 0) for human, judge, _ in drawn(3, 100, 0.8, 0.0, [0.2] * 5)]
    found = paired_difference(paired(FIVE, triples), "spearman")
    assert found is not None
    assert found.rival == 0
    assert found.lower > 0.4


def test_scales_of_many_values_are_binned_for_the_interval_alone() -> None:
    values = tuple(range(101))
    random = np.random.default_rng(4)
    human = random.integers(0, 101, 300)
    judge, rival = (np.clip(human + random.integers(-reach, reach + 1, 300), 0, 100) for reach in (10, 40))
    triples = [(int(a), int(b), int(c)) for a, b, c in zip(human, judge, rival, strict=True)]
    found = paired_difference(paired(values, triples), "spearman")
    assert found is not None
    assert found.judge == pytest.approx(evaluate(paired(values, triples).judge, ["spearman"])["spearman"].value)
    assert 0 < found.lower < found.value < found.upper < 0.4


def test_of_very_many_words_the_rare_ones_are_taken_together_for_the_interval_alone() -> None:
    words = tuple(f"w{place}" for place in range(200))
    random = np.random.default_rng(4)
    human = random.integers(0, 200, 500)
    judge, rival = (np.where(random.random(500) < right, human, random.integers(0, 200, 500)) for right in (0.7, 0.4))
    triples = [(int(a), int(b), int(c)) for a, b, c in zip(human, judge, rival, strict=True)]
    found = paired_difference(paired(words, triples), "cohen_kappa")
    assert found is not None
    assert found.judge == pytest.approx(evaluate(paired(words, triples).judge, ["cohen_kappa"])["cohen_kappa"].value)
    shares = [np.mean(human == judge), np.mean(human == rival)]
    error = math.sqrt(np.var(np.equal(human, judge) * 1.0 - np.equal(human, rival), ddof=1) / 500)
    assert found.value == pytest.approx(shares[0] - shares[1], abs=0.01)
    assert (found.upper - found.lower) / 2 == pytest.approx(1.96 * error, rel=0.1)


@pytest.mark.parametrize("shares", [[0.5, 0.5], [0.2, 0.8]])
@pytest.mark.parametrize(("judge", "rival"), [(0.3, 0.3), (0.6, 0.6), (0.6, 0.3)])
def test_intervals_miss_the_true_difference_on_either_side_in_at_most_one_case_of_twenty(
    shares: list[float], judge: float, rival: float
) -> None:
    """The true kappa of a side that copies with a probability is that probability."""
    missed = {"above": 0, "below": 0}
    for seed in range(150):
        found = paired_difference(paired(CLASSES, drawn(seed, 60, judge, rival, shares)), "cohen_kappa")
        assert found is not None
        missed["above"] += found.lower > judge - rival
        missed["below"] += found.upper < judge - rival
    assert max(missed.values()) <= 0.05 * 150 + 3.3 * (150 * 0.05 * 0.95) ** 0.5


def test_all_triples_of_a_binary_scale_once_make_no_difference() -> None:
    found = paired_difference(paired(CLASSES, list(product(range(2), range(2), range(2)))), "cohen_kappa")
    assert found is not None
    assert found.value == 0
    assert found.lower == pytest.approx(-found.upper)
