"""Values that a line gives: after a word for the value, or as all that stands on it."""

import re
from itertools import islice

from service.contracts.outcomes import ParsedFrom, Reason
from service.judging.reading.labels import ExpectedLabel
from service.judging.reading.preparing import Answer
from service.judging.reading.prose import LEAD_IN, last_sentence_start, says_otherwise
from service.judging.reading.quoting import COVER
from service.judging.reading.rankings import ExpectedRanking
from service.judging.reading.scores import ExpectedScore
from service.judging.reading.verdicts import MOST_PLACES, ChosenLabel, Expected, Hit, Verdict, Weight, crowded
from service.judging.reading.words import Head, folded, may_hold_words, names_one_respect
from service.judging.reading.wrapping import SYMBOL, rest_of_line

# What may stand before an anchored line's word: bullets, headings, emphasis, a number of a list, a tag, a word that
# leads to a conclusion. Neither `>` nor a quotation mark: those are quotations.
_MARKS = rf"(?:[ \t\xa0–•*+#_`|=]|->?|{SYMBOL})*+"
_START = re.compile(
    rf"{_MARKS}[(（]?(?:\d{{1,2}}[.)]\s+)?{_MARKS}(?:<[\w-]{{1,30}}>\s?)?(?:\[\w{{1,20}}\]:?\s?)?{_MARKS}(?:{LEAD_IN})?{_MARKS}",
    re.I,
)
_LONGEST_START = 80  # characters
_BULLETS = re.compile(r"(?:[ \t\xa0•*+#]|[–-](?=\s))*+")  # a dash at a number is its sign
# What stands before a word within a line, if the word announces a value there and not a part of it: a mark, or a
# word that is no noun. 'Fluency score: 5' is not the score.
_CLAUSE = re.compile(
    r"(?:^|[.!?:;,(\[{|<>\"'“”–—/-]|\b(?:the|my|an?|this|that|its|your|our|own|says?|said|reads?|states?|stated|"
    r"claims?|contains?|has|with|asks?|for|in|by|and|so|then|therefore|thus|hence|is|as|of|to|writes?|wrote|"
    r"adds?|ends?|demands?|gives?|correct|only|itself|assign|award)\b)[\s*_`]*+\Z",
    re.I,
)
_BEFORE_WITHIN = 40  # characters
_BLANK = re.compile(r"\s*+")
_WORD = re.compile(r"\w")
_NOTES = re.compile(r"notes?\W{1,8}\d{1,2}\.\s+\S", re.I)  # 'Note: 1. The date is wrong.', a list
_FINAL_ANSWER = re.compile(r"final answer\W*\Z")  # of a head
_ITEM = re.compile(r"\W*(?P<number>\d{1,2})\.\s*\Z")
_MOST_ITEM_LINES = 20
_MOST_WORDS = 5  # of what is meant for a value but is none
_MOST_WORDS_ALONE = 2  # on the line below the word
_CLAUSE_END = re.compile(r"[.,;:(–—]\s|$")
_LETTERED = re.compile(r"[\s*_]*\((?P<label>[^()\n]{1,40})\)[\s*_]*(?=[A-Z\d\"“]|$|[:.,–—-])")
_CORRECTION = re.compile(
    r"^[\s*_#>-]{0,8}(?:correction|edit|update|revision|revised|amended|corrected)[*_]{0,2}:[\s*_]{0,4}", re.I | re.M
)
_SAID_WORST = re.compile(r"\b(?:worst|weakest|lowest|poorest)\b", re.I)
_SAID_BEST = re.compile(r"(?<!not )(?<!not the )\b(?:best|strongest|highest)\b", re.I)
_PLACE = re.compile(
    rf"{_MARKS}(?:rank\s|place\s)?(?P<rank>\d{{1,2}})(?:[.):]|st:|nd:|rd:|th:)\s+(?P<name>[^\n:(–—]{{1,60}}?)"
    r"(?:\s*[:(–—].{0,400}|\s-\s.{0,400})?\Z",
    re.I,
)


def on_lines(answer: Answer, expected: Expected) -> list[Hit]:
    """Lines that open with a word for the value: `**Final score:** 4/5`, or `Rating:` and `4` below it.

    A word for the value within a line only mentions one. A line that announces the verdict and gives none that can
    be read is a hit without one.
    """
    text = answer.spoken
    heads = list(islice(expected.words.heads_in(text), MOST_PLACES + 1))
    if len(heads) > MOST_PLACES:
        return [crowded(ParsedFrom.LINE)]
    return [hit for head in heads if (hit := _announced(answer, head, expected))]


def as_bare_lines(answer: Answer, expected: Expected) -> list[Hit]:
    """The first or the last line if it is the value and nothing else; other such lines must agree.

    Of an order only the last line counts, since an order in a first line is often the question's own.
    """
    lines = answer.bare_lines
    if not lines:
        return []
    outer = [hit for place in _outer(lines, expected) if (hit := _whole(place, expected))]
    if _is_unfinished_list(lines):
        return []
    if isinstance(expected, ExpectedLabel):
        outer = [_unless_taken_back(answer, hit, expected) if hit.start < lines[-1][0] else hit for hit in outer]
    inner = _wholes(lines[:-1] if isinstance(expected, ExpectedRanking) else lines[1:-1], expected) if outer else []
    if len(inner) > MOST_PLACES:
        return [crowded(ParsedFrom.BARE)]
    return outer + [
        hit for hit in inner if not isinstance(hit.verdict, Reason) or isinstance(expected, ExpectedRanking)
    ]


def as_lettered_lines(answer: Answer, expected: Expected) -> list[Hit]:
    """`(B) The first covers more.`, as the first or the last line, read only if nothing else gives a label."""
    lines = answer.bare_lines
    if not isinstance(expected, ExpectedLabel) or not lines:
        return []
    places = [(start, _LETTERED.match(line)) for start, line in lines[: MOST_PLACES + 1]]
    hits = [
        Hit(label, start, start + found.end(), ParsedFrom.BARE, Weight.POSSIBLE)
        for start, found in places
        if found and (label := expected.named(found["label"]))
    ]
    outer = (lines[0][0], lines[-1][0])
    return hits if any(hit.start in outer for hit in hits) else []


def as_numbered_lines(answer: Answer, expected: Expected) -> list[Hit]:
    """`1. C`, `2. A`, `3. B` on lines of their own: an order, if nothing else gives one."""
    if not isinstance(expected, ExpectedRanking):
        return []
    lines = answer.bare_lines
    places = [(start, len(line), found) for start, line in lines if (found := _PLACE.match(line))]
    names = [expected.name_in(found["name"]) for *_, found in places]
    counted = [int(found["rank"]) for *_, found in places] == list(range(1, len(places) + 1))
    listed = [name for name in names if name]
    if places and (_SAID_WORST.search(places[0][2].string) or _SAID_BEST.search(places[-1][2].string)):
        return []
    if not counted or len(listed) != len(names) or len(names) != expected.size:
        return []
    last_start, last_length, _ = places[-1]
    return [Hit(expected.numbered(listed), places[0][0], last_start + last_length, ParsedFrom.BARE, Weight.POSSIBLE)]


def _names_label(line: str, expected: Expected) -> bool:
    """Whether a line opens with a label: the labels may then be headings, `Positive: …` above `Negative: …`."""
    return isinstance(expected, ExpectedLabel) and expected.leading(line.lstrip(" \t*_#-")) is not None


def as_corrections(answer: Answer, expected: Expected) -> list[Hit]:
    """`Correction: 2`: what else was read is taken back."""
    text = answer.spoken
    places = islice(_CORRECTION.finditer(text), MOST_PLACES)
    values = [(place, expected.leading(rest_of_line(text, place.end()), place[0])) for place in places]
    return [
        Hit(value.verdict, place.start(), place.end() + value.end, ParsedFrom.LINE, Weight.MENTIONED)
        for place, value in values
        if value and not isinstance(value.verdict, Reason)
    ]


def as_opened_lines(answer: Answer, expected: Expected) -> list[Hit]:
    """`4 - good but short`, `B: it fits` and `No. The date is wrong.`, if one such line opens the reply or is all of
    it, and nothing else gives a value."""
    if isinstance(expected, ExpectedRanking):
        return []
    lines = answer.bare_lines[: MOST_PLACES + 1]
    value = expected.opening(lines[0][1]) if lines else None
    if value is None or any(expected.opening(line) or _names_label(line, expected) for _, line in lines[1:]):
        return []
    start = lines[0][0]
    weight = Weight.IMPLIED if isinstance(expected, ExpectedLabel) else Weight.POSSIBLE
    hit = Hit(value.verdict, start, start + value.end, ParsedFrom.BARE, weight)
    if not isinstance(expected, ExpectedLabel) or last_sentence_start(answer.unquoted) < hit.end:
        return [hit]  # the sentence that the value opens was looked at with it
    return [_unless_taken_back(answer, hit, expected)]


def _outer(lines: list[tuple[int, str]], expected: Expected) -> list[tuple[int, str]]:
    return [lines[-1]] if isinstance(expected, ExpectedRanking) else list(dict.fromkeys((lines[0], lines[-1])))


def _is_unfinished_list(lines: list[tuple[int, str]]) -> bool:
    """Whether the last line is no more than the number of the next item: `3.` after `2. Dull`."""
    item = _ITEM.match(lines[-1][1])
    before = re.compile(rf"\W*{int(item['number']) - 1}\.\s") if item else None
    return before is not None and any(before.match(line) for _, line in lines[-_MOST_ITEM_LINES:-1])


def _unless_taken_back(answer: Answer, hit: Hit, expected: ExpectedLabel) -> Hit:
    """The label that opens a reply; a conflict if the last sentence says otherwise."""
    label = hit.verdict
    taken_back = isinstance(label, ChosenLabel) and says_otherwise(answer.unquoted, expected, label)
    return hit._replace(verdict=Reason.CONFLICT) if taken_back else hit


def _whole(place: tuple[int, str], expected: Expected) -> Hit | None:
    start, line = place
    bullets = _BULLETS.match(line) if not line.lstrip().startswith("**") else None
    verdict = expected.bare(line[bullets.end() :] if bullets else line, line[: bullets.end()] if bullets else "")
    return Hit(verdict, start, start + len(line), ParsedFrom.BARE, Weight.IMPLIED) if verdict else None


def _wholes(places: list[tuple[int, str]], expected: Expected) -> list[Hit]:
    found = (hit for place in places if (hit := _whole(place, expected)))
    return list(islice(found, MOST_PLACES + 1))


def _announced(answer: Answer, head: Head, expected: Expected) -> Hit | None:
    """The hit of one word for the value, at the start of a line or within it."""
    text = answer.spoken
    line_start = _start_of_line(text, head.start)
    if line_start is not None:
        return _anchored(text, line_start, head, expected)
    before = text[max(0, head.start - _BEFORE_WITHIN) : head.start]
    if answer.unquoted[head.start] == COVER or not _CLAUSE.search(before):
        return None
    if _is_of_the_judged(head, expected) or names_one_respect(head.text):
        return None
    value = expected.leading(rest_of_line(text, head.end), head.text)
    if value is None or isinstance(value.verdict, Reason) or expected.misplaced(value.verdict):
        return None
    end = head.end + value.end
    return Hit(value.verdict, head.start, end, ParsedFrom.LINE, Weight.MENTIONED)


def _start_of_line(text: str, place: int) -> int | None:
    """The start of the line if `place` is the first word on it, lists, marks and lead-ins aside."""
    start = text.rfind("\n", max(0, place - _LONGEST_START), place) + 1
    if start == 0 and place > _LONGEST_START:
        return None
    return start if _START.fullmatch(text, start, place) else None


def _anchored(text: str, start: int, head: Head, expected: Expected) -> Hit | None:
    if _names_other_scale(head, expected):
        return Hit(Reason.WRONG_DENOMINATOR, start, _line_end(text, head.end), ParsedFrom.LINE, worded=True)
    rest = rest_of_line(text, head.end)
    if not rest:
        return _on_next_line(text, start, head, expected)
    value = None if _NOTES.match(text, head.start) else expected.leading(rest, head.text)
    if value is not None:
        return _line_hit(text, value.verdict, start, head.end + value.end, head, expected)
    end = _CLAUSE_END.search(rest)
    if _is_attempt(rest[: end.start()] if end else rest, _MOST_WORDS, head, expected):
        return Hit(None, start, head.end, ParsedFrom.LINE, worded=True)
    return None


def _line_hit(text: str, verdict: Verdict, start: int, end: int, head: Head, expected: Expected) -> Hit:
    """The verdict after `head`. 'Quality: 3' may be one respect of several, and 'Answer: B' the judged answer."""
    judged = _is_of_the_judged(head, expected)
    weight = Weight.IMPLIED if judged else Weight.POSSIBLE if names_one_respect(head.text) else Weight.STATED
    if judged and isinstance(expected, ExpectedScore) and _WORD.search(text, end):
        weight = Weight.MENTIONED
    return Hit(verdict, start, end, ParsedFrom.LINE, weight, worded=True, yields=judged)


def opens_line(text: str, place: int) -> bool:
    """Whether nothing but marks and words that lead in stands before `place` on its line."""
    return _start_of_line(text, place) is not None


def _is_of_the_judged(head: Head, expected: Expected) -> bool:
    """Whether the head may announce the judged answer: 'Answer: B', and 'Final answer: 4'."""
    words = folded(head.text)
    return "answer" in words if isinstance(expected, ExpectedLabel) else _FINAL_ANSWER.search(words) is not None


def _is_attempt(rest: str, most_words: int, head: Head, expected: Expected) -> bool:
    """Whether what follows a word for the value is short enough to be meant for one."""
    if isinstance(expected, ExpectedScore) and may_hold_words(head.text):
        most_words = 1 if any(map(str.isdigit, rest)) else 0
    return len(rest.split()) <= most_words and expected.words.announce_verdict(head)


def _line_end(text: str, place: int) -> int:
    end = text.find("\n", place)
    return end if end >= 0 else len(text)


def _names_other_scale(head: Head, expected: Expected) -> bool:
    """Whether the line names another scale than the one asked for: `Score (1-10): 4`."""
    return head.maximum is not None and expected.maximum not in (None, head.maximum)


def _on_next_line(text: str, start: int, head: Head, expected: Expected) -> Hit | None:
    """The value of a line that only announces it: the next line that is not blank, if it is a value alone.

    A line without a colon is a heading, under which anything else may stand.
    """
    is_heading = head.text.rstrip(" \t*_`")[-1:].isalnum()
    blank = _BLANK.match(text, head.end)
    offset = blank.end() if blank else head.end
    line = rest_of_line(text, offset)
    verdict = expected.whole(line)
    if is_heading and (verdict is None or isinstance(verdict, Reason)):
        return None
    if verdict is None:
        is_attempt = _is_attempt(line, _MOST_WORDS_ALONE, head, expected)
        return Hit(None, start, offset, ParsedFrom.LINE, worded=True) if is_attempt else None
    return _line_hit(text, verdict, start, offset + len(line), head, expected)
