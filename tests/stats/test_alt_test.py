"""The alternative annotator test: against scipy, row by row, and where nothing varies."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from service.stats.alt_test import AltTest, alt_test, benjamini_yekutieli, p_value
from service.stats.duels import Alignment, Wins, duels_of
from tests.stats.duels import alt_test_of, tally

wins = st.builds(Wins, judge=st.integers(0, 60), draw=st.integers(0, 60), human=st.integers(0, 60))


@given(wins, st.sampled_from([0.0, 0.1, 0.2, 0.3]))
def test_the_p_value_is_scipys_of_the_rows(each: Wins, epsilon: float) -> None:
    rows = [-1] * each.judge + [0] * each.draw + [1] * each.human
    if len(rows) < 2 or len(set(rows)) < 2:
        return
    expected = float(stats.ttest_1samp(rows, epsilon, alternative="less").pvalue)
    assert p_value(each, epsilon) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize(
    ("each", "p"),
    [
        (Wins(judge=40), 0.0),  # m = -1
        (Wins(draw=40), 0.0),  # m = 0 < .2
        (Wins(human=40), 1.0),  # m = 1
        (Wins(judge=1), 1.0),  # one item proves nothing
        (Wins(), 1.0),
    ],
)
def test_without_variation_the_side_decides(each: Wins, p: float) -> None:
    assert p_value(each, 0.2) == p


def test_all_draws_at_no_margin_are_not_rejected() -> None:
    assert p_value(Wins(draw=40), 0.0) == 1.0


@pytest.mark.parametrize("count", [1, 2, 3, 7, 20])
def test_the_correction_is_scipys(count: int) -> None:
    random = np.random.default_rng(count)
    for _ in range(50):
        ps = (random.random(count) ** 3).tolist()
        expected = stats.false_discovery_control(ps, method="by") <= 0.05
        assert benjamini_yekutieli(ps, 0.05) == expected.tolist()


def test_the_correction_of_a_sum_done_by_hand() -> None:
    """m = 3, H = 11/6: the bounds are .00909, .01818, .02727. .025 passes as the third and takes the others with it."""
    assert benjamini_yekutieli([0.02, 0.015, 0.025], 0.05) == [True, True, True]
    assert benjamini_yekutieli([0.02, 0.015, 0.028], 0.05) == [False, False, False]
    assert benjamini_yekutieli([], 0.05) == []


def test_accuracy_asks_who_equals_more_of_the_others() -> None:
    found = duels_of(1, {"a": 1, "b": 1, "c": 2}, Alignment.ACCURACY)
    # a: others 1 2, judge 1 and a 1 equal one each. c: others 1 1, judge equals two, c none.
    assert found == {"a": Wins(draw=1), "b": Wins(draw=1), "c": Wins(judge=1)}


def test_rmse_asks_who_is_nearer_and_noise_is_a_draw() -> None:
    found = duels_of(0.3, {"a": 0.1, "b": 0.2, "c": 0.2}, Alignment.RMSE)
    # a: others .2 .2, both .1 away though .3 - .2 != .2 - .1 in floating point.
    # b: others .1 .2: judge .04 + .01, b .01 + 0.
    assert found == {"a": Wins(draw=1), "b": Wins(human=1), "c": Wins(human=1)}


def test_a_lone_annotator_has_no_others() -> None:
    assert duels_of(1, {"a": 1}, Alignment.ACCURACY) == {}
    assert duels_of(1, {}, Alignment.RMSE) == {}


def test_annotators_with_few_items_are_left_out() -> None:
    found = alt_test({"a": Wins(judge=40), "b": Wins(draw=30), "c": Wins(human=29)}, epsilon=0.2)
    assert set(found.duels) == {"a", "b"}
    assert (found.winning_rate, found.advantage_probability, found.passed) == (1.0, 1.0, True)


@pytest.mark.parametrize(
    ("counters", "reason"),
    [
        ({}, "too_few_annotators"),
        ({"a": Wins(draw=100)}, "too_few_annotators"),
        ({"a": Wins(draw=29), "b": Wins(draw=100)}, "too_few_items"),
    ],
)
def test_too_little_has_a_reason(counters: Mapping[str, Wins], reason: str) -> None:
    found = alt_test(counters, epsilon=0.2)
    assert (found.winning_rate, found.advantage_probability, found.passed) == (None, None, None)
    assert found.reason == reason


def test_a_whole_test_of_a_sum_done_by_hand() -> None:
    """a: 20 judge, 15 draw, 5 human: m = -15/40, judge at least as near in 35/40. b: 2, 18, 20: m = 18/40, 20/40.

    a: ss = 25 - 40 * .140625 = 19.375, t = (-.375 - .2) / sqrt(19.375 / 39 / 40) = -5.16: p < .0001. b: t > 0.
    """
    found = alt_test({"a": Wins(judge=20, draw=15, human=5), "b": Wins(judge=2, draw=18, human=20)}, epsilon=0.2)
    assert found.winning_rate == 0.5
    assert found.passed
    assert found.advantage_probability == pytest.approx((35 / 40 + 20 / 40) / 2)
    expected = float(stats.t.cdf((-0.375 - 0.2) / math.sqrt(19.375 / 39 / 40), 39))
    assert found.duels["a"].p_value == pytest.approx(expected, rel=1e-9)
    assert not found.duels["b"].rejected


def by_rows(judge: Sequence[float], annotators: Mapping[str, Sequence[float | None]], epsilon: float) -> AltTest:
    """The paper's procedure in its own words, with scipy, accuracy as the score."""
    ps, shares = [], []
    for name, own in annotators.items():
        differences, advantages = [], []
        for item, value in enumerate(own):
            others = [each[item] for other, each in annotators.items() if other != name and each[item] is not None]
            if value is None or not others:
                continue
            score_judge = sum(judge[item] == each for each in others) / len(others)
            score_human = sum(value == each for each in others) / len(others)
            differences.append((score_human >= score_judge) - (score_judge >= score_human))
            advantages.append(score_judge >= score_human)
        ps.append(float(stats.ttest_1samp(differences, epsilon, alternative="less").pvalue))
        shares.append(sum(advantages) / len(advantages))
    rejected = stats.false_discovery_control(ps, method="by") <= 0.05
    rate = float(rejected.mean())
    return AltTest(
        epsilon=epsilon,
        winning_rate=rate,
        advantage_probability=sum(shares) / len(shares),
        passed=rate >= 0.5,
        duels={},
    )


@pytest.mark.parametrize("noise", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("epsilon", [0.1, 0.2])
def test_counters_give_what_the_rows_give(noise: float, epsilon: float) -> None:
    random = np.random.default_rng(int(noise * 10))
    truth = random.integers(0, 3, size=120)

    def noisy(share: float) -> list[int]:
        return [int(v) for v in np.where(random.random(120) < share, random.integers(0, 3, size=120), truth)]

    judge = noisy(noise)
    annotators = {
        name: [None if random.random() < 0.3 else value for value in noisy(0.3)] for name in ("a", "b", "c", "d")
    }
    expected = by_rows(judge, annotators, epsilon)
    found = alt_test_of(judge, annotators, Alignment.ACCURACY, epsilon=epsilon)
    assert found.winning_rate == expected.winning_rate
    assert found.advantage_probability == pytest.approx(expected.advantage_probability)
    assert found.passed == expected.passed


items = st.lists(
    st.tuples(st.integers(1, 5), st.dictionaries(st.sampled_from("abcd"), st.integers(1, 5), max_size=4)), max_size=20
)


@given(items, items, st.sampled_from(Alignment))
def test_windows_add(
    first: list[tuple[int, dict[str, int]]], second: list[tuple[int, dict[str, int]]], alignment: Alignment
) -> None:
    parts = [tally(duels_of(judge, said, alignment) for judge, said in window) for window in (first, second)]
    assert tally(parts) == tally(duels_of(judge, said, alignment) for judge, said in [*first, *second])


def test_an_unjudged_item_counts_for_nobody() -> None:
    annotators: dict[str, list[float | None]] = {"a": [1, 1, 2], "b": [1, 2, None]}
    found = alt_test_of([None, 1, 1], annotators, Alignment.ACCURACY, least_items=1)
    assert {name: duel.items for name, duel in found.duels.items()} == {"a": 1, "b": 1}
