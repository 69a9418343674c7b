"""Cursors lead to the place that they were made for; all others are refused with one message."""

from collections.abc import Callable
from urllib.parse import unquote_plus

import httpx
import pytest

from service.api.cursors import id_in, names_cursor, names_of, position_of
from service.contracts.ids import new_id
from service.contracts.refusals import Fault, Refused
from tests.api.conftest import pointers


def test_the_first_page_needs_no_cursor() -> None:
    assert position_of(None) == 0
    assert names_of(None, 2) is None
    assert id_in(None, "job") is None


@pytest.mark.parametrize("names", [("helpfulness", "ann"), ("a/b", "c%2Fd"), ("", "ü ☃"), ("~a", "~7E b+c")])
def test_names_of_any_characters_come_back_even_from_a_url_that_does_not_quote_them(names: tuple[str, str]) -> None:
    assert names_of(names_cursor(*names), 2) == names
    assert names_of(unquote_plus(names_cursor(*names)), 2) == names


@pytest.mark.parametrize(
    "read",
    [
        lambda: position_of("x"), lambda: position_of("-1"), lambda: position_of("²"), lambda: position_of(""),
        lambda: id_in("x", "job"), lambda: id_in("bench_01k1", "job"), lambda: id_in("", "job"),
        lambda: id_in("job_", "job"),
        lambda: names_of("a", 2), lambda: names_of("a/b/c", 2),
    ],
)  # fmt: skip
def test_any_other_text_is_refused(read: Callable[[], object]) -> None:
    with pytest.raises(Refused) as refused:
        read()
    assert refused.value.faults == [Fault("/cursor", "not a cursor from an earlier page")]


def test_an_id_is_its_own_cursor() -> None:
    made = new_id("job")
    assert id_in(made, "job") == made


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/benchmarks", "/v1/arena/battles", "/v1/labels"])
async def test_an_invented_cursor_is_refused_and_is_no_empty_page(api: httpx.AsyncClient, path: str) -> None:
    response = await api.get(path, params={"cursor": "garbage"})
    assert pointers(response, 400) == ["/cursor"]
