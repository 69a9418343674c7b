"""Estimates from counters are those of the raw items."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.agreement.coding import Coding
from service.agreement.counters import Labelled, read_labelled
from service.agreement.estimates import estimate_of, strata_of, summed_tables
from service.stats.estimates import Tables, estimate
from service.stats.strata import merged_levels
from tests.agreement.items import ANY, FIVE, GRADES, PASS_FAIL, WORDS, ZERO_ONE, Item, counted, items, rows_of, scored

few = settings(max_examples=30, deadline=None)
WORTH = {"fail": 0.0, "pass": 1.0, "good": 3.0, "poor": 1.0, "fair": 2.5}
NUMBERED = st.sampled_from([FIVE, ZERO_ONE, PASS_FAIL, GRADES]).flatmap(
    lambda coding: st.tuples(st.just(coding), items(coding))
)


def number(value: float | str) -> float:
    return WORTH[value] if isinstance(value, str) else float(value)


def by_hand(told: list[Item], scale: list[float]) -> list[Tables]:
    """One table for each stratum. Judges on the scale's own values."""
    labelled: Counter[tuple[int, float, int]] = Counter()
    rest: Counter[tuple[int, int]] = Counter()
    for item in told:
        if item.judge is None:
            continue
        judge = scale.index(number(item.judge))
        people = [number(value) for _, (value, how) in sorted(item.people.items()) if how in "rd"]
        if people:
            labelled[item.doubt, sum(people) / len(people), judge] += 1
        else:
            rest[item.doubt, judge] += 1
    values = sorted({mean for _, mean, _ in labelled})
    levels = sorted({level for level, _, _ in labelled} | {level for level, _ in rest})
    groups = merged_levels(
        {level: sum(n for (of, *_), n in labelled.items() if of == level) for level in levels}, levels
    )
    return [
        Tables(
            np.array(
                [
                    [sum(labelled[level, mean, judge] for level in group) for judge in range(len(scale))]
                    for mean in values
                ],
                dtype=np.int64,
            ).reshape(len(values), len(scale)),
            np.array([sum(rest[level, judge] for level in group) for judge in range(len(scale))]),
            values,
            scale,
        )
        for group in groups or [[]]
    ]


@few
@given(NUMBERED, st.sampled_from([1, 12]))
def test_estimates_are_those_of_the_items(some: tuple[Coding, list[Item]], times: int) -> None:
    coding, told = some
    told = told * times
    scale = sorted(number(value) for value in coding.values or ())
    strata = by_hand(told, scale)
    expected = estimate(summed_tables(strata), scale, pass_fail=coding is PASS_FAIL, strata=strata)
    found = estimate_of(coding, counted(rows_of(coding, told)), scored(coding, told))
    assert (found.method, found.reason, found.labels) == (expected.method, expected.reason, expected.labels)
    assert found.unlabelled == expected.unlabelled
    for one, other in (
        (found.judge_mean, expected.judge_mean),
        (found.corrected_mean, expected.corrected_mean),
    ):
        for name in ("value", "lower", "upper"):
            mine, theirs = getattr(one, name), getattr(other, name)
            assert mine == (None if theirs is None else pytest.approx(theirs, abs=1e-9))


def test_a_scale_without_steps_is_corrected_too_and_is_not_two_valued() -> None:
    random = np.random.default_rng(1)
    judged = random.uniform(3, 9, 400)
    people = np.clip(judged - 1 + 0.5 * random.standard_normal(400), 0, 10)
    told = [
        Item({"d": (float(people[row]), "r")} if row < 100 else {}, float(score)) for row, score in enumerate(judged)
    ]
    found = estimate_of(ANY, counted(rows_of(ANY, told)), scored(ANY, told))
    assert (found.method, found.labels, found.unlabelled) == ("ppi++", 100, 300)
    assert found.judge_mean.value == pytest.approx(judged.mean(), abs=0.01)
    assert found.corrected_mean.value == pytest.approx(people.mean(), abs=0.2)
    assert (found.labels_worth.factor or 0) > 2


def test_labels_without_numbers_have_no_mean() -> None:
    with pytest.raises(ValueError, match="no scores"):
        estimate_of(WORDS, {}, {})


def test_without_anything_there_is_nothing_to_average() -> None:
    for coding in (FIVE, PASS_FAIL, ANY):
        found = estimate_of(coding, {}, {})
        assert (found.judge_mean.value, found.corrected_mean.value, found.reason) == (None, None, "no_labels")


def test_means_too_many_for_a_table_are_put_together_and_their_mean_stays() -> None:
    random = np.random.default_rng(2)
    means = {(float(mean), "5"): 1 for mean in random.uniform(0, 10, 3000)}
    [tables] = strata_of(ANY, {0: Labelled(means, {"5": 2})})
    assert len(tables.human_values) <= 400
    assert tables.labelled.sum() == 3000
    kept = tables.labelled.sum(axis=1)
    assert kept @ np.array(tables.human_values) == pytest.approx(math.fsum(mean for mean, _ in means))


def test_what_is_read_is_what_was_counted() -> None:
    agreed = {"mean\t3.5\t4": 2, "mean\t3.5\t4\t2": 5, "item\tr": 2, "annotator\tr\tann": 5, "annotator\td\tann": 2}
    seen = {"rest\t4": 7, "rest\t5\t3": 1, "score\t4\t3": 9}
    assert read_labelled(agreed, seen) == {
        0: ({(3.5, "4"): 2}, {"4": 7}),
        2: ({(3.5, "4"): 5}, {}),
        3: ({}, {"5": 1}),
    }
    at_random = agreed | {"annotator\td\tann": 0}
    assert read_labelled(at_random, seen) == {0: ({(3.5, "4"): 7}, {"4": 7, "5": 1})}
