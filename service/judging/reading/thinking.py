"""The thoughts of models, in the marks in which they come: what stands between the marks is no answer."""

import re
from itertools import takewhile
from typing import NamedTuple

from service.judging.reading.objects import objects_in
from service.judging.reading.quoting import COVER, is_in_marks, without_blocks

MOST_TAGS = 40  # looked at for quotations around them

_NAME = r"(?:\w{1,20}[:_])?(?:think(?:ing)?|thoughts?|reasoning|scratchpad|inner_monologue)"
_OPENS = (
    rf"<{_NAME}(?:\s[^<>\n]{{0,80}})?>",
    r"\[THINK(?:ING)?\]",
    r"<\|?begin_of_thought\|?>",
    "◁think▷",
    r"<\|channel>thought",
    r"(?:<\|start\|>assistant)?<\|channel\|>(?:analysis|commentary)(?:[^<\n]{0,80}<\|message\|>)?",
    r"<\|START_THINKING\|>",
    r"<\|think(?:ing)?\|>",
    r"<\|inner_prefix\|>",
    r"<unused94>",
)
_CLOSES = (
    rf"</{_NAME}>",
    r"\[/THINK(?:ING)?\]",
    r"<\|?end_of_thought\|?>",
    "◁/think▷",
    r"<channel\|>",
    r"(?:<\|end\|>\s?)?(?:<\|start\|>assistant)?<\|channel\|>final(?:\s?<\|constrain\|>\w{1,20})?(?:<\|message\|>)?",
    r"<\|END_THINKING\|>",
    r"<\|/think(?:ing)?\|>",
    r"<\|inner_suffix\|>",
    r"<unused95>",
)
_TAG = re.compile(rf"(?=<[\w/|]|\[/?T|◁)(?:(?P<close>{'|'.join(_CLOSES)})|{'|'.join(_OPENS)})", re.I)
_CLOSING = re.compile(rf"(?=<[\w/|]|\[/?T|◁)(?:{'|'.join(_CLOSES)})", re.I)
# gpt-oss without its special tokens: `analysisI lean low.assistantfinalScore: 4`.
_BARE_CHANNEL = re.compile(r"analysis(?=[A-Z])")
_BARE_FINAL = "assistantfinal"
_LONGEST_OBJECT = 32_768


class Spoken(NamedTuple):
    """A reply outside its thoughts. `dropped` is what stood before a mark that closed a thought never opened,
    and may be the judge's own words if the mark was quoted without saying so."""

    text: str
    dropped: str = ""


def without_thoughts(text: str) -> Spoken | None:
    """The reply outside closed thoughts; None if one is still open at the end.

    A closing mark without an opening one ends a thought that the prompt's template opened: all before it is
    dropped. A mark that is quoted is none, and a reply that is one JSON object is left alone.
    """
    if _BARE_CHANNEL.match(text):
        _, final, answer = text.partition(_BARE_FINAL)
        return Spoken(answer.strip()) if final else None
    leading = _leading_thoughts(text)
    if leading is None:
        return None
    text = text[leading.end :]
    if not _TAG.search(text) or (text.startswith("{") and _is_one_object(text)):
        return Spoken(text)
    return _outside_thoughts(text, leading.nested)


class _Thoughts(NamedTuple):
    """Where a text goes on after its thoughts, and how many were opened within others and may close later."""

    end: int
    nested: int


def _leading_thoughts(text: str) -> _Thoughts | None:
    """The thoughts that a text opens with; None if one of them does not end."""
    end, nested = 0, 0
    while tag := _TAG.match(text, end):
        if not tag["close"]:
            tags = _TAG.finditer(text, tag.end())
            within = list(takewhile(lambda each: not each["close"], tags))
            nested += len(within)
            closing = _CLOSING.search(text, within[-1].end() if within else tag.end())
            if closing is None:
                return None
            tag = closing
        end = tag.end()
        while end < len(text) and text[end].isspace():
            end += 1
    return _Thoughts(end, nested)


def _outside_thoughts(text: str, nested: int) -> Spoken | None:
    unquoted = without_blocks(text, objects_in(text))
    kept: list[str] = []
    start, is_open, dropped = 0, False, ""
    for number, tag in enumerate(_TAG.finditer(text)):
        if not is_open and number < MOST_TAGS and _is_quoted(text, unquoted, tag.start()):
            continue
        if tag["close"]:
            if not is_open:
                sure = nested > 0 or _opens_line(text, tag.start())
                dropped = "" if sure else "\n".join([*kept, text[start : tag.start()]])
                nested = max(0, nested - 1)
                kept.clear()
            start, is_open = tag.end(), False
        elif is_open:
            nested += 1
        else:
            kept.append(text[start : tag.start()])
            is_open = True
    if is_open:
        return None
    return Spoken("\n".join([*kept, text[start:]]).strip(), dropped)


def _opens_line(text: str, place: int) -> bool:
    return not text[text.rfind("\n", 0, place) + 1 : place].strip()


def _is_quoted(text: str, unquoted: str, place: int) -> bool:
    return unquoted[place] == COVER or is_in_marks(text, place)


def _is_one_object(text: str) -> bool:
    if len(text) > _LONGEST_OBJECT:
        return False
    found = objects_in(text)
    return len(found) == 1 and found[0].start == 0 and found[0].end == len(text)
