"""Ranks by a paired bootstrap: against a naive one, on rows that are the same, and how often they are wrong."""

import math
import random
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from service.stats.paired_ranks import REPLICATES, multiplicities
from service.stats.statistics import STATISTICS, evaluate
from service.stats.table import Table, TableError
from service.stats.values import Value
from tests.stats.scored import Scored, ScoredItems, ranks_of

FIVE: list[Value] = [1, 2, 3, 4, 5]


def rows_of(
    drawn: np.random.Generator, errors: list[float], items: int, annotators: int = 1, fractional: bool = False
) -> list[dict[str, Scored]]:
    """Judges that see the items' quality with such errors; the annotators do with .6 each."""

    def seen(quality: NDArray[np.float64], error: float) -> NDArray[np.float64]:
        return np.clip(3 + quality + error * drawn.standard_normal(quality.shape), 1, 5)

    quality = drawn.standard_normal(items)
    humans = np.round(seen(np.repeat(quality[:, None], annotators, axis=1), 0.6)).astype(int)
    rows = []
    for error in errors:
        scores = seen(quality, error)
        judge = scores.round(2) if fractional else np.round(scores).astype(int)
        rows.append({f"i{at}": Scored(humans[at].tolist(), judge[at].item()) for at in range(items)})
    return rows


def naive_ranks(rows: list[dict[str, Scored]], sort: str, seed: int) -> list[int]:
    """The same by plain loops over items, with draws of its own."""

    def value(row: ScoredItems, items: list[str]) -> float:
        pairs = [(human, row[item].judge) for item in items for human in row[item].humans]
        said = {judge for _, judge in pairs}
        columns = None if said <= set(FIVE) else sorted(said, key=float)
        found = evaluate(Table.from_pairs(FIVE, pairs, columns), [sort])[sort].value
        return math.nan if found is None else found

    found = [1] * len(rows)
    chance = random.Random(seed)
    for one, other in combinations(range(len(rows)), 2):
        shared = sorted(rows[one].keys() & rows[other].keys())
        leads = []
        for _ in range(200):
            items = chance.choices(shared, k=len(shared))
            leads.append(value(rows[one], items) - value(rows[other], items))
        lower, upper = np.nanquantile(leads, [0.025, 0.975])
        less_is_better = sort == "mae"
        found[other] += bool(upper < 0 if less_is_better else lower > 0)
        found[one] += bool(lower > 0 if less_is_better else upper < 0)
    return found


@pytest.mark.parametrize(("sort", "annotators"), [("spearman", 1), ("spearman", 3), ("exact", 1), ("mae", 2)])
def test_ranks_are_those_of_a_naive_bootstrap(sort: str, annotators: int) -> None:
    """Of three judges that each lack other items."""
    rows = rows_of(np.random.default_rng(4), [0.3, 0.35, 3.0], 70, annotators)
    for at, row in enumerate(rows):
        for item in random.Random(at).sample(sorted(row), 10):
            del row[item]
    assert ranks_of(rows, FIVE, sort, "key") == naive_ranks(rows, sort, 0) == [1, 1, 3]


def test_fractional_scores_are_ranked_too() -> None:
    rows = rows_of(np.random.default_rng(5), [0.3, 2.0], 60, fractional=True)
    assert ranks_of(rows, FIVE, "spearman") == naive_ranks(rows, "spearman", 0) == [1, 2]


def test_a_draw_has_as_many_items_and_each_as_often_as_another() -> None:
    as_they_are, drawn = np.split(multiplicities(40, "key"), [1], axis=1)
    assert (as_they_are == 1).all()
    assert drawn.shape == (40, REPLICATES)
    assert (drawn.sum(axis=0) == 40).all()
    # the counts of an item are binomial (40, 1/40): mean 1, variance .975
    assert drawn.var() == pytest.approx(0.975, abs=0.05)
    assert np.abs(drawn.mean(axis=1) - 1).max() < 4.5 * math.sqrt(0.975 / REPLICATES)
    assert (multiplicities(40, "key")[:, 1:] == drawn).all()
    assert (multiplicities(40, "other")[:, 1:] != drawn).any()


@pytest.mark.parametrize("sort", sorted(STATISTICS.keys() - {"bias", "mae", "rmse"}))
def test_the_same_scores_have_the_same_rank(sort: str) -> None:
    first, other = rows_of(np.random.default_rng(6), [0.3, 0.3], 50)
    assert ranks_of([first, dict(first)], FIVE, sort) == [1, 1]
    assert max(ranks_of([first, first, other], FIVE, sort)) <= 3


def test_scores_in_the_same_order_have_the_same_rank() -> None:
    """Spearman is the same for scores of another grain, but for rounding; that must rank none above another."""
    row = rows_of(np.random.default_rng(7), [0.5], 80)[0]
    squeezed = {item: Scored(each.humans, 1 + float(each.judge) / 7) for item, each in row.items()}
    assert ranks_of([row, squeezed], FIVE, "spearman") == [1, 1]
    assert ranks_of([squeezed, row], FIVE, "spearman") == [1, 1]


def test_a_judge_that_has_less_error_or_bias_is_better() -> None:
    drawn = np.random.default_rng(8)
    good, _ = rows_of(drawn, [0.4, 0.4], 200)
    lenient = {item: Scored(each.humans, min(int(each.judge) + 1, 5)) for item, each in good.items()}
    harsh = {item: Scored(each.humans, max(int(each.judge) - 1, 1)) for item, each in good.items()}
    for sort in ("bias", "mae", "rmse"):
        assert ranks_of([lenient, good, harsh], FIVE, sort)[1] == 1
        assert min(ranks_of([lenient, good, harsh], FIVE, sort)[::2]) > 1


def test_words_are_ranked_by_what_has_a_meaning_for_them() -> None:
    truth = ["A", "tie", "B"] * 20
    right = {f"i{at}": Scored([word], word) for at, word in enumerate(truth)}
    stuck = {f"i{at}": Scored([word], "A") for at, word in enumerate(truth)}
    assert ranks_of([stuck, right], ["A", "tie", "B"], "exact") == [2, 1]
    assert ranks_of([stuck, right], ["A", "tie", "B"], "cohen_kappa") == [2, 1]


def test_what_is_undefined_is_behind_all_that_is_defined() -> None:
    weak, strong = rows_of(np.random.default_rng(9), [4.0, 0.2], 60)
    stuck = {item: Scored(each.humans, 4) for item, each in weak.items()}
    assert ranks_of([stuck, weak, {}, strong], FIVE, "spearman") == [3, 2, 3, 1]
    assert ranks_of([{}, stuck], FIVE, "spearman") == [1, 1]
    assert ranks_of([], FIVE, "spearman") == []


def test_rows_with_nothing_in_common_are_not_told_apart() -> None:
    good, bad = rows_of(np.random.default_rng(10), [0.1, 4.0], 60)
    halves = [
        {item: row[item] for item in sorted(row)[part]} for row, part in ((good, slice(30)), (bad, slice(30, 60)))
    ]
    assert ranks_of(halves, FIVE, "spearman") == [1, 1]
    one = {item: halves[0][item] for item in list(halves[0])[:1]}
    assert ranks_of([one, bad], FIVE, "exact") == [1, 1]


def test_neither_the_order_of_the_items_nor_of_the_rows_matters() -> None:
    rows = rows_of(np.random.default_rng(11), [0.3, 0.5, 0.7, 1.0], 80)
    found = ranks_of(rows, FIVE, "spearman", "key")
    turned = [dict(reversed(row.items())) for row in reversed(rows)]
    assert ranks_of(turned, FIVE, "spearman", "key") == found[::-1]


def test_an_item_without_labels_says_nothing() -> None:
    rows = rows_of(np.random.default_rng(12), [0.3, 1.5], 60)
    wider = [{**row, "unlabelled": Scored([], 3)} for row in rows]
    assert ranks_of(wider, FIVE, "exact", "key") == ranks_of(rows, FIVE, "exact", "key")


def test_a_label_that_is_none_of_the_values_is_an_error() -> None:
    with pytest.raises(TableError):
        ranks_of([{"i": Scored([6], 1)}], FIVE, "exact")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("sort", ["exact", "spearman"])
@pytest.mark.parametrize("items", [50, 200])
def test_judges_that_are_as_good_are_seldom_set_apart(sort: str, items: int) -> None:
    """One of the two is ranked above in about 5% of all benchmarks; where one is better, that is seen oftener."""
    drawn = np.random.default_rng(items)
    shares = {}
    for name, errors in (("equal", [0.6, 0.6]), ("better", [0.6, 0.9])):
        found = [ranks_of(rows_of(drawn, errors, items), FIVE, sort, str(at)) for at in range(600)]
        shares[name] = sum(each != [1, 1] for each in found) / len(found)
        shares[f"{name}, the wrong way"] = sum(each == [2, 1] for each in found) / len(found)
    print(sort, items, shares)
    assert 0.025 < shares["equal"] < 0.085
    assert shares["better"] > 2 * shares["equal"]
    assert shares["better, the wrong way"] < 0.01


def test_the_best_of_equal_judges_is_seldom_called_better() -> None:
    """In 5% of all benchmarks; by pairwise intervals it would be so in two of three."""
    drawn = np.random.default_rng(10)
    apart = [max(ranks_of(rows_of(drawn, [0.6] * 10, 60), FIVE, "exact", str(at))) > 1 for at in range(60)]
    assert np.mean(apart) < 0.15


@pytest.mark.parametrize(("items", "most"), [(3, 0.0), (5, 0.0), (8, 0.1), (12, 0.1)])
def test_few_items_seldom_tell_equal_judges_apart(items: int, most: float) -> None:
    """Draws of a few items vary too little: by them alone, of five guessing judges 56, 44, 27 and 19% were apart."""
    drawn = np.random.default_rng(items)
    apart = []
    for at in range(100):
        said = drawn.integers(0, 2, (6, items)).tolist()
        rows = [{f"i{n}": Scored([said[0][n]], judge[n]) for n in range(items)} for judge in said[1:]]
        apart.append(max(ranks_of(rows, (0, 1), "exact", str(at))) > 1)
    assert np.mean(apart) <= most


@pytest.mark.parametrize(("won", "items", "ranks"), [(5, 5, [1, 1]), (6, 6, [1, 2]), (3, 8, [1, 1]), (7, 8, [1, 2])])
def test_as_many_items_decide_as_in_a_paired_t_test(won: int, items: int, ranks: list[int]) -> None:
    first = {f"i{n}": Scored([1], 1) for n in range(items)}
    other = {f"i{n}": Scored([1], int(n >= won)) for n in range(items)}
    assert ranks_of([first, other], (0, 1), "exact") == ranks


def test_many_fractional_scores_are_ranked_as_they_are_on_a_coarser_grid() -> None:
    rows = rows_of(np.random.default_rng(13), [0.3, 0.3, 1.0], 400, fractional=True)
    assert ranks_of(rows, FIVE, "spearman") == [1, 1, 3]
    assert ranks_of(rows, FIVE, "pearson") == [1, 1, 3]
