"""Reads JSON and NDJSON into structs; what does not fit is named by its place."""

from collections.abc import AsyncIterable, AsyncIterator
from typing import TypeVar

import msgspec

from service.contracts.pointing import faults_in
from service.contracts.refusals import Fault, invalid

T = TypeVar("T")


def decode(raw: bytes, type_: type[T]) -> T:
    """Raises Refused (invalid) that names each bad place."""
    try:
        return msgspec.json.decode(raw, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid(faults_in(raw, type_) or [Fault("", str(error))]) from error


async def ndjson(lines: AsyncIterable[bytes], kind: type[T], at: str) -> AsyncIterator[tuple[int, T | list[Fault]]]:
    """Each line that is not empty, by its number from 0: what it holds, or what is wrong with it under `at`."""
    decoder = msgspec.json.Decoder(kind)
    number = -1
    async for line in lines:
        number += 1
        if not line.strip():
            continue
        try:
            yield number, decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            place = f"{at}/{number}"
            yield number, faults_in(line, kind, place) or [Fault(place, str(error))]
