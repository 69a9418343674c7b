"""The place at which a verdict was read: the words that a page marks in a raw answer."""

import pytest

from service.contracts.judges import Choice, Scale
from service.judging.reading import Reading, place_of, read_label, read_ranking, read_score

SCALE = Scale(min=1, max=5)
CHOICES = [Choice(label="fine"), Choice(label="bad")]


def marked(text: str, reading: Reading) -> str | None:
    place = place_of(text, reading)
    return None if place is None else text[place.start : place.end]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"explanation": "4 of 5 claims", "score": 4}', '"score": 4'),
        ('{"score": 4, "explanation": "so"}', '"score": 4'),
        ('Sure!\n```json\n{"explanation": "x", "score": "4"}\n```\n', '"score": "4"'),
        ('{"score": {"value": 4, "reason": "x"}}', '"value": 4'),
        ("Good. <score>4</score>", "<score>4</score>"),
        ("  \n Good work. [[4]]\n", "[[4]]"),
        ("4", "4"),
        ("<think>maybe 3</think>It is fine.\nScore: 4", "Score: 4"),
    ],
)
def test_the_place_of_a_score_is_found_in_the_reply(text: str, place: str) -> None:
    found = marked(text, read_score(text, SCALE))
    assert found is not None
    assert place in found or found in place
    assert "4" in found


def test_the_last_of_several_places_is_marked() -> None:
    text = "Score: 4\nIt is clear.\nScore: 4"
    place = place_of(text, read_score(text, SCALE))
    assert place is not None
    assert place.start > 8


@pytest.mark.parametrize("text", ["No idea.", "Score: 9", "Score: 4\nScore: 2", ""])
def test_an_answer_without_a_verdict_has_no_place(text: str) -> None:
    assert place_of(text, read_score(text, SCALE)) is None


def test_a_text_that_differs_from_the_one_that_was_read_has_no_place() -> None:
    text = "It is\u200b fine.\r\nSco\u200bre: 4"
    assert place_of(text, read_score(text, SCALE)) is None


def test_labels_and_orders_have_places_too() -> None:
    text = '{"explanation": "bad style", "verdict": "fine"}'
    assert marked(text, read_label(text, CHOICES)) == '"verdict": "fine"'


@pytest.mark.parametrize(
    "field",
    ['"ranking": ["B", "A", "C"]', '"ranking": [2, 1, 3]', '"ranking": [["A", "B"], "C"]', '"ranking": "B > A > C"'],
)
def test_of_an_order_the_field_is_marked(field: str) -> None:
    order = f'{{"explanation": "a [1, 2, 3] of 3", "notes": ["C"], {field}}}'
    assert marked(order, read_ranking(order, 3)) == field
