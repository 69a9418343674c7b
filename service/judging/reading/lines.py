"""Values that a line gives: after a word at its start, or as all that stands on it."""

import re
from collections.abc import Iterator
from itertools import islice

from service.contracts.outcomes import Reason
from service.judging.reading.preparing import Answer
from service.judging.reading.verdicts import CROWDED, MOST_PLACES, Expected, Hit, Verdict
from service.judging.reading.wrapping import rest_of_line

# What may stand before an anchored line's word: bullets, headings, emphasis, a number of a list. Neither
# `>` nor a quotation mark: those are quotations.
_LINE_START = " \t\xa0\ufeff\u200b-–•*+#_`"
_LIST_NUMBER = re.compile(r"\(?\d{1,2}[.)]\s+")
_BLANK = re.compile(r"\s*+")
_FENCES = ("```", "~~~")


def on_lines(answer: Answer, expected: Expected) -> list[Hit]:
    """Lines that open with a word for the value: `**Final score:** 4/5`, or `Rating:` and `4` below it."""
    hits: list[Hit] = []
    for start, line in _lines(answer.spoken):
        anchored = expected.words.head.match(line, _indent(line))
        if anchored is not None:
            hits += _anchored(answer.spoken, start, line, anchored, expected)
        if len(hits) > MOST_PLACES:
            return [CROWDED]
    return hits


def as_bare_lines(answer: Answer, expected: Expected) -> list[Hit]:
    """The first or the last line where it is the number and nothing else; other such lines must agree."""
    lines = _bare_lines(answer)
    if not lines:
        return []
    outer = [hit for place in dict.fromkeys((lines[0], lines[-1])) if (hit := _whole(place, expected))]
    inner = _wholes(lines[1:-1], expected) if outer else []
    return outer + [hit for hit in inner if hit is CROWDED or hit.verdict.reason is None]


def as_last_line(answer: Answer, expected: Expected) -> list[Hit]:
    """The last line where it is a label and nothing else; other such lines must agree."""
    lines = _bare_lines(answer)
    if not lines or _whole(lines[-1], expected) is None:
        return []
    return _wholes(lines, expected)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that are not empty, each with its offset."""
    start = 0
    for line in text.split("\n"):
        if line:
            yield start, line
        start += len(line) + 1


def _bare_lines(answer: Answer) -> list[tuple[int, str]]:
    """The lines that are neither blank nor a code fence."""
    return [
        (start, line)
        for start, line in _lines(answer.spoken)
        if (stripped := line.strip()) and not stripped.startswith(_FENCES)
    ]


def _whole(place: tuple[int, str], expected: Expected) -> Hit | None:
    start, line = place
    verdict = expected.whole(line)
    return Hit(verdict, start, start + len(line)) if verdict else None


def _wholes(places: list[tuple[int, str]], expected: Expected) -> list[Hit]:
    found = (hit for place in places if (hit := _whole(place, expected)))
    hits = list(islice(found, MOST_PLACES + 1))
    return hits if len(hits) <= MOST_PLACES else [CROWDED]


def _indent(line: str) -> int:
    """Where a line's text begins, after bullets, heading marks, emphasis or a list's number."""
    start = len(line) - len(line.lstrip(_LINE_START))
    numbered = _LIST_NUMBER.match(line, start)
    if numbered is None:
        return start
    return len(line) - len(line[numbered.end() :].lstrip(_LINE_START))


def _anchored(text: str, start: int, line: str, anchored: re.Match[str], expected: Expected) -> list[Hit]:
    """The values of one line after its word; more than one on a line, as in `Score: 3, final score: 4`."""
    if _names_other_scale(anchored, expected):
        return [Hit(Verdict(reason=Reason.WRONG_DENOMINATOR), start, start + len(line))]
    if anchored.end() == len(line):
        return _on_next_line(text, start, start + len(line), expected)
    hits: list[Hit] = []
    position: re.Match[str] | None = anchored
    while position and (value := expected.leading(rest_of_line(line, position.end()))):
        end = position.end() + value.end
        hits.append(Hit(value.verdict, start + position.start() if hits else start, start + end))
        position = expected.words.head.search(line, end) if len(hits) <= MOST_PLACES else None
    return hits


def _names_other_scale(anchored: re.Match[str], expected: Expected) -> bool:
    """Whether the line names another scale than the one asked for: `Score (1-10): 4`."""
    return bool(anchored["max"]) and expected.maximum not in (None, float(anchored["max"].replace("−", "-")))


def _on_next_line(text: str, start: int, end: int, expected: Expected) -> list[Hit]:
    """The value of a line that only announces it: the next line that is not blank, if it is a value alone."""
    blank = _BLANK.match(text, end)
    offset = blank.end() if blank else end
    line = rest_of_line(text, offset)
    verdict = expected.whole(line)
    return [Hit(verdict, start, offset + len(line))] if verdict else []
