"""Reading plain data into structs: every problem, with its place."""

from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta

from service.config.strict import bare_type, metas_of, read_struct, read_value, was_read

NAMES = {"red": 1, "blue": 2}


class Inner(msgspec.Struct, frozen=True):
    count: Annotated[int, Meta(ge=1, description="how many")] = 1


class Outer(msgspec.Struct, frozen=True):
    name: str
    inner: Inner = Inner()
    words: Annotated[tuple[str, ...], Meta(description="some words")] = ()
    table: dict[str, Inner] = {}
    level: Literal["low", "high"] = "low"
    colour: Annotated[str, Meta(extra={"one_of": NAMES})] = "red"


@pytest.mark.parametrize(
    ("raw", "problems"),
    [
        ({"name": "x", "words": ["a"], "table": {"t": {"count": 2}}, "colour": "blue"}, []),
        ({}, ["name: missing"]),
        (3, [": expected a table, got int"]),
        ({"name": "x", "nmae": 1}, ["nmae: unknown key, did you mean name?"]),
        ({"name": "x", "inner": {"count": 0}}, ["inner.count: must be 1 or more"]),
        ({"name": "x", "inner": 3}, ["inner: expected a table, got int"]),
        ({"name": "x", "table": {"t": {"count": 0}}}, ["table.t.count: must be 1 or more"]),
        ({"name": "x", "words": ["a", 1]}, ["words[1]: must be text, not a whole number"]),
        ({"name": "x", "level": "mid"}, ["level: expected one of low, high"]),
        ({"name": "x", "colour": "pink"}, ["colour: expected one of red, blue"]),
    ],
)
def test_each_problem_is_named_by_its_place(raw: Any, problems: list[str]) -> None:
    found: list[str] = []
    read = read_struct(Outer, raw, "", found)
    assert found == problems
    assert (read is None) == (not isinstance(raw, dict) or "name" not in raw)


def test_text_is_read_as_a_number_only_if_asked() -> None:
    assert read_value(int, "3", "at", [], strict=False) == 3
    assert not was_read(read_value(int, "3", "at", []))


def test_the_parts_of_a_type() -> None:
    field = next(each for each in msgspec.structs.fields(Outer) if each.name == "words")
    assert bare_type(field.type) == tuple[str, ...]
    assert [meta.description for meta in metas_of(field.type)] == ["some words"]
    assert metas_of(int) == []


@pytest.mark.parametrize("raw", ["inf", "-inf", "nan", float("inf"), float("nan")])
def test_a_number_that_is_not_finite_is_refused(raw: object) -> None:
    problems: list[str] = []
    assert not was_read(read_value(float, raw, "keep_days", problems, strict=not isinstance(raw, str)))
    assert problems == [f"keep_days: expected a finite number, got {float(str(raw))}"]
