"""Calibrations from counters are those of the items themselves."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.agreement.calibration import CalibrationSelection, JudgeCalibration, calibration_of
from service.agreement.coding import Coding
from service.agreement.contributions import CodedItem
from service.agreement.series import Series
from service.contracts.judges import JudgeRef
from service.contracts.refusals import Refused
from service.stats.calibration import HumanScale, calibrate
from service.stats.estimates import LabelledCells
from tests.agreement.items import ANY, FIVE, GRADES, PASS_FAIL, WORDS, Item, counted, items, rows_of, scored

few = settings(max_examples=30, deadline=None)
REF = JudgeRef(name="judge", version=1, digest="sha256:ab")
WORTH = {"fail": 0.0, "pass": 1.0, "good": 3.0, "poor": 1.0, "fair": 2.5}
CODINGS = st.sampled_from([FIVE, PASS_FAIL, GRADES]).flatmap(lambda each: st.tuples(st.just(each), items(each)))


def number(value: float | str) -> float:
    return WORTH[value] if isinstance(value, str) else float(value)


def found(
    coding: Coding,
    told: list[Item],
    selection: CalibrationSelection = "random",
    labels: Coding | None = None,
    score: float | None = None,
) -> JudgeCalibration:
    mine = Series(REF, "openai/small", "wit", coding, labels)
    rows = rows_of(coding, told) if labels is None else unlike_rows(coding, labels, told)
    seen = scored(coding, told if labels is None else [each._replace(people={}) for each in told])
    return calibration_of(mine, "all", counted(rows), seen, selection, score)


def unlike_rows(coding: Coding, labels: Coding, told: list[Item]) -> list[CodedItem]:
    by_people = rows_of(labels, [each._replace(judge=None, other=None) for each in told])
    by_judge = rows_of(coding, [each._replace(people={}) for each in told])
    return [CodedItem(labels=one.labels, scores=two.scores) for one, two in zip(by_people, by_judge, strict=True)]


@few
@given(CODINGS, st.sampled_from([1, 20]))
def test_one_mean_an_item_of_its_random_labels(some: tuple[Coding, list[Item]], times: int) -> None:
    coding, told = some
    told = [item._replace(doubt=0) for item in told] * times
    cells: Counter[tuple[float, float]] = Counter()
    for item in told:
        people = [number(value) for _, (value, how) in sorted(item.people.items()) if how in "rd"]
        if people and item.judge is not None:
            cells[sum(people) / len(people), number(item.judge)] += 1
    table = np.array([[*pair, count] for pair, count in cells.items()], dtype=np.float64).reshape(-1, 3)
    values = sorted(number(value) for value in coding.values or ())
    scale = HumanScale(values[0], values[-1], tuple(values))
    expected = calibrate(LabelledCells(*table.T), values, scale, is_like=True)
    one = found(coding, told)
    assert one.items == sum(cells.values())
    assert one.reason == expected.reason
    assert [number(row.judge) for row in one.rows] == values
    for row, point in zip(one.rows, expected.points, strict=True):
        assert row.items == point.items
        for mine, theirs in (
            (row.human.value, point.mean.value),
            (row.fitted, point.fitted),
            (row.item_lower, point.lower),
            (row.item_upper, point.upper),
        ):
            assert (mine is None) == (theirs is None)
            assert mine == pytest.approx(theirs, abs=1e-6)


def test_hand_picked_labels_count_only_if_asked_for() -> None:
    told = [Item({"ann": (4, "r")}, 5)] * 60 + [Item({"ann": (1, "t")}, 2)] * 40
    by_selection = {each: found(FIVE, told, each) for each in ("random", "targeted", "all")}
    assert {name: one.items for name, one in by_selection.items()} == {"random": 60, "targeted": 40, "all": 100}
    assert [row.fitted for row in by_selection["random"].rows] == [None, None, None, None, 4]
    assert by_selection["targeted"].reason == "few_labels"
    assert [row.fitted for row in by_selection["all"].rows] == pytest.approx([None, 1, 2, 3, 4])
    assert {name: one.item_reason for name, one in by_selection.items()} == {
        "random": None,
        "targeted": "few_labels",
        "all": "not_random",
    }


def test_items_that_the_queue_prefers_weigh_as_their_share_of_all_items() -> None:
    # Of 900 certain items 60 are labelled, of 100 doubtful ones 60: both at the judge's 4.
    told = [Item({"ann": (4, "r")}, 4)] * 60 + [Item({}, 4)] * 840
    told += [Item({"ann": (2, "d")}, 4, doubt=3)] * 60 + [Item({}, 4, doubt=3)] * 40
    one = found(FIVE, told)
    assert one.items == 120
    assert one.rows[3].fitted == pytest.approx(0.9 * 4 + 0.1 * 2)


def test_labels_of_several_annotators_weigh_as_their_item() -> None:
    told = [Item({"ann": (4, "t"), "b/ö": (2, "t")}, 5)] * 60
    one = found(FIVE, told, "targeted")
    assert one.items == 60
    assert one.rows[-1].fitted == pytest.approx(3)


def test_a_rating_beside_labels_of_pass_and_fail_gives_the_probability_of_a_pass() -> None:
    told = [
        Item({"ann": (("fail", "pass")[n % score == 0], "r")}, 6 - score) for score in range(1, 6) for n in range(20)
    ]
    one = found(FIVE, told, labels=PASS_FAIL)
    assert [row.fitted for row in one.rows] == pytest.approx([0.2, 0.25, 0.35, 0.5, 1])
    assert (one.error.before, one.error.before_reason) == (None, "different_scales")
    assert one.item_reason == "two_values"
    assert one.prevalence is None


def test_another_scale_is_mapped_to_that_of_the_labels() -> None:
    told = [Item({"ann": (1 + n % 5, "r")}, 2.0 * (n % 5) + n % 3 / 4) for n in range(100)]
    one = found(ANY, told, labels=FIVE, score=4.0)
    assert one.mapped is not None
    assert one.mapped.fitted == pytest.approx(3, abs=0.3)
    assert one.mapped.item_lower is not None
    outside = found(ANY, told, labels=FIVE, score=9.5).mapped
    assert outside is not None
    assert (outside.fitted, outside.item_lower, outside.reason) == (None, None, "outside_labelled_range")


def test_quotas_of_passes_and_fails_give_the_prevalence() -> None:
    told = [Item({"ann": ("pass", "t")}, ("pass", "fail")[n % 10 == 0]) for n in range(50)]
    told += [Item({"ann": ("fail", "t")}, ("fail", "pass")[n % 5 == 0]) for n in range(50)]
    told += [Item({}, "pass")] * 150 + [Item({}, "fail")] * 750
    one = found(PASS_FAIL, told, "targeted").prevalence
    # se .9, sp .8; the judge passes 45 + 10 + 150 of 1,000: (.205 + .8 - 1) / .7
    assert one is not None
    assert one.judge_rate == pytest.approx(0.205)
    assert one.value == pytest.approx(0.005 / 0.7)
    assert found(PASS_FAIL, told).prevalence is None


def test_the_prevalence_is_that_of_items_however_often_each_was_judged() -> None:
    told = [Item({"ann": (value, "t")}, value) for value in ("pass", "fail")] * 30
    seen = scored(PASS_FAIL, told)
    again = {name: 20 * count if name.startswith("score\tpass") else count for name, count in seen.items()}
    assert again != seen
    mine = Series(REF, "openai/small", "wit", PASS_FAIL, None)
    once, often = (
        calibration_of(mine, "all", counted(rows_of(PASS_FAIL, told)), each, "targeted").prevalence
        for each in (seen, again)
    )
    assert once is not None
    assert once == often
    assert once.judge_rate == 0.5


def test_words_without_numbers_have_no_calibration() -> None:
    with pytest.raises(Refused) as refused:
        found(WORDS, [Item({"ann": ("A", "r")}, "B")])
    assert [fault.pointer for fault in refused.value.faults] == ["/judge"]


def test_the_rows_of_words_are_words() -> None:
    one = found(PASS_FAIL, [Item({"ann": ("pass", "r")}, "pass")] * 50)
    assert [(row.judge, row.fitted) for row in one.rows] == [("fail", None), ("pass", 1)]
    assert [row.judge for row in found(GRADES, []).rows] == ["poor", "fair", "good"]


def test_nothing_is_known_without_labels() -> None:
    one = found(FIVE, [Item({}, 4)])
    assert (one.items, one.reason, one.item_reason) == (0, "no_labels", "no_labels")
    assert (one.error.before_reason, one.error.after_reason) == ("no_pairs", "no_pairs")
    assert defaultdict(int) == {row.judge: row.items for row in one.rows if row.items}
