"""The counts of a judge's pairs beside the baselines and a second person."""

from collections import Counter
from itertools import permutations

import pytest

from service.agreement.rival_fields import baseline_keys, judges_scores, rival_fields
from service.agreement.rivals import read_rivals
from tests.agreement.beside_baselines import beside
from tests.agreement.items import FIVE, PASS_FAIL, SERIES, WORDS, Item, counted, judged


def test_baselines_are_no_judges_and_are_found_beside_each_of_the_judges_models() -> None:
    scores = {
        name: judged(FIVE, value)
        for name, value in ((SERIES, 4), ("judge@1 openai/large x", 3), ("judge@1 ~length", 2), ("judge@1 ~overlap", 1))
    }
    assert list(judges_scores(scores)) == [SERIES, "judge@1 openai/large x"]
    assert baseline_keys(scores, SERIES) == baseline_keys(scores, "judge@1 openai/large x") == ["2", "1"]
    assert baseline_keys(scores, "other@1 openai/small") == []
    assert baseline_keys({SERIES: scores[SERIES]}, SERIES) == []


def test_an_item_without_known_baselines_has_people_alone() -> None:
    assert dict(rival_fields("r", ["4", "4", "2"], "3", [])) == {
        "rater\tr\t4\t3\t4": 2,
        "rater\tr\t4\t3\t2": 2,
        "rater\tr\t2\t3\t4": 2,
        "rater_items\tr\titems": 1,
        "rater_items\tr\tsquares": 36,
    }
    assert dict(rival_fields("r", ["4"], "3", [])) == {}


def test_the_tables_are_those_of_the_raw_values() -> None:
    items = [
        Item({"a": ("fail", "r"), "b": ("pass", "r")}, "fail"),
        Item({"a": ("pass", "r")}, "pass"),
        Item({"a": ("pass", "r"), "b": ("pass", "t")}, "fail"),
    ]
    length, overlap = ["pass", "pass", "fail"], ["fail", "fail", "fail"]
    counters = counted(beside(PASS_FAIL, items, length, overlap))
    found = read_rivals(PASS_FAIL, counters, "all")
    assert found.baselines["length"].judge.counts.tolist() == [[1, 0], [3, 1]]
    assert found.baselines["length"].rival.counts.tolist() == [[0, 1], [2, 2]]
    assert found.baselines["overlap"].rival.counts.tolist() == [[1, 0], [4, 0]]
    assert (found.baselines["length"].items, found.baselines["length"].effect) == (3, (4 + 1 + 4) / 5)
    assert found.person is not None
    pairs = Counter(pair for item in items for pair in permutations([value for value, _ in item.people.values()], 2))
    expected = [[pairs[one, other] for other in ("fail", "pass")] for one in ("fail", "pass")]
    assert found.person.rival.counts.tolist() == expected
    assert (found.person.items, found.person.effect) == (2, 2)
    random = read_rivals(PASS_FAIL, counters, "random")
    assert random.baselines["length"].judge.pairs == 4
    assert random.person is not None
    assert random.person.items == 1


def test_without_labels_there_is_nobody_to_compare_with() -> None:
    assert read_rivals(FIVE, {}, "random") == ({}, None)


@pytest.mark.parametrize(("labels", "has_rivals"), [(PASS_FAIL, True), (WORDS, False)])
def test_values_of_other_scales_are_compared_by_their_order_if_they_have_numbers(
    labels: object, has_rivals: bool
) -> None:
    human = "pass" if labels is PASS_FAIL else "A"
    fields = dict(rival_fields("r", [human], "4", ["2", "3"]))
    found = read_rivals(FIVE, fields, "random", labels)  # type: ignore[arg-type]
    assert bool(found.baselines) is has_rivals
    if has_rivals:
        assert found.baselines["length"].judge.values == (0, 1)
