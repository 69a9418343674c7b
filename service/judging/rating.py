"""Method `rating`: a number on a scale."""

from typing import Any, Literal

from service.contracts.items import Item
from service.contracts.judges import Judge, Scale
from service.judging import scales
from service.judging.questions import Question, answer_schema, ask_about
from service.judging.reading import Reading, read_score

NEEDS = ("output",)
_MOST_LISTED = 21  # longer scales are described by their ends and their step


def problems(judge: Judge) -> list[tuple[str, str]]:
    """What makes the definition unusable: (pointer, what is wrong)."""
    wrong = [("/choices", "belong to no rating: give a scale")] if judge.choices else []
    return wrong + [(f"/scale{pointer}", detail) for pointer, detail in scales.problems(_scale(judge))]


def question(judge: Judge, item: Item, delimiter: str) -> Question:
    """The question to put to a model."""
    return ask_about(
        judge,
        item,
        levels=_levels(_scale(judge)),
        answer=form(judge),
        schema=answer_schema(score=_score_schema(_scale(judge))),
        delimiter=delimiter,
    )


def form(judge: Judge) -> str:
    """What to answer, in words."""
    scale = _scale(judge)
    numbers = _numbers(scale)
    if judge.output == "text":
        return f"First explain in a few sentences. Then end with one line: Score: <{numbers}>"
    return (
        'Answer with one JSON object and nothing else: {"explanation": "<a few sentences>", '
        f'"score": <{numbers}>}}. Explain before you score.'
    )


def read(judge: Judge, text: str, *, finish_reason: str | None, source: Literal["schema", "tool", "text"]) -> Reading:
    """The verdict in an answer."""
    return read_score(text, _scale(judge), criterion=judge.criterion, finish_reason=finish_reason, source=source)


def _scale(judge: Judge) -> Scale:
    return judge.scale or Scale()


def _numbers(scale: Scale) -> str:
    ends = f"{scale.min:g} to {scale.max:g}"
    if scale.step is None:
        return f"a number from {ends}"
    if scale.step == 1:
        return f"a whole number from {ends}" if float(scale.min).is_integer() else f"a number from {ends} in steps of 1"
    return f"a number from {ends} in steps of {scale.step:g}"


def _levels(scale: Scale) -> str:
    """The scale in words, level by level where it has few."""
    descriptors = {f"{float(key):g}": text for key, text in scale.descriptors.items()}
    count = scales.level_count(scale)
    if count is not None and count <= _MOST_LISTED:
        keys = [f"{level:g}" for level in scales.levels(scale)]
    else:
        keys = sorted(descriptors, key=float)
    lines = [f"{key}: {descriptors[key]}" if key in descriptors else key for key in keys]
    return "\n".join([f"Scale: {_numbers(scale)}", *lines])


def _score_schema(scale: Scale) -> dict[str, Any]:
    count = scales.level_count(scale)
    if count is None or count > _MOST_LISTED:
        return {
            "type": "number",
            "minimum": scales.as_written(scale.min),
            "maximum": scales.as_written(scale.max),
        }
    levels = scales.levels(scale)
    whole = all(isinstance(level, int) for level in levels)
    return {"type": "integer" if whole else "number", "enum": levels}
