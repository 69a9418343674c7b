"""Faults of values are described by what would be right."""

from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
import pytest

from service.contracts.judges import ModelName, Name
from service.contracts.pointing import faults_in, not_among_allowed
from service.contracts.refusals import Fault


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Shape(msgspec.Struct, forbid_unknown_fields=True):
    colour: Colour = Colour.RED
    sides: Literal["three", "four"] | None = None
    name: Name = "a"
    models: list[ModelName] = []
    number: Annotated[int, msgspec.Meta(ge=1)] = 1


@pytest.mark.parametrize(
    ("value", "pointer", "detail"),
    [
        ({"colour": "green"}, "/colour", "unknown colour 'green' (red, blue)"),
        ({"sides": "five"}, "/sides", "unknown sides 'five' (three, four)"),
        ({"color": "red"}, "/color", "unknown field; did you mean 'colour'?"),
        ({"x": 1}, "/x", "unknown field (known: colour, sides, name, models, number)"),
        ({"models": ["gpt"]}, "/models/0", "a model is written provider/name, such as openai/gpt-6-luna"),
        ({"number": 0}, "/number", "must be 1 or more"),
        ({"colour": 3}, "/colour", "must be text, not a whole number"),
    ],
)
def test_a_fault_tells_the_allowed_values(value: Any, pointer: str, detail: str) -> None:
    [fault] = faults_in(msgspec.json.encode(value), Shape)
    assert (fault.pointer, fault.detail) == (pointer, detail)


def test_a_value_without_a_name_is_a_value() -> None:
    [fault] = faults_in(b'["green"]', list[Colour])
    assert fault.detail == "unknown value 'green' (red, blue)"


def test_a_long_value_is_cut_in_the_message() -> None:
    message = not_among_allowed("x" * 10_000, Colour, "colour")
    assert message is not None
    assert len(message) < 200


def test_other_types_and_allowed_values_have_no_message() -> None:
    assert not_among_allowed("red", Colour, "colour") is None
    assert not_among_allowed("x", int, "number") is None
    assert not_among_allowed(1, Colour, "colour") is None


def test_a_number_that_is_none_is_one_fault() -> None:
    faults = faults_in(b'{"values": [NaN, 1]}', dict[str, list[Annotated[float, msgspec.Meta(ge=-1e9)]]])
    assert faults == [Fault("/values/0", "not a finite number")]
