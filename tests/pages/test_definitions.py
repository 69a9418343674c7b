"""A definition as a form: nothing is lost on the way there and back, and each fault is at its field."""

from typing import Any

import msgspec
import pytest

from service.contracts.judges import Judge
from service.judges import built_in
from service.pages.definitions import definition_in, fields_of
from service.pages.forms import PageForm, faults_by_place

FULL: dict[str, Any] = {
    "criterion": "tact & <wit>",
    "method": "rating",
    "instructions": "  Is it kind?\n\nSay so.\n",
    "scale": {
        "min": -1.5,
        "max": 2.5,
        "step": 0.5,
        "descriptors": {"-1.5": "Rude:\nvery rude.\n\n  Indented.", "2.5": ""},
    },
    "choices": [{"label": "a", "description": "b", "score": 0.25, "aliases": ["c"]}],
    "models": ["openai/m", "anthropic/n"],
    "panel": "median",
    "samples": 3,
    "orders": "one",
    "reasks": 0,
    "score_from": "logprobs",
    "output": "text",
    "system": "{{criterion}}\n",
    "template": "\n{{item.output}} {{item.metadata.x}}",
    "parameters": {"temperature": 0.5, "max_output_tokens": 10, "seed": 7, "extra": {"a": [1, None, {"b": "<>"}]}},
    "answer_key": "kindness",
    "examples": [{"output": "x\ny", "score": 2, "explanation": "so"}],
    "pass_if": {"min": 1.5},
}


@pytest.mark.parametrize(
    "judge",
    [
        *built_in().values(),
        msgspec.convert(FULL, Judge),
        msgspec.convert({**FULL, "scale": {"min": 0, "max": 1, "step": None}}, Judge),
        msgspec.convert({"criterion": "c", "method": "pass_fail", "instructions": "i"}, Judge),
    ],
    ids=lambda judge: f"{judge.criterion} {judge.method}",
)
def test_a_definition_comes_back_whole(judge: Judge) -> None:
    content, faults = definition_in(PageForm(fields_of(judge), ""))
    assert faults == []
    assert msgspec.convert(content, Judge) == judge


@pytest.mark.parametrize(
    ("field", "text", "place"),
    [
        ("choices", "[", "/judge/choices"),
        ("parameters", "temperature: 1", "/judge/parameters"),
        ("examples", "[" * 5000, "/judge/examples"),
        ("pass_if", "nan", "/judge/pass_if"),
        ("descriptors", "no level here", "/judge/scale/descriptors"),
        ("descriptors", "  further words of nothing", "/judge/scale/descriptors"),
    ],
)
def test_a_field_that_can_not_be_read_is_named(field: str, text: str, place: str) -> None:
    fields = {**fields_of(msgspec.convert(FULL, Judge)), field: text}
    _, faults = definition_in(PageForm(fields, ""))
    assert [each.pointer for each in faults] == [place]
    assert faults_by_place(faults, [place, "/judge"]) == {place: [faults[0].detail]}


def test_a_word_in_place_of_a_number_is_named_too() -> None:
    fields = {**fields_of(msgspec.convert(FULL, Judge)), "scale_min": "low", "samples": "[1]", "scale_step": " 1 "}
    fields["reasks"] = "[" * 5000
    content, faults = definition_in(PageForm(fields, ""))
    assert [(each.pointer, each.detail) for each in faults] == [
        ("/judge/samples", "'[1]' is not a number"),
        ("/judge/reasks", f"{'[' * 100!r} is not a number"),
        ("/judge/scale/min", "'low' is not a number"),
    ]
    assert content["scale"]["step"] == 1


def test_many_lines_and_spaces_of_a_level_are_read_in_one_go() -> None:
    """A pattern that looks for a colon in a million spaces takes hours; to join a million lines one by one, minutes."""
    fields = fields_of(msgspec.convert(FULL, Judge))
    _, faults = definition_in(PageForm({**fields, "descriptors": "a" + " " * 1_000_000}, ""))
    assert [each.pointer for each in faults] == ["/judge/scale/descriptors"]
    content, faults = definition_in(PageForm({**fields, "descriptors": "1 : a" + "\n  " * 1_000_000}, ""))
    assert faults == []
    assert content["scale"]["descriptors"] == {"1": "a" + "\n" * 1_000_000}
