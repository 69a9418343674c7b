"""Server-sent events: the body of an answer that was streamed although no stream was asked for.

Source: HTML Living Standard, section 9.2.6 (interpreting an event stream).
"""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

_LINE_END = re.compile(rb"\r\n|\r|\n")
_STARTS = (b"data:", b"event:", b"id:", b"retry:", b":")
_DONE = b"[DONE]"

Event = dict[str, Any]


def is_event_stream(body: bytes) -> bool:
    """Returns whether a body is a stream of events, by its first bytes: servers send it under any content type."""
    return body.lstrip(b"\xef\xbb\xbf\r\n\t ").startswith(_STARTS)


def events_of(body: bytes) -> list[Event]:
    """Returns the JSON object of each event, in order. Raises msgspec.DecodeError if one is cut off or is no object."""
    return [msgspec.json.decode(each, type=Event) for each in _data(body) if each and each != _DONE]


def _data(body: bytes) -> Iterable[bytes]:
    """Yields the data of each event: its lines "data: ...", joined."""
    lines: list[bytes] = []
    for line in _LINE_END.split(body.removeprefix(b"\xef\xbb\xbf")):
        if not line:
            if lines:
                yield b"\n".join(lines)
            lines = []
        elif line.startswith(b"data:"):
            lines.append(line[5:].strip())
    if lines:
        yield b"\n".join(lines)
