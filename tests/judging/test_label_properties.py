"""What holds of any reply to a request for a label."""

import re

from hypothesis import given
from hypothesis import strategies as st

from service.contracts.judges import Choice
from service.contracts.outcomes import Outcome
from service.judging.reading import Reading, read_label
from tests.judging.test_reading_labels import LLMBAR

FRAGMENTS = st.sampled_from(
    [
        *("Verdict: ", "**", "A", "B", "tie", "Output (a)", "Output (b)", " is better", ".", "\n", " ", " or ", "not "),
        *(
            "<verdict>",
            "</verdict>",
            "[[",
            "]]",
            ">",
            "[RESULT] ",
            '{"verdict": "',
            '"}',
            '"',
            "```",
            "> ",
            "Therefore, ",
        ),
    ]
)
TEXTS = st.one_of(st.text(max_size=200), st.lists(FRAGMENTS, max_size=25).map("".join))
SPACE = st.text(alphabet=" \n\t", max_size=5)


def read(text: str) -> Reading:
    return read_label(text, LLMBAR, pairwise=True)


@given(TEXTS)
def test_any_text_is_read_to_an_offered_label_or_a_reason(text: str) -> None:
    reading = read(text)
    if reading.outcome is Outcome.SCORED:
        assert reading.label in ("A", "B", "tie")
        assert reading.parsed_from is not None
        assert reading.reason is None
    else:
        assert reading.outcome is Outcome.UNSCORED
        assert reading.reason is not None
        assert (reading.label, reading.parsed_from) == (None, None)


@given(TEXTS, SPACE, SPACE, st.booleans())
def test_white_space_and_closed_thoughts_change_nothing(text: str, before: str, after: str, thinks: bool) -> None:
    thought = "<think>Verdict: A\n[[B]]</think>" if thinks else ""
    assert read(before + thought + text + after) == read(text)


@given(TEXTS)
def test_a_choice_by_another_name_is_read_alike(text: str) -> None:
    """The labels are only names: with the aliases kept, renaming a label renames the reading."""
    as_given = [Choice(label="left", aliases=["Output (a)"]), Choice(label="right", aliases=["Output (b)"])]
    renamed = [Choice(label="port", aliases=["Output (a)"]), Choice(label="starboard", aliases=["Output (b)"])]
    names = {"left": "port", "right": "starboard", None: None}
    if any(word in text for word in ("left", "right", "port", "starboard")):
        return
    assert read_label(text, renamed).label == names[read_label(text, as_given).label]


SWAPPED = str.maketrans("ABab", "BAba")


@given(st.lists(FRAGMENTS, max_size=25).map("".join).filter(lambda text: not re.search("not|[AB] tie", text)))
def test_swapping_the_names_of_a_pair_swaps_the_verdict(text: str) -> None:
    swapped = text
    for one, other in (("Output (a)", "Output (b)"), ("A", "B")):
        swapped = swapped.replace(one, "\x00").replace(other, one).replace("\x00", other)
    names = {"A": "B", "B": "A", "tie": "tie", None: None}
    assert read(swapped).label == names[read(text).label]
