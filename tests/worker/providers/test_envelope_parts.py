"""The loose parts of an answer's envelope, in all the shapes that servers give them."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.providers import envelopes
from worker.providers.envelopes import MOST_TOKENS, broke_off, first_of, text_of, token_count, total_tokens

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["text", "type", "content", "value", "thought", "a"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (0, 0),
        (12, 12),
        (12.4, 12),
        ("12", 12),
        (" 1e3 ", 1000),
        (MOST_TOKENS, MOST_TOKENS),
        (MOST_TOKENS + 1, None),
        (-1, None),
        (True, None),
        (None, None),
        ("", None),
        ("many", None),
        ("nan", None),
        (float("inf"), None),
        (10**400, None),
        ([12], None),
    ],
)
def test_a_count_of_tokens_is_a_number_that_can_be_true(value: object, count: int | None) -> None:
    assert token_count(value) == count


@pytest.mark.parametrize(
    ("values", "total"),
    [((3,), 3), ((3, 4, None), 7), (("3", "x", 2.0), 5), ((None, 4), None), ((True, 4), None)],
)
def test_a_total_needs_its_first_count_alone(values: tuple[object, ...], total: int | None) -> None:
    assert total_tokens(*values) == total


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, ""),
        ("plain", "plain"),
        ([], ""),
        (["a", "b"], "ab"),
        ([{"type": "text", "text": "a"}, {"type": "output_text", "text": "b"}], "ab"),
        ([{"type": "thinking", "text": "hm"}, {"type": "text", "text": "a"}], "a"),
        ([{"text": "hm", "thought": True}, {"text": "a", "thought": False}], "a"),
        ([{"type": "image_url"}, None, 3, {"type": "text", "text": "a"}], "a"),
        ({"type": "text", "text": {"value": "a"}}, "a"),
        ([{"type": "message", "content": [{"type": "text", "text": "a"}]}], "a"),
        ([{"type": [], "text": "a"}], "a"),
        ({"score": 4}, '{"score":4}'),
        (4, "4"),
    ],
)
def test_the_text_is_found_in_every_shape_without_the_thoughts(content: object, text: str) -> None:
    assert text_of(content) == text


@given(ANYTHING)
def test_nothing_that_a_server_sends_raises(content: Any) -> None:
    assert isinstance(text_of(content), str)
    assert isinstance(envelopes.object_of(content), dict)
    assert all(isinstance(each, dict) for each in envelopes.objects_of(content))
    assert isinstance(envelopes.arguments_of(content), str)
    assert (envelopes.text_or_none(content) or "x") == (content if isinstance(content, str) and content else "x")
    count = token_count(content)
    assert count is None or 0 <= count <= MOST_TOKENS


def test_the_arguments_of_a_tool_are_a_text_whether_sent_as_text_or_object() -> None:
    assert envelopes.arguments_of('{"score": 4}') == '{"score": 4}'
    assert msgspec.json.decode(envelopes.arguments_of({"score": 4})) == {"score": 4}
    assert envelopes.arguments_of(None) == ""


@pytest.mark.parametrize(
    ("word", "text", "broke"),
    [
        (None, "", False),
        ("stop", "", False),
        ("END_TURN", "", False),
        ("FinishReason.STOP", "", False),
        ("tool-use", "", False),
        ("length", "cut", False),  # read as truncated elsewhere
        ("content_filter", "", False),  # read as refused elsewhere
        ("malformed_function_call", '{"score": 4}', True),
        ("overloaded", '{"score": 4}', True),
        ("other", '{"score": 4}', True),
        ("wholly_new", '{"score": 4}', False),
        ("wholly_new", '{"score": ', True),
        ("wholly_new", "4", True),
        ("wholly_new", "Score: 4", True),
        ("wholly_new", "[" * 100_000, True),
        ("wholly_new", "\ud800", True),
    ],
)
def test_an_answer_broke_off_by_its_last_word(word: str | None, text: str, broke: bool) -> None:
    assert broke_off(word, text) is broke


def test_the_first_value_at_a_path_is_taken_whatever_stands_on_the_way() -> None:
    events: list[dict[str, Any]] = [{}, {"a": 3}, {"a": {"b": None}}, {"a": {"b": 0}}, {"a": {"b": 1}}]
    assert first_of(events, "a", "b") == 0
    assert first_of(events, "a") == 3
    assert first_of(events, "a", "b", "c") is None
    assert first_of([], "a") is None


@pytest.mark.parametrize(("text", "is_like"), [(' \n{"a"', True), ("{", True), ("", False), ('[{"a": 1}]', False)])
def test_a_text_begins_as_an_object_does(text: str, is_like: bool) -> None:
    assert envelopes.looks_like_object(text) is is_like
