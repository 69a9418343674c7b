"""Replies that name a scale: one that is another than the judge's is no scale to read its number on."""

import pytest

from service.contracts.judges import Scale
from service.judging.reading import read_score

ONE_TO_FIVE = Scale(min=1, max=5)


@pytest.mark.parametrize(
    "text",
    [
        # in the sentence of the score
        "On a scale from 1-5, this is a 4.",
        "On a scale of 1 to 5, this is a 4.",
        "On a 5-point scale, I give it a 4.",
        "On the 5 point scale, this is a 4.",
        "On the 1-5 scale, I give it a 4.",
        "On this scale, it deserves a 4.",
        "Score: 4 (on a 5-point scale)",
        "Score: 4 on a 5-point scale",
        "Score: 4 (max 5)",
        "Score: 4 (1-5)",
        "Score: 4 out of a possible 5",
        "Score: 4 (scale of 1 being worst, 5 being best)",
        # before the colon
        "Score (1-5): 4",
        "Score (1-5, higher is better): 4",
        "Score (1=worst, 5=best): 4",
        "Score (from 1 to 5): 4",
        "Score [out of 5]: 4",
        "Rating (on a scale of 1-5): 4",
        "Score on a 1-5 scale: 4",
        "Score on a scale of 1 to 5: 4",
        "Rating on a 5-point scale: 4",
        "Score out of 5: 4",
        "Rating, from 1 to 5: 4",
        # on a line of its own
        "Scale: 1-5\nScore: 4",
        "Scale: 1 (bad) to 5 (good)\nScore: 4",
        "On a scale of 1 to 5:\nScore: 4",
        "Score: 4\nMax: 5",
        # no scale of the judge's
        "It mentions a maximum of 10. Score: 4",
        "Score: 4 - The reply gets the pH scale 14 right",
        "The reply rates films on a scale of 1 to 10.\nScore: 4",
        "Score: 4. The reply rates films on a scale of 1 to 10.",
        "The map has the scale 1:10000.\nScore: 4",
        "Scale: it covers large firms alone.\nScore: 4",
        "Range: 3-10 items\nScore: 4",
        "Maximum length: 10\nScore: 4",
        '{"explanation": "It rates films on a scale of 1 to 10.", "score": 4}',
    ],
)
def test_a_score_is_read_on_the_scale_that_was_given(text: str) -> None:
    assert read_score(text, ONE_TO_FIVE).score == 4


@pytest.mark.parametrize(
    "text",
    [
        "On a scale from 1-10, this is a 4.",
        "On a scale of 1 to 10, I'd rate it 4.",
        "On a 10-point scale, I give it a 4.",
        "On the 10 point scale, this is a 4.",
        "On a scale of 1-10, score: 4",
        "Score: 4 (on a 10-point scale)",
        "Score: 4 on a 10-point scale",
        "Score: 4 on a scale of 10",
        "Score: 4 (scale of 10)",
        "Score: 4 (max 10)",
        "Score: 4 (1-10)",
        "Score: 4 | Max: 10",
        "Score: 4, max: 10",
        "评分：4（满分10分）",
        "점수: 4점 (10점 만점)",
        "Score (1-10): 4",
        "Score (1-10, higher is better): 4",
        "Score on a 1-10 scale: 4",
        "Score out of 10: 4",
        "Scale: 1-10\nScore: 4",
        "Scale: 1 (bad) to 10 (good)\nScore: 4",
        "**Scale:** 1–10\n\n**Score:** 4",
        "_Scale: 1-10_\n4",
        "Rating scale: 1-10\nI would rate it a 4.",
        "On a scale of 1 to 10:\n[[4]]",
        "(1-10 scale)\n<score>4</score>",
        'Scale: 1-10\n{"score": 4}',
        "Score range: 1-10\nScore: 4",
        "Score: 4\nScale: 1-10",
        "Score: 4\nMax: 10",
        "Score: 4\nMaximum score: 10",
    ],
)
def test_a_score_on_another_scale_is_none(text: str) -> None:
    assert read_score(text, ONE_TO_FIVE).reason == "wrong_denominator"


@pytest.mark.parametrize(
    ("text", "scale", "expected"),
    [
        ("Scale: 1-5\nScore: 4", Scale(min=1, max=10), "wrong_denominator"),
        ("Scale: 1-10\nScore: 4", Scale(min=1, max=10), 4),
        ("Score on a scale of -2 to 2: -1", Scale(min=-2, max=2), -1),
        ("Score (-2 to +2): -1", Scale(min=-2, max=2), -1),
        ("Score (0.0-1.0): 0.5", Scale(min=0, max=1, step=None), 0.5),
        ("Score: 85 percent", Scale(min=0, max=100), 85),
        ("Score: 85 percent", ONE_TO_FIVE, "wrong_denominator"),
    ],
)
def test_scales_of_other_ends(text: str, scale: Scale, expected: float | str) -> None:
    reading = read_score(text, scale)
    assert (reading.score if reading.reason is None else reading.reason) == expected


@pytest.mark.parametrize(
    ("text", "halves", "whole"),
    [
        ("Score: 4,5", 4.5, "off_grid"),
        ("Score: 4,5/5", 4.5, "off_grid"),
        ("Bewertung: 4,5 von 5", 4.5, "off_grid"),
        ("Score: 4,5, because it is short", 4.5, "off_grid"),
        ("4,5", 4.5, "off_grid"),
        ("[[4,5]]", 4.5, "off_grid"),
        ('{"score": "4,5"}', 4.5, "off_grid"),
        ("Score: 4,0", 4, 4),
        ("Note : 4,0/5", 4, 4),
        # no decimal comma
        ("Score: 3, 4", "not_a_number", "not_a_number"),
        ("Score: 3,4,5", "not_a_number", "not_a_number"),
        ("Score: [3,4]", "not_a_number", "not_a_number"),
        ("[3,4]", "not_a_number", "not_a_number"),
        ("Score: 1,000", "not_a_number", "not_a_number"),
    ],
)
def test_a_decimal_comma_is_read_as_a_point(text: str, halves: float | str, whole: float | str) -> None:
    for step, expected in ((0.5, halves), (1, whole)):
        reading = read_score(text, Scale(min=1, max=5, step=step))
        assert (reading.score if reading.reason is None else reading.reason) == expected


def test_a_comma_after_a_zero_is_decimal_however_many_digits_follow() -> None:
    assert read_score("Score: 0,850", Scale(min=0, max=1, step=None)).score == 0.85
