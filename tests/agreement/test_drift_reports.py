"""Drift between two windows, from counters."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.agreement.coding import Coding
from service.agreement.reports import drift
from service.stats.drift import CUSUM_ALARM, cusum, psi, score_shift
from tests.agreement.items import ANY, FIVE, GRADES, WORDS, Item, counted, rows_of


def scores(counts: dict[str, int], length: int = 3) -> dict[str, int]:
    return {f"score\t{key}\t{length}": count for key, count in counts.items()}


def labelled(coding: Coding, agreed: int, lost: int) -> dict[str, int]:
    one, other = (coding.values or (1, 5))[0], (coding.values or (1, 5))[-1]
    told = [Item({"d": (one, "r"), "ann": (one, "t")}, one)] * agreed + [Item({"d": (one, "r")}, other)] * lost
    return counted(rows_of(coding, told))


@given(st.lists(st.booleans(), max_size=60), st.floats(0.3, 0.95))
def test_groups_of_one_are_labels_one_by_one(agreed: list[bool], usual: float) -> None:
    one_by_one = cusum(((int(each), 1) for each in agreed), usual)
    assert cusum([(sum(agreed), len(agreed))], usual) <= one_by_one + 1e-9


def test_scores_are_compared_as_histograms_whatever_their_lengths() -> None:
    before, now = scores({"4": 40, "5": 60}), Counter(scores({"3": 20, "4": 20})) + Counter(scores({"4": 10}, 7))
    found = drift(FIVE, before, now, [], {})
    histograms = np.array([0, 0, 0, 40, 60]), np.array([0, 0, 20, 30, 0])
    assert found.score_shift == score_shift(*histograms, (1, 2, 3, 4, 5))
    assert found.psi == psi(*histograms)
    assert found.cusum is None


def test_a_shift_is_measured_against_the_whole_scale_even_where_few_values_were_said() -> None:
    """Of 0 to 10, from 5 to 5.2 for sure, is a fiftieth: no drift, though it is all that was ever said."""
    found = drift(ANY, scores({"5": 500, "5.2": 1}), scores({"5.2": 500, "5": 1}), [], {})
    assert found.score_shift.points == pytest.approx(0.2, abs=0.01)
    assert not found.score_shift.drifted


def test_many_values_are_compared_in_bins_so_that_the_critical_value_holds_and_a_change_is_seen() -> None:
    """Of 300 values with two or three scores each no change would ever be seen."""
    random = np.random.default_rng(3)

    def ratio(lowest: float) -> float:
        before, now = random.uniform(2, 8, 400), random.uniform(lowest, 8, 200)
        one, other = (
            scores(dict(Counter(f"{0.02 * round(50 * each):.10g}" for each in side))) for side in (before, now)
        )
        return drift(ANY, one, other, [], {}).psi.ratio or 0

    assert np.mean([ratio(2) > 1 for _ in range(100)]) <= 0.05  # .01 is meant
    assert np.mean([ratio(4) > 1 for _ in range(20)]) == 1


def test_labels_without_numbers_have_a_psi_and_no_shift() -> None:
    found = drift(WORDS, scores({"A": 60, "B": 40}), scores({"A": 10, "B": 90}), [], {})
    assert (found.score_shift.z, found.score_shift.reason) == (None, "no_numbers")
    assert (found.psi.ratio or 0) > 1
    graded = drift(GRADES, scores({"good": 60, "poor": 40}), scores({"good": 10, "poor": 90}), [], {})
    assert graded.score_shift.points == pytest.approx((0.3 + 0.9) - (1.8 + 0.4))


@pytest.mark.parametrize("coding", [FIVE, WORDS, ANY])
def test_a_fall_of_agreement_alarms_and_targeted_labels_do_not_count(coding: Coding) -> None:
    reference = labelled(coding, 80, 20)
    steady = drift(coding, {}, {}, [labelled(coding, 8, 2)] * 10, reference).cusum
    fallen = drift(coding, {}, {}, [labelled(coding, 5, 5)] * 10, reference).cusum
    assert steady == 0
    assert fallen is not None
    assert fallen > CUSUM_ALARM
    assert fallen == pytest.approx(cusum([(5, 10)] * 10, 0.8))


def test_the_usual_agreement_needs_thirty_pairs() -> None:
    assert drift(FIVE, {}, {}, [], labelled(FIVE, 20, 9)).cusum is None
    assert drift(FIVE, {}, {}, [], labelled(FIVE, 20, 10)).cusum == 0


def test_a_mean_of_a_panel_agrees_with_the_nearest_level() -> None:
    told = [Item({"d": (4, "r")}, 11 / 3)] * 40
    near = counted(rows_of(FIVE, told))
    assert drift(FIVE, {}, {}, [near], near).cusum == 0
    far = counted(rows_of(FIVE, [Item({"d": (3, "r")}, 11 / 3)] * 40))
    assert (drift(FIVE, {}, {}, [far], near).cusum or 0) > CUSUM_ALARM
