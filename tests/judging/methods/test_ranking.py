"""Method `ranking`."""

from typing import Any

import pytest

from service.contracts.items import Item
from service.contracts.judges import MOST_OUTPUTS, Choice, Judge, Method, Scale
from service.judging.combining import as_listed
from service.judging.methods.base import TextMark
from service.judging.methods.ranking import FEWEST_RANKED, RankingMethod
from tests.judging.methods.asked import parse_problems, parsed

METHOD = RankingMethod()
THREE = Item(outputs=["x", "y", "z"])


def judge(**fields: Any) -> Judge:
    return Judge(criterion="wit", method=Method.RANKING, instructions="?", **fields)


def test_outputs_are_shown_in_both_directions_and_read_in_terms_of_the_item() -> None:
    assert METHOD.orders(judge()) == ("forward", "backward")
    assert METHOD.orders(judge(orders="one")) == ("forward",)
    shown = METHOD.shown(THREE, "backward")
    assert shown.outputs == ["z", "y", "x"]
    reading = METHOD.read(judge(), shown, "Ranking: A > B = C", finish_reason=None, source="text")
    assert as_listed(METHOD.in_item_terms(reading, THREE, "backward").ranking) == [2, [0, 1]]


@pytest.mark.parametrize("count", [FEWEST_RANKED - 1, MOST_OUTPUTS + 1])
def test_too_few_or_too_many_outputs_are_refused(count: int) -> None:
    problem = ("/outputs", f"a ranking takes 2 to 20 outputs, not {count}")
    assert METHOD.item_problems(judge(), Item(outputs=["x"] * count)) == [problem]
    assert parse_problems(Method.RANKING, choices=[Choice(label=str(n)) for n in range(count)])[0][0] == "/choices"


def test_a_ranking_has_neither_a_scale_nor_choices_nor_values() -> None:
    places = [place for place, _ in METHOD.definition_problems(judge(scale=Scale(), choices=[Choice(label="a")]))]
    assert places == ["/scale", "/choices"]
    assert METHOD.criterion_scale(judge()) is None


def test_a_baseline_puts_equal_numbers_together() -> None:
    marks = [TextMark(0, number) for number in (1, 3, 1, 2)]
    assert METHOD.baseline(judge(), marks) == {"ranking": ["B", "D", ["A", "C"]]}


def test_texts_are_parsed_by_the_number_of_choices() -> None:
    choices = [Choice(label=label) for label in "xyz"]
    assert parsed(Method.RANKING, "Ranking: C > A > B", choices=choices).ranking == ((2,), (0,), (1,))
