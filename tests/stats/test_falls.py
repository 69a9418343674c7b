"""The detector of a fall of agreement: against its recursion, its guarantee, and few labels."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.stats.falls import FALL_ALARM, LEAST_REFERENCE, fall_evidence

WEEK = 168


def evidence(before: tuple[float, float], *buckets: tuple[float, float], weeks: float = 1 / WEEK) -> float:
    """Of (agreed, labels) before the buckets, and in each."""
    agreed, labels = np.array([before, *buckets], dtype=np.float64).T
    return float(fall_evidence(agreed, labels, np.full(len(buckets), weeks)))


def by_recursion(before: tuple[int, int], labels: list[bool]) -> float:
    """One label in each bucket: R <- (R + w)(1 + lambda (m - x)), with a bet of its own for each time of the fall."""
    agreed, total = before
    bets: list[tuple[float, float, float]] = []  # m, lambda, winnings
    for each in labels:
        usual = (agreed + 0.5) / (total + 1)
        z2, n = 0.75**2, total + 1
        least = (usual + z2 / (2 * n) - 0.75 * math.sqrt(usual * (1 - usual) / n + z2 / (4 * n**2))) / (1 + z2 / n)
        fallen = min(max(usual - 0.15, least / 2), least)
        if total >= LEAST_REFERENCE:
            bets.append((least, (least - fallen) / (least * (1 - least)), 1 / WEEK))
        bets = [(m, bet, won * (1 + bet * (m - each))) for m, bet, won in bets]
        agreed, total = agreed + each, total + 1
    return sum(won for _, _, won in bets)


@given(st.integers(0, 300), st.integers(0, 300), st.lists(st.booleans(), max_size=60))
def test_it_is_the_recursion(agreed: int, lost: int, labels: list[bool]) -> None:
    found = evidence((agreed, agreed + lost), *[(int(each), 1) for each in labels])
    assert found == pytest.approx(min(by_recursion((agreed, agreed + lost), labels), 1e6))


def test_a_fall_is_an_alarm_and_a_steady_agreement_or_a_rise_is_none() -> None:
    assert evidence((480, 600), *[(4, 5)] * 26) < 1
    assert evidence((480, 600), *[(5, 5)] * 26) < 0.1
    assert evidence((480, 600), *[(2, 5)] * 26) > FALL_ALARM


def test_it_does_not_forget_a_slow_fall() -> None:
    """Three labels a day, of which two agree, for seven weeks, after .8."""
    assert evidence((800, 1000), *[(2, 3)] * 50, weeks=1 / 7) > FALL_ALARM


def test_time_without_labels_is_no_evidence() -> None:
    assert evidence((480, 600), *[(0, 0)] * 1000) == 0


def test_few_labels_before_are_no_reference() -> None:
    assert evidence((80, LEAST_REFERENCE - 1), *[(0, 1)]) == 0
    assert evidence((80, LEAST_REFERENCE - 1), *[(0, 1)] * 20) > 1  # the first of them complete it


def test_no_single_label_is_an_alarm_even_of_a_judge_that_was_always_right() -> None:
    perfect = evidence((600, 600), *[(9, 9)] * 40, (0, 1), weeks=1 / 7)
    assert perfect < FALL_ALARM


def test_a_lower_end_allows_for_the_error_of_the_reference() -> None:
    """The same share in fewer labels is less evidence."""
    fallen = [(3, 5)] * 20
    assert evidence((96, 120), *fallen) < evidence((480, 600), *fallen) < evidence((4800, 6000), *fallen)


@pytest.mark.slow
def test_it_holds_for_a_known_agreement_however_often_one_looks() -> None:
    """Its mean is at most the time that passed, in weeks."""
    random, weeks, judges = np.random.default_rng(5), 6, 4000
    counts = random.poisson(9 / 24, (judges, weeks * WEEK)).astype(np.int64)
    agreed = random.binomial(counts, 0.8)
    known = 10**7
    first = np.array([[0.8 * known, known]] * judges)
    found = fall_evidence(
        np.column_stack([first[:, 0], agreed]), np.column_stack([first[:, 1], counts]), np.full(weeks * WEEK, 1 / WEEK)
    )
    assert found.mean() < weeks
    assert (found >= FALL_ALARM).mean() < weeks / FALL_ALARM
