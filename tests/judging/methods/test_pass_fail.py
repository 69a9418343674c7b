"""Method `pass_fail`."""

from typing import Any

from service.contracts.criteria import CriterionScale
from service.contracts.judges import Choice, Judge, Method, Scale
from service.judging.methods.base import TextMark
from service.judging.methods.pass_fail import PassFailMethod
from tests.judging.methods.asked import parse_problems, parsed

METHOD = PassFailMethod()


def judge(**fields: Any) -> Judge:
    return Judge(criterion="wit", method=Method.PASS_FAIL, instructions="?", **fields)


def test_pass_is_1_and_fail_0_whatever_a_judge_says_of_them() -> None:
    own = [Choice(label="pass", score=9, description="Funny.", aliases=["good"])]
    choices = METHOD.choices(judge(choices=own))
    assert [(each.label, each.score, each.description) for each in choices] == [
        ("pass", 1, "Funny."),
        ("fail", 0, None),
    ]
    assert "good" in choices[0].aliases
    assert METHOD.criterion_scale(judge()) == CriterionScale(kind="labels", labels=["fail", "pass"], scores=[0, 1])


def test_there_is_no_other_label_and_no_scale() -> None:
    assert METHOD.definition_problems(judge(choices=[Choice(label="maybe")])) == [
        ("/choices/0/label", "must be one of pass, fail")
    ]
    assert METHOD.definition_problems(judge(scale=Scale()))[0][0] == "/scale"


def test_a_baseline_passes_from_half_on() -> None:
    assert METHOD.baseline(judge(), [TextMark(0.5, 7)]) == {"label": "pass"}
    assert METHOD.baseline(judge(), [TextMark(0.49, 7)]) == {"label": "fail"}


def test_texts_are_parsed_without_naming_the_labels() -> None:
    assert parsed(Method.PASS_FAIL, "Verdict: fail").score == 0
    assert parse_problems(Method.PASS_FAIL) == []
