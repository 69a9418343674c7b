"""Method `category`."""

from typing import Any

import pytest

from service.contracts.criteria import CriterionScale
from service.contracts.judges import Choice, Judge, Method, Scale
from service.judging.methods.base import TextMark
from service.judging.methods.category import CategoryMethod
from tests.judging.methods.asked import parse_problems, parsed

METHOD = CategoryMethod()
THREE = [Choice(label="no", score=0), Choice(label="partly", score=0.5), Choice(label="yes", aliases=["sure"])]


def judge(**fields: Any) -> Judge:
    return Judge(criterion="wit", method=Method.CATEGORY, instructions="?", **fields)


def test_the_labels_are_the_scale_with_the_scores_that_they_have() -> None:
    expected = CriterionScale(kind="labels", labels=["no", "partly", "yes"], scores=[0, 0.5, None])
    assert METHOD.criterion_scale(judge(choices=THREE)) == expected
    assert METHOD.logprobs_scale(judge(choices=THREE)) is None


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({}, "/choices"),
        ({"choices": THREE[:1]}, "/choices"),
        ({"choices": THREE, "scale": Scale()}, "/scale"),
        ({"choices": [*THREE, Choice(label="no")]}, "/choices/3/label"),
        ({"choices": [*THREE, Choice(label="of course", aliases=["sure"])]}, "/choices/3/aliases/0"),
    ],
)
def test_labels_are_two_or_more_and_each_name_is_of_one(fields: dict[str, Any], pointer: str) -> None:
    assert [place for place, _ in METHOD.definition_problems(judge(**fields))] == [pointer]


@pytest.mark.parametrize(("share", "label"), [(0, "no"), (0.32, "no"), (0.34, "partly"), (0.9, "yes"), (1, "yes")])
def test_a_baseline_chooses_by_the_share_of_the_labels(share: float, label: str) -> None:
    assert METHOD.baseline(judge(choices=THREE), [TextMark(share, 7)]) == {"label": label}


def test_texts_are_parsed_by_the_labels_of_the_request() -> None:
    reading = parsed(Method.CATEGORY, "Verdict: partly", choices=THREE)
    assert (reading.label, reading.score) == ("partly", 0.5)
    assert parse_problems(Method.CATEGORY) == [("/choices", "a category needs its labels")]
