"""The comparison of anchors' judgments with their first ones: by hand, its degenerate cases, and its rate of errors."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from service.stats.anchors import (
    ANCHOR_ALARM,
    LEAST_REPEATS,
    AnchorVerdict,
    JudgeChange,
    Repeated,
    ShiftOfTraffic,
    anchor_verdict,
    first_judgments,
    judge_change,
    moves,
    paired_shift,
)
from service.stats.distributions import student_t_quantile
from service.stats.falls import log_evidence_by_start
from tests.benchmarks.anchors import JUDGES, alarm_after, histories

A_DAY = 48
STEADY = ShiftOfTraffic(0.1, drifted=False)
SHIFTED = ShiftOfTraffic(-0.8, drifted=True)


def rounds(*scores: Sequence[float], span: float = 4.0) -> Repeated:
    """Each list has one score of each anchor, all judged one after the other."""
    values = np.array([each for one in scores for each in one], dtype=np.float64)
    anchors = np.arange(len(values)) % len(scores[0])
    return Repeated(anchors, values, np.arange(len(values)) / (7 * A_DAY), span)


def test_each_judgment_is_compared_with_the_first_of_its_anchor() -> None:
    repeated = rounds([1, 3, 5], [2, 3, 4], [1, 4, 5])
    is_first, first = first_judgments(repeated)
    assert is_first.tolist() == [True] * 3 + [False] * 6
    assert first.tolist() == [1, 3, 5] * 3
    assert moves(repeated).tolist() == [0, 0, 0, 1, 0, -1, 0, 1, 0]


def test_a_difference_below_a_twentieth_of_the_scale_is_none() -> None:
    assert moves(rounds([3.0, 3.0, 3.0], [3.19, 3.2, 2.8])).tolist()[3:] == [0, 1, -1]


def test_words_move_to_any_other_word() -> None:
    assert moves(rounds([0, 1, 2], [0, 2, 1], span=0.0)).tolist() == [0, 0, 0, 0, 1, 1]


def test_a_judge_that_stays_the_same_gives_no_evidence() -> None:
    change = judge_change(rounds(*[[2, 3, 4, 5]] * 60))
    assert change.evidence is not None
    assert change.evidence < 1
    assert change.repeats == 4 * 59


def test_a_judge_that_changes_is_an_alarm_and_the_change_is_dated() -> None:
    before, after = [[2, 3, 4, 5]] * 40, [[3, 3, 4, 5]] * 10
    change = judge_change(rounds(*before, *after))
    assert change.evidence is not None
    assert change.evidence > ANCHOR_ALARM
    assert change.start is not None
    assert abs(change.start - 160) <= 4


@pytest.mark.parametrize("span", [4.0, 0.0])
def test_a_fall_is_found_as_a_rise_is_and_words_have_one_direction(span: float) -> None:
    change = judge_change(rounds(*[[2, 3, 4, 5]] * 40, *[[1, 3, 4, 4]] * 10, span=span))
    assert change.evidence is not None
    assert change.evidence > ANCHOR_ALARM


def test_few_repeats_are_no_evidence() -> None:
    one = [[1.0]] * (LEAST_REPEATS + 1)
    assert judge_change(rounds(*one)) == JudgeChange(None, None, LEAST_REPEATS)
    assert judge_change(rounds(*one, [1.0])).evidence is not None
    empty = Repeated(np.zeros(0, np.int64), np.zeros(0), np.zeros(0), 4.0)
    assert judge_change(empty) == JudgeChange(None, None, 0)
    assert paired_shift(empty, 0).reason == "no_repeats"


def test_the_evidence_is_the_mean_of_both_directions() -> None:
    repeated = rounds(*[[2, 3, 4, 5]] * 30, [3, 2, 4, 5], [3, 3, 4, 5])
    moved = moves(repeated)[4:]
    weeks = np.full(len(moved), 1 / (7 * A_DAY))
    weeks[0] *= 4  # since the first judgment of all
    both = [
        np.exp(
            log_evidence_by_start(
                np.concatenate([[0.0], (moved != direction).astype(np.float64)]),
                np.concatenate([[0.0], np.ones(len(moved))]),
                weeks,
                least_reference=LEAST_REPEATS,
            )
        ).sum()
        for direction in (1, -1)
    ]
    assert judge_change(repeated).evidence == pytest.approx(sum(both) / 2)


def test_a_change_is_an_alarm_for_as_long_as_it_lasts() -> None:
    before, after = [[2, 3, 4, 5]] * 40, [[3, 4, 5, 5]] * 1200
    change = judge_change(rounds(*before, *after))
    assert change.evidence is not None
    assert change.evidence > ANCHOR_ALARM
    assert change.start is not None
    assert abs(change.start - 160) <= 4


def test_the_shift_is_paired_by_anchor() -> None:
    """Means before 1 and 3.5, after 2 and 3.5: differences 1 and 0, with pseudo-anchors +2 and -2."""
    repeated = rounds([1, 3], [1, 4], [2, 3], [2, 4])
    shift = paired_shift(repeated, 4)
    assert (shift.value, shift.anchors) == (0.5, 2)
    padded = np.array([1, 0, 2, -2])
    reach = student_t_quantile(0.975, 3) * math.sqrt(padded.var(ddof=1) / 4)
    assert shift.upper == pytest.approx(0.5 + reach)
    assert shift.lower == pytest.approx(0.5 - reach)


def test_the_first_judgment_of_an_anchor_always_counts_as_one_before() -> None:
    assert paired_shift(rounds([1, 3], [2, 3]), 0).value == 0.5
    assert paired_shift(rounds([1, 3], [2, 3]), 4).reason == "no_repeats"


def test_words_have_no_shift() -> None:
    shift = paired_shift(rounds([0, 1], [0, 0], span=0.0), 2)
    assert (shift.value, shift.reason, shift.anchors) == (None, "no_numbers", 2)


def test_a_shift_of_the_traffic_is_its_own_only_if_the_anchors_exclude_it() -> None:
    quiet = judge_change(rounds(*[[2, 3, 4, 5] * 10] * 4))
    narrow = paired_shift(rounds(*[[2, 3, 4, 5] * 10] * 4), 40)
    wide = paired_shift(rounds(*[[2, 3]] * 4), 2)
    assert anchor_verdict(quiet, narrow, STEADY) is AnchorVerdict.STEADY
    assert anchor_verdict(quiet, narrow, SHIFTED) is AnchorVerdict.TRAFFIC_CHANGED
    assert anchor_verdict(quiet, narrow, SHIFTED._replace(points=0.8)) is AnchorVerdict.TRAFFIC_CHANGED
    assert anchor_verdict(quiet, wide, SHIFTED) is AnchorVerdict.TOO_FEW
    assert anchor_verdict(quiet, wide, STEADY) is AnchorVerdict.STEADY


def test_a_changed_judge_is_the_verdict_whatever_the_traffic_does() -> None:
    change = JudgeChange(ANCHOR_ALARM, 100, 200)
    shift = paired_shift(rounds([1, 3], [2, 3]), 2)
    assert {anchor_verdict(change, shift, each) for each in (STEADY, SHIFTED)} == {AnchorVerdict.JUDGE_CHANGED}


def test_without_repeats_nothing_can_be_told() -> None:
    few = judge_change(rounds([1, 3], [2, 3]))
    shift = paired_shift(rounds([1, 3], [2, 3]), 2)
    assert anchor_verdict(few, shift, SHIFTED) is AnchorVerdict.TOO_FEW
    assert anchor_verdict(few, shift, STEADY) is AnchorVerdict.TOO_FEW
    quiet = judge_change(rounds(*[[2, 3, 4, 5] * 10] * 4))
    assert anchor_verdict(quiet, paired_shift(rounds([1, 3]), 0), STEADY) is AnchorVerdict.TOO_FEW


@pytest.mark.slow
@pytest.mark.parametrize("judge", JUDGES, ids=str)
def test_alarms_are_seldom_false_and_soon_true(judge: str) -> None:
    random = np.random.default_rng(7)
    weeks, judges = 12, 20
    quiet = [alarm_after(each, 0) for each in histories(judge, judges, 30, A_DAY, weeks, None, random)]
    assert np.isfinite(quiet).sum() / (judges * weeks) < 0.02
    changed = histories(judge, judges, 30, A_DAY, 7, 3, random)
    delays = np.array([alarm_after(each, 3 * 7 * A_DAY) for each in changed])
    assert np.median(delays) < 260
