"""The notations in which judges write a value, each a function from an answer to its hits.

Those of lines are in `lines.py`.
"""

import re
from collections.abc import Callable, Iterable
from itertools import islice

from service.contracts.outcomes import Reason
from service.judging.reading.labels import ExpectedLabel
from service.judging.reading.objects import explanation_of, verdict_of
from service.judging.reading.preparing import Answer
from service.judging.reading.prose import verdict_in_prose
from service.judging.reading.refusing import declines
from service.judging.reading.verdicts import CROWDED, MOST_PLACES, Expected, Hit, Verdict
from service.judging.reading.words import MARKS, NUMBER, key_form
from service.judging.reading.wrapping import rest_of_line

_AFTER_OBJECT = re.compile(r"\s*(?:`{3,}|~{3,})?\s*\.?\s*\Z")
_RESULT = re.compile(rf"\[RESULT\][\s{MARKS}:]*+", re.I)
_BRACKETS = re.compile(r"\[\[([^\[\]\n]{1,200})\]\]")
_TAG = re.compile(r"<(?P<name>[\w -]{1,120}+)>(?P<content>[^<]{0,200}+)</(?i:(?P=name))>")
# Not the end of a range, a date or a comparison: `3-4/5`, `1/2/2025`, `>4/5`.
_FRACTION = re.compile(
    r"[+\-−.\d](?<![\w./,\-−–~<>≤≥±].)[\d.]*+"
    rf"[{MARKS}]{{0,3}}\s?(?:/|(?i:out of))\s?[{MARKS}]{{0,3}}{NUMBER}(?![\w/%]|[.,]\d)"
)
_DENOMINATOR = re.compile(rf"[{MARKS}]{{0,3}}\s?(?:/|(?i:out of))\s?{NUMBER}")
_ENDS_CLAUSE = re.compile(
    rf"[{MARKS} \t)\]]*+(?:$|[.,;:!—–]|-\s|(?:because|since|as|due|overall|points?|stars?)\b)", re.M
)
_ENDS_TEXT = re.compile(r"\W*+\Z")
_HEDGE_WITHIN = 30  # characters before the fraction
_HEDGED = re.compile(
    r"\b(?:than|least|most|not|under|over|about|around|roughly|nearly|almost|below|above|between|from|to|or|and|"
    r"only|approximately)\s+(?:an?\s+)?\W{0,3}\Z",
    re.I,
)


def in_objects(answer: Answer, expected: Expected) -> list[Hit]:
    """JSON objects, where nothing follows the last one: an object quoted in the reasoning is no verdict."""
    objects, text = answer.objects, answer.text
    if not objects or not _AFTER_OBJECT.match(text, objects[-1].end) or _is_block_quoted(text, objects[-1].start):
        return []
    return [
        Hit(verdict, found.start, found.end, explanation_of(found.fields))
        for found in objects
        if not _is_block_quoted(text, found.start)
        for verdict in verdict_of(found.fields, expected)
    ]


def in_tags(answer: Answer, expected: Expected) -> list[Hit]:
    """`<score>4</score>`; an echoed `<score>n</score>` counts only where no tag holds a value."""
    foreign = Verdict(reason=expected.foreign)

    def read(tag: re.Match[str]) -> Hit:
        return Hit(expected.whole(tag["content"] + _denominator(tag)) or foreign, *tag.span())

    tags = _TAG.finditer(answer.unquoted)
    hits = _read((tag for tag in tags if key_form(tag["name"]) in expected.words.keys), read)
    return [hit for hit in hits if hit.verdict is not foreign] or hits


def after_result(answer: Answer, expected: Expected) -> list[Hit]:
    """`[RESULT] 4`, Prometheus's ending."""

    def read(result: re.Match[str]) -> Hit | None:
        value = expected.leading(rest_of_line(answer.unquoted, result.end()))
        return Hit(value.verdict, result.start(), result.end() + value.end) if value else None

    return _read(_RESULT.finditer(answer.unquoted), read)


def in_brackets(answer: Answer, expected: Expected) -> list[Hit]:
    """`[[4]]` and `[[A>>B]]`."""

    def read(brackets: re.Match[str]) -> Hit | None:
        verdict = expected.bracketed(brackets[1] + _denominator(brackets))
        return Hit(verdict, *brackets.span()) if verdict else None

    return _read(_BRACKETS.finditer(answer.unquoted), read)


def refusing(answer: Answer, expected: Expected) -> list[Hit]:
    """A reply that opens by declining to judge."""
    return [Hit(Verdict(reason=Reason.REFUSED), 0, 0)] if declines(answer.text) else []


def as_fractions(answer: Answer, expected: Expected) -> list[Hit]:
    """`4/5` or `4 out of 5` that ends a clause; on another scale, as `8/10`, only where it ends the text.

    Else it is a fraction of something: '4/5 of the claims', '24/7'. Beside one that counts, those must agree.
    """
    text, settled = answer.unquoted, []

    def read(fraction: re.Match[str]) -> Hit | None:
        start, end = fraction.span()
        verdict = expected.whole(fraction[0])
        if verdict is None or (verdict.reason and not _ENDS_TEXT.match(text, end)):
            return None
        hedged = _HEDGED.search(text[max(0, start - _HEDGE_WITHIN) : start])
        if _ENDS_CLAUSE.match(text, end) and not hedged:
            settled.append(fraction)
        return Hit(verdict, *_whole_line(text, start, end))

    hits = _read(_FRACTION.finditer(text), read)
    return hits if settled or hits == [CROWDED] else []


def in_prose(answer: Answer, expected: Expected) -> list[Hit]:
    """'Therefore, Output (a) is better.'"""
    if not isinstance(expected, ExpectedLabel):
        return []
    verdict = verdict_in_prose(answer.unquoted, expected)
    return [Hit(verdict, 0, 0)] if verdict else []


def _read(found: Iterable[re.Match[str]], read: Callable[[re.Match[str]], Hit | None]) -> list[Hit]:
    """What `read` makes of each place found."""
    places = list(islice(found, MOST_PLACES + 1))
    if len(places) > MOST_PLACES:
        return [CROWDED]
    return [hit for hit in map(read, places) if hit is not None]


def _is_block_quoted(text: str, place: int) -> bool:
    return text[text.rfind("\n", 0, place) + 1 : place].lstrip().startswith(">")


def _denominator(found: re.Match[str]) -> str:
    """What makes a fraction of a marked value: `[[4]]/10`."""
    denominator = _DENOMINATOR.match(found.string, found.end())
    return denominator[0] if denominator else ""


def _whole_line(text: str, start: int, end: int) -> tuple[int, int]:
    """The span to cut out of the explanation: the line's if nothing else stands on it, else none."""
    line_start, line_end = text.rfind("\n", 0, start) + 1, text.find("\n", end)
    around = text[line_start:start] + text[end : line_end if line_end >= 0 else None]
    return (0, 0) if any(each.isalnum() for each in around) else (start, end)
