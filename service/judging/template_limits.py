"""Limits on the tags of a template, beyond which filling it could end the process, or take minutes.

MiniJinja limits the nesting of brackets and blocks, and its fuel the work of filling a template. Neither counts long
chains of operators (`--------1`, `a+a+a`, `not not a`), chains of `elif`, and lists that contain or are added to
themselves. A prompt needs no variables of its own, so there are none: without them nothing can be doubled again and
again.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

MOST_OF_A_TAG = 2_000  # characters
MOST_TEMPLATE_TAGS = 1_000
MOST_ADDITIONS = 8  # each may double a list

STATEMENTS = ("if", "elif", "else", "endif", "for", "endfor", "raw", "endraw")
FILTERS_LEFT_OUT = ("batch", "chain", "groupby", "map", "slice", "sum", "zip")  # they make long lists of short ones

_OPENING = re.compile(r"\{[{%#]")
_CLOSING = {"{{": "}}", "{%": "%}"}
_NAMED = re.compile(r"\|\s*(\w+)|\bis\s+(?:not\s+)?(\w+)")  # a filter, or a test
_INDENTED = re.compile(r"\|\s*tojson\s*\(")
_WORD = re.compile(r"[-+]?\s*(\w*)")
_END_OF_RAW = re.compile(r"\{%[-+]?\s*endraw\s*[-+]?%\}")
_QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""", re.DOTALL)


@lru_cache(maxsize=1024)
def limits_problem(source: str) -> str | None:
    """Returns the limit that the tags of a template exceed; None if they keep all."""
    additions = 0
    for tags, (opening, tag) in enumerate(_tags(source), 1):
        code = _QUOTED.sub("", tag)
        additions += code.count("+")
        if opening == "{%" and (statement := _word(tag)) not in STATEMENTS:
            return f"no statement {statement!r} in prompts (there are {', '.join(STATEMENTS)})"
        if "*" in code:
            return "no multiplication (*) in prompts"
        if _INDENTED.search(code):
            return "tojson takes no arguments in prompts: an indentation may be of any length"
        if len(tag) > MOST_OF_A_TAG:
            return f"a tag is longer than {MOST_OF_A_TAG} characters: {tag[:30]}…"
        if tags > MOST_TEMPLATE_TAGS:
            return f"more than {MOST_TEMPLATE_TAGS} tags"
        if additions > MOST_ADDITIONS:
            return f"more than {MOST_ADDITIONS} additions (+); `~` joins texts"
    return None


def filters_and_tests(source: str) -> tuple[set[str], set[str]]:
    """Returns the names of the filters and of the tests in the tags of a template."""
    named = [pair for _, tag in _tags(source) for pair in _NAMED.findall(_QUOTED.sub("", tag))]
    return {name for name, _ in named if name}, {name for _, name in named if name}


def _tags(source: str) -> Iterator[tuple[str, str]]:
    """Yields the opening and the text of each tag, as the engine finds them: not in comments and raw blocks."""
    at = 0
    while opening := _OPENING.search(source, at):
        if opening[0] == "{#":
            end = source.find("#}", opening.end())
            at = len(source) if end < 0 else end + 2
            continue
        end = _end_of_tag(source, opening.end(), _CLOSING[opening[0]])
        tag = source[opening.end() : end]
        yield opening[0], tag
        at = end
        if opening[0] == "{%" and _word(tag) == "raw":
            raw = _END_OF_RAW.search(source, end)
            at = len(source) if raw is None else raw.start()


def _word(tag: str) -> str:
    """Returns the first word of a tag."""
    found = _WORD.match(tag)
    return "" if found is None else found[1]


def _end_of_tag(source: str, start: int, closing: str) -> int:
    """Returns the end of a tag as the engine finds it: not in a quoted text, and not within brackets."""
    at, depth = start, 0
    while at < len(source):
        if depth == 0 and source.startswith(closing, at):
            return at
        character = source[at]
        if character in "'\"":
            quoted = _QUOTED.match(source, at)
            if quoted is None:
                return len(source)
            at = quoted.end()
            continue
        depth += (character in "([{") - (character in ")]}")
        at += 1
    return at
