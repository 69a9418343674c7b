"""Lines of NDJSON are decoded as they are taken, and blank ones are bounded."""

from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest

from service.contracts.decoding import MOST_BLANK_LINES, MOST_RETURNS, BlankLines, decode, ndjson, numbered
from service.contracts.items import Item
from service.contracts.refusals import Fault, Kind, Refused

GOOD = b'{"output": "x"}'


async def entries(*parts: Sequence[bytes]) -> list[tuple[int, object]]:
    async def arriving() -> AsyncIterator[Sequence[bytes]]:
        for part in parts:
            yield part

    return [entry async for batch in ndjson(arriving(), Item, "/items") for entry in batch]


async def test_lines_are_numbered_over_all_parts_and_blank_ones_are_left_out() -> None:
    taken = await entries([b"\xef\xbb\xbf" + GOOD, b""], [GOOD + b"\r" + GOOD], [b"{"])
    assert [number for number, _ in taken] == [0, 2, 3, 4]
    assert [isinstance(value, list) for _, value in taken] == [False, False, False, True]


async def test_blank_lines_may_be_twice_as_many_as_others_and_some_more() -> None:
    size = MOST_BLANK_LINES + 2
    assert len(await entries([GOOD, *[b""] * size])) == 1
    for lines in ([GOOD, *[b" "] * (size + 1)], [b""] * (MOST_BLANK_LINES + 1), [b"\r" * (MOST_RETURNS + 1)]):
        with pytest.raises(Refused) as refused:
            await entries(lines)
        assert refused.value.kind is Kind.TOO_LARGE
    spaced = BlankLines()
    for number in range(10 * MOST_BLANK_LINES):
        spaced.note(is_blank=number % 3 > 0)


async def test_values_that_are_decoded_come_in_batches() -> None:
    batches = [list(batch) async for batch in numbered(list("abcdefghij") * 25)]
    assert [len(batch) for batch in batches] == [100, 100, 50]
    assert [entry for batch in batches for entry in batch] == list(enumerate("abcdefghij" * 25))


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"[" + b"1," * 5_000_000 + b"1]", "values"),
        (b"[" + b"[]," * 2_000_000 + b"1]", "arrays"),
        (b"[" + b'{"a":1},' * 1_000_000 + b"1]", "objects"),
        (b"{" + b'"\\"{":1,' * 2_000_000 + b'"a":1}', "fields"),
    ],
)
def test_a_body_with_very_many_values_is_refused_before_it_is_decoded(raw: bytes, name: str) -> None:
    with pytest.raises(Refused, match=rf"000 or more {name} in one body") as refused:
        decode(raw, Item)
    assert refused.value.kind is Kind.TOO_LARGE


@pytest.mark.parametrize("piece", [b"{,:", b"{,:\\\\", b'{,:\\"', b'{,:\\\\\\"'])
def test_signs_within_texts_are_no_values(piece: bytes) -> None:
    raw = b'{"output": "' + piece * 2_000_000 + b'"}'
    assert decode(raw, Item) == msgspec.json.decode(raw, type=Item)


def test_an_empty_body_is_called_empty() -> None:
    with pytest.raises(Refused) as refused:
        decode(b"", Item)
    assert refused.value.faults == [Fault("", "empty: JSON is needed")]


def test_a_byte_order_mark_before_json_is_passed_over_and_utf_16_is_named() -> None:
    assert decode(b"\xef\xbb\xbf" + GOOD, Item).output == "x"
    for text, said in (
        ("", "empty: JSON is needed"),
        (GOOD.decode(), "not JSON: it is UTF-16; send UTF-8"),
    ):
        with pytest.raises(Refused) as refused:
            decode(text.encode("utf-16") if text else b"\xef\xbb\xbf", Item)
        assert refused.value.faults == [Fault("", said)]
