"""The trust in a judge, in sentences that are true."""

import re
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.agreement.coding import Coding
from service.agreement.contributions import CodedItem
from service.agreement.reports import Agreement, agreement
from service.agreement.trust import LabelSupply, Trust, number_text
from tests.agreement.beside_baselines import beside, simulated_beside
from tests.agreement.items import ANY, FIVE, PASS_FAIL, STEPPED, WORDS, Item, Value, counted, items, rows_of


def reported(coding: Coding, rows: list[CodedItem], model: str = "openai/small") -> Agreement:
    return agreement(coding, counted(rows), {}, counted(rows, "ceiling", ""), "random", model=model)


def trust(coding: Coding, rows: list[CodedItem], model: str = "openai/small") -> Trust:
    return reported(coding, rows, model).trust


def said(coding: Coding, human: Sequence[Value], judge: Sequence[Value]) -> list[CodedItem]:
    told = [Item({"ann": (one, "r")}, other) for one, other in zip(human, judge, strict=True)]
    return rows_of(coding, told)


SOME = st.sampled_from([*STEPPED, ANY]).flatmap(lambda coding: st.tuples(st.just(coding), items(coding, 40)))


@settings(max_examples=60, deadline=None)
@given(SOME, st.booleans(), st.sampled_from(["openai/small", "control/length"]))
def test_whatever_there_is_the_sentences_are_whole_and_go_with_the_verdict(
    some: tuple[Coding, list[Item]], are_known: bool, model: str
) -> None:
    coding, told = some
    values = [value for item in told for value in (item.judge, item.other) if value is not None]
    rows = rows_of(coding, told)
    if are_known and values:
        rows = beside(coding, told, (values * 40)[: len(told)], (values[::-1] * 40)[: len(told)])
    found = reported(coding, rows, model)
    sentences = found.trust.because
    assert sentences
    for each in sentences:
        assert re.fullmatch(r"[A-Z0-9].*[.]", each), each
        assert not re.search(r"nan|inf\b|None|-0\.00|\{|[.] [a-z]", each), each
    assert found.trust.more_labels is None or found.trust.more_labels > 0
    assert ("not_better_than_chance" in found.flags) == (found.trust.verdict == "not_better_than_chance")
    if found.pairs < 30:
        assert found.trust.verdict == "too_few_labels"
    assert ("control/length" in found.baselines) <= (model != "control/length")
    assert found.without_baselines == (0 if found.baselines else found.pairs)


def test_a_judge_of_fails_says_how_many_it_caught() -> None:
    human = ["fail"] * 41 + ["pass"] * 159
    judge = ["fail"] * 29 + ["pass"] * 12 + ["fail"] * 12 + ["pass"] * 147
    assert trust(PASS_FAIL, said(PASS_FAIL, human, judge)).because[0] == (
        "Of the 41 fails that people saw, it caught 29 (71%, 56% to 82%); "
        "of the 159 passes, it failed 12 (8%, 4% to 13%)."
    )
    two = [Item({"a": ("fail", "r"), "b": ("pass", "r")}, "fail")] * 2
    first = trust(PASS_FAIL, rows_of(PASS_FAIL, two)).because[0]
    assert first.startswith("Of the 2 labels that say fail, it caught 2")
    assert "; of the 2 labels that say pass, it failed 2" in first


def test_an_end_next_to_zero_is_zero() -> None:
    human, judge = [1, 2, 3, 4, 5] * 2000, [1, 2, 3, 4, 5] * 1999 + [1, 2, 3, 4, 4]
    first = trust(FIVE, said(FIVE, human, judge)).because[0]
    assert first.endswith("it is neither clearly higher nor clearly lower than people (0 to 0 points).")


def test_a_scale_says_how_near_its_scores_are() -> None:
    [first, *_] = trust(FIVE, said(FIVE, [1, 2, 3, 4, 5] * 8, [2, 3, 4, 5, 5] * 8)).because
    assert first == (
        "100% of people's 40 labels are within one point of its score (91% to 100%); "
        "on average it is 0.8 points higher than people."
    )
    [first, *_] = trust(ANY, said(ANY, [1.5, 2.5, 9.0], [1.0, 3.0, 9.0])).because
    assert first.startswith("Its scores and people's labels are 0.33 points apart on average")
    [first, *_] = trust(WORDS, said(WORDS, ["A", "B", "tie"], ["A", "A", "tie"])).because
    assert first == "It gives people's answer for 2 of 3 labels (67%, 21% to 94%)."


def test_few_items_of_two_people_say_nothing_of_people_whatever_the_interval() -> None:
    told = [Item({"a": (level, "r"), "b": (level, "r")}, 6 - level) for level in [1, 2, 3, 4, 5] * 4]
    because = trust(FIVE, rows_of(FIVE, told)).because
    assert "Whether it is as good as a second person can't be told from 20 items that two people labelled." in because


def test_one_label_and_none() -> None:
    none = trust(FIVE, [])
    assert none.because[0] == "Nothing to compare yet: no item has both a score by the judge and a label by people."
    assert none.because[1:] == [
        "It scored nothing in this time: judge some items (POST /v1/jobs) and label at least 30."
    ]
    assert (none.verdict, none.more_labels) == ("too_few_labels", 30)
    one = trust(FIVE, said(FIVE, [4], [3]))
    assert one.because[:2] == [
        "Its scores and people's labels are 1 point apart on average.",
        "Whether it is better than chance, or than the baselines, can't be told from 1 labelled item.",
    ]
    assert one.more_labels == 29


QUEUE = "the page /label, judged label and GET /v1/labels/queue have the next ones"
SCORED = {"outcome\tscored\t": 40}


def test_labels_of_earlier_texts_are_told_of() -> None:
    found = agreement(FIVE, {}, SCORED, {}, "random", supply=LabelSupply(waiting=40, earlier=40)).trust
    assert found.because == [
        "Nothing to compare yet: none of the texts that the judge scored has a label by people.",
        "40 labels belong to earlier texts of their items, and say nothing about the newest ones.",
        f"Label at least 30 of the items that it judged: {QUEUE}.",
    ]
    one = agreement(FIVE, {}, SCORED, {}, "random", supply=LabelSupply(waiting=1, earlier=1)).trust
    assert one.because[1] == "1 label belongs to an earlier text of its item, and says nothing about the newest one."


def test_labels_of_another_selection_are_told_of() -> None:
    rows = rows_of(FIVE, [Item({"ann": (3, "t")}, 4)] * 3)
    found = agreement(FIVE, counted(rows), SCORED, {}, "random").trust
    assert found.because[0] == "Nothing to compare yet: the 3 labels of its items are not of this selection."


def test_if_no_item_waits_for_a_label_more_are_to_be_judged_first() -> None:
    def last(rows: list[CodedItem], waiting: int) -> str:
        supply = LabelSupply(waiting=waiting)
        return agreement(PASS_FAIL, counted(rows), SCORED, {}, "random", supply=supply).trust.because[-1]

    first = "judge more items first (POST /v1/jobs): all that are judged have labels."
    assert last([], 0) == f"To label at least 30 items that it judged, {first}"
    assert last(said(PASS_FAIL, ["fail", "pass"] * 5, ["fail", "pass"] * 5), 0).endswith(f"tell little. J{first[1:]}")
    rows = simulated_beside(PASS_FAIL, 60, judge=0.6, baseline=0.45)
    assert last(rows, 0).endswith(f"; {first}")
    assert last(rows, 1).endswith("have the next ones, but only 1 waits: judge more items too.")
    assert last(rows, 10**6).endswith(f": {QUEUE}.")


def test_the_sentence_has_the_number_of_more_labels() -> None:
    found = trust(PASS_FAIL, simulated_beside(PASS_FAIL, 60, judge=0.6, baseline=0.45))
    assert found.more_labels is not None
    assert f"Label about {found.more_labels:,} more items" in found.because[-1]


def test_a_constant_judge_and_constant_people_are_two_things() -> None:
    judge = trust(PASS_FAIL, said(PASS_FAIL, ["fail"] * 40 + ["pass"] * 60, ["pass"] * 100))
    assert judge.verdict == "not_better_than_chance"
    assert judge.because[1] == "It gave every item the same value (pass), which tells nothing about an item."
    assert judge.because[-1].startswith("Do not use its scores.")
    people = trust(PASS_FAIL, said(PASS_FAIL, ["pass"] * 100, ["fail"] * 40 + ["pass"] * 60))
    assert (people.verdict, people.more_labels) == ("too_few_labels", None)
    assert people.because == [
        "People saw no fail in 100 labels, so that nobody can tell whether it catches one.",
        "People gave every item the same value (pass): such labels can't tell a good judge from a bad one.",
        "No item has labels by two people, so that nobody knows how far people agree with each other.",
        "Label items of which you expect another value: until then no number of labels decides.",
    ]


def test_a_constant_judge_of_a_scale_is_told_by_the_weighted_kappa() -> None:
    judge = trust(FIVE, said(FIVE, [1, 2, 3, 4, 5] * 20, [3] * 100))
    assert "Cohen's kappa with quadratic weights is 0.00" in judge.because[2]


@pytest.mark.parametrize(("size", "wanted"), [(40, "these 40 items too"), (60, "about 50 of the labelled items")])
def test_a_second_person_is_asked_for_no_more_items_than_are_labelled(size: int, wanted: str) -> None:
    found = trust(FIVE, simulated_beside(FIVE, size, judge=1.0, people=(1.0,)))
    assert found.because[-1] == f"Let a second person label {wanted}, to compare it with people themselves."


TWO_GOOD_PEOPLE = (0.95, 0.95)


@pytest.mark.parametrize(
    ("rows", "verdict", "sentence"),
    [
        ({"size": 300, "judge": 0.7}, "better_than_baselines", "It beats text length by 0."),
        ({"size": 600, "judge": 0.5, "baseline": 0.6}, "not_better_than_baselines", "It does not beat text length by"),
        ({"size": 60, "judge": 0.6, "baseline": 0.45}, "too_few_labels", "Whether it beats text length is not known"),
        ({"size": 300, "judge": 0.0}, "not_better_than_chance", "It is hardly better than chance, if at all"),
        ({"size": 500, "judge": 0.95, "people": TWO_GOOD_PEOPLE}, "as_good_as_people", "It agrees with a person about"),
        (
            {"size": 500, "judge": 0.6, "people": TWO_GOOD_PEOPLE},
            "better_than_baselines",
            "People agree with each other",
        ),
        ({"size": 60, "judge": 0.75, "people": (0.9, 0.9)}, "better_than_baselines", "Let two people label about"),
        (
            {"size": 42, "judge": 0.9, "people": (0.85, 0.9)},
            "better_than_baselines",
            "Let two people label about 1 more item to",
        ),
    ],
)
def test_the_reasons_of_a_verdict(rows: dict[str, object], verdict: str, sentence: str) -> None:
    found = trust(PASS_FAIL, simulated_beside(PASS_FAIL, **rows))  # type: ignore[arg-type]
    assert (found.verdict, [each for each in found.because if each.startswith(sentence)] != []) == (verdict, True), (
        found
    )


@pytest.mark.parametrize(
    ("judge", "verdict", "step"),
    [
        (0.95, "as_good_as_people", "Use its scores. Label some new items from time to time"),
        (0.6, "better_than_baselines", "To come closer to people, read the items on which it differs most"),
    ],
)
def test_the_last_reason_is_a_step_also_if_no_label_is_wanted(judge: float, verdict: str, step: str) -> None:
    found = trust(PASS_FAIL, simulated_beside(PASS_FAIL, 500, judge=judge, people=TWO_GOOD_PEOPLE))
    assert (found.verdict, found.because[-1][: len(step)]) == (verdict, step)


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0, "0.00"), (-0.004, "-0.004"), (0.0004, "0.00"), (0.0051, "0.01"), (-0.26, "-0.26")]
)
def test_a_number_beside_0_is_told_from_it(value: float, shown: str) -> None:
    assert number_text(value) == shown


def test_items_without_texts_are_left_out_of_the_comparison_and_counted() -> None:
    known = simulated_beside(PASS_FAIL, 100, judge=0.8)
    found = reported(PASS_FAIL, [*known, *said(PASS_FAIL, ["fail", "pass"] * 6, ["fail", "pass"] * 6)])
    assert (found.pairs, found.without_baselines) == (112, 12)
    assert "12 labels of items whose texts are not stored are left out of this comparison." in found.trust.because
    gone = trust(PASS_FAIL, said(PASS_FAIL, ["fail", "pass"] * 40, ["fail", "pass"] * 40))
    assert gone.verdict == "too_few_labels"
    assert gone.because[2].startswith("It can't be compared with text length and word overlap")
    assert gone.because[-1].startswith("Judge the labelled items again")


def test_the_baselines_have_the_judges_statistics() -> None:
    found = reported(FIVE, simulated_beside(FIVE, 100, judge=0.8, baseline=0.3))
    assert found.baselines.keys() == {"control/length", "control/overlap"}
    for statistics in found.baselines.values():
        assert statistics.keys() == found.statistics.keys()
        assert statistics["spearman"].lower is not None


def test_a_baseline_is_told_to_be_one() -> None:
    found = trust(PASS_FAIL, simulated_beside(PASS_FAIL, 300, judge=0.8), "control/length")
    assert found.verdict is None
    assert "It is itself the baseline text length, no language model: it shows the least that a judge must beat." in (
        found.because
    )
