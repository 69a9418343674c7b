"""The words that differ between two definitions."""

import msgspec

from service.contracts.judges import Judge, Method, Scale
from service.rendering.judge_versions import ChangedField, Piece, changed_fields

JUDGE = Judge(
    criterion="c", method=Method.RATING, instructions="Is it kind?", scale=Scale(min=1, max=5), models=["m/x"]
)


def test_equal_definitions_have_no_changed_field() -> None:
    assert changed_fields(JUDGE, msgspec.structs.replace(JUDGE)) == []


def test_changed_words_stand_beside_those_that_stayed_and_texts_come_first() -> None:
    other = msgspec.structs.replace(JUDGE, instructions="Is it very kind?", models=["m/y"])
    texts, models = changed_fields(JUDGE, other)
    assert texts == ChangedField(
        "instructions", [Piece("same", "Is it "), Piece("added", "very "), Piece("same", "kind?")]
    )
    assert models.name == "models"
    assert [each for each in models.pieces if each.change != "same"] == [Piece("removed", "x"), Piece("added", "y")]
