"""Differences of two groups: against plain sums and scipy, and in simulations."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from service.stats.arrays import Floats
from service.stats.compare import INTERVAL_LEVEL, LEAST_LABELLED_ITEMS, GroupDifference, GroupScores, compare_groups
from tests.benchmarks.compare import BETTER, CUTS, FAVOURED, IDENTICAL, covers, simulated

FIVE = (1.0, 2.0, 3.0, 4.0, 5.0)
SHARE = (0.0, 1.0)
NOTHING = (None, None, None)


def side(scores: Any, labels: Any = None, case: Any = None, weight: Any = None) -> GroupScores:
    judge = np.asarray(scores, dtype=np.float64)
    label = np.full(judge.size, np.nan) if labels is None else np.asarray(labels, dtype=np.float64)
    return GroupScores(
        np.arange(judge.size) if case is None else np.asarray(case, dtype=np.int64),
        judge,
        judge,
        label,
        np.ones(judge.size) if weight is None else np.asarray(weight, dtype=np.float64),
    )


def ends(difference: Any) -> tuple[float | None, float | None, float | None]:
    return difference.value, difference.lower, difference.upper


def drawn(cases: int, labels: int, seed: int = 1, *, shift: float = 0.0) -> tuple[Floats, Floats, Floats, Floats]:
    """The judge's scores of a, labels of a, scores of b, labels of b, which are on the same cases."""
    rng = np.random.default_rng(seed)
    case = rng.normal(size=cases)
    found = []
    for gain in (0.0, shift):
        quality = case + rng.normal(size=cases) + gain
        found += [np.clip(np.round(3 + quality + rng.normal(size=cases)), 1, 5), np.clip(np.round(3 + quality), 1, 5)]
    for place in (1, 3):
        found[place][labels:] = np.nan
    return found[0], found[1], found[2], found[3]


def test_the_judges_difference_of_paired_cases_is_nearly_that_of_the_paired_t_test() -> None:
    a, _, b, _ = drawn(400, 0, shift=0.5)
    found = compare_groups(side(a), side(b), FIVE, FIVE)
    wanted = stats.ttest_rel(b, a).confidence_interval(INTERVAL_LEVEL)
    assert (found.design, found.cases, found.labelled_pairs) == ("paired", 400, 0)
    assert found.judge_difference.value == pytest.approx(b.mean() - a.mean())
    assert found.judge_difference.lower == pytest.approx(wanted.low, abs=0.01)
    assert found.judge_difference.upper == pytest.approx(wanted.high, abs=0.01)
    assert (found.wins, found.losses, found.ties) == ((b > a).sum(), (b < a).sum(), (b == a).sum())
    assert (found.decided, found.decided_by) == ("b", "judge")


def test_groups_without_a_common_case_are_two_samples() -> None:
    a, _, b, _ = drawn(400, 0, shift=0.5)
    found = compare_groups(side(a), side(b, case=np.arange(400) + 400), FIVE, FIVE)
    wanted = stats.ttest_ind(b, a, equal_var=False).confidence_interval(INTERVAL_LEVEL)
    assert (found.design, found.cases, found.wins) == ("two_samples", 800, None)
    assert (found.a.unpaired_cases, found.b.unpaired_cases) == (400, 400)
    assert found.judge_difference.lower == pytest.approx(wanted.low, abs=0.01)
    assert found.judge_difference.upper == pytest.approx(wanted.high, abs=0.01)


def test_with_all_items_labelled_the_labels_alone_count() -> None:
    a, labels_a, b, labels_b = drawn(300, 300, shift=0.3)
    found = compare_groups(side(a, labels_a), side(b, labels_b), FIVE, FIVE)
    wanted = stats.ttest_rel(labels_b, labels_a).confidence_interval(INTERVAL_LEVEL)
    assert found.corrected_difference.value == pytest.approx(labels_b.mean() - labels_a.mean())
    assert found.corrected_difference.lower == pytest.approx(wanted.low, abs=0.01)
    assert found.corrected_difference.upper == pytest.approx(wanted.high, abs=0.01)
    assert (found.decided, found.decided_by) == ("b", "labels")


def test_labels_correct_a_judge_that_favours_one_group() -> None:
    a, labels_a, b, labels_b = drawn(1000, 200)
    favoured = np.minimum(b + 1, 5)
    found = compare_groups(side(a, labels_a), side(favoured, labels_b), FIVE, FIVE)
    assert (found.judge_difference.lower or 0) > 0.5
    assert found.decided is None
    by_hand = found.corrected_difference
    slope = np.polyfit(a[:200], labels_a[:200], 1)[0]
    assert by_hand.value == pytest.approx(np.nanmean(labels_b) - np.nanmean(labels_a), abs=0.3)
    assert 0 < slope < 1
    alone = stats.ttest_rel(labels_b[:200], labels_a[:200]).confidence_interval(INTERVAL_LEVEL)
    assert by_hand.upper is not None
    assert by_hand.lower is not None
    assert by_hand.upper - by_hand.lower < alone.high - alone.low


def test_labels_of_the_same_cases_tell_more_than_labels_of_different_ones() -> None:
    a, labels_a, b, labels_b = drawn(200, 200)
    first, last = labels_a.copy(), labels_b.copy()
    first[60:], last[:140] = np.nan, np.nan
    same = compare_groups(side(a, first), side(b, np.where(np.isnan(first), np.nan, labels_b)), FIVE, FIVE)
    apart = compare_groups(side(a, first), side(b, last), FIVE, FIVE)
    assert (same.labelled_pairs, apart.labelled_pairs) == (60, 0)
    widths = [(each.corrected_difference.upper or 0) - (each.corrected_difference.lower or 0) for each in (same, apart)]
    assert widths[0] < 0.95 * widths[1]


def test_a_case_with_several_items_counts_as_their_mean() -> None:
    once = compare_groups(side([1, 4, 2]), side([2, 5, 2]), FIVE, FIVE)
    case = [0, 0, 1, 2, 2, 2]
    several = compare_groups(side([0.5, 1.5, 4, 1, 2, 3], case=case), side([2, 5, 2]), FIVE, FIVE)
    assert several.judge_difference.value == pytest.approx(once.judge_difference.value)
    assert (several.wins, several.losses, several.ties) == (2, 0, 1)
    assert several.a.judge_mean == pytest.approx(7 / 3)


def test_unpaired_cases_are_left_out() -> None:
    found = compare_groups(side([1, 2, 3, 5]), side([1, 2, 4, 1, 1], case=[0, 1, 2, 7, 8]), FIVE, FIVE)
    assert (found.cases, found.a.unpaired_cases, found.b.unpaired_cases) == (3, 1, 2)
    assert found.judge_difference.value == pytest.approx(1 / 3)


def test_weights_correct_for_labels_that_were_more_probable_for_some_items() -> None:
    """Items that the judge overrates in b are labelled five times as often."""
    rng = np.random.default_rng(3)
    found: list[float] = []
    plain: list[float] = []
    for _ in range(60):
        doubtful = rng.random(600) < 0.3
        truth = rng.integers(1, 6, 600).astype(np.float64)
        scores = np.where(doubtful, 5.0, truth)
        label = np.where(rng.random(600) < np.where(doubtful, 0.5, 0.1), truth, np.nan)
        a = side(truth, np.where(rng.random(600) < 0.2, truth, np.nan))
        for weight, kept in ((np.where(doubtful, 2.0, 10.0), found), (np.ones(600), plain)):
            value = compare_groups(a, side(scores, label, weight=weight), FIVE, FIVE).corrected_difference.value
            assert value is not None
            kept.append(value)
    assert abs(np.mean(found)) < 0.04
    assert abs(np.mean(plain)) > 0.1


@given(
    st.lists(st.tuples(*[st.integers(1, 5)] * 4), min_size=25, max_size=60),
    st.integers(LEAST_LABELLED_ITEMS, 25),
)
@settings(max_examples=50, deadline=None)
def test_turned_round_every_difference_changes_its_sign(rows: list[tuple[int, ...]], labels: int) -> None:
    a, x, b, y = (np.array(column, dtype=np.float64) for column in zip(*rows, strict=True))
    x[labels:], y[labels:] = np.nan, np.nan
    one = compare_groups(side(a, x), side(b, y), FIVE, FIVE)
    other = compare_groups(side(b, y), side(a, x), FIVE, FIVE)
    for mine, theirs in (
        (one.judge_difference, other.judge_difference),
        (one.corrected_difference, other.corrected_difference),
    ):
        assert mine.value == pytest.approx(-(theirs.value or 0))
        assert (mine.lower is None) == (theirs.upper is None)
        if mine.lower is not None and theirs.upper is not None:
            assert mine.lower == pytest.approx(-theirs.upper, abs=1e-9)
            assert mine.lower <= (mine.value or 0) <= (mine.upper or 0)
    assert {one.decided, other.decided} in ({None}, {"a", "b"})
    assert (one.wins, one.losses) == (other.losses, other.wins)


def test_too_few_labels_do_not_decide() -> None:
    a, x, b, y = drawn(100, LEAST_LABELLED_ITEMS - 1, shift=1.0)
    found = compare_groups(side(a, x), side(b, y), FIVE, FIVE)
    assert ends(found.corrected_difference) == NOTHING
    assert (found.decided, found.decided_by, found.labels_needed) == ("b", "judge", None)


def test_without_anything_nothing_is_told() -> None:
    found = compare_groups(side([]), side([]), FIVE, FIVE)
    assert (found.cases, ends(found.judge_difference), found.decided) == (0, NOTHING, None)
    half = compare_groups(side([1, 2]), side([]), FIVE, FIVE)
    assert (half.design, half.cases, ends(half.judge_difference)) == ("two_samples", 2, NOTHING)
    one = compare_groups(side([3]), side([3]), FIVE, FIVE)
    assert one.judge_difference.value == 0
    assert one.decided is None


def test_equal_scores_everywhere_do_not_look_sure() -> None:
    for scale, value in ((SHARE, 1.0), (FIVE, 5.0)):
        found = compare_groups(side([value] * 30), side([value] * 30), scale, scale).judge_difference
        assert found.lower is not None
        assert found.upper is not None
        assert found.lower < -0.01
        assert found.upper > 0.01


def test_the_labels_that_are_needed_decide_about_as_often_as_they_should() -> None:
    a, x, b, y = drawn(1500, 1500, seed=5, shift=0.3)
    few = [np.where(np.arange(1500) < 40, labels, np.nan) for labels in (x, y)]
    found = compare_groups(side(a, few[0]), side(b, few[1]), FIVE, FIVE)
    assert found.decided is None
    assert found.labels_needed is not None
    assert found.labels_needed.labels is not None
    rng, decided = np.random.default_rng(1), 0
    gain = _gain_of(found.corrected_difference.value or 0.0)
    for _ in range(100):
        mine, each = (
            rng.permutation(1500)[: 40 + found.labels_needed.labels // 2],
            drawn(1500, 1500, seed=int(rng.integers(1 << 30)), shift=gain),
        )
        kept = np.isin(np.arange(1500), mine)
        again = compare_groups(
            side(each[0], np.where(kept, each[1], np.nan)), side(each[2], np.where(kept, each[3], np.nan)), FIVE, FIVE
        )
        decided += again.decided is not None
    assert 65 <= decided <= 97


def _gain_of(difference: float) -> float:
    """The gain in quality with about this difference of labels, whose ends are cut off."""
    gains = np.linspace(-1, 1, 41)
    rng = np.random.default_rng(0)
    quality = rng.normal(size=200_000) * math.sqrt(2)
    means = [np.clip(np.round(3 + quality + gain), 1, 5).mean() for gain in gains]
    return float(np.interp(difference, np.array(means) - means[20], gains))


def test_more_cases_are_needed_if_all_labels_would_not_do() -> None:
    a, x, b, y = drawn(60, 30, seed=8, shift=0.1)
    found = compare_groups(side(a, x), side(b, y), FIVE, FIVE)
    assert found.decided is None
    assert found.labels_needed is not None
    assert found.labels_needed.labels is None


def test_an_interval_for_any_time_is_wider() -> None:
    a, x, b, y = drawn(300, 60)
    once = compare_groups(side(a, x), side(b, y), FIVE, FIVE)
    often = compare_groups(side(a, x), side(b, y), FIVE, FIVE, anytime=True)
    for one, other in (
        (once.judge_difference, often.judge_difference),
        (once.corrected_difference, often.corrected_difference),
    ):
        assert one.lower is not None
        assert other.lower is not None
        assert 1.2 < (one.value - other.lower) / (one.value - one.lower) < 2.5  # type: ignore[operator]


def test_identical_groups_that_are_looked_at_after_each_label_are_seldom_told_apart() -> None:
    rng, wrong = np.random.default_rng(2), {False: 0, True: 0}
    for _ in range(60):
        a, x, b, y = drawn(300, 300, seed=int(rng.integers(1 << 30)))
        for anytime in wrong:
            looks = (_looked(a, x, b, y, labels, anytime=anytime) for labels in range(LEAST_LABELLED_ITEMS, 300, 10))
            wrong[anytime] += any(each.decided is not None for each in looks)
    assert wrong[True] <= 4
    assert wrong[False] > 6


def _looked(a: Floats, x: Floats, b: Floats, y: Floats, labels: int, *, anytime: bool) -> GroupDifference:
    kept = np.arange(a.size) < labels
    first, second = side(a, np.where(kept, x, np.nan)), side(b, np.where(kept, y, np.nan))
    return compare_groups(first, second, FIVE, FIVE, anytime=anytime)


@pytest.mark.parametrize("kind", CUTS)
def test_intervals_cover_and_identical_groups_are_not_told_apart(kind: str) -> None:
    """`python -m tests.benchmarks.compare` has the whole table."""
    covered, wrong = [], []
    for pair in (IDENTICAL, FAVOURED, BETTER):
        runs = [*simulated(kind, pair, 200, 50, same=False, samples=150, seed=1)]
        covered += [covers(each) for each in runs]
        if pair is not BETTER:
            wrong += [each.found.decided is not None for each in runs]
    assert np.mean(covered) > 0.93
    assert np.mean(wrong) < 0.07
