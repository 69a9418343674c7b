"""Values in JSON: the objects of a reply, and the fields of them that hold the value."""

import json
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from service.contracts.outcomes import Reason
from service.judging.reading.verdicts import Expected, Verdict
from service.judging.reading.words import key_form

# A failed attempt can cost the rest of the text, so both their number and what they read is bounded.
_MOST_ATTEMPTS = 50
_MOST_READ = 2  # times the text's length
_DEEPEST = 4
# What a reply's own object may wrap the value in, a tool call written out as text included.
_WRAPPERS = frozenset(
    ["arguments", "parameters", "evaluation", "judgment", "judgement", "assessment", "scores", "ratings"]
)
_MAXIMA = frozenset(["max", "maxscore", "maximum", "outof", "denominator"])
_EXPLANATIONS = [
    "explanation",
    "rationale",
    "reasoning",
    "reason",
    "justification",
    "feedback",
    "analysis",
    "critique",
    "conciseexplanation",
    "thoughts",
    "thinking",
    "comment",
    "comments",
]


class FoundObject(NamedTuple):
    fields: dict[str, Any]
    start: int
    end: int


class _Repeated:
    """A key given twice with two values: which one was meant can't be known."""


_REPEATED = _Repeated()


def _fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for key, value in pairs:
        repeated = key in fields and (type(fields[key]), fields[key]) != (type(value), value)
        fields[key] = _REPEATED if repeated else value
    return fields


# Infinity is no more a number than NaN is; a plain 1e999 is one, and out of range.
_DECODER = json.JSONDecoder(object_pairs_hook=_fields, parse_constant=lambda _: math.nan)


def objects_in(text: str) -> list[FoundObject]:
    """The outermost JSON objects of `text` in order; after 50 braces that open none, the rest is not read."""
    found: list[FoundObject] = []
    unread = _MOST_READ * len(text)
    start = text.find("{")
    for _ in range(_MOST_ATTEMPTS):
        if start < 0 or unread <= 0:
            break
        try:
            fields, end = _DECODER.raw_decode(text, start)
            found.append(FoundObject(fields, start, end))
        except json.JSONDecodeError as error:
            unread -= max(1, error.pos - start)
            end = start + 1
        except (RecursionError, ValueError):  # nested too deep, or an integer of thousands of digits
            break
        start = text.find("{", end)
    return found


def verdict_of(fields: dict[str, Any], expected: Expected) -> Iterator[Verdict]:
    """What the fields named for the value hold; a field that is something else counts only if all are."""
    slots = [
        Verdict(reason=Reason.CONFLICT) if value is _REPEATED else expected.scalar(value)
        for value in _slots(fields, expected, 0)
    ]
    sure = [slot for slot in slots if slot is not None]
    yield from sure or [Verdict(reason=expected.foreign) for _ in slots[:1]]
    if sure and expected.maximum is not None and any(maximum != expected.maximum for maximum in _stated_maxima(fields)):
        yield Verdict(reason=Reason.WRONG_DENOMINATOR)


def explanation_of(fields: dict[str, Any]) -> str | None:
    """The first text under a key that explains, at the top or beside a wrapped value."""
    texts = {key_form(key): value for key, value in fields.items() if isinstance(value, str) and value.strip()}
    own = next((texts[key] for key in _EXPLANATIONS if key in texts), None)
    if own is not None:
        return own.strip()
    inner = (value for value in fields.values() if isinstance(value, dict))
    return next((text for each in inner if (text := explanation_of(each))), None)


def _slots(fields: dict[str, Any], expected: Expected, depth: int) -> Iterator[Any]:
    for key, value in fields.items():
        form = key_form(key)
        named = form in expected.words.keys or (depth > 0 and form == "value")
        if isinstance(value, dict) and (named or form in _WRAPPERS):
            if depth < _DEEPEST:
                yield from _slots(value, expected, depth + 1)
        elif named:
            yield value


def _stated_maxima(fields: dict[str, Any]) -> Iterator[float]:
    for key, value in fields.items():
        if key_form(key) in _MAXIMA and isinstance(value, int | float) and not isinstance(value, bool):
            yield value
