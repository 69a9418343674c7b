"""The keys by which a person labels."""

import pytest

from service.contracts.judges import Choice, Scale
from service.rendering.label_keys import label_keys, range_of


def keys(scale: Scale | None, *labels: str) -> dict[str, str | None]:
    return {each.text: each.key for each in label_keys(scale, [Choice(label=label) for label in labels])}


def test_a_whole_score_is_its_own_key() -> None:
    assert keys(Scale(min=1, max=5)) == {str(n): str(n) for n in range(1, 6)}
    assert keys(Scale(min=0, max=1)) == {"0": "0", "1": "1"}
    assert keys(Scale(min=2, max=8, step=2)) == {"2": "2", "4": "4", "6": "6", "8": "8"}
    assert keys(Scale(min=1, max=10))["10"] == "0"
    assert keys(Scale(min=0, max=10))["10"] is None


def test_other_values_are_numbered() -> None:
    assert keys(Scale(min=0, max=1, step=0.5)) == {"0": "1", "0.5": "2", "1": "3"}
    assert keys(Scale(min=-1, max=1)) == {"-1": "1", "0": "2", "1": "3"}
    assert keys(None, "A", "tie", "B") == {"A": "1", "tie": "2", "B": "3"}
    many = keys(None, *(f"label {n}" for n in range(12)))
    assert (len(many), many["label 8"], many["label 9"]) == (12, "9", None)


@pytest.mark.parametrize("scale", [None, Scale(min=0, max=1, step=None), Scale(min=0, max=100)])
def test_numbers_that_have_no_key_are_typed(scale: Scale | None) -> None:
    assert label_keys(scale, []) == []


def test_the_meaning_of_a_level_is_its_descriptor() -> None:
    found = label_keys(Scale(min=1, max=2, descriptors={"1": "bad", "2.0": "good"}), [])
    assert [each.meaning for each in found] == ["bad", "good"]
    [choice] = label_keys(None, [Choice(label="fine", description="No fault.")])
    assert choice.meaning == "No fault."


def test_a_range_is_told_in_words() -> None:
    assert range_of(Scale(min=0, max=100, step=5)) == "0 to 100 in steps of 5"
    assert range_of(Scale(min=0, max=1, step=None)) == "0 to 1"
