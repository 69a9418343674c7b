"""The place in a reply at which its verdict was read, to be marked in the text."""

import re
from typing import NamedTuple

import msgspec

from service.contracts.outcomes import ParsedFrom
from service.judging.reading.preparing import answer_in, spoken_in
from service.judging.reading.rankings import expected_ranking
from service.judging.reading.verdicts import ChosenLabel, Order, Reading, Score

_OBJECTS = (ParsedFrom.JSON, ParsedFrom.SCHEMA, ParsedFrom.TOOL)
_ARRAY = r"\[[^\[\]{}]{0,600}(?:\[[^\[\]{}]{0,200}\][^\[\]{}]{0,200}){0,20}\]"
_FIELD = re.compile(
    rf'"(?P<key>[^"\n]{{1,120}})"\s*:\s*(?P<value>"(?:[^"\\\n]|\\.){{0,200}}"|-?[\d.]{{1,30}}|true|false|{_ARRAY})'
)


class Place(NamedTuple):
    """The offsets of the beginning and the end of a verdict in a reply."""

    start: int
    end: int


def place_of(text: str, reading: Reading) -> Place | None:
    """Returns the place in a reply at which its verdict was read.

    Of a JSON object it is the field with the verdict, if one field is it. None if there is no verdict, or if the part
    of the reply that was read is not found in it, such as after invisible characters were dropped.
    """
    if reading.span is None:
        return None
    spoken = spoken_in(text)
    read = answer_in(spoken.text) if spoken is not None else None
    offset = -1 if read is None or read.is_cut else text.rfind(read.text)
    if read is None or offset < 0:
        return None
    start, end = reading.span
    if reading.parsed_from in _OBJECTS:
        start, end = _field(read.text, Place(start, end), reading)
    return Place(offset + start, offset + end)


def _field(text: str, place: Place, reading: Reading) -> Place:
    """The last field of an object that has the verdict as its value, else the object."""
    fields = [found for found in _FIELD.finditer(text, *place) if _is_verdict(found["key"], found["value"], reading)]
    return Place(*fields[-1].span()) if fields else place


def _is_verdict(key: str, value: str, reading: Reading) -> bool:
    if isinstance(reading.value, Order):
        return _is_order(key, value, reading.value)
    bare = value.strip('"').strip()
    if isinstance(reading.value, ChosenLabel):
        return bare.casefold() == reading.value.label.casefold()
    try:
        return isinstance(reading.value, Score) and float(bare) == reading.value.score
    except ValueError:
        return False


def _is_order(key: str, value: str, order: Order) -> bool:
    expected = expected_ranking(sum(map(len, order.ranking)), None)
    try:
        return expected.scalar(msgspec.json.decode(value), key) == order
    except msgspec.DecodeError:
        return False
