"""From a model's reply to the answer in it: thoughts dropped, quotations covered, long texts cut."""

import re
from functools import cached_property

from service.judging.reading.objects import FoundObject, objects_in
from service.judging.reading.words import LABEL_WORDS, SCORE_WORDS

# Characters. A verdict stands at the end: of a longer answer only its last part is read, so that no text
# costs more than a few milliseconds. The first cut bounds the search for thoughts, which may be long.
LONGEST_REPLY = 1_000_000
LONGEST_ANSWER = 32_768
MOST_LINES = 1_000  # a line costs microseconds however short it is
MOST_QUOTATIONS = 1_000  # of a text with more, nothing is taken for the judge's own words
_CUT = "…"  # opens a text whose beginning was cut, so that its first line can't pass for a whole one
_COVER = "\x1a"  # stands for a quoted character: neither a word nor white space nor a mark

_THOUGHT_TAG = re.compile(r"<(/?)think(?:ing)?>", re.I)
_CODE_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})")
# A single quotation mark beside a letter is an apostrophe. Each alternative opens with its mark, for speed.
_QUOTED = re.compile(
    r'"[^"\n]*"|“[^“”\n]*”|«[^«»\n]*»|`[^`\n]*`|'
    r"'(?<!\w')[^'\n]{1,200}'(?!\w)|‘[^‘’\n]{1,200}’(?!\w)"
)
_HEADING_WITHIN = 80  # characters
_VERDICT_HEADING = re.compile(
    rf"^[\s#*_-]*+(?:(?:my|final|total|overall)\s){{0,2}}(?:{'|'.join(SCORE_WORDS + LABEL_WORDS)})(?:\sis)?[\s*_:]*+\Z",
    re.I | re.M,
)


class Answer:
    """One answer in three views of equal offsets: as written, without blocks, and without quotations too.

    Blocks are JSON objects, lines quoted with `>` and fenced code that other text follows. They are the
    judge's quotations: what looks like a score in them is not the judge's. The views are made when asked
    for: an answer in JSON needs none.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def objects(self) -> list[FoundObject]:
        return objects_in(self.text)

    @cached_property
    def spoken(self) -> str:
        return _without_blocks(self.text, self.objects)

    @cached_property
    def unquoted(self) -> str:
        return _without_quotations(self.spoken)


def without_thoughts(text: str) -> str | None:
    """The answer outside closed think blocks; None where one is still open at the end.

    A closing tag without an opening one ends a thought that the prompt's template opened: all before it is
    dropped. A reply that is one JSON object is left alone, its strings may speak of tags.
    """
    text = _last(text, LONGEST_REPLY)
    if not _THOUGHT_TAG.search(text) or (text.startswith("{") and _is_one_object(text)):
        return text
    kept: list[str] = []
    start, is_open = 0, False
    for tag in _THOUGHT_TAG.finditer(text):
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


def answer_in(text: str) -> Answer:
    """The last part of `text`, its line ends made one kind."""
    text = _last(text.replace("\r\n", "\n").replace("\r", "\n"), LONGEST_ANSWER)
    if text.count("\n") >= MOST_LINES:
        text = "\n".join([_CUT, *text.rsplit("\n", MOST_LINES)[1:]])
    return Answer(text)


def _last(text: str, length: int) -> str:
    text = text.strip()
    return text if len(text) <= length else _CUT + text[-length:]


def _is_one_object(text: str) -> bool:
    if len(text) > LONGEST_ANSWER:
        return False
    found = objects_in(text)
    return len(found) == 1 and found[0].start == 0 and found[0].end == len(text)


def _without_blocks(text: str, objects: list[FoundObject]) -> str:
    pieces, start = [], 0
    for each in objects:
        pieces += [text[start : each.start], _cover(text[each.start : each.end])]
        start = each.end
    lines = "".join([*pieces, text[start:]]).split("\n")
    for first, last in _quoted_lines(lines):
        lines[first:last] = map(_cover, lines[first:last])
    return "\n".join(lines)


def _quoted_lines(lines: list[str]) -> list[tuple[int, int]]:
    """Ranges of lines quoted with `>`, and of fenced code after which the text goes on."""
    ranges: list[tuple[int, int]] = []
    fence, opened_at = "", 0
    fenced: list[tuple[int, int]] = []
    last_line = max((number for number, line in enumerate(lines) if line.strip()), default=0)
    for number, line in enumerate(lines):
        mark = _CODE_FENCE.match(line) if "`" in line or "~" in line else None
        if fence:
            if mark and mark[1].startswith(fence):
                fenced.append((opened_at, number + 1))
                fence = ""
        elif mark:
            fence, opened_at = mark[1], number
        elif line.lstrip().startswith(">"):
            ranges.append((number, number + 1))
    return ranges + [(first, last) for first, last in fenced if last <= last_line]


def _cover(text: str) -> str:
    """As many characters, lines kept, that no family reads."""
    return "\n".join(_COVER * len(line) for line in text.split("\n"))


def _without_quotations(text: str) -> str:
    """Cover what stands in quotation marks, unless it is the judge's verdict: under its heading, at the end."""
    last_word = next((at for at in range(len(text) - 1, -1, -1) if text[at].isalnum()), 0)

    def covered(quoted: re.Match[str]) -> str:
        start, end = quoted.span()
        if end > last_word and _VERDICT_HEADING.search(text, max(0, start - _HEADING_WITHIN), start):
            return quoted[0]
        return _COVER * (end - start)

    unquoted, quotations = _QUOTED.subn(covered, text, count=MOST_QUOTATIONS)
    return unquoted if quotations < MOST_QUOTATIONS else _cover(text)
