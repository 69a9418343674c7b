"""Decodes JSON and NDJSON into structs, naming each fault by its JSON pointer."""

from codecs import BOM_UTF8
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Sequence
from typing import Generic, TypeVar

import msgspec

from service.contracts.pointing import faults_in
from service.contracts.refusals import Fault, invalid, too_large

_T = TypeVar("_T")

MOST_RETURNS = 20_000  # in one line: a file that ends its lines with them has as many
MOST_BLANK_LINES = 10_000  # and twice as many as there are other lines: each takes time, and holds nothing
MOST_IN_JSON = {b",": 5_000_000, b":": 2_000_000, b"[": 2_000_000, b"{": 1_000_000}  # in memory up to 200 bytes each
_IN_WORDS = {b",": "values", b":": "fields", b"[": "arrays", b"{": "objects"}
_COUNTED_TOGETHER = 1_000_000  # bytes
_AT_ONCE = 100  # entries of a batch of those that are decoded already

Numbered = tuple[int, _T | list[Fault]]
"""An entry of an upload after its index: the value, or its faults if it can't be decoded."""

Batch = Iterator[Numbered[_T]]
"""Entries that came together. They are decoded as they are taken from it, so take them in a thread."""


def decode(raw: bytes, type_: type[_T]) -> _T:
    """Returns the JSON as `type_`. A byte order mark before it, as some editors and shells write it, is passed over.

    Raises Refused: too-large if it has more values, fields or objects than MOST_IN_JSON, invalid with each fault.
    """
    raw = raw.removeprefix(BOM_UTF8)
    if not raw:
        raise invalid([Fault("", "empty: JSON is needed")])
    _check_counts(raw)
    try:
        return msgspec.json.decode(raw, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid(faults_in(raw, type_) or [Fault("", str(error))]) from error


def _check_counts(raw: bytes) -> None:
    if all(_count(raw, sign) < most for sign, most in MOST_IN_JSON.items()):
        return
    counts = Counter[bytes]()
    for code in _outside_texts(raw):
        counts.update({sign: code.count(sign) for sign in MOST_IN_JSON})
        for sign, most in MOST_IN_JSON.items():
            if counts[sign] >= most:
                raise too_large(f"{most} or more {_IN_WORDS[sign]} in one body: send it in several requests")


def _count(raw: bytes, sign: bytes) -> int:
    """Counts in pieces: other threads wait for each of them."""
    starts = range(0, len(raw), _COUNTED_TOGETHER)
    return sum(raw.count(sign, start, start + _COUNTED_TOGETHER) for start in starts)


def _outside_texts(raw: bytes) -> Iterator[bytes]:
    """Yields the JSON piece by piece without its texts."""
    start, is_text = 0, False
    while start < len(raw):
        end = start + _COUNTED_TOGETHER
        while raw[end - 1 : end] == b"\\":  # a piece does not end within an escape sequence
            end += 1
        parts = raw[start:end].replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')
        yield b"".join(parts[is_text::2])
        is_text ^= len(parts) % 2 == 0
        start = end


class BlankLines:
    """Counts the blank lines of an upload."""

    def __init__(self) -> None:
        self._left = MOST_BLANK_LINES

    def note(self, *, is_blank: bool) -> None:
        """Counts a line. Raises Refused (too-large) if there are too many blank ones."""
        self._left += -1 if is_blank else 2
        if self._left < 0:
            raise too_large(f"more than {MOST_BLANK_LINES} blank lines, and more than twice as many as other lines")


async def ndjson(parts: AsyncIterable[Sequence[bytes]], kind: type[_T], at: str) -> AsyncIterator[Batch[_T]]:
    """Yields a batch for each part of an upload, of all lines that are not blank.

    Lines are numbered from 0, blank ones included; faults point below `at`. Taking from a batch raises Refused
    (too-large) if there are too many blank lines, or too many carriage returns in a line.
    """
    reader = _NdjsonReader(kind, at)
    async for lines in parts:
        yield reader.entries(lines)


class _NdjsonReader(Generic[_T]):
    def __init__(self, kind: type[_T], at: str) -> None:
        self._decoder = msgspec.json.Decoder(kind)
        self._at = at
        self._number = -1
        self._blank = BlankLines()

    def entries(self, lines: Sequence[bytes]) -> Batch[_T]:
        for each in lines:
            whole = each.removeprefix(BOM_UTF8) if self._number < 0 else each
            if whole.count(b"\r") > MOST_RETURNS:
                raise too_large(f"a line with more than {MOST_RETURNS} carriage returns")
            for line in whole.removesuffix(b"\r").split(b"\r"):  # JSON has no bare CR: some files end lines with it
                self._number += 1
                is_blank = not line.strip()
                self._blank.note(is_blank=is_blank)
                if not is_blank:
                    entry = decode_entry(line, self._decoder, f"{self._at}/{self._number}")
                    yield self._number, entry


def decode_entry(line: bytes, decoder: "msgspec.json.Decoder[_T]", at: str) -> _T | list[Fault]:
    """Returns the JSON of one line, or its faults, which point below `at`."""
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return faults_in(line, decoder.type, at) or [Fault(at, str(error))]


async def numbered(values: Sequence[_T]) -> AsyncIterator[Batch[_T]]:
    """Yields values that are decoded already in the form of `ndjson`."""
    for start in range(0, len(values), _AT_ONCE):
        yield iter(list(enumerate(values[start : start + _AT_ONCE], start)))
