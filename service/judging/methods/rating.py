"""Method `rating`: a number on a scale."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from service.contracts.criteria import CriterionScale
from service.contracts.items import Item
from service.contracts.judges import Example, Judge, Method, Scale
from service.contracts.judgments import Vote
from service.contracts.parsing import ParseRequest
from service.judging import scales
from service.judging.combining import CombinedVerdict, combine_scores
from service.judging.methods.base import JudgingMethod, PlacedProblem, TextMark, judging_method
from service.judging.questions import answer_schema, is_text_asked
from service.judging.reading import Reading, Source, read_score

_MOST_LISTED = 21  # longer scales are described by their ends and their step


@judging_method(Method.RATING)
class RatingMethod(JudgingMethod):
    """See `JudgingMethod`. A judge without a scale rates from 1 to 5."""

    def definition_problems(self, judge: Judge) -> list[PlacedProblem]:
        wrong = [("/choices", "a rating has no choices: give a scale")] if judge.choices else []
        return wrong + [(f"/scale{pointer}", detail) for pointer, detail in scales.problems(_scale_of(judge))]

    def criterion_scale(self, judge: Judge) -> CriterionScale:
        scale = _scale_of(judge)
        return CriterionScale(kind="numbers", min=scale.min, max=scale.max, step=scale.step)

    def logprobs_scale(self, judge: Judge) -> Scale:
        return _scale_of(judge)

    def levels(self, judge: Judge) -> str:
        scale = _scale_of(judge)
        return _in_words(scale.min, scale.max, scale.step, tuple(scale.descriptors.items()))

    def form(self, judge: Judge, item: Item) -> str:
        numbers = _numbers(_scale_of(judge))
        if is_text_asked(judge):
            return f"First explain in a few sentences. Then end with one line: Score: <{numbers}>"
        return (
            'Answer with one JSON object and nothing else. Its first field, "explanation", says in a few sentences '
            f'why; its second, "score", is {numbers}.'
        )

    def schema(self, judge: Judge, item: Item) -> dict[str, Any]:
        scale = _scale_of(judge)
        return answer_schema(score=_score_schema(scale.min, scale.max, scale.step))

    def example_verdict(self, judge: Judge, example: Example) -> float | int | None:
        return None if example.score is None else scales.as_written(example.score)

    def read(self, judge: Judge, item: Item, text: str, *, finish_reason: str | None, source: Source) -> Reading:
        return read_score(
            text,
            _scale_of(judge),
            criterion=judge.criterion,
            answer_key=judge.answer_key,
            finish_reason=finish_reason,
            source=source,
        )

    def parse(self, asked: ParseRequest, text: str, finish_reason: str | None) -> Reading:
        return read_score(
            text,
            asked.scale or Scale(),
            criterion=asked.criterion,
            answer_key=asked.answer_key,
            finish_reason=finish_reason,
        )

    def combine(self, judge: Judge, votes: Sequence[Vote]) -> CombinedVerdict:
        return combine_scores(judge.panel, votes)

    def baseline(self, judge: Judge, marks: Sequence[TextMark]) -> dict[str, Any]:
        """Returns the level at this share of the way from `min` to `max`; 2 decimals if there are no levels."""
        [(share, _)], scale = marks, _scale_of(judge)
        count = scales.level_count(scale)
        if scale.step is None or count is None:
            return {"score": scales.as_written(round(scale.min + share * (scale.max - scale.min), 2))}
        return {"score": scales.as_written(scale.min + math.floor(share * (count - 1) + 0.5) * scale.step)}


def _scale_of(judge: Judge) -> Scale:
    return judge.scale or Scale()


def _numbers(scale: Scale) -> str:
    ends = f"{scale.min:g} to {scale.max:g}"
    if scale.step is None:
        return f"a number from {ends}"
    if scale.step == 1 and float(scale.min).is_integer():
        return f"a whole number from {ends}"
    return f"a number from {ends} in steps of {scale.step:g}"


# Cached: they are the same for each item of a judge.
@lru_cache(maxsize=256)
def _in_words(low: float, high: float, step: float | None, described: tuple[tuple[str, str], ...]) -> str:
    """The scale, level by level if it has few."""
    scale = Scale(min=low, max=high, step=step)
    descriptors = {f"{float(key):g}": text for key, text in described}
    keys = [f"{level:g}" for level in scales.levels(scale)] if _is_short(scale) else sorted(descriptors, key=float)
    lines = [f"{key}: {descriptors[key]}" if key in descriptors else key for key in keys]
    return "\n".join([f"Scale: {_numbers(scale)}", *lines])


@lru_cache(maxsize=256)
def _score_schema(low: float, high: float, step: float | None) -> dict[str, Any]:
    scale = Scale(min=low, max=high, step=step)
    if not _is_short(scale):
        return {"type": "number", "minimum": scales.as_written(low), "maximum": scales.as_written(high)}
    levels = scales.levels(scale)
    whole = all(isinstance(level, int) for level in levels)
    return {"type": "integer" if whole else "number", "enum": levels}


def _is_short(scale: Scale) -> bool:
    count = scales.level_count(scale)
    return count is not None and count <= _MOST_LISTED
