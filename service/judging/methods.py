"""The methods of judging. A new one is one file beside this and one entry here."""

from typing import Literal, Protocol

from service.contracts.items import Item
from service.contracts.judges import Judge, Method
from service.judging import pass_fail, rating
from service.judging.questions import Question
from service.judging.reading import Reading


class JudgingMethod(Protocol):
    """What a method's file has to offer."""

    @property
    def NEEDS(self) -> tuple[str, ...]:  # noqa: N802 - a constant of the file
        """The fields that an item must have."""
        ...

    def problems(self, judge: Judge) -> list[tuple[str, str]]:
        """What makes the definition unusable: (pointer into it, what is wrong)."""
        ...

    def question(self, judge: Judge, item: Item, delimiter: str) -> Question: ...

    def form(self, judge: Judge) -> str:
        """What to answer, in words."""
        ...

    def read(
        self,
        judge: Judge,
        text: str,
        *,
        finish_reason: str | None,
        source: Literal["schema", "tool", "text"],
    ) -> Reading: ...


METHODS: dict[Method, JudgingMethod] = {
    Method.RATING: rating,
    Method.PASS_FAIL: pass_fail,
}

_NOT_YET = {"template": None, "system": None, "score_from": "answer", "samples": 1, "orders": "both"}


def judge_problems(judge: Judge) -> list[tuple[str, str]]:
    """What makes a judge unusable: (pointer into its definition, what is wrong)."""
    method = METHODS.get(judge.method)
    if method is None:
        return [("/method", f"{judge.method} can't be judged by yet; use one of {', '.join(METHODS)}")]
    wrong = [
        (f"/{field}", "can't be set yet") for field, default in _NOT_YET.items() if getattr(judge, field) != default
    ]
    for index, model in enumerate(judge.models):
        if model in judge.models[:index]:
            wrong.append((f"/models/{index}", "is there twice"))
    return wrong + method.problems(judge)


def item_problems(judge: Judge, item: Item) -> list[tuple[str, str]]:
    """The fields that this judge needs and the item lacks: (pointer into the item, what is wrong)."""
    return [
        (f"/{field}", f"the judge of {judge.criterion} needs this field")
        for field in METHODS[judge.method].NEEDS
        if getattr(item, field) is None
    ]
