"""Baselines that read no meaning: a judge that does not beat text length is no judge."""

import math
import re
from typing import Any, NamedTuple

import msgspec

from service.contracts.items import Item
from service.contracts.judges import Judge, Method, Scale
from service.contracts.outcomes import Reason
from service.judging.scales import as_written, level_count
from worker.providers.base import Completion, ModelRequest, ProviderError

TOP_WORDS = 400  # a text of so many words or more gets the top of the scale
_WORD = re.compile(r"\w+")


class Measure(NamedTuple):
    """A text's share (0 to 1) of the most it could reach, the number to compare by, and both in words."""

    share: float
    number: float
    words: str


def length(text: str, item: Item) -> Measure:
    """The number of words, on a logarithmic scale."""
    count = len(text.split())
    share = min(1.0, math.log1p(count) / math.log1p(TOP_WORDS))
    return Measure(share, count, f"{count} words, of {TOP_WORDS} for the top")


def overlap(text: str, item: Item) -> Measure:
    """The share of the text's distinct words that the reference, else the context, else the input has too."""
    basis = next((each for each in (item.reference, item.context, item.input) if each is not None), "")
    words = _words(text)
    common = len(words & _words(basis))
    share = common / len(words) if words else 0.0
    return Measure(share, share, f"{common} of {len(words)} distinct words are in the text compared with")


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))


_BASELINES = {"length": length, "overlap": overlap}


class ControlProvider:
    """`control/length` and `control/overlap`: deterministic, free, and never presented as language models."""

    async def complete(self, request: ModelRequest) -> Completion:
        """The verdict as the schema asks for it. Raises ProviderError for any other model."""
        baseline = _BASELINES.get(request.model)
        if baseline is None:
            message = f"control has {' and '.join(_BASELINES)}, not {request.model}"
            raise ProviderError(message, reason=Reason.PROVIDER_ERROR, retryable=False)
        item = request.item
        texts = item.outputs or [item.output or ""]
        if request.judge.method not in (Method.PAIRWISE, Method.RANKING):
            texts = [item.output or ""]
        measures = [baseline(text, item) for text in texts]
        found = "; ".join(measure.words for measure in measures)
        verdict = {
            "explanation": f"Baseline control/{request.model}, not a language model: {found}.",
            **_verdict(request.judge, measures),
        }
        return Completion(
            text=msgspec.json.encode(verdict).decode(),
            source="schema",
            finish_reason="stop",
            input_tokens=0,
            output_tokens=0,
        )

    async def aclose(self) -> None:
        """Nothing to close."""


def _verdict(judge: Judge, measures: list[Measure]) -> dict[str, Any]:
    share = measures[0].share
    match judge.method:
        case Method.RATING:
            return {"score": _on_scale(share, judge.scale or Scale())}
        case Method.PASS_FAIL:
            return {"label": "pass" if share >= 0.5 else "fail"}
        case Method.CATEGORY:
            position = min(int(share * len(judge.choices)), len(judge.choices) - 1)
            return {"label": judge.choices[position].label}
        case Method.PAIRWISE:
            return {"label": _better(*(measure.number for measure in measures))}
        case Method.RANKING:
            return {"ranking": _ranking([measure.number for measure in measures])}


def _on_scale(share: float, scale: Scale) -> float | int:
    """The level at this share of the way from `min` to `max`; to 2 decimals where there are no levels."""
    count = level_count(scale)
    if scale.step is None or count is None:
        return as_written(round(scale.min + share * (scale.max - scale.min), 2))
    return as_written(scale.min + math.floor(share * (count - 1) + 0.5) * scale.step)


def _better(a: float, b: float) -> str:
    if a == b:
        return "tie"
    return "A" if a > b else "B"


def _ranking(numbers: list[float]) -> list[str | list[str]]:
    """The outputs' letters, the highest number first; equal ones share an inner list."""
    groups = [
        [chr(ord("A") + index) for index, number in enumerate(numbers) if number == level]
        for level in sorted(set(numbers), reverse=True)
    ]
    return [group[0] if len(group) == 1 else group for group in groups]
