"""Scores said in sentences: the last one may give the score, or take back one that was given before."""

import pytest

from service.contracts.judges import Scale
from service.judging.reading import read_score

ONE_TO_FIVE = Scale(min=1, max=5)


@pytest.mark.parametrize(
    "text",
    [
        # the last sentence
        "It errs twice. Therefore, the instruction following score is 4.",
        "It is clear. Score: 4",
        "I would rate it a 4.",
        "It is clear. Overall, I'd give this response a score of 4.",
        "It is clear. In conclusion, the response deserves a **4**.",
        "Overall, a solid 4.",
        "I'd say it's a 4.",
        "I'd give it a strong 4 out of 5.",
        "It rambles, so I rate it 4.",
        "It rambles, which is why I give it a 4.",
        "After careful review, I would rate it 4.",
        "The response should be rated 4.",
        "The response should receive a 4.",
        "Sure, here's my rating: 4",
        "It rambles. I would therefore rate it a 4.",
        "It rambles. As such, I would assign a score of 4 to this response.",
        "I give it a 4 rather than a 5.",
        "A solid 4/5",
        "Score: 4. Actually 2 of the facts are new.",
        "I would rate this response a 4 in terms of instruction following.",
        # the last sentence after a reason
        "Because it rambles, I give it a 4.",
        "Given these gaps, a rating of 4 is fair.",
        "On a scale of 1 to 5, this is a 4.",
        "A score of 4.",
    ],
)
def test_the_last_sentence_may_give_the_score(text: str) -> None:
    assert read_score(text, ONE_TO_FIVE, criterion="instruction-following").score == 4


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        # under a condition
        ("I'd give it a 4, were it complete.", "no_score"),
        ("I would rate it 4, if it were longer.", "no_score"),
        ("If it were shorter, it would be clear, so I would give it a 5.", "no_score"),
        ("With this change, I would give it a 5.", "no_score"),
        ("Overall, a 4 would be generous.", "no_score"),
        # hypothetical, of something else or not settled
        ("With a source, I would give it a 5.", "no_score"),
        ("Without the error, the score would be 5.", "no_score"),
        ("A score of 5 is hardly justified.", "no_score"),
        ("As the response claims, the score is 5.", "no_score"),
        ("Therefore, the fluency score is 4.", "no_score"),
        ("I would rate this response a 4 in terms of fluency.", "no_score"),
        # taken back
        ("Score: 5\nThe source is made up. So the score should be 1.", "conflict"),
        ("Score: 5\n\nCorrection: 2", "conflict"),
        ("Score: 5\nHmm, make that a 2.", "conflict"),
        ("Score: 5. Scratch that, 2.", "conflict"),
        ("Score: 5\nStrike that. 2.", "conflict"),
        ("Score: 5\nI take that back: it is a 2.", "conflict"),
        ("Score: 5\nI'd now say 2.", "conflict"),
        ("Score: 5\nHmm, no. It is a 2.", "conflict"),
        ("Score: 5 (revised to 2)", "conflict"),
        ("Score: 5, but on reflection 2", "conflict"),
        ("Score: 5. Correction: 2.", "conflict"),
        ("I'd say 5, or rather 2.", "conflict"),
    ],
)
def test_a_sentence_that_settles_on_nothing_gives_none(text: str, reason: str) -> None:
    assert read_score(text, ONE_TO_FIVE, criterion="instruction-following").reason == reason
