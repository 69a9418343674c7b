"""Small amounts are told from nothing, and are written without exponents."""

import pytest

from service.rendering.amounts import brief_seconds, dollars


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (None, "unknown"), (0, "$0.0000"), (0.000039, "<$0.0001"), (0.0001, "$0.0001"), (0.0125, "$0.0125"),
        (1, "$1.00"), (1234.567, "$1,234.57"),
    ],
)  # fmt: skip
def test_a_cost_that_is_not_nothing_is_not_shown_as_nothing(amount: float | None, words: str) -> None:
    assert dollars(amount) == words


@pytest.mark.parametrize(
    ("value", "words"), [(0, "0"), (2.4e-05, "<0.001"), (0.036, "0.036"), (3.188, "3.2"), (1234.5, "1,234.5")]
)
def test_a_time_is_written_without_an_exponent(value: float, words: str) -> None:
    assert brief_seconds(value) == words
