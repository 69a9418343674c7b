"""What sways a judge, seen from counters: by hand, and against scipy."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from service.agreement.biases import length_correlation
from service.agreement.coding import Coding
from service.agreement.counters import read_seen
from service.agreement.reports import agreement
from service.stats.undefined import Undefined
from tests.agreement.items import FIVE, GRADES, PASS_FAIL, WORDS, Item, report, simulated


def errors_of(told: list[Item]) -> list[int]:
    """Judge minus human, of judges and people on 1 to 5."""
    return [int(item.judge or 0) - int(value) for item in told for value, _ in item.people.values()]


def test_what_was_judged_in_both_orders_shows_a_preference_for_a_place() -> None:
    seen = {"orders\tA\tA": 60, "orders\tA\tB": 30, "orders\tB\tA": 10}
    found = agreement(WORDS, {}, seen, {}, "random").bias.position
    assert found is not None
    assert (found.consistency.value, found.first_preference.value) == (0.6, 0.75)
    assert agreement(FIVE, {}, {}, {}, "random").bias.position is None


def test_repeats_have_a_share_and_of_numbers_a_deviation() -> None:
    found = agreement(FIVE, {}, {"repeat\t4\t4": 8, "repeat\t4\t2": 2}, {}, "random").bias.repeats
    assert found.exact.value == 0.8
    assert found.deviation == pytest.approx(math.sqrt(8 / 20))
    words = agreement(WORDS, {}, {"repeat\tA\tA": 8, "repeat\tB\tA": 2}, {}, "random").bias.repeats
    # o = [[16, 2], [2, 0]], n = 18 and 2: 1 - 19 * 4 / (2 * 36)
    assert words.alpha == pytest.approx(1 - 19 * 4 / 72)
    assert words.deviation is None


def test_errors_that_grow_with_length_are_a_bias_and_scores_alone_are_not() -> None:
    told = [item._replace(judge=min(int(item.judge or 0) + (item.length > 5), 5)) for item in simulated(13, 200, 1)]
    found = report(FIVE, told).bias
    errors = errors_of(told)
    lengths = [item.length for item in told]
    assert found.length_bias.pairs == 200
    assert found.length_bias.spearman.value == pytest.approx(float(stats.spearmanr(errors, lengths).statistic))
    tau = float(stats.kendalltau(errors, lengths).statistic)
    assert found.length_bias.kendall_tau_b.value == pytest.approx(tau)
    assert (found.length_bias.spearman.lower or 0) > 0
    scores = [item.judge for item in told]
    assert found.length_correlation == pytest.approx(float(stats.spearmanr(scores, lengths).statistic))


@given(st.lists(st.integers(0, 20), min_size=15, max_size=15))
def test_the_correlation_of_scores_and_length_is_scipys(cells: list[int]) -> None:
    seen = {f"score\t{place // 5 + 1}\t{place % 5}": count for place, count in enumerate(cells) if count}
    rows = np.repeat(np.repeat(range(3), 5), cells), np.repeat(np.tile(range(5), 3), cells)
    found = length_correlation(read_seen(FIVE, seen))
    if len(set(rows[0].tolist())) < 2 or len(set(rows[1].tolist())) < 2:
        assert found.value is None
    else:
        assert found.value == pytest.approx(float(stats.spearmanr(*rows).statistic), abs=1e-9)
        ends = [found.lower, found.value, found.upper]
        assert ends == sorted(end for end in ends if end is not None)


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ([Item({"d": (3, "r")}, 3, None, 4), Item({"d": (3, "r")}, 3, None, 5)], Undefined.ERROR_CONSTANT),
        ([Item({"d": (3, "r")}, 3, None, 4), Item({"d": (3, "r")}, 2, None, 4)], Undefined.LENGTH_CONSTANT),
        ([Item({"d": (3, "r")}, 3, None, 4)], Undefined.ONE_PAIR),
        ([], Undefined.NO_PAIRS),
    ],
)
def test_too_little_to_see_a_length_bias_has_a_reason(told: list[Item], reason: Undefined) -> None:
    assert report(FIVE, told).bias.length_bias.spearman.reason is reason


def test_a_judge_that_favours_its_own_is_found_out() -> None:
    told = [
        item._replace(judge=min(int(item.judge or 0) + (row % 2), 5), own="y" if row % 2 else "n")
        for row, item in enumerate(simulated(14, 200, 1))
    ]
    errors = errors_of(told)
    own, other = np.array(errors[1::2]), np.array(errors[::2])
    found = report(FIVE, told).bias.self_preference
    assert (found.own, found.other, found.reason) == (100, 100, None)
    value = float(own.mean() - other.mean())
    assert found.value == pytest.approx(value)
    half = 1.959964 * math.sqrt(own.var(ddof=1) / 100 + other.var(ddof=1) / 100)
    assert (found.lower, found.upper) == pytest.approx((value - half, value + half), abs=0.02)  # with pseudo-pairs


def test_a_few_texts_of_its_own_family_prove_no_preference() -> None:
    """That five errors are 0 is no wonder if 9 of 10 others are; their own scatter, 0, made it certain."""
    told = [Item({"ann": (3, "r")}, 3 + (row % 10 == 0), own="n") for row in range(100)]
    told += [Item({"ann": (3, "r")}, 3, own="y")] * 5
    found = report(FIVE, told).bias.self_preference
    assert found.value == pytest.approx(-0.1)
    assert found.value is not None
    assert found.lower is not None
    assert found.upper is not None
    assert -0.4 < found.lower < found.value < 0 < found.upper < 0.3


def test_the_interval_of_a_preference_ends_with_the_largest_possible_one() -> None:
    told = [Item({"ann": (1, "r")}, 5, own="y"), Item({"ann": (5, "r")}, 1, own="n")] * 2
    told += [Item({"ann": (3, "r")}, 3, own=side) for side in ("y", "n")]
    found = report(FIVE, told).bias.self_preference
    assert found.value == pytest.approx(16 / 3)
    assert found.upper == 8


def test_without_both_kinds_of_texts_there_is_no_preference_and_a_reason() -> None:
    def reason(coding: Coding, told: list[Item]) -> Undefined | None:
        return report(coding, told).bias.self_preference.reason

    own, other = Item({"d": (3, "r")}, 4, own="y"), Item({"d": (3, "r")}, 4, own="n")
    assert reason(FIVE, [own]) is Undefined.NO_OTHER_TEXTS
    assert reason(FIVE, [other]) is Undefined.NO_OWN_TEXTS
    assert reason(FIVE, [own, other]) is Undefined.ONE_PAIR
    assert reason(FIVE, [own, own, other, other]) is Undefined.ERROR_CONSTANT
    assert reason(WORDS, [Item({"d": ("A", "r")}, "B", own="y")]) is Undefined.NOT_FOR_WORDS
    graded = report(GRADES, [Item({"d": ("fair", "r")}, "good", own="y"), Item({"d": ("fair", "r")}, "poor", own="n")])
    assert graded.bias.self_preference.value == pytest.approx(0.5 + 1.5)


def test_outcomes_are_covered_by_reason() -> None:
    seen = {"outcome\tscored\t": 90, "outcome\tunscored\trefused": 6, "outcome\tfailed\ttimeout": 4}
    found = agreement(PASS_FAIL, {}, seen, {}, "random").coverage
    assert msgspec.to_builtins(found) == {
        "judged": 100,
        "scored": 90,
        "unscored": 6,
        "failed": 4,
        "by_reason": {"refused": 6, "timeout": 4},
    }
