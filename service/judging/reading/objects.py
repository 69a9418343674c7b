"""Values in JSON: the objects of a reply, and the fields of them that hold the value."""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from service.contracts.outcomes import Reason
from service.judging.reading.nearly_json import Nearly, as_json
from service.judging.reading.verdicts import Expected, Score, Verdict
from service.judging.reading.words import key_form, visible

# A failed attempt can cost the rest of the text, so both their number and what they read is bounded.
_MOST_ATTEMPTS = 50
_MOST_READ = 2  # times the text's length
_MOST_TOKENS = 2_000  # of objects that are only nearly JSON; a verdict has a few
_DEEPEST = 4
# What a reply's own object may wrap the value in, a tool call written out as text included.
_WRAPPERS = frozenset(
    ["arguments", "parameters", "input", "function", "evaluation", "judgment", "judgement", "assessment"]
)
SCORE_FIELDS = frozenset(["scores", "ratings", "points", "grades", "quality"])  # what stands under them is never a rank
_TEXT_WRAPPERS = frozenset(["arguments", "parameters", "input"])  # of tool calls, whose arguments may be a text
_MAXIMA = frozenset(["max", "maxscore", "maximum", "outof", "denominator"])
EXPLANATIONS = [
    *("explanation", "rationale", "reasoning", "reason", "justification", "feedback", "analysis", "critique"),
    *("conciseexplanation", "thoughts", "thinking", "comment", "comments"),
]


_PREFILLED = re.compile(r'\s*+"[\w -]{1,60}"\s*:')  # the prompt gave the brace, and the reply goes on after it
_HALVES = re.compile("[\ud800-\udfff]")  # "\\ud83d" in JSON, as a model writes it that stops within an emoji


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


# Infinity is no more a number than NaN is; a plain 1e999 is one, and out of range. Not strict: raw line breaks and
# tabs may stand in strings.
_DECODER = json.JSONDecoder(object_pairs_hook=_fields, parse_constant=lambda _: math.nan, strict=False)


def objects_in(text: str) -> list[FoundObject]:
    """The outermost JSON objects of `text` in order; after 50 braces that open none, the rest is not read."""
    if _PREFILLED.match(text):
        inner = objects_in("{" + text + ("" if "}" in text else "}"))
        return [each._replace(start=max(0, each.start - 1), end=min(len(text), each.end - 1)) for each in inner]
    found: list[FoundObject] = []
    unread, tokens = _MOST_READ * len(text), _MOST_TOKENS
    start = text.find("{")
    for _ in range(_MOST_ATTEMPTS):
        if start < 0 or unread <= 0:
            break
        try:
            fields, end = _DECODER.raw_decode(text, start)
            found.append(FoundObject(fields, start, end))
        except json.JSONDecodeError as error:
            unread -= max(1, error.pos - start)
            nearly = as_json(text, start, tokens)
            tokens -= nearly.tokens
            mended = _mended(nearly, start)
            found += [mended] if mended else []
            end = mended.end if mended else start + 1
        except (RecursionError, ValueError):  # nested too deep, or an integer of thousands of digits
            break
        start = text.find("{", end)
    return found


def only_object(text: str) -> dict[str, Any] | None:
    """Returns the fields of a text that is one JSON object and nothing else; None if it is not."""
    if not (text.startswith("{") and text.endswith("}")):
        return None
    try:
        fields, end = _DECODER.raw_decode(text)
    except (RecursionError, ValueError):
        return None
    return fields if end == len(text) else None


def _mended(nearly: Nearly, start: int) -> FoundObject | None:
    """The object that is nearly JSON, if its JSON is an object."""
    try:
        return FoundObject(_DECODER.decode(nearly.json), start, nearly.end) if nearly.json else None
    except (RecursionError, ValueError):
        return None


def verdict_of(fields: dict[str, Any], expected: Expected) -> Iterator[Verdict]:
    """What the fields named for the value hold; a field that is something else counts only if all are."""
    named = list(_slots(fields, expected.words.keys, 0))
    named = named or list(_slots(fields, expected.words.spare_keys, 0))
    slots = [Reason.CONFLICT if value is _REPEATED else expected.scalar(value, key) for key, value in named]
    shaped = [verdict for each in _nested(fields, 0) if (verdict := expected.fields(each)) is not None]
    sure = [slot for slot in slots if slot is not None] + shaped
    yield from sure or [expected.foreign for _ in slots[:1]]
    if any(isinstance(slot, Score) for slot in sure) and any(each != expected.maximum for each in _maxima(fields)):
        yield Reason.WRONG_DENOMINATOR


def explanation_of(fields: dict[str, Any]) -> str | None:
    """The first text under a key that explains, at the top or beside a wrapped value; with U+FFFD for each half of a
    character, which can't be stored.
    """
    texts = {key_form(key): value for key, value in fields.items() if isinstance(value, str) and value.strip()}
    own = next((texts[key] for key in EXPLANATIONS if key in texts), None)
    if own is not None:
        return _HALVES.sub("\ufffd", own).strip()
    inner = (value for value in fields.values() if isinstance(value, dict))
    return next((text for each in inner if (text := explanation_of(each))), None)


def _slots(fields: dict[str, Any], keys: frozenset[str], depth: int) -> Iterator[tuple[str, Any]]:
    for key, value in fields.items():
        form = key_form(key)
        named = form in keys or (depth > 0 and form == "value")
        value = _unwrapped(form, value)
        if isinstance(value, dict) and (named or form in _WRAPPERS or form in SCORE_FIELDS):
            if depth < _DEEPEST:
                yield from _slots(value, keys, depth + 1)
        elif named:
            yield form, visible(value) if isinstance(value, str) else value


def _nested(fields: dict[str, Any], depth: int) -> Iterator[dict[str, Any]]:
    """The object and those that it wraps."""
    yield fields
    for key, value in fields.items():
        form = key_form(key)
        value = _unwrapped(form, value)
        if isinstance(value, dict) and form in _WRAPPERS and depth < _DEEPEST:
            yield from _nested(value, depth + 1)


def _unwrapped(form: str, value: Any) -> Any:
    """A tool call's arguments, which may be an object written as a text."""
    if form not in _TEXT_WRAPPERS or not isinstance(value, str) or not value.lstrip().startswith("{"):
        return value
    found = objects_in(value)
    return found[0].fields if len(found) == 1 and found[0].end == len(value.rstrip()) else value


def _maxima(fields: dict[str, Any]) -> Iterator[float]:
    for key, value in fields.items():
        if key_form(key) in _MAXIMA and isinstance(value, int | float) and not isinstance(value, bool):
            yield value
