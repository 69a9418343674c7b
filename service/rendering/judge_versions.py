"""Versions of a judge side by side: the parts of the definition that differ, word by word."""

import difflib
import re
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from service.contracts.judges import Judge, numbers_as_written

PieceKind = Literal["same", "added", "removed"]

_PARTS = re.compile(r"\s+|\w+|[^\w\s]")
_MOST_PARTS = 2_000  # of both texts that are compared word by word; the time grows with the square
_TEXTS = ("instructions", "system", "template")


class Piece(msgspec.Struct, frozen=True):
    """A part of a text that is in both versions, only in the newer one, or only in the older one."""

    change: PieceKind
    text: str


class ChangedField(msgspec.Struct, frozen=True):
    """A field of a definition that differs between two versions, as one text with its changes."""

    name: str
    pieces: list[Piece]


def changed_fields(before: Judge, after: Judge) -> list[ChangedField]:
    """Returns the fields of two definitions that differ, the texts of the prompt first."""
    old, new = _fields(before), _fields(after)
    names = [*_TEXTS, *(name for name in new if name not in _TEXTS)]
    return [ChangedField(name, list(_pieces(old[name], new[name]))) for name in names if old[name] != new[name]]


def _fields(judge: Judge) -> dict[str, str]:
    content: dict[str, Any] = numbers_as_written(msgspec.to_builtins(judge))
    return {name: _text(value) for name, value in content.items()}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return msgspec.json.format(msgspec.json.encode(value), indent=1).decode()


def _pieces(before: str, after: str) -> Iterator[Piece]:
    old, new = _PARTS.findall(before), _PARTS.findall(after)
    if len(old) + len(new) > _MOST_PARTS:
        old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    if len(old) + len(new) > _MOST_PARTS:
        old, new = [before], [after]
    for tag, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield Piece("same", "".join(old[a:b]))
            continue
        if b > a:
            yield Piece("removed", "".join(old[a:b]))
        if d > c:
            yield Piece("added", "".join(new[c:d]))
