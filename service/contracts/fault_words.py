"""Messages of msgspec about a value that does not fit, in words that know JSON and not Python."""

import re

from service.contracts.judges import MODEL_OR_PANEL, MODEL_PATTERN, NAME_PATTERN, URL_PATTERN
from service.contracts.names import ANSWER_KEY_PATTERN, EFFORT_PATTERN, ONE_LINE_PATTERN, SHA256_PATTERN

_PATTERNS = {
    f"Expected `str` matching regex {pattern!r}": words
    for pattern, words in {
        NAME_PATTERN: "a name has 1 to 100 letters, digits, '.', '_' or '-', and begins with a letter or a digit",
        MODEL_PATTERN: "a model is written provider/name, such as openai/gpt-6-luna",
        MODEL_OR_PANEL: "neither a model (provider/name) nor `panel`",
        URL_PATTERN: "not an http or https URL",
        SHA256_PATTERN: "must be 64 digits of 0-9 and a-f: printf %s KEY | sha256sum",
        ANSWER_KEY_PATTERN: "must have a letter or a digit",
        EFFORT_PATTERN: "must be one word of letters a-z, such as low or high",
        ONE_LINE_PATTERN: "a name is one line without white space at its ends",
    }.items()
}
_TYPE = re.compile(r"Expected `([a-z |]+)`, got `([a-z]+)`")
_BOUND = re.compile(r"Expected `(?:int|float)` (>=|<=|>|<) (\S+)")
_LENGTH = re.compile(r"Expected `(str|array|object)` of length (>= |<= |)(\d+)(?:, got (\d+))?")

_KINDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "an array",
    "object": "an object",
    "null": "null",
}
_GIVEN = {**_KINDS, "float": "a decimal number"}
_LIMITS = {
    ">=": "must be {} or more",
    "<=": "must be at most {}",
    ">": "must be more than {}",
    "<": "must be less than {}",
}
_PARTS = {"str": ("character", "characters"), "array": ("entry", "entries"), "object": ("field", "fields")}


def in_words(message: str) -> str:
    """Returns msgspec's message in plain words; as it is if it is none of the known ones."""
    if known := _PATTERNS.get(message):
        return known
    if found := _TYPE.fullmatch(message):
        return _wrong_type(found[1].split(" | "), found[2]) or message
    if found := _BOUND.fullmatch(message):
        return _LIMITS[found[1]].format(found[2].removesuffix(".0"))
    if found := _LENGTH.fullmatch(message):
        return _wrong_length(found[1], found[2].strip(), int(found[3]), found[4])
    return message


def _wrong_type(allowed: list[str], given: str) -> str | None:
    if given not in _GIVEN or not {*allowed} <= _KINDS.keys():
        return None
    ordered = sorted(allowed, key=lambda each: each == "null")  # what is meant comes first
    *others, last = (_KINDS[each] for each in ordered)
    return f"must be {' or '.join(filter(None, (', '.join(others), last)))}, not {_GIVEN[given]}"


def _wrong_length(kind: str, limit: str, length: int, given: str | None) -> str:
    if limit == ">=" and length == 1:
        return "must not be empty"
    parts = f"{length} {_PARTS[kind][length != 1]}"
    amount = {">=": f"at least {parts}", "<=": f"at most {parts}", "": parts}[limit]
    return f"must have {amount}{'' if given is None else f', not {given}'}"
