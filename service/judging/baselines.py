"""Baselines that do not understand a text: what they answer for an item, without a call. A judge must be better.

`length` marks the number of words, `overlap` the share of words that another text of the item has too.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from service.contracts.items import Item
from service.contracts.judges import Judge
from service.judging.methods import METHODS, TextMark

TOP_WORDS = 400  # a text of so many words or more gets the top of the scale
_WORD = re.compile(r"\w+")


class ExplainedMark(NamedTuple):
    """A baseline's mark for a text, and the reason for it in words."""

    mark: TextMark
    words: str


class BaselineAnswer(NamedTuple):
    """The verdict of a baseline as fields of an answer, and the reason for it in words."""

    fields: dict[str, Any]
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


BASELINES: Mapping[str, Callable[[str, Item], ExplainedMark]] = {"length": length, "overlap": overlap}


def baseline_answer(name: str, judge: Judge, item: Item) -> BaselineAnswer:
    """Returns the answer of the baseline `name`, a key of `BASELINES`, to the judge's question about an item."""
    method = METHODS[judge.method]
    marks = [BASELINES[name](text, item) for text in method.marked_texts(item)]
    fields = method.baseline(judge, [each.mark for each in marks])
    return BaselineAnswer(fields, "; ".join(mark.words for mark in marks))


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))
