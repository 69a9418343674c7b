"""Texts of any length on a page of bounded size: each is cut, and all of them together."""

import msgspec

PAGE_BYTES = 160_000  # of all texts on a page, escaped
TEXT_BYTES = 24_000  # of one text

_ESCAPED = "<>&\"'/"
_MOST_OF_AN_ESCAPE = 5  # further bytes of one character


class ShownText(msgspec.Struct, frozen=True):
    """The beginning of a text, and the number of characters that are left out."""

    text: str
    left_out: int


class TextBudget:
    """Bounds the bytes that the texts of one page take together; the first ones that ask get their share."""

    def __init__(self, left: int = PAGE_BYTES, most: int = TEXT_BYTES) -> None:
        self._left = left
        self._most = most

    def shown(self, text: str) -> ShownText:
        """Returns as much of a text as there is room for."""
        room = min(self._left, self._most)
        kept = text[:room]
        while kept and _size(kept) > room:
            kept = kept[: min(len(kept) - 1, int(len(kept) * room / _size(kept)))]
        self._left -= _size(kept)
        return ShownText(kept, len(text) - len(kept))


def _size(text: str) -> int:
    """Returns the bytes of a text once it is escaped, at most."""
    escapes = sum(text.count(each) for each in _ESCAPED)
    return len(text.encode("utf-8", "replace")) + _MOST_OF_AN_ESCAPE * escapes
