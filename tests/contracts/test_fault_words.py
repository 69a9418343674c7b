"""Values that do not fit are described without Python's names of types."""

from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta

from service.contracts.fault_words import in_words


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        (int, "x", "must be a whole number, not text"),
        (int | None, 1.5, "must be a whole number or null, not a decimal number"),
        (bool, 1, "must be true or false, not a whole number"),
        (str, True, "must be text, not true or false"),
        (int | str, None, "must be a whole number or text, not null"),
        (str | list[str] | None, {}, "must be text, an array or null, not an object"),
        (dict[str, int], [], "must be an object, not an array"),
        (Annotated[int, Meta(ge=1)], 0, "must be 1 or more"),
        (Annotated[int, Meta(le=1000)], 1001, "must be at most 1000"),
        (Annotated[float, Meta(gt=0)], 0.0, "must be more than 0"),
        (Annotated[float, Meta(lt=0.5)], 0.5, "must be less than 0.5"),
        (Annotated[str, Meta(min_length=1)], "", "must not be empty"),
        (Annotated[str, Meta(min_length=2)], "a", "must have at least 2 characters"),
        (Annotated[str, Meta(max_length=3)], "abcd", "must have at most 3 characters"),
        (Annotated[list[int], Meta(min_length=1)], [], "must not be empty"),
        (Annotated[list[int], Meta(max_length=1)], [1, 2], "must have at most 1 entry"),
        (tuple[int, int], [1], "must have 2 entries, not 1"),
        (Annotated[dict[str, int], Meta(max_length=1)], {"a": 1, "b": 1}, "must have at most 1 field"),
    ],
)
def test_what_is_wrong_is_said_in_plain_words(kind: Any, value: Any, words: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert(value, kind)
    assert in_words(str(refused.value)) == words


def test_other_messages_are_kept() -> None:
    assert in_words("Expected `bytes`, got `int`") == "Expected `bytes`, got `int`"
    assert in_words("JSON is malformed") == "JSON is malformed"
