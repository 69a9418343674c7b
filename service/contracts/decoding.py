"""Decodes JSON and NDJSON into structs, naming each fault by its JSON pointer."""

from codecs import BOM_UTF8
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from typing import TypeVar

import msgspec

from service.contracts.pointing import faults_in
from service.contracts.refusals import Fault, invalid

_T = TypeVar("_T")

Numbered = tuple[int, _T | list[Fault]]
"""An entry of an upload after its index: the value, or its faults if it can't be decoded."""


def decode(raw: bytes, type_: type[_T]) -> _T:
    """Returns the JSON as `type_`. Raises Refused (invalid) that names each fault."""
    try:
        return msgspec.json.decode(raw, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid(faults_in(raw, type_) or [Fault("", str(error))]) from error


async def ndjson(lines: AsyncIterable[bytes], kind: type[_T], at: str) -> AsyncIterator[Numbered[_T]]:
    """Yields each line that is not blank after its number from 0, counting blank ones; faults point below `at`."""
    decoder = msgspec.json.Decoder(kind)
    number = -1
    async for whole in lines:
        whole = whole.removeprefix(BOM_UTF8) if number < 0 else whole
        for line in whole.removesuffix(b"\r").split(b"\r"):  # JSON has no bare CR: some files end lines with it
            number += 1
            if line.strip():
                entry = decode_entry(line, decoder, f"{at}/{number}")
                yield number, entry


def decode_entry(line: bytes, decoder: "msgspec.json.Decoder[_T]", at: str) -> _T | list[Fault]:
    """Returns the JSON of one line, or its faults, which point below `at`."""
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return faults_in(line, decoder.type, at) or [Fault(at, str(error))]


async def numbered(values: Iterable[_T]) -> AsyncIterator[Numbered[_T]]:
    """Yields values that are decoded already in the form of `ndjson`."""
    for number, value in enumerate(values):
        yield number, value
