"""Cursors lead to the place that they were made for; all others are refused with one message."""

from collections.abc import Callable
from urllib.parse import unquote_plus

import pytest

from service.api.cursors import names_cursor, names_of, position_of
from service.contracts.refusals import Fault, Refused


def test_the_first_page_needs_no_cursor() -> None:
    assert position_of(None) == 0
    assert names_of(None, 2) is None


@pytest.mark.parametrize("names", [("helpfulness", "ann"), ("a/b", "c%2Fd"), ("", "ü ☃"), ("~a", "~7E b+c")])
def test_names_of_any_characters_come_back_even_from_a_url_that_does_not_quote_them(names: tuple[str, str]) -> None:
    assert names_of(names_cursor(*names), 2) == names
    assert names_of(unquote_plus(names_cursor(*names)), 2) == names


@pytest.mark.parametrize(
    "read",
    [
        lambda: position_of("x"), lambda: position_of("-1"), lambda: position_of("²"), lambda: position_of(""),
        lambda: names_of("a", 2), lambda: names_of("a/b/c", 2),
    ],
)  # fmt: skip
def test_any_other_text_is_refused(read: Callable[[], object]) -> None:
    with pytest.raises(Refused) as refused:
        read()
    assert refused.value.faults == [Fault("/cursor", "not a cursor from an earlier page")]
