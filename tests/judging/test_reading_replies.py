"""What decides on a reply beside its words for the score: the scale, how it ended, its source, its length, its key."""

from typing import Literal

import pytest

from service.contracts.judges import Scale
from service.contracts.outcomes import ParsedFrom, Reason
from service.judging.reading import read_score

ONE_TO_FIVE = Scale(min=1, max=5)


@pytest.mark.parametrize(
    ("text", "scale", "expected"),
    [
        ("Rating: 2.5", Scale(min=1, max=3, step=None), 2.5),
        ("Rating: 2.5", Scale(min=1, max=3, step=0.5), 2.5),
        ("Rating: 2.5", Scale(min=1, max=3), Reason.OFF_GRID),
        ("0.3", Scale(min=0, max=1, step=0.1), 0.3),
        (".5", Scale(min=0, max=1, step=None), 0.5),
        ("0.8/1", Scale(min=0, max=1, step=None), 0.8),
        ("Score: 80%", Scale(min=0, max=100), 80),
        ("Score: -2", Scale(min=-5, max=5), -2),
        ("-2", Scale(min=-5, max=5), -2),
        ("*-2*", Scale(min=-5, max=5), -2),
        ("- -2", Scale(min=-5, max=5), -2),
        ("- 2", Scale(min=-5, max=5), Reason.NO_SCORE),
        ("Score - 2", Scale(min=-5, max=5), Reason.NOT_A_NUMBER),
        ("- 2", Scale(min=1, max=5), 2),
        ("Score - 2", Scale(min=1, max=5), 2),
        ("Therefore, the tact score is 4.", Scale(min=1, max=5), 4),
        ("Thus, the confidence score is 4.", Scale(min=1, max=5), Reason.NO_SCORE),
        ("The style score is 5. Thus, the tact score is 4.", Scale(min=1, max=5), Reason.NO_SCORE),
        ("0", Scale(min=0, max=9), 0),
        ("10", Scale(min=0, max=9), Reason.OUT_OF_RANGE),
        ("7/10", Scale(min=0, max=9), Reason.WRONG_DENOMINATOR),
        ("Score: 4", Scale(min=0, max=10, step=3), Reason.OFF_GRID),
    ],
)
def test_the_scale_decides_which_numbers_are_scores(text: str, scale: Scale, expected: float | Reason) -> None:
    reading = read_score(text, scale)
    assert (reading.reason if isinstance(expected, Reason) else reading.score) == expected


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        *[(word, "truncated") for word in ("length", "MAX_TOKENS", "max_tokens", "max_output_tokens", "model_length")],
        *[(word, "truncated") for word in ("network_error", "error", "aborted", "insufficient_system_resource")],
        *[(word, "refused") for word in ("sensitive", "data_inspection_failed")],
        *[(word, "refused") for word in ("content_filter", "SAFETY", "refusal", "RECITATION", "BLOCKLIST", "SPII")],
        ("PROHIBITED_CONTENT", "refused"),
        ("content management policy", "refused"),
        ("FinishReason.MAX_TOKENS", "truncated"),
    ],
)
def test_a_reply_cut_by_the_provider_is_not_read(word: str, reason: str) -> None:
    for text in ("", "Score: 4", '{"score": 4}'):
        assert read_score(text, ONE_TO_FIVE, finish_reason=word).reason == Reason(reason)


@pytest.mark.parametrize("word", [None, "", "stop", "STOP", "end_turn", "tool_use", "tool_calls", "eos", "unheard_of"])
def test_a_reply_that_ended_by_itself_is_read(word: str | None) -> None:
    assert read_score("Score: 4", ONE_TO_FIVE, finish_reason=word).score == 4


@pytest.mark.parametrize(
    ("text", "source", "parsed_from"),
    [
        ('{"score": 4}', "schema", "schema"),
        ('{"score": 4}', "tool", "tool"),
        ('{"score": 4}', "text", "json"),
        ("Score: 4", "schema", "line"),
        ("4", "tool", "bare"),
    ],
)
def test_the_source_is_told_only_of_what_came_from_it(
    text: str, source: Literal["schema", "tool", "text"], parsed_from: str
) -> None:
    assert read_score(text, ONE_TO_FIVE, source=source).parsed_from == ParsedFrom(parsed_from)


@pytest.mark.parametrize(
    ("text", "explanation"),
    [
        ('{"explanation": " Good. ", "score": 4}', "Good."),
        ('{"reasoning": "Good.", "score": 4}', "Good."),
        (r'{"reason": "Good \ud83d\ude00 \ud83d", "score": 4}', "Good \U0001f600 \ufffd"),
        (r"{'reason': 'Good \ud83d', 'score': 4}", "Good \ufffd"),
        ('{"score": {"value": 4, "rationale": "Good."}}', "Good."),
        ('{"score": null, "reason": "Nothing to judge."}', "Nothing to judge."),
        ('{"score": 4}', None),
        ("Score: 4", None),
        ("Good.\n\nScore: 4", "Good."),
        ("**Score:** 4/5\nGood.", "Good."),
        ("Score: 4 - because it is good", "because it is good"),
        ("Rating: 4\nRationale: good", "Rationale: good"),
        ("Good.\n\nRating: [[4]]", "Good."),
        ("Good. [RESULT] 4", "Good."),
        ("Good. <score>4</score>", "Good."),
        ("Rating:\n4\nGood.", "Good."),
        ("Good.\n4", "Good."),
        ("4", None),
        ("I give it 4/5.", "I give it 4/5."),
        ("<think>Hm.</think>Good.\nScore: 4", "Good."),
        ("The reply is good.", None),
    ],
)
def test_the_explanation_is_what_the_judge_says_beside_the_score(text: str, explanation: str | None) -> None:
    assert read_score(text, ONE_TO_FIVE).explanation == explanation


def test_only_the_end_of_a_long_reply_is_read() -> None:
    long = "word " * 20_000
    assert read_score(f"Score: 1\n{long}\nScore: 4", ONE_TO_FIVE).score == 4
    assert read_score(f"Score: 4\n{long}", ONE_TO_FIVE).reason == Reason.NO_SCORE


def test_a_line_that_the_cut_began_is_not_taken_for_a_whole_one() -> None:
    tail = "Score: 4 " + "x" * (32_768 - len("Score: 4 "))
    assert read_score("y" * 100 + " Sub-" + tail, ONE_TO_FIVE).reason == Reason.NO_SCORE


def test_a_long_thought_is_dropped_whole() -> None:
    thought = "<think>" + "Score: 1\n" * 10_000 + "</think>"
    assert read_score(thought + "Score: 4", ONE_TO_FIVE).score == 4
    assert read_score("Score: 4" + thought, ONE_TO_FIVE).score == 4
    assert read_score(thought.removesuffix("</think>"), ONE_TO_FIVE).reason == Reason.TRUNCATED


@pytest.mark.parametrize("criterion", ["", "?", "C++", "(a|b", "score", "a_b-c  d", "[[", "\\", "é" * 100])
def test_any_criterion_is_a_word_and_no_pattern(criterion: str) -> None:
    assert read_score("Score: 4", ONE_TO_FIVE, criterion=criterion).score == 4
    if criterion.strip("?[\\"):
        assert read_score(f"{criterion}: 4", ONE_TO_FIVE, criterion=criterion).score == 4


# --- the word that names the answer --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Usefulness: 4", 4),
        ("**Final usefulness:** 4/5", 4),
        ('{"score": 2, "usefulness": 4}', 4),
        ("<usefulness>4</usefulness>", 4),
        ("It helps. So the usefulness is 4.", 4),
        ("Score: 4", 4),
        ('{"score": 4}', 4),
        ("Usefulness: 4\nScore: 2", "conflict"),
        ("Usefulness: 4\nUsefulness: ~3", "conflict"),
        ("[[2]]\nUsefulness: 4", "conflict"),
        ("Uselessness: 4", "no_score"),
    ],
)
def test_an_answer_key_names_the_answer_before_the_usual_words(text: str, expected: int | str) -> None:
    reading = read_score(text, ONE_TO_FIVE, criterion="tone", answer_key="usefulness")
    assert (reading.score or reading.reason) == expected
