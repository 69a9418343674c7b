"""What a judge quotes: fenced code, lines quoted with `>`, and what stands between quotation marks."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Protocol

COVER = "\x1a"  # stands for a quoted character: neither a word nor white space nor a mark
Span = tuple[int, int]


class PlacedText(Protocol):
    """Something found at a place of a text."""

    @property
    def start(self) -> int:
        """Its first character."""

    @property
    def end(self) -> int:
        """The character after its last."""


_CODE_FENCE = re.compile(
    r"[ \t]*(`{3,}|~{3,})(?P<program>[ \t]*(?:python|py|javascript|js|typescript|ts|java|c|go|rust|sql|bash|sh)\b)?",
    re.I,
)
_FENCE_LINE = re.compile(rf"^{_CODE_FENCE.pattern}", re.M)
# A single quotation mark beside a letter is an apostrophe. Each alternative opens with its mark, for speed.
IN_LINE = re.compile(
    r'"[^"\n]*"|“[^“”\n]*”|«[^«»\n]*»|`[^`\n]*`|'
    r"'(?<!\w')[^'\n]{1,200}'(?!\w)|‘[^‘’\n]{1,200}’(?!\w)"
)
_OVER_LINES = re.compile(r"“[^“”\n]*\n[^“”]*”|«[^«»\n]*\n[^«»]*»")
_OPENS = re.compile(r'(?:^|[\s(\[{:*_–—-])"')
_CLOSES = re.compile(r'"(?:$|[\s.,;:!?)\]}*_–—-])')
_MOST_LONG_QUOTATIONS = 300
_WITHIN = 2_000  # characters to each side in which a quotation on one line is looked for

# 'The response ends with: ', 'Note that C says ': what follows is the judged text's.
_JUDGED = (
    r"(?:response|reply|answer|output|text|essay|submission|candidate|assistant|student|author|user|writer|summary|"
    r"comment|document|message|post|prompt|attacker|injection|code|script|program|function|"
    r"html|page|file|article|story|poem|review|letter|transcript|passage|line|comment|it|they|he|she|(?-i:[A-HJ-T]))"
)
_SAYS = (
    r"(?:says|said|reads?|states?|stated|returns?|shows?|outputs?|contain(?:s|ed)?|end(?:s|ed)|close[sd]|beg[iau]ns?|starts?|opens?|include[sd]?|print(?:s|ed)?|"
    r"claim(?:s|ed)?|writes?|wrote|carr(?:y|ies|ied)|demand(?:s|ed)?|mention(?:s|ed)?|suggest(?:s|ed)?|repeat(?:s|ed)?|"
    r"request(?:s|ed)?|insert(?:s|ed)?|add(?:s|ed)?|ha[sd])"
)
_FILLING = (
    r"(?:with|in|by|that|the|this|an?|following|hidden|lines?|text|json|block|object|table|code|string|itself|its|at|end|"
    r"words?|phrase|instruction|tag|snippet|even|also)"
)
_ORDERS = (
    r"(?:(?:asks?|begs?|tells?|instructs?|tr(?:y|ies)|attempts?|wants?|orders?|urges?)\b(?:\s(?:me|for|us|you|an?|the|judge|grader|"
    r"injection|to|make|get|into|by|just|only|output|answer|print|write|give|say|(?:add|insert|inject)(?:ing)?|with|score|"
    r"rating|verdict|object|of)){0,10})"
)
_TEXT = r"(?:response|reply|output|answer|text|essay|summary)"
_THING = r"(?:tag|block|line|marker|string|comment|text)"
_ATTRIBUTED = re.compile(
    r"(?:^[*#_ ]{0,4}(?:suggested|improved|corrected)\s\w{1,20}(?=[*_]*:)|"
    rf"\b(?:(?:{_JUDGED}|instructions?|rubric)(?:\s\(?[\w'’-]{{1,20}}\)?){{0,3}}?\s(?:{_SAYS}(?:\s{_FILLING}){{0,6}}|{_ORDERS})|"
    r"(?:last|first|final)\sline\s(?:of\s\w{1,10}\s\w{1,20}\s)?(?:is|was)(?=\s?:)|"
    r"(?:told|instructed|asked|ordered)\sto\s\w{1,20}|"
    rf"in(?:side)?\s(?:the|its|this)\s{_JUDGED}(?:\sitself)?,?\s(?:there\s(?:is|was)|one\sfinds|i\s(?:find|found|see|saw))"
    rf"(?:\s{_FILLING}){{0,6}}|"
    rf"i\s(?:see|saw|notice|noticed)(?:\s{_FILLING}){{0,3}}|there\s(?:is|was)\san?\s(?:\w{{1,20}}\s)?{_THING}|"
    rf"(?:injected|embedded|hidden|inserted|planted|fake)(?:\s{_THING})?|"
    rf"from\sthe\s{_JUDGED}(?=\s?:)|(?:submitted|injected|embedded|hidden|quoted|pasted|planted)(?:\s\w{{1,20}}){{1,3}}(?=\s?:)|"
    rf"{_JUDGED}(?:\s[a-d\d])?['’]s\s(?:own\s\w{{1,20}}|{_TEXT})(?=[*_]*:)))"
    r"(?:[*_]{0,2}\s?:[*_]{0,2}\s{0,3}|\s)(?:[`~]{3,}\w{0,10}\s)?[^\w\s.!?]{0,3}\Z",
    re.I | re.M,
)
_PLACED = re.compile(
    rf"\W{{0,3}}\s(?:{_THING}\s)?(?:in|inside|within|from)\s(?:it\b|(?:the|its|this)\s{_JUDGED}\b)", re.I
)
# Edges of the judged text where the judge repeats it: `<candidate_response>` to its end tag, `[BEGIN RESPONSE]` to
# `[END RESPONSE]`, `### Response` to `### Evaluation`. `<response>` and the like are the judge's own unless its answer
# goes on.
_WHOSE = (
    r"(?:candidate|student|assistant|model|user|submitted|submission|generated|original|quoted|evaluated|essay|text|"
    r"context|passage|article|document|input|prompt|conversation|transcript|excerpt)"
)
_ECHOED = rf"(?:{_WHOSE}(?:['’]s)?(?:[\s_-](?:[a-d\d]|{_TEXT})){{0,2}}|(?:response|reply)(?:[\s_-][a-d\d])?)"
_EXAMPLE = r"(?:for\s)?(?:example|sample|format|template)(?:\s\w{1,20})?"
_OFTEN_OWN = r"(?:response|reply|assistant|model)"
_EDGE = re.compile(
    rf"\n(?:[ \t]*[<\[](?P<tag>{_ECHOED})[>\]]|"
    rf"(?P<section>(?:#+\s|\*\*)(?:the\s)?{_ECHOED}(?:\sto\s\w+)?[*:]*$|(?:{_ECHOED}|{_EXAMPLE}):)|"
    r"(?P<next>[#* ]*(?:my\s)?(?:evaluation|assessment|analysis|judge?ment|critique|review|grading)[* ]*(?::|$))|"
    rf"[\[(<=*# -]{{1,10}}(?:the\s)?(?:begin(?:ning)?|start)(?P<begin>\s(?:of\s)?(?:the\s)?{_ECHOED}\b)|"
    rf"[\[(<=*# -]{{1,10}}{_ECHOED}\s(?:(?P<starts>starts?|begins?)|(?P<ends>ends?))\b|"
    rf"[\[(<=*# -]{{1,10}}(?:the\s)?end(?P<end>\s(?:of\s)?(?:the\s)?{_ECHOED}\b))|"
    rf"<(?=/(?!{_OFTEN_OWN}>)|/\w+>\W{{0,200}}\w)/{_ECHOED}(?P<end_tag>>)|\[/{_ECHOED}(?P<end_mark>\])",
    re.I | re.M,
)
_CLOSERS = {"end_tag": "tag", "end_mark": "tag", "end": "begin", "ends": "starts", "next": "section"}
_MOST_EDGES = 300
# 'It is not [[4]].', 'I almost gave [[4]].', '<score>4</score> would be too generous.'
_REJECTED = re.compile(
    r"(?:\b(?:not|never|almost|nearly|tempted\sto|rather\sthan|instead\sof)|n['’]t)\s(?:(?!only\b)\w{1,20}\s)?[^\w\s]{0,3}\Z",
    re.I,
)
_REJECTED_AFTER = re.compile(
    r"[^\w\s]{0,3}\s(?:is|was|seems|feels|would\sbe|would\sseem)(?:(?:n['’]t|\snot)\b(?!\stoo\b)|\s(?:(?:far\s|a\sbit\s|slightly\s|much\s)?too|wrong|unfair|"
    r"unjustified|incorrect|(?:over|under)stated)\b)",
    re.I,
)
_MARKS_WITHIN = 12  # characters
_ATTRIBUTED_WITHIN = 160  # characters


def is_attributed(text: str, place: int, end: int) -> bool:
    """Whether the judge says that the judged text holds the value from `place` to `end`."""
    if _PLACED.match(text, end):
        return True
    before = text[max(0, place - _MARKS_WITHIN) : place].rstrip(" \t\n`~\"'“‘(*_")
    if not before or not (before[-1] == ":" or before[-1].isalpha()):
        return False
    first = max(0, place - _ATTRIBUTED_WITHIN)
    sentence = text.rfind(".", first, place) + 1  # the pattern has no full stop
    return _ATTRIBUTED.search(text, max(first, sentence), place) is not None


def is_rejected(text: str, place: int, end: int) -> bool:
    """Whether the judge says that the value from `place` to `end` is not its verdict."""
    first = max(0, place - _ATTRIBUTED_WITHIN)
    return bool(_REJECTED_AFTER.match(text, end) or _REJECTED.search(text, first, place))


def cover(text: str) -> str:
    """As many characters, lines kept, that no family reads."""
    return "\n".join(COVER * len(line) for line in text.split("\n"))


def covered(text: str, spans: Iterable[Span]) -> str:
    """`text` with the spans covered; they may overlap."""
    pieces, done = [], 0
    for start, end in sorted(spans):
        if end > done:
            pieces += [text[done : max(start, done)], cover(text[max(start, done) : end])]
            done = end
    return "".join([*pieces, text[done:]])


def without_blocks(text: str, objects: Iterable[PlacedText], *, is_cut: bool = False) -> str:
    """`text` with its objects, block quotations, echoes and quotations of several lines covered."""
    text = covered(text, [(each.start, each.end) for each in objects])
    text = covered(text, [*block_quotations(text), *echoes(text)])
    return covered(text, long_quotations(text, is_cut=is_cut))


def block_quotations(text: str) -> list[Span]:
    """Lines quoted with `>`, and fenced code after which the text goes on, or before it if it is a program."""
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    return [(starts[first], starts[last] - 1) for first, last in _quoted_lines(lines)]


def _quoted_lines(lines: list[str]) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    fence, opened_at, is_program = "", 0, False
    fenced: list[tuple[int, int]] = []
    last_line = max((number for number, line in enumerate(lines) if line.strip()), default=0)
    for number, line in enumerate(lines):
        mark = _CODE_FENCE.match(line) if "`" in line or "~" in line else None
        if fence:
            if mark and mark[1].startswith(fence):
                fenced += [(opened_at, number + 1)] if number < last_line or (is_program and opened_at) else []
                fence = ""
        elif mark:
            fence, opened_at, is_program = mark[1], number, mark["program"] is not None
        elif line.lstrip().startswith(">"):
            ranges.append((number, number + 1))
    return ranges + fenced


def echoes(text: str) -> Iterator[Span]:
    """The parts of the prompt that the judge repeats, from an edge that says so to the next of its kind."""
    opened: dict[str, int] = {}
    for edge in islice(_EDGE.finditer(f"\n{text}"), _MOST_EDGES):
        kind = edge.lastgroup or ""
        opener = _CLOSERS.get(kind)
        if opener is None:
            opened.setdefault(kind, edge.end() - 1)
        elif opener in opened:
            yield opened.pop(opener), edge.start() - 1


def open_fence(text: str) -> str:
    """The mark of the fenced code that `text` ends in, empty if in none."""
    fence = ""
    for mark in _FENCE_LINE.finditer(text):
        if not fence:
            fence = mark[1]
        elif mark[1].startswith(fence):
            fence = ""
    return fence


def long_quotations(text: str, *, is_cut: bool = False) -> list[Span]:
    """Texts of several lines between quotation marks; if the beginning was cut off, one may have opened there.

    Straight marks are paired line by line: a line with an odd number of them opens a quotation or closes it, if
    the mark stands as one that does. All of both lines from the first mark to the last is taken for quoted.
    """
    spans = [found.span() for found in islice(_OVER_LINES.finditer(text), _MOST_LONG_QUOTATIONS)]
    spans += _between_straight_marks(text, is_cut)
    if is_cut:
        first = re.search("[“”«»]", text)
        spans += [(0, first.end())] if first and first[0] in "”»" else []
    return spans


def _between_straight_marks(text: str, is_cut: bool) -> Iterator[Span]:
    opened_at, start = (0 if is_cut else None), 0
    for line in text.split("\n"):
        if line.count('"') % 2:
            opens = _OPENS.search(line)
            surely_open = opened_at is not None and not (is_cut and opens)
            is_cut = False
            if surely_open and opened_at is not None and _CLOSES.search(line):
                yield opened_at, start + line.rindex('"') + 1
                opened_at = None
            elif opens:
                opened_at = start + line.index('"')
        start += len(line) + 1


def is_in_marks(text: str, place: int) -> bool:
    """Whether `place` lies between quotation marks on its line."""
    first = max(text.rfind("\n", 0, place) + 1, place - _WITHIN)
    line = text[first : place + _WITHIN].split("\n", 1)[0]
    return any(found.start() + first <= place < found.end() + first for found in IN_LINE.finditer(line))
