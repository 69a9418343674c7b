"""The loose parts of an answer's envelope, which servers fill in many ways: token counts, texts, endings."""

import re
from collections.abc import Sequence
from functools import lru_cache
from math import isfinite
from typing import Any

import msgspec

from service.contracts.outcomes import Reason
from service.judging.reading.refusing import finish_reason_of
from worker.providers.event_streams import Event

MOST_TOKENS = 100_000_000  # a larger count is an error of the server's
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.S
)
# A tuple: a hostile type may be a list, which has no hash.
_NOT_SPOKEN = ("thinking", "reasoning", "redacted_thinking", "thought", "reasoning_text")

# The words with which providers say that an answer came to its own end, normalised by `_normal`.
_WHOLE = frozenset(
    [
        *("stop", "end_turn", "stop_sequence", "stop_sequences", "tool_use", "tool_calls", "tool_call"),
        *("function_call", "eos", "eos_token", "end_of_text", "end_of_sequence", "complete", "completed", "finished"),
        *("finish", "end", "done", "success", "normal", "stop_criteria_met", "finish_reason_stop", "pause_turn"),
        *("finish_reason_unspecified", "null", "none", ""),
    ]
)
_NO_ARGUMENTS = ("{}", "null", "[]")
_TOO_LONG = "error_limit"  # Cohere's word for an answer that was cut off
# The words with which they say that it broke off.
_BROKEN = re.compile(
    r"error|fail|abort|cancel|timeout|timed_out|interrupt|overload|insufficient|unavailable|malformed|^other$|"
    r"exception|disconnect|incomplete|unexpected"
)


def with_whole_characters(body: bytes) -> bytes:
    """Returns JSON with U+FFFD for each escaped half of a character: `"\\ud83d"` is no text, but no answer is lost."""
    return _ESCAPE.sub(lambda escape: b"\\ufffd" if escape["half"] else escape[0], body)


def token_count(value: object) -> int | None:
    """Returns a count as an integer, read from an integer, a float or a text; None if it is none or can't be true."""
    if type(value) is int:
        return value if 0 <= value <= MOST_TOKENS else None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return round(number) if isfinite(number) and 0 <= number <= MOST_TOKENS else None


def total_tokens(*values: object) -> int | None:
    """Returns the sum of the counts that there are, None if the first one is none."""
    counts = [token_count(each) for each in values]
    return None if counts[0] is None else sum(each or 0 for each in counts)


def text_of(content: object) -> str:
    """Returns the text of a message's content: a text, a list of parts, a part, or the verdict itself as an object."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(_text_of_part(each) for each in content)
    if isinstance(content, dict) and _is_part(content):
        return _text_of_part(content)
    return msgspec.json.encode(content).decode()


def text_or_none(value: object) -> str | None:
    """Returns a text, None if the value is no text or an empty one."""
    return value if isinstance(value, str) and value else None


def object_of(value: object) -> dict[str, Any]:
    """Returns an object, an empty one if the value is none."""
    return value if isinstance(value, dict) else {}


def objects_of(value: object) -> list[dict[str, Any]]:
    """Returns the objects in a list, none if the value is no list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def arguments_of(value: object) -> str:
    """Returns the arguments of a tool call as JSON, which some servers give as an object and not as a text."""
    return value if isinstance(value, str) else "" if value is None else msgspec.json.encode(value).decode()


def without_nothing(arguments: str) -> str:
    """Returns the arguments of a tool call, an empty text if they say nothing."""
    arguments = arguments.strip()
    return "" if arguments in _NO_ARGUMENTS else arguments


def looks_like_object(text: str) -> bool:
    """Returns whether a text begins as a JSON object does."""
    return text.lstrip().startswith("{")


def broke_off(finish_reason: str | None, text: str) -> bool:
    """Returns whether an answer ended in an error: what there is of its text is no verdict.

    A word that nobody knows counts as an error, unless the text is a whole JSON object.
    """
    if finish_reason is None:
        return False
    word, reason = _normal(finish_reason), finish_reason_of(finish_reason)
    if word in _WHOLE or word == _TOO_LONG or reason is Reason.REFUSED:
        return False
    return _BROKEN.search(word) is not None or (reason is None and not _is_whole_object(text))


def first_of(events: Sequence[Event], *keys: str) -> Any:
    """Returns the first value that is not None at a path of keys in one of the events."""
    for event in events:
        value: Any = event
        for key in keys:
            value = object_of(value).get(key)
        if value is not None:
            return value
    return None


@lru_cache(maxsize=256)
def _normal(word: str) -> str:
    """Lower case and underscores, without the name of an enumeration in front (FinishReason.STOP)."""
    return re.sub(r"[\s-]+", "_", word.partition(":")[0].strip()).lower().rpartition(".")[2]


def _is_whole_object(text: str) -> bool:
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return False


def _is_part(content: dict[str, Any]) -> bool:
    return isinstance(content.get("text"), str | dict) or isinstance(content.get("type"), str)


def _text_of_part(part: object) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, dict) or part.get("type") in _NOT_SPOKEN or part.get("thought") is True:
        return ""
    text = part.get("text")
    if isinstance(text, dict):  # {"type": "text", "text": {"value": "..."}}
        text = text.get("value")
    if isinstance(text, str):
        return text
    if isinstance(part.get("content"), str | list):
        return text_of(part["content"])
    return "" if "type" in part else msgspec.json.encode(part).decode()  # the verdict itself
