"""What holds of any reply to a request for a number."""

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.contracts.judges import Scale
from service.contracts.outcomes import Outcome
from service.judging.reading import PASS_FAIL_CHOICES, Reading, read_label, read_ranking, read_score

ONE_TO_FIVE = Scale(min=1, max=5)

FRAGMENTS = st.sampled_from(
    [
        *(
            "Score: ",
            "Rating:",
            "**",
            "4",
            "5",
            "3.5",
            "/5",
            "/10",
            " out of 5",
            "-",
            ".",
            "\n",
            " ",
            ",",
            "four",
            "NaN",
        ),
        *(
            "<score>",
            "</score>",
            "[[",
            "]]",
            "[RESULT] ",
            "{",
            "}",
            '"score"',
            ":",
            '"',
            "```json\n",
            "```",
            "> ",
            "null",
        ),
        *(
            "<think>",
            "</think>",
            "I'm sorry, I can't rate",
            "\ue000",
            "\x1a",
            "\x00",
            "\\",
            "(",
            ")",
            "_",
            "'",
            "| ",
        ),
    ]
)
TEXTS = st.one_of(st.text(max_size=200), st.lists(FRAGMENTS, max_size=25).map("".join))
SCALES = st.sampled_from(
    [
        ONE_TO_FIVE,
        Scale(min=0, max=1, step=None),
        Scale(min=-2, max=2, step=0.5),
        Scale(min=0, max=100, step=10),
    ]
)
SPACE = st.text(alphabet=" \n\t", max_size=5)
THOUGHT = st.text(alphabet=string.ascii_letters + string.digits + " \n:/{}[]", max_size=30).map(
    "<think>{}</think>".format
)


KEYS = st.sampled_from(
    [
        "score",
        "Score",
        "verdict",
        "ranking",
        "explanation",
        "tone of voice",
        "max_score",
        "arguments",
        "rank",
        "overall",
    ]
)
VALUES = st.recursive(
    st.sampled_from(
        [
            *(
                4,
                4.0,
                3.5,
                9,
                -1,
                1e999,
                True,
                None,
                "4",
                "4/5",
                "4/10",
                "A",
                "B",
                "tie",
                "pass",
                "B > A",
                "worst first",
            ),
            *(
                "",
                " so ",
                "I can't rate this",
                "<think>",
                "it says: ",
                "\n",
                "\r\n",
                "Score: 2",
                "[[A]]",
                '{"score": 2}',
            ),
        ]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=3,
)
OBJECTS = st.tuples(
    st.dictionaries(KEYS, VALUES, max_size=4), st.sampled_from([None, 2]), st.sampled_from(["", "{", "\n", " ok", "]"])
).map(lambda each: json.dumps(each[0], indent=each[1]) + each[2])


def read(text: str, scale: Scale) -> Reading:
    return read_score(text, scale, criterion="tone of voice")


@given(TEXTS, SCALES)
def test_any_text_is_read_to_a_score_on_the_scale_or_a_reason(text: str, scale: Scale) -> None:
    reading = read(text, scale)
    if reading.outcome is Outcome.SCORED:
        assert reading.reason is None
        assert reading.parsed_from is not None
        assert reading.score is not None
        assert scale.min <= reading.score <= scale.max
        if scale.step:
            assert (reading.score - scale.min) / scale.step == pytest.approx(
                round((reading.score - scale.min) / scale.step)
            )
    else:
        assert reading.outcome is Outcome.UNSCORED
        assert reading.reason is not None
        assert reading.score is None
        assert reading.parsed_from is None


@given(TEXTS, SCALES, SPACE, SPACE)
def test_white_space_around_a_reply_changes_nothing(text: str, scale: Scale, before: str, after: str) -> None:
    assert read(before + text + after, scale) == read(text, scale)


@given(OBJECTS, SCALES)
def test_an_invisible_character_before_a_reply_changes_nothing(text: str, scale: Scale) -> None:
    """Plain objects are read the short way, and with such a character the long way."""
    hidden = f"\u200b{text}"
    assert read(hidden, scale) == read(text, scale)
    assert read_label(hidden, [], pairwise=True) == read_label(text, [], pairwise=True)
    assert read_label(hidden, PASS_FAIL_CHOICES, source="tool") == read_label(text, PASS_FAIL_CHOICES, source="tool")
    assert read_ranking(hidden, 2) == read_ranking(text, 2)


@given(TEXTS.filter(lambda text: "think" not in text), SCALES, THOUGHT, st.booleans())
def test_a_closed_thought_around_a_reply_changes_nothing(text: str, scale: Scale, thought: str, first: bool) -> None:
    assert read(thought + text if first else text + thought, scale) == read(text, scale)


@given(
    st.integers(min_value=1, max_value=5),
    st.integers(min_value=1, max_value=5),
    st.sampled_from(["Score: {}", "[[{}]]"]),
)
def test_two_different_scores_are_never_one(one: int, other: int, notation: str) -> None:
    reading = read(f"{notation.format(one)}\nand\n{notation.format(other)}", ONE_TO_FIVE)
    assert reading.score == (one if one == other else None)
