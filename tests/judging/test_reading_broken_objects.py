"""Objects that are no JSON: their score is read if it is the last field, and no other place names one."""

import pytest

from service.contracts.judges import Choice, Scale
from service.judging.reading import read_label, read_score

ONE_TO_FIVE = Scale(min=1, max=5)


@pytest.mark.parametrize(
    ("text", "explanation"),
    [
        ('{"explanation": "He said "stop" and left", "score": 4}', 'He said "stop" and left'),
        ('{"explanation": "He said "stop"", "score": 4}', 'He said "stop"'),
        ('```json\n{\n  "explanation": "He said "stop" and left",\n  "score": 4\n}\n```', 'He said "stop" and left'),
        ('{"explanation": "fine",, "score": 4}', "fine"),
        ('{explanation: "fine", score: 4}', "fine"),
        ("{“explanation”: “fine”, “score”: 4}", "fine"),
        ('{"explanation"："fine"，"score"：4}', "fine"),
        ('{"explanation": "fine", "score": 4/5}', "fine"),
        ('{"explanation": "fine", "score": +4}', "fine"),
        ('{"explanation": `fine`, "score": 4}', None),
        ("{score: 4}", None),
        ('{"score": 4, // sound, if dull\n "explanation": "see http://a.b/#c"}', "see http://a.b/#c"),
        ('{\n  # the score\n  "score": 4 /* of 5 */\n}', None),
        ('{"score": "4 (good)"}', None),
        ('"explanation": "It lists 3 of 5.", "score": 4}', "It lists 3 of 5."),  # the prompt gave the brace
        ('"explanation": "It lists 3 of 5.",\n"score": 4\n}\n```', "It lists 3 of 5."),
        ('"score": 4', None),
        ('My view:\n```json\n{"score": 4}\n```\n\nLet me know if you need more.', None),
    ],
)
def test_a_score_in_the_last_field_is_read(text: str, explanation: str | None) -> None:
    reading = read_score(text, ONE_TO_FIVE)
    assert (reading.score, reading.parsed_from, reading.explanation) == (4, "json", explanation)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"explanation": "It says "score": 5 and more", "score": 2}', "no_score"),
        ('{"score": 2, "explanation": "It says "score": 5 and more"}', "no_score"),
        ('{"explanation": "It says {"score": 5} ", "score": 2}', "no_score"),
        ('{"explanation": "It claims "score": 5, which is wrong"}', "no_score"),
        ('{"explanation": "It claims "score": 5}', "no_score"),
        ('{"score": 4, "explanation": "He said "stop""}', "no_score"),
        ('{"explanation": "He said "stop"", "confidence": 5}', "no_score"),
        ('{"explanation": "He said "stop"", "score": 4', "no_score"),
        ('{"explanation": "He said "stop"", "score": 6}', "out_of_range"),
        ('{"explanation": "He said "stop"", "score": null}', "not_a_number"),
        ('{"explanation": "He said "stop"", "score": 3-4}', "not_a_number"),
        ('{"explanation": "He said "stop"", "score": 8/10}', "wrong_denominator"),
        ("{" + "a:" * 16_000 + " score: 4}", "no_score"),
    ],
)
def test_no_other_is(text: str, reason: str) -> None:
    reading = read_score(text, ONE_TO_FIVE)
    assert (reading.score, reading.reason) == (None, reason)


def test_a_label_is_read_as_well() -> None:
    choices = [Choice(label="good"), Choice(label="bad")]
    assert read_label('{"explanation": "He said "stop"", "label": "bad"}', choices).label == "bad"
    assert read_label('{"explanation": "He said "good"", "label": "fine"}', choices).label is None
