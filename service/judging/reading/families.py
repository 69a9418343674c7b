"""The notations in which judges mark a value, each a function from an answer to its hits.

Those of lines are in `lines.py`, that of sentences in `prose.py`.
"""

import re
from collections.abc import Callable, Iterable
from itertools import islice

from service.contracts.outcomes import ParsedFrom, Reason
from service.judging.reading.objects import FoundObject, explanation_of, verdict_of
from service.judging.reading.preparing import Answer
from service.judging.reading.prose import ADJECTIVE, LEAD_IN
from service.judging.reading.quoting import COVER
from service.judging.reading.scores import ExpectedScore
from service.judging.reading.verdicts import MOST_PLACES, Expected, Hit, Weight, crowded
from service.judging.reading.words import MARKS, NUMBER, key_form
from service.judging.reading.wrapping import rest_of_line, without_latex

# What may follow an object that closes an answer: the list, the fence and the tags that it stands in, tokens, and
# 'Let me know if you have questions.'
_AFTER_OBJECT = re.compile(
    r"(?:\s++|\]|`{3,}|~{3,}|</[\w:=-]{1,40}>|<\|[\w▁ -]{1,30}\|>|\.)*+"
    r"(?:(?:please\s)?(?:let\sme\sknow|feel\sfree|i\shope\sthis)\b[^\n\d]{0,200}+)?\Z",
    re.I,
)
_BEFORE_OBJECT = re.compile(r"\s*+(?:(?:`{3,}|~{3,})\w{0,10}\s*+)?\Z")
_ENDS_BLOCK = re.compile(r"[ \t]*(?:\n(?:`{3,}|~{3,})[ \t]*)?(?:\n|\Z)")
_WORD = r"[^\[\]\n:=]{1,60}+"
_RESULT = re.compile(rf"(?<!\[)\[(?P<name>{_WORD})(?:\](?!\])[\s{MARKS}:]*+|[:=]\s*(?P<content>[^\[\]\n]{{1,200}}+)\])")
_BRACKETS = re.compile(r"\[\[([^\[\]\n]{1,200})\]\]")
_TAG = re.compile(
    r"<(?P<name>[\w -]{1,120}+)>(?P<content>[^<]{0,200}+)</(?i:(?P=name))>|"
    r"<parameter=(?P<parameter>[\w -]{1,120}+)>(?P<argument>[^<]{0,200}+)</parameter>"
)
_BOX_WITHIN = 200  # characters
_BOX = re.compile(
    rf"(?:^|[.!?]\s)[^\S\n]*(?P<sentence>(?:{LEAD_IN}(?:the\s)?final\sanswer(?:\sis)?:?\s*)?"
    r"(?:\$\$?|\\[\[(]|\s)*\\boxed\s?\{(?P<content>[^{}\n]{1,100}|\\\w{1,10}\{[^{}\n]{1,100}\})\}(?:\$\$?|\\[\])]|\s|\.)*\Z)",
    re.I | re.M,
)
# Not the end of a range, a date or a comparison: `3-4/5`, `1/2/2025`, `>4/5`.
_FRACTION = re.compile(
    r"[+\-−.\d](?<![\w./,\-−–~<>≤≥±].)[\d.]*+"
    rf"[{MARKS}]{{0,3}}\s?(?:[/／]|(?i:out of))\s?[{MARKS}]{{0,3}}{NUMBER}(?![\w/%]|[.,]\d)"
)
_DENOMINATOR = re.compile(rf"[{MARKS}]{{0,3}}\s?(?:[/／]|(?i:out of))\s?{NUMBER}")
_ENDS_CLAUSE = re.compile(
    rf"[{MARKS} \t)\]]*+(?:$|[.,;:!—–]|-\s|(?:because|since|as|due|overall|points?|stars?)\b)", re.M
)
_ROW = re.compile(
    rf"(?m)^(?P<led>(?<=:\n)|(?<=:\n\n))?+(?:[^\S\n]|[|{MARKS}])*+(?P<name>[^|\n]{{1,60}}+)\|(?P<column>[^\S\n]*\n\|[:\x20-]+\|[^\S\n]*\n\|)?(?P<value>[^|\n]{{1,60}}+)\|?[^\S\n]*$(?(column)(?!\n\|))(?(led)(?(column)(?!)))"
)
_ENDS_TEXT = re.compile(r"\W*+\Z")
_CLAUSE_WITHIN = 120  # characters before a fraction
_CLAUSE = re.compile(r"(?:[.!?;]\s|\n|\A)(?P<clause>[^\n.!?;]*)\Z")
# Whose fraction it is: the judge's, of the whole answer. 'Fluency: 4/5' and '4/5 of the claims' are of something else.
_SO = r"(?:overall|so|therefore|thus|hence|finally|in\stotal|no|final|total)\W{1,3}"
_ANSWER = r"(?:answer|response|reply|output|summary|text)"
_GIVEN = (
    rf"(?:(?:i|we)(?:['’]d|\s(?:would|will|shall))?|this|it|(?:the|this)\s{_ANSWER})\s(?:would\s)?"
    r"(?:rate|score|grade|give|assign|award|say|gets?|deserves?|earns?|merits?|scores?|rates?|receives?|is)\b"
    rf"(?:\s(?:it|this|that|the|an?|of|as|at|score|rating|rated|overall|with|{ADJECTIVE}|{_ANSWER}))*"
)
_OWN = re.compile(
    rf"[\W\d]*(?:{_SO})?(?:(?:an?\s)?{ADJECTIVE}\s)?\Z|"
    rf"(?:.*,\s)?(?:{_SO}|(?:{_SO})?{_GIVEN}\W*|(?:an?|the)\s(?:\w+\s){{0,3}}{_ANSWER}\W*)\Z",
    re.I,
)


def in_objects(answer: Answer, expected: Expected) -> list[Hit]:
    """JSON objects, if nothing follows the last one, or the first alone if it opens the answer as a block.

    Others are no verdicts: an object in the reasoning is quoted.
    """
    objects, text = answer.objects, answer.text
    if not objects:
        return []
    if not _AFTER_OBJECT.match(text, objects[-1].end) or _is_block_quoted(text, objects[-1].start):
        objects = objects[:1] if _opens(text, objects[0]) else []
    objects = [each for each in objects if not _is_block_quoted(text, each.start)]
    return _as_list(objects, expected) or [
        Hit(verdict, found.start, found.end, ParsedFrom.JSON, explanation=explanation_of(found.fields), worded=True)
        for found in objects
        for verdict in verdict_of(found.fields, expected)
    ]


def _as_list(objects: list[FoundObject], expected: Expected) -> list[Hit]:
    """`[{"model": "A", "rank": 2}, …]`, a list of which each element is an object."""
    verdict = expected.fields({"": [each.fields for each in objects]}) if len(objects) > 1 else None
    return [Hit(verdict, objects[0].start, objects[-1].end, ParsedFrom.JSON, worded=True)] if verdict else []


def in_tags(answer: Answer, expected: Expected) -> list[Hit]:
    """`<score>4</score>`; an echoed `<score>n</score>` counts only if nothing else holds a value."""

    def read(tag: re.Match[str]) -> Hit:
        verdict = expected.whole((tag["content"] or tag["argument"] or "") + _denominator(tag))
        weight = Weight.STATED if verdict else Weight.POSSIBLE
        return Hit(verdict or expected.foreign, *tag.span(), ParsedFrom.TAG, weight, worded=True)

    def is_own(tag: re.Match[str]) -> bool:
        return expected.words.is_in_tag(tag["name"] or tag["parameter"])

    return _read(filter(is_own, _TAG.finditer(answer.unquoted)), read, ParsedFrom.TAG)


def after_result(answer: Answer, expected: Expected) -> list[Hit]:
    """`[RESULT] 4`, Prometheus's ending, `[SCORE] 4`, `[RESULT: 4]`, `[Result] Score: 4`."""
    text = answer.unquoted

    def read(result: re.Match[str]) -> Hit | None:
        if result["content"]:
            verdict, end = expected.whole(result["content"]), result.end()
        else:
            head = expected.words.head_at(text, result.end())
            start = head.end if head else result.end()
            value = expected.leading(rest_of_line(text, start))
            verdict, end = (value.verdict, start + value.end) if value else (None, 0)
        return Hit(verdict, result.start(), end, ParsedFrom.RESULT, worded=True) if verdict else None

    found = (result for result in _RESULT.finditer(text) if key_form(result["name"]) in expected.words.keys)
    return _read(found, read, ParsedFrom.RESULT)


def in_brackets(answer: Answer, expected: Expected) -> list[Hit]:
    """`[[4]]`, `[[A>>B]]` and `[[rating: 4]]`."""

    def read(brackets: re.Match[str]) -> Hit | None:
        head = expected.words.head_at(brackets[1], 0)
        verdict = expected.bracketed(brackets[1][head.end if head else 0 :] + _denominator(brackets))
        return Hit(verdict, *brackets.span(), ParsedFrom.BRACKETS) if verdict else None

    return _read(_BRACKETS.finditer(answer.unquoted), read, ParsedFrom.BRACKETS)


def in_a_box(answer: Answer, expected: Expected) -> list[Hit]:
    r"""`\boxed{4}` that ends the answer, alone in its sentence or as the final answer."""
    box = _BOX.search(answer.text, max(0, len(answer.text) - _BOX_WITHIN))
    verdict = expected.whole(without_latex(box["content"])) if box else None
    if box is None or verdict is None or answer.unquoted[box.start("content")] == COVER:
        return []
    return [Hit(verdict, box.start("sentence"), box.end(), ParsedFrom.BARE, Weight.IMPLIED)]


def in_tables(answer: Answer, expected: Expected) -> list[Hit]:
    """`| Overall | 4/5 |`, a row of two cells with a word for the score in the first, or a column of two."""
    text = answer.unquoted
    if "|" not in text or not isinstance(expected, ExpectedScore):
        return []

    def read(row: re.Match[str]) -> Hit | None:
        verdict = expected.whole(row["value"])
        return Hit(verdict, *row.span(), ParsedFrom.LINE, Weight.IMPLIED, worded=True) if verdict else None

    rows = (row for row in _ROW.finditer(text) if expected.words.is_in_tag(row["name"]))
    return _read(rows, read, ParsedFrom.LINE)


def as_fractions(answer: Answer, expected: Expected) -> list[Hit]:
    """`4/5` or `4 out of 5` that ends a clause of the judge's own; on another scale only if it ends the text.

    Else it is a fraction of something: 'Confidence: 5/5', '4/5 of the claims', '24/7'. Beside one that counts, those
    on the scale must agree.
    """
    if not isinstance(expected, ExpectedScore):
        return []
    text, settled = answer.unquoted, []

    def read(fraction: re.Match[str]) -> Hit | None:
        start, end = fraction.span()
        verdict = expected.whole(fraction[0])
        own = _is_own(text, start)
        if verdict is None or not own or (isinstance(verdict, Reason) and not _ENDS_TEXT.match(text, end)):
            return None
        if _ENDS_CLAUSE.match(text, end):
            settled.append(fraction)
        cut = _is_whole_line(text, start, end)
        return Hit(verdict, start, end, ParsedFrom.FRACTION, Weight.IMPLIED, cut=cut)

    hits = _read(_FRACTION.finditer(text), read, ParsedFrom.FRACTION)
    return hits if settled or hits == [crowded(ParsedFrom.FRACTION)] else []


def _read(found: Iterable[re.Match[str]], read: Callable[[re.Match[str]], Hit | None], form: ParsedFrom) -> list[Hit]:
    """What `read` makes of each place found."""
    places = list(islice(found, MOST_PLACES + 1))
    if len(places) > MOST_PLACES:
        return [crowded(form)]
    return [hit for hit in map(read, places) if hit is not None]


def _opens(text: str, found: FoundObject) -> bool:
    return _BEFORE_OBJECT.match(text, 0, found.start) is not None and _ENDS_BLOCK.match(text, found.end) is not None


def _is_own(text: str, start: int) -> bool:
    clause = _CLAUSE.search(text, max(0, start - _CLAUSE_WITHIN), start)
    return clause is not None and _OWN.match(clause["clause"]) is not None


def _is_block_quoted(text: str, place: int) -> bool:
    return text[text.rfind("\n", 0, place) + 1 : place].lstrip().startswith(">")


def _denominator(found: re.Match[str]) -> str:
    """What makes a fraction of a marked value: `[[4]]/10`."""
    denominator = _DENOMINATOR.match(found.string, found.end())
    return denominator[0] if denominator else ""


def _is_whole_line(text: str, start: int, end: int) -> bool:
    line_start, line_end = text.rfind("\n", 0, start) + 1, text.find("\n", end)
    around = text[line_start:start] + text[end : line_end if line_end >= 0 else None]
    return not any(each.isalnum() for each in around)
