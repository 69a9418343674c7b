"""Method `pass_fail`: pass or fail."""

from collections.abc import Sequence
from typing import Any

from service.contracts.criteria import CriterionScale
from service.contracts.judges import Judge, Method
from service.judging.methods.base import TextMark, judging_method
from service.judging.methods.choices import LabelMethod
from service.judging.reading import PASS_FAIL_CHOICES


@judging_method(Method.PASS_FAIL)
class PassFailMethod(LabelMethod):
    """See `JudgingMethod`. Pass scores 1 and fail 0."""

    usual = PASS_FAIL_CHOICES

    def criterion_scale(self, judge: Judge) -> CriterionScale:
        return CriterionScale(kind="labels", labels=["fail", "pass"], scores=[0, 1])

    def baseline(self, judge: Judge, marks: Sequence[TextMark]) -> dict[str, Any]:
        [(share, _)] = marks
        return {"label": "pass" if share >= 0.5 else "fail"}
