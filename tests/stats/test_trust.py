"""Verdicts on a judge: each is a claim that its intervals show."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.stats.flags import Flag
from service.stats.intervals import Measure, measure
from service.stats.paired_difference import PairedDifference
from service.stats.table import Table
from service.stats.trust import (
    CHANCE_FLOOR,
    PEOPLE_MARGIN,
    WORST_FIRST,
    WORTH_A_MODEL,
    Rivalry,
    TrustVerdict,
    chance_flags,
    is_chance,
    leading_statistic,
    more_items_for,
    more_items_for_chance,
    more_items_for_people,
    trust_verdict,
)

VARIED = Table.from_counts(["fail", "pass"], [[20, 20], [20, 40]])
ENDS = st.tuples(*[st.floats(-1, 1)] * 3).map(sorted)


def measured(ends: list[float]) -> dict[str, Measure]:
    lower, value, upper = ends
    return {"cohen_kappa": Measure(value=value, lower=lower, upper=upper, reason=None)}


def rivalry(ends: list[float] | None, pairs: float = 100) -> Rivalry:
    if ends is None:
        return Rivalry(int(pairs), int(pairs), pairs, None)
    lower, value, upper = ends
    return Rivalry(int(pairs), int(pairs), pairs, PairedDifference(value, 0.0, value, lower, upper))


RIVALS = st.builds(rivalry, st.none() | ENDS, st.sampled_from([5, 29, 30, 400]))


@given(ENDS, st.sampled_from([0, 10, 29.9, 30, 500]), st.lists(RIVALS, max_size=2), st.none() | RIVALS)
def test_a_verdict_never_contradicts_its_intervals(
    own: list[float], pairs: float, baselines: list[Rivalry], people: Rivalry | None
) -> None:
    statistics = measured(own)
    verdict = trust_verdict(VARIED, statistics, pairs, baselines, people)
    lower, _, upper = own
    differences = [each.difference for each in baselines if each.difference is not None]
    if verdict is not TrustVerdict.TOO_FEW_LABELS:
        assert pairs >= 30
    assert (verdict is TrustVerdict.NOT_BETTER_THAN_CHANCE) == is_chance(VARIED, statistics, pairs)
    if verdict is TrustVerdict.NOT_BETTER_THAN_CHANCE:
        assert upper < CHANCE_FLOOR
    if verdict is TrustVerdict.NOT_BETTER_THAN_BASELINES:
        assert any(each.lower <= 0 and each.upper < WORTH_A_MODEL for each in differences)
    if verdict in (TrustVerdict.BETTER_THAN_BASELINES, TrustVerdict.AS_GOOD_AS_PEOPLE):
        assert lower > 0
        assert upper >= CHANCE_FLOOR
        assert len(differences) == len(baselines) > 0
        assert all(each.lower > 0 for each in differences)
        assert all(each.pairs >= 30 for each in baselines)
    if verdict is TrustVerdict.AS_GOOD_AS_PEOPLE:
        assert people is not None
        assert people.difference is not None
        assert people.difference.lower > -PEOPLE_MARGIN
        assert people.difference.upper >= 0


@given(RIVALS)
def test_a_decided_comparison_needs_no_more_labels_and_an_undecided_one_some(rival: Rivalry) -> None:
    decided = rival.is_ahead or rival.is_not_ahead
    assert not (rival.is_ahead and rival.is_not_ahead)
    assert not (rival.is_behind and rival.is_on_a_par)
    more = more_items_for(rival)
    assert (more is None) == decided
    assert more is None or more >= 1
    people = more_items_for_people(rival)
    assert people is None or people >= 1


@given(ENDS, st.sampled_from([0, 29, 30, 400]))
def test_more_labels_tell_a_judge_from_chance(own: list[float], pairs: float) -> None:
    [measure_] = measured(own).values()
    more = more_items_for_chance(measure_, pairs)
    assert (more is None) == (pairs >= 30 and (own[0] > 0 or own[2] < CHANCE_FLOOR))
    assert more is None or more >= 1


def test_the_number_of_labels_is_that_at_which_the_interval_would_exclude_the_limit() -> None:
    assert more_items_for(rivalry([-0.1, 0.1, 0.3])) == 300  # half the width: four times the 100 items
    assert more_items_for(rivalry([-0.2, 0.0, 0.2])) == 300  # nearer to showing that it is not ahead
    assert more_items_for(rivalry(None, 12)) == 18
    assert more_items_for_people(rivalry([-0.4, 0.0, 0.4])) == 300
    assert more_items_for_people(rivalry([-0.5, -0.3, 0.1])) is None  # more labels would only show that it is worse
    assert more_items_for_people(rivalry(None, 12)) == 18


def test_missing_evidence_is_no_evidence_of_chance() -> None:
    """Four of ten equal pairs, and a wide interval around nothing: neither says that the judge guesses."""
    few = Table.from_counts(["fail", "pass"], [[2, 3], [3, 2]])
    wide = Table.from_counts(["fail", "pass"], [[8, 9], [9, 10]])
    for table in (few, wide):
        found = measure(table)
        assert found["cohen_kappa"].lower is not None
        assert found["cohen_kappa"].lower < 0
        assert chance_flags(table, found) == []
        assert trust_verdict(table, found, table.pairs, [], None) is TrustVerdict.TOO_FEW_LABELS


@pytest.mark.parametrize(
    ("counts", "flags"),
    [
        ([[0, 40], [0, 60]], [Flag.NOT_BETTER_THAN_CHANCE]),  # it always says pass
        ([[0, 0], [40, 60]], []),  # people always do: that says nothing about the judge
        ([[0, 0], [0, 100]], []),
        ([[0, 2], [0, 98]], []),  # too few fails to tell
        ([[0, 9], [0, 991]], []),
        ([[0, 20], [0, 180]], [Flag.NOT_BETTER_THAN_CHANCE]),
    ],
)
def test_a_side_that_never_varies(counts: list[list[int]], flags: list[Flag]) -> None:
    for values in (["fail", "pass"], [1, 2]):
        table = Table.from_counts(values, counts)
        assert chance_flags(table, measure(table)) == flags


def test_the_statistic_that_decides() -> None:
    five = np.eye(5, dtype=np.int64) * 9 + 1
    assert (
        leading_statistic(Table.from_counts([1, 2, 3, 4, 5], five), measure(Table.from_counts([1, 2, 3, 4, 5], five)))
        == "spearman"
    )
    constant = Table.from_counts([1, 2, 3], [[0, 9, 0], [0, 9, 0], [0, 9, 0]])
    assert leading_statistic(constant, measure(constant)) == "cohen_kappa_quadratic"
    assert leading_statistic(VARIED, measure(VARIED)) == "cohen_kappa"
    assert leading_statistic(VARIED, {}) is None


def test_every_verdict_has_a_place_in_gauges() -> None:
    assert sorted(WORST_FIRST) == sorted(TrustVerdict)
