"""Method `rating`."""

from typing import Any

import pytest

from service.contracts.criteria import CriterionScale
from service.contracts.items import Item
from service.contracts.judges import Choice, Judge, Method, Scale
from service.judging.methods.base import TextMark
from service.judging.methods.rating import RatingMethod
from tests.judging.methods.asked import parse_problems, parsed

METHOD = RatingMethod()
HALVES = Scale(min=0, max=2, step=0.5)


def judge(**fields: Any) -> Judge:
    return Judge(criterion="wit", method=Method.RATING, instructions="?", **fields)


def test_a_judge_without_a_scale_rates_from_1_to_5() -> None:
    assert METHOD.criterion_scale(judge()) == CriterionScale(kind="numbers", min=1, max=5, step=1)
    assert METHOD.logprobs_scale(judge()) == Scale(min=1, max=5)


def test_a_rating_has_a_scale_and_no_choices() -> None:
    assert METHOD.definition_problems(judge(choices=[Choice(label="a")]))[0][0] == "/choices"
    assert METHOD.definition_problems(judge(scale=Scale(min=3, max=1))) == [("/scale/max", "must be greater than min")]
    assert METHOD.definition_problems(judge(scale=HALVES)) == []


@pytest.mark.parametrize(
    ("scale", "share", "score"),
    [
        (None, 0, 1),
        (None, 0.5, 3),
        (None, 1, 5),
        (HALVES, 0.3, 0.5),
        (Scale(min=0, max=1, step=None), 0.123, 0.12),
    ],
)
def test_a_baseline_scores_by_the_share_of_the_scale(scale: Scale | None, share: float, score: float) -> None:
    assert METHOD.baseline(judge(scale=scale), [TextMark(share, 7)]) == {"score": score}


def test_one_text_is_marked() -> None:
    assert METHOD.marked_texts(Item(output="x")) == ["x"]
    assert METHOD.marked_texts(Item()) == [""]


def test_texts_are_parsed_on_the_scale_of_the_request() -> None:
    assert parsed(Method.RATING, "Score: 1.5", scale=HALVES).score == 1.5
    assert parsed(Method.RATING, "Score: 4").score == 4
    assert parsed(Method.RATING, "grade: 3", answer_key="grade").score == 3
    assert parse_problems(Method.RATING) == []
    assert parse_problems(Method.RATING, scale=Scale(min=3, max=1))[0][0] == "/scale/max"


def test_each_text_that_a_template_lacks_is_named_at_its_place() -> None:
    own = judge(template="{{item.output}} {{item.context}} {{item.reference}} {{item.metadata.app}}")
    problems = METHOD.item_problems(own, Item(output="x"))
    assert [pointer for pointer, _ in problems] == ["/context", "/reference", "/metadata/app"]
    assert METHOD.item_problems(own, Item(output="x", context="", reference="", metadata={"app": "y"})) == []
