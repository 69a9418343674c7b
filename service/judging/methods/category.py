"""Method `category`: one of the judge's own labels."""

from collections.abc import Sequence
from typing import Any

from service.contracts.criteria import CriterionScale
from service.contracts.judges import Choice, Judge, Method
from service.contracts.parsing import ParseRequest
from service.judging.methods.base import PlacedProblem, TextMark, judging_method
from service.judging.methods.choices import LabelMethod, name_problems

FEWEST_CHOICES = 2


@judging_method(Method.CATEGORY)
class CategoryMethod(LabelMethod):
    """See `JudgingMethod`. The score of the choice, if it has one, is the score of the judgment."""

    def choices(self, judge: Judge) -> Sequence[Choice]:
        return judge.choices

    def definition_problems(self, judge: Judge) -> list[PlacedProblem]:
        wrong = [("/scale", "a category has no scale: give choices")] if judge.scale is not None else []
        if len(judge.choices) < FEWEST_CHOICES:
            wrong.append(("/choices", f"a category needs at least {FEWEST_CHOICES} labels"))
        return wrong + name_problems(judge.choices)

    def criterion_scale(self, judge: Judge) -> CriterionScale:
        labels, scores = [each.label for each in judge.choices], [each.score for each in judge.choices]
        return CriterionScale(kind="labels", labels=labels, scores=scores)

    def parse_problems(self, asked: ParseRequest) -> list[PlacedProblem]:
        wrong = [("/choices", "a category needs its labels")] if not asked.choices else []
        return super().parse_problems(asked) + wrong

    def baseline(self, judge: Judge, marks: Sequence[TextMark]) -> dict[str, Any]:
        """Returns the choice at this share of the way from the first to the last."""
        [(share, _)] = marks
        position = min(int(share * len(judge.choices)), len(judge.choices) - 1)
        return {"label": judge.choices[position].label}
