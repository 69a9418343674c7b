"""Method `rating`: a number on a scale."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from service.contracts.items import Item
from service.contracts.judges import Judge, Scale
from service.contracts.judgments import Vote
from service.judging import scales
from service.judging.combining import Verdict, combine_scores
from service.judging.method import JudgingMethod, Problem, Source
from service.judging.questions import answer_schema
from service.judging.reading import Reading, read_score

_MOST_LISTED = 21  # longer scales are described by their ends and their step


class Rating(JudgingMethod):
    """See `JudgingMethod`. A judge without a scale rates from 1 to 5."""

    def definition_problems(self, judge: Judge) -> list[Problem]:
        wrong = [("/choices", "belong to no rating: give a scale")] if judge.choices else []
        return wrong + [(f"/scale{pointer}", detail) for pointer, detail in scales.problems(scale_of(judge))]

    def levels(self, judge: Judge) -> str:
        scale = scale_of(judge)
        return _in_words(scale.min, scale.max, scale.step, tuple(scale.descriptors.items()))

    def form(self, judge: Judge, item: Item) -> str:
        numbers = _numbers(scale_of(judge))
        if judge.output == "text":
            return f"First explain in a few sentences. Then end with one line: Score: <{numbers}>"
        return (
            'Answer with one JSON object and nothing else. Its first field, "explanation", says in a few sentences '
            f'why; its second, "score", is {numbers}.'
        )

    def schema(self, judge: Judge, item: Item) -> dict[str, Any]:
        scale = scale_of(judge)
        return answer_schema(score=_score_schema(scale.min, scale.max, scale.step))

    def read(self, judge: Judge, item: Item, text: str, *, finish_reason: str | None, source: Source) -> Reading:
        return read_score(
            text,
            scale_of(judge),
            criterion=judge.criterion,
            answer_key=judge.answer_key,
            finish_reason=finish_reason,
            source=source,
        )

    def combine(self, judge: Judge, votes: Sequence[Vote]) -> Verdict:
        return combine_scores(judge.panel, votes)


def scale_of(judge: Judge) -> Scale:
    """The judge's scale; 1 to 5 where it names none."""
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
    """The scale, level by level where it has few."""
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
