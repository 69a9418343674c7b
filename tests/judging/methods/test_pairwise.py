"""Method `pairwise`."""

from typing import Any

import pytest

from service.contracts.criteria import CriterionScale
from service.contracts.items import Item
from service.contracts.judges import Choice, Judge, Method
from service.judging.methods.base import TextMark
from service.judging.methods.pairwise import PairwiseMethod
from tests.judging.methods.asked import parsed

METHOD = PairwiseMethod()
PAIR = Item(outputs=["first", "second"])


def judge(**fields: Any) -> Judge:
    return Judge(criterion="wit", method=Method.PAIRWISE, instructions="?", **fields)


def test_a_pair_is_shown_in_both_orders_unless_one_is_asked_for() -> None:
    assert METHOD.orders(judge()) == ("AB", "BA")
    assert METHOD.orders(judge(orders="one")) == ("AB",)
    assert METHOD.shown(PAIR, "AB") == PAIR
    assert METHOD.shown(PAIR, "BA").outputs == ["second", "first"]


@pytest.mark.parametrize(("answer", "order", "label"), [("A", "AB", "A"), ("A", "BA", "B"), ("tie", "BA", "tie")])
def test_an_answer_is_turned_into_the_terms_of_the_item(answer: str, order: str, label: str) -> None:
    reading = METHOD.read(judge(), METHOD.shown(PAIR, order), f"[[{answer}]]", finish_reason=None, source="text")
    assert METHOD.in_item_terms(reading, PAIR, order).label == label


@pytest.mark.parametrize("count", [1, 3])
def test_a_pair_has_two_outputs(count: int) -> None:
    problem = ("/outputs", f"a pair has two outputs, not {count}")
    assert METHOD.item_problems(judge(), Item(outputs=["x"] * count)) == [problem]
    assert METHOD.item_problems(judge(), Item(output="x")) == [("/outputs", "the judge of wit needs this field")]


def test_the_values_are_a_tie_and_the_two() -> None:
    expected = CriterionScale(kind="labels", labels=["A", "tie", "B"], scores=[None] * 3)
    assert METHOD.criterion_scale(judge()) == expected
    assert METHOD.definition_problems(judge(choices=[Choice(label="C")]))[0][0] == "/choices/0/label"


@pytest.mark.parametrize(("a", "b", "label"), [(1, 2, "B"), (2, 1, "A"), (1, 1, "tie")])
def test_a_baseline_prefers_the_higher_number(a: float, b: float, label: str) -> None:
    assert METHOD.marked_texts(PAIR) == ["first", "second"]
    assert METHOD.baseline(judge(), [TextMark(0.5, a), TextMark(0.5, b)]) == {"label": label}


def test_texts_are_parsed_with_the_tags_of_pairs() -> None:
    assert parsed(Method.PAIRWISE, "[[A>>B]]").label == "A"


def test_a_template_must_be_filled_in_both_orders() -> None:
    own = judge(template="{{item.outputs[0]}}" * 9)
    pair = Item(outputs=["x", "x" * 1_000_000])
    [(pointer, problem)] = METHOD.item_problems(own, pair)
    assert (pointer, "longer than 6 MB" in problem) == ("", True)
    assert METHOD.item_problems(judge(template=own.template, orders="one"), pair) == []
    assert METHOD.item_problems(own, Item(output="x"))[0][1].startswith("the judge's template can't be filled")
