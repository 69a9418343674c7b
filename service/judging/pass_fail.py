"""Method `pass_fail`: does the output meet the criterion, or not."""

from typing import Literal

from service.contracts.items import Item
from service.contracts.judges import Choice, Judge
from service.judging.questions import Question, answer_schema, ask_about
from service.judging.reading import PASS_FAIL_CHOICES, Reading, read_label

NEEDS = ("output",)


def problems(judge: Judge) -> list[tuple[str, str]]:
    """What makes the definition unusable: (pointer, what is wrong)."""
    wrong = [("/scale", "belongs to no pass_fail")] if judge.scale is not None else []
    labels = [choice.label for choice in PASS_FAIL_CHOICES]
    for index, choice in enumerate(judge.choices):
        if choice.label not in labels:
            wrong.append((f"/choices/{index}/label", "must be pass or fail"))
        elif choice.label in [earlier.label for earlier in judge.choices[:index]]:
            wrong.append((f"/choices/{index}/label", "is there twice"))
    return wrong


def question(judge: Judge, item: Item, delimiter: str) -> Question:
    """The question to put to a model."""
    lines = [
        f"{choice.label}: {choice.description}" if choice.description else choice.label for choice in _choices(judge)
    ]
    return ask_about(
        judge,
        item,
        levels="\n".join(["Verdicts:", *lines]),
        answer=form(judge),
        schema=answer_schema(verdict={"type": "string", "enum": [choice.label for choice in _choices(judge)]}),
        delimiter=delimiter,
    )


def form(judge: Judge) -> str:
    """What to answer, in words."""
    if judge.output == "text":
        return "First explain in a few sentences. Then end with one line: Verdict: pass, or: Verdict: fail"
    return (
        'Answer with one JSON object and nothing else: {"explanation": "<a few sentences>", '
        '"verdict": "pass" or "fail"}. Explain before you decide.'
    )


def read(judge: Judge, text: str, *, finish_reason: str | None, source: Literal["schema", "tool", "text"]) -> Reading:
    """The verdict in an answer; its score is 1 for pass and 0 for fail."""
    return read_label(text, _choices(judge), criterion=judge.criterion, finish_reason=finish_reason, source=source)


def _choices(judge: Judge) -> tuple[Choice, ...]:
    """Pass and fail, with the judge's own words for them where it has some. What they score is fixed."""
    own = {choice.label: choice for choice in judge.choices}
    return tuple(
        Choice(
            label=each.label,
            score=each.score,
            description=own[each.label].description if each.label in own else None,
            aliases=[*each.aliases, *(own[each.label].aliases if each.label in own else [])],
        )
        for each in PASS_FAIL_CHOICES
    )
