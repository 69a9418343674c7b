"""From a model's reply to the answer in it: thoughts dropped, quotations covered, long texts cut."""

import re
from functools import cached_property

from service.judging.reading.objects import FoundObject, objects_in
from service.judging.reading.quoting import (
    COVER,
    IN_LINE,
    block_quotations,
    cover,
    covered,
    is_in_marks,
    long_quotations,
    open_fence,
)
from service.judging.reading.words import LABEL_WORDS, SCORE_WORDS

# Characters. A verdict stands at the end: of a longer answer only its last part is read, so that no text
# costs more than a few milliseconds. The first cut bounds the search for thoughts, which may be long.
LONGEST_REPLY = 1_000_000
LONGEST_ANSWER = 32_768
MOST_LINES = 1_000  # a line costs microseconds however short it is
MOST_TAGS = 200  # of thoughts, looked at for quotations around them
MOST_QUOTATIONS = 1_000  # of a text with more, nothing is taken for the judge's own words
_CUT = "…"  # opens a text whose beginning was cut, so that its first line can't pass for a whole one

_THOUGHT_TAG = re.compile(r"<(/?)think(?:ing)?>", re.I)
_HEADING_WITHIN = 80  # characters
_VERDICT_HEADING = re.compile(
    rf"^[\s#*_-]*+(?:(?:my|final|total|overall)\s){{0,2}}(?:{'|'.join(SCORE_WORDS + LABEL_WORDS)})(?:\sis)?[\s*_:]*+\Z",
    re.I | re.M,
)


class Answer:
    """One answer in three views of equal offsets: as written, without blocks, and without quotations too.

    Blocks are JSON objects, lines quoted with `>`, fenced code that other text follows, and quotations of several
    lines. They are the judge's quotations: what looks like a score in them is not the judge's. The views are made
    when asked for: an answer in JSON needs none.
    """

    def __init__(self, text: str, *, is_cut: bool = False) -> None:
        self.text = text
        self.is_cut = is_cut

    @cached_property
    def objects(self) -> list[FoundObject]:
        return objects_in(self.text)

    @cached_property
    def spoken(self) -> str:
        return _without_block_quotations(self.text, is_cut=self.is_cut, objects=self.objects)

    @cached_property
    def unquoted(self) -> str:
        return _without_quotations(self.spoken)


def without_thoughts(text: str) -> str | None:
    """The answer outside closed think blocks; None where one is still open at the end.

    A closing tag without an opening one ends a thought that the prompt's template opened: all before it is
    dropped. A tag that is quoted is none, and a reply that is one JSON object is left alone.
    """
    text = _last(text, LONGEST_REPLY)
    start = _after_leading_thoughts(text)
    if start is None:
        return None
    text = text[start:]
    if not _THOUGHT_TAG.search(text) or (text.startswith("{") and _is_one_object(text)):
        return text
    return _outside_thoughts(text)


def _after_leading_thoughts(text: str) -> int | None:
    """Where a text goes on after the thoughts that it opens with; None where one of them does not end."""
    start = 0
    while tag := _THOUGHT_TAG.match(text, start):
        closing = tag if tag[1] else next((each for each in _THOUGHT_TAG.finditer(text, tag.end()) if each[1]), None)
        if closing is None:
            return None
        start = closing.end()
        while start < len(text) and text[start].isspace():
            start += 1
    return start


def _outside_thoughts(text: str) -> str | None:
    unquoted = _without_block_quotations(text)
    kept: list[str] = []
    start, is_open = 0, False
    for number, tag in enumerate(_THOUGHT_TAG.finditer(text)):
        if not is_open and number < MOST_TAGS and _is_quoted(text, unquoted, tag.start()):
            continue
        if tag[1]:
            if not is_open:
                kept.clear()
            start, is_open = tag.end(), False
        elif not is_open:
            kept.append(text[start : tag.start()])
            is_open = True
    if is_open:
        return None
    return "\n".join([*kept, text[start:]]).strip()


def _is_quoted(text: str, unquoted: str, place: int) -> bool:
    return unquoted[place] == COVER or is_in_marks(text, place)


def _without_block_quotations(text: str, *, is_cut: bool = False, objects: list[FoundObject] | None = None) -> str:
    objects = objects_in(text) if objects is None else objects
    text = covered(text, [(each.start, each.end) for each in objects])
    text = covered(text, block_quotations(text))
    return covered(text, long_quotations(text, is_cut=is_cut))


def answer_in(text: str) -> Answer:
    """The last part of `text`, its line ends made one kind."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    start = max(0, len(text) - LONGEST_ANSWER)
    if text.count("\n", start) >= MOST_LINES:
        start = len(text) - len("\n".join(text[start:].rsplit("\n", MOST_LINES)[1:]))
    if start == 0:
        return Answer(text)
    fence = open_fence(text[:start])  # what stood in a fence goes on to stand in one
    cut = _CUT if text[start - 1] != "\n" else f"{_CUT}\n"
    return Answer((f"{fence}\n" if fence else "") + cut + text[start:], is_cut=True)


def _last(text: str, length: int) -> str:
    text = text.strip()
    return text if len(text) <= length else _CUT + text[-length:]


def _is_one_object(text: str) -> bool:
    if len(text) > LONGEST_ANSWER:
        return False
    found = objects_in(text)
    return len(found) == 1 and found[0].start == 0 and found[0].end == len(text)


def _without_quotations(text: str) -> str:
    """Cover what stands in quotation marks, unless it is the judge's verdict: under its heading, at the end."""
    last_word = next((at for at in range(len(text) - 1, -1, -1) if text[at].isalnum()), 0)

    def hidden(quoted: re.Match[str]) -> str:
        start, end = quoted.span()
        if end > last_word and _VERDICT_HEADING.search(text, max(0, start - _HEADING_WITHIN), start):
            return quoted[0]
        return COVER * (end - start)

    unquoted, quotations = IN_LINE.subn(hidden, text, count=MOST_QUOTATIONS)
    return unquoted if quotations < MOST_QUOTATIONS else cover(text)
