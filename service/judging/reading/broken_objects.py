"""Objects that are no JSON for a quotation mark or the marks of a key: the last field is read.

`{"explanation": "He said "stop" and left", "score": 4}` has one score, wherever its texts end.
"""

import re

from service.contracts.outcomes import ParsedFrom
from service.judging.reading.objects import EXPLANATIONS
from service.judging.reading.preparing import Answer
from service.judging.reading.verdicts import Expected, Hit
from service.judging.reading.words import key_form

_WHOLE = re.compile(r"(?:`{3,}\w{0,10}\s|json\b)?\s*+(?P<object>\{[^{}]*+\})\s*+(?:`{3,})?\s*+\Z", re.I)
_KEY = r"[\"'“]?(?P<key>[^\W\d_][\w -]{0,60}+)[\"'”]?\s*[:：]\s*"
_VALUE = r"(?P<value>\"[^\"\n]{1,200}\"|'[^'\n]{1,200}'|[^\s\"'\[\],][^\"'\[\],\n]{0,200})"
_LAST = re.compile(rf"(?:[\"'”`]\s*[,，]+|\A\{{)\s*{_KEY}{_VALUE}\s*,?\s*\}}\Z")
_LAST_WITHIN = 400  # characters
_COLON = re.compile("[:：]")
_MOST_COLONS = 100
_KEY_WITHIN = 64  # characters
_EXPLAINED = re.compile(r"[\s{,]*[\"'“]?(?P<key>\w+)[\"'”]?\s*[:：]\s*[\"'“](?P<text>.*)[\"'”][\s}]*\Z", re.S)


def in_broken_objects(answer: Answer, expected: Expected) -> list[Hit]:
    """The value in the last field, if the reply is an object and has no other place with its name."""
    whole = None if answer.objects else _WHOLE.match(answer.text)
    if whole is None or _names(whole["object"], expected) != 1:
        return []
    text, offset = whole["object"], whole.start("object")
    found = _LAST.search(text, max(0, len(text) - _LAST_WITHIN))
    if found is None or key_form(found["key"]) not in expected.words.keys:
        return []
    verdict = expected.whole(found["value"])
    if verdict is None:
        return []
    place = found.start("key") + offset, found.end("value") + offset
    return [Hit(verdict, *place, ParsedFrom.JSON, explanation=_explanation(text[: found.start() + 1]), worded=True)]


def _names(text: str, expected: Expected) -> int:
    """How often a name of the value stands before a colon."""
    colons = [colon.start() for colon in _COLON.finditer(text)]
    if len(colons) > _MOST_COLONS:
        return 0
    keys = tuple(expected.words.keys)
    return sum(key_form(text[max(0, colon - _KEY_WITHIN) : colon]).endswith(keys) for colon in colons)


def _explanation(text: str) -> str | None:
    found = _EXPLAINED.match(text)
    return found["text"].strip() or None if found and key_form(found["key"]) in EXPLANATIONS else None
