"""The provider `control`: baselines that do not understand a text. A judge must be better than text length."""

import math
import re
from typing import NamedTuple

import msgspec

from service.contracts.items import Item
from service.contracts.outcomes import Reason
from service.judging.methods import METHODS, TextMark
from worker.providers.base import Completion, ModelRequest, ProviderError
from worker.providers.registry import local_provider

TOP_WORDS = 400  # a text of so many words or more gets the top of the scale
_WORD = re.compile(r"\w+")


class ExplainedMark(NamedTuple):
    """A baseline's mark for a text, and the reason for it in words."""

    mark: TextMark
    words: str


def length(text: str, item: Item) -> ExplainedMark:
    """Returns the number of words, on a logarithmic scale."""
    count = len(text.split())
    share = min(1.0, math.log1p(count) / math.log1p(TOP_WORDS))
    return ExplainedMark(TextMark(share, count), f"{count} words, of {TOP_WORDS} for the top")


def overlap(text: str, item: Item) -> ExplainedMark:
    """Returns the share of the text's distinct words that the reference, else the context, else the input has too."""
    basis = next((each for each in (item.reference, item.context, item.input) if each is not None), "")
    words = _words(text)
    common = len(words & _words(basis))
    share = common / len(words) if words else 0.0
    return ExplainedMark(
        TextMark(share, share), f"{common} of {len(words)} distinct words are in the text compared with"
    )


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))


_BASELINES = {"length": length, "overlap": overlap}


@local_provider("control")
class ControlProvider:
    """`control/length` and `control/overlap`: deterministic, free, and never presented as language models."""

    async def complete(self, request: ModelRequest) -> Completion:
        """Returns the verdict as a JSON object. Raises ProviderError if the model is none of the baselines."""
        baseline = _BASELINES.get(request.model)
        if baseline is None:
            message = f"control has no model {request.model!r} ({', '.join(_BASELINES)})"
            raise ProviderError(message, reason=Reason.PROVIDER_ERROR, retryable=False)
        item, method = request.item, METHODS[request.judge.method]
        marks = [baseline(text, item) for text in method.marked_texts(item)]
        found = "; ".join(mark.words for mark in marks)
        verdict = {
            "explanation": f"Baseline control/{request.model}, not a language model: {found}.",
            **method.baseline(request.judge, [each.mark for each in marks]),
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
