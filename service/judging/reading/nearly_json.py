"""Objects that are nearly JSON: Python's quotes and constants, comments, trailing commas, backslashes that escape
nothing."""

import re
from typing import NamedTuple

_TOKEN = re.compile(
    r"(?:\s++|(?://|#)[^\n]*|/\*.{0,300}?\*/)*+(?:(?P<double>\"(?:[^\"\\]|\\.)*+\")|(?P<single>'(?:[^'\\]|\\.|(?<=\w)'(?=\w))*+')|"
    r"(?P<constant>True|False|None)\b|(?P<plain>true\b|false\b|null\b|NaN\b|-?\d[\d.eE+-]{0,40}+)|(?P<mark>[{}\[\]:,]))",
    re.S,
)
_CONSTANTS = {"True": "true", "False": "false", "None": "null"}
_BAD_ESCAPE = re.compile(r"\\(?:(?P<good>[\"\\/bfnrt]|u[0-9a-fA-F]{4})|(?P<bad>.))", re.S)
_DEPTHS = {"{": 1, "[": 1, "}": -1, "]": -1}


class Nearly(NamedTuple):
    """What an object would be in JSON, None if it is none; the offset of its end, and how many tokens were read."""

    json: str | None
    end: int
    tokens: int


def as_json(text: str, start: int, most_tokens: int) -> Nearly:
    """The object that opens at `start`, put into JSON, unless it holds something else or more than `most_tokens`."""
    pieces: list[str] = []
    depth, end = 0, start
    while len(pieces) < most_tokens and (token := _TOKEN.match(text, end)):
        piece, end = _piece(token), token.end()
        if piece in "}]" and pieces and pieces[-1] == ",":
            pieces.pop()
        pieces.append(piece)
        depth += _DEPTHS.get(piece, 0)
        if depth == 0:
            return Nearly("".join(pieces), end, len(pieces))
    return Nearly(None, end, len(pieces))


def _piece(token: re.Match[str]) -> str:
    if token["mark"]:
        return token["mark"]
    if token["constant"]:
        return _CONSTANTS[token["constant"]]
    if token["double"]:
        return f'"{_escaped(token["double"][1:-1])}"'
    if token["single"]:
        return f'"{_escaped(token["single"][1:-1])}"'
    return token["plain"]


def _escaped(content: str) -> str:
    """A string's content with the escapes of JSON: no others, and all that it needs."""
    content = _BAD_ESCAPE.sub(lambda found: found[0] if found["good"] else _unescaped(found["bad"]), content)
    return re.sub(r'(?<!\\)((?:\\\\)*+)"', r'\1\\"', content)


def _unescaped(character: str) -> str:
    return character if character == "'" else "\\\\" + character
