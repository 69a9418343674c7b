"""From a model's reply to the answer in it: invisible characters and thoughts dropped, quotations covered, long texts
cut."""

import re
from collections.abc import Iterator
from functools import cached_property
from itertools import islice

from service.judging.reading.objects import FoundObject, objects_in
from service.judging.reading.quoting import COVER, IN_LINE, cover, open_fence, without_blocks
from service.judging.reading.thinking import Spoken, without_thoughts
from service.judging.reading.words import HEADING_WORDS, visible
from service.judging.reading.wrapping import without_html, without_latex

# Characters. A verdict stands at the end: of a longer answer only its last part is read, so that no text
# costs more than a few milliseconds. The first cut bounds the search for thoughts, which may be long.
LONGEST_REPLY = 1_000_000
LONGEST_ANSWER = 32_768
MOST_LINES = 1_000  # a line costs microseconds however short it is
MOST_QUOTATIONS = 1_000  # of a text with more, nothing is taken for the judge's own words
_FENCES = ("```", "~~~")
_TAG_ALONE = re.compile(r"\s*</?[\w-]{1,40}>\s*\Z")
# Lines that begin with a statement of the scale, as 'Scale: 1-10' and 'Max: 10' do; few texts have a part of the words.
_SCALE_LINE = re.compile(
    r"^[\s*_#>(•–-]{0,8}(?:on\s)?(?:(?:an?|the|my|rating|scoring|score|grading|[\d–-]{1,7})\s){0,3}"
    r"(?:scale|range|max(?:imum)?)\b.{0,100}",
    re.I | re.M,
)
_IN_SCALE_LINES = ("cale", "ange", "ax", "CALE")
_MOST_SCALE_LINES = 5
_CUT = "…"  # opens a text whose beginning was cut, so that its first line can't pass for a whole one

_NO_WORD = re.compile(r"[\W_]*+")
_HEADING_WITHIN = 80  # characters
_VERDICT_HEADING = re.compile(
    rf"^[\s#*_-]*+(?:(?:my|final|total|overall)\s){{0,2}}(?:{'|'.join(HEADING_WORDS)})(?:\sis)?[\s*_:]*+\Z",
    re.I | re.M,
)
# `I rate it as follows: "Rating: [[4]]".`, but not `It says as follows: …`
_INTRODUCED = re.compile(r"\b(?:as\sfollows|as\s(?:the|my)\s(?:final\s)?(?:score|rating|verdict))\s?:?\s*\Z", re.I)
_SOMEBODY_ELSE = re.compile(
    r"\b(?:sa(?:y|ys|id)|read|reads|stat(?:e|es|ed)|contain\w*|writ\w+|wrote|claim\w*|end|ends|ended|ask\w*|tell\w*|"
    r"told|instruct\w*|demand\w*|includ\w*|quot\w+|inject\w*|attempt\w*|tr(?:y|ies|ied)|prompt\w*)\b",
    re.I,
)

# Tokens of chat templates, which some servers leave at the ends of a text.
_TOKEN = r"(?:<\|[\w▁ -]{1,30}\|>|<｜[\w▁ ]{1,30}｜>|</?s>|<(?:end_of_turn|eos|bos)>|\[/INST\])"
_FIRST_TOKENS = re.compile(rf"(?:\s*+{_TOKEN})+")
_LAST_TOKENS = re.compile(rf"(?:{_TOKEN}\s*+)+\Z")
_TOKENS_WITHIN = 300  # characters
_PAIR = 2


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

    @property
    def is_one_object(self) -> bool:
        found = self.objects
        return len(found) == 1 and found[0].start == 0 and found[0].end == len(self.text)

    @cached_property
    def spoken(self) -> str:
        return without_html(without_latex(without_blocks(self.text, self.objects, is_cut=self.is_cut)))

    @cached_property
    def bare_lines(self) -> list[tuple[int, str]]:
        """The lines that are neither blank nor a code fence nor a tag alone, each with its offset."""
        return [
            (start, line)
            for start, line in _lines(self.spoken)
            if (stripped := line.strip()) and not stripped.startswith(_FENCES) and not _TAG_ALONE.match(stripped)
        ]

    @cached_property
    def unquoted(self) -> str:
        return _without_quotations(self.spoken)

    @cached_property
    def scale_lines(self) -> str:
        """The lines that begin with a statement of a scale."""
        text = self.unquoted
        found = _SCALE_LINE.finditer(text) if any(part in text for part in _IN_SCALE_LINES) else ()
        return "\n".join(line[0] for line in islice(found, _MOST_SCALE_LINES))


def spoken_in(text: str) -> Spoken | None:
    """The reply without thoughts, invisible characters and tokens at its ends; None if a thought does not end."""
    text = text.strip()
    text = visible(text if len(text) <= LONGEST_REPLY else _CUT + text[-LONGEST_REPLY:]).strip()
    spoken = without_thoughts(text)
    return spoken._replace(text=_without_tokens(spoken.text)) if spoken else None


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


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that are not empty, each with its offset."""
    start = 0
    for line in text.split("\n"):
        if line:
            yield start, line
        start += len(line) + 1


def _without_tokens(text: str) -> str:
    first = _FIRST_TOKENS.match(text)
    text = text[first.end() :] if first else text
    last = _LAST_TOKENS.search(text, max(0, len(text) - _TOKENS_WITHIN))
    text = text[: last.start()].rstrip() if last else text.strip()
    is_code = text[:1] == text[-1:] == "`" and text.count("`") == _PAIR
    return text[1:-1].strip() if is_code else text


def _without_quotations(text: str) -> str:
    """Cover what stands in quotation marks, unless it is the judge's verdict: announced as such, at the end."""
    after = _NO_WORD.match(text[::-1])
    last_word = len(text) - 1 - (after.end() if after else 0)

    def hidden(quoted: re.Match[str]) -> str:
        start, end = quoted.span()
        return quoted[0] if end > last_word >= start and _is_introduced(text, start) else COVER * (end - start)

    unquoted, quotations = IN_LINE.subn(hidden, text, count=MOST_QUOTATIONS)
    return unquoted if quotations < MOST_QUOTATIONS else cover(text)


def _is_introduced(text: str, start: int) -> bool:
    """Whether the judge announces the quotation at `start` as its own verdict."""
    first = max(0, start - _HEADING_WITHIN)
    if _VERDICT_HEADING.search(text, first, start):
        return True
    return _INTRODUCED.search(text, first, start) is not None and not _SOMEBODY_ELSE.search(text, first, start)
