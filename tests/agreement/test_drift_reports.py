"""Drift between two windows, from counters."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.agreement.coding import Coding
from service.agreement.drift_reports import LabelHistory, drift, fall_of_agreement
from service.stats.drift import CUSUM_ALARM, cusum, psi, score_shift
from service.stats.falls import FALL_ALARM, fall_evidence
from service.store.agreement_counters import sum_fields
from tests.agreement.items import ANY, FIVE, GRADES, WORDS, Drawn, Item, Value, counted, rows_of


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
    reference = labelled(coding, 480, 120)
    steady = drift(coding, {}, {}, [labelled(coding, 8, 2)] * 10, reference).cusum
    fallen = drift(coding, {}, {}, [labelled(coding, 5, 5)] * 10, reference).cusum
    assert steady == 0
    assert fallen is not None
    assert fallen > CUSUM_ALARM
    assert fallen == pytest.approx(cusum([(5, 10)] * 10, 0.8))


def test_a_usual_agreement_is_known_from_600_pairs_on() -> None:
    assert drift(FIVE, {}, {}, [], labelled(FIVE, 400, 199)).cusum is None
    assert drift(FIVE, {}, {}, [], labelled(FIVE, 400, 200)).cusum == 0


def history(coding: Coding, before: tuple[int, int], *hours: tuple[int, int]) -> LabelHistory:
    """Of agreed and lost labels: two days and then the hours."""
    days = [labelled(coding, before[0] // 2, before[1] // 2)] * 2
    recent = [labelled(coding, *each) for each in hours]
    return LabelHistory(sum_fields([*days, *recent]), [*days, {}], [*recent, {}])


@pytest.mark.parametrize("coding", [FIVE, WORDS, ANY])
def test_a_fall_has_evidence_and_targeted_labels_do_not_count(coding: Coding) -> None:
    steady = fall_of_agreement(coding, history(coding, (480, 120), *[(8, 2)] * 10))
    fallen = fall_of_agreement(coding, history(coding, (480, 120), *[(5, 5)] * 10))
    assert steady is not None
    assert fallen is not None
    assert steady < 1
    assert fallen > FALL_ALARM
    agreed, labels = np.array([[0, 240, 240, 0, *[5] * 10, 0], [0, 300, 300, 0, *[10] * 10, 0]], dtype=np.float64)
    assert fallen == pytest.approx(float(fall_evidence(agreed, labels, np.array([1 / 7] * 3 + [1 / 168] * 11))))


def test_evidence_needs_labels_before_the_fall() -> None:
    assert fall_of_agreement(FIVE, history(FIVE, (160, 40), (0, 50))) is not None
    assert fall_of_agreement(FIVE, LabelHistory({}, [], [labelled(FIVE, 900, 99)])) is None


def test_labels_of_the_same_items_are_no_more_evidence_than_one_each() -> None:
    many: Mapping[str, tuple[Value, Drawn]] = {"d": (1, "r"), "ann": (1, "r"), "b/ö": (1, "r"), "c d%": (1, "r")}
    past = counted(rows_of(FIVE, [Item({"d": (1, "r")}, 1)] * 240 + [Item({"d": (1, "r")}, 5)] * 60))

    def evidence(people: Mapping[str, tuple[Value, Drawn]]) -> float | None:
        hour = counted(rows_of(FIVE, [Item(people, 5)] * 8 + [Item(people, 1)] * 2))
        return fall_of_agreement(FIVE, LabelHistory(sum_fields([past, hour]), [past], [hour]))

    assert evidence(many) == pytest.approx(evidence({"d": (1, "r")}))


def test_every_label_of_the_past_may_be_of_an_item_with_several() -> None:
    one: Mapping[str, tuple[Value, Drawn]] = {"d": (1, "r")}
    several: Mapping[str, tuple[Value, Drawn]] = {"d": (1, "r"), "ann": (1, "r")}
    past = counted(rows_of(FIVE, [Item(one, 1)] * 600))
    hour = counted(rows_of(FIVE, [Item(one, 1)] * 50 + [Item(several, 1)] * 20))
    assert (fall_of_agreement(FIVE, LabelHistory(sum_fields([past, hour]), [past], [hour])) or 0) < FALL_ALARM


def test_a_mean_of_a_panel_agrees_with_the_nearest_level() -> None:
    told = [Item({"d": (4, "r")}, 11 / 3)] * 600
    near = counted(rows_of(FIVE, told))
    assert drift(FIVE, {}, {}, [near], near).cusum == 0
    far = counted(rows_of(FIVE, [Item({"d": (3, "r")}, 11 / 3)] * 40))
    assert (drift(FIVE, {}, {}, [far], near).cusum or 0) > CUSUM_ALARM
