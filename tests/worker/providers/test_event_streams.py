"""Server-sent events, as the HTML standard has them read."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.providers.event_streams import events_of, is_event_stream

OBJECTS = st.lists(st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=5), max_size=3), max_size=5)
BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    ("body", "is_stream"),
    [
        (b"data: {}", True),
        (b"event: message\ndata: {}", True),
        (b"id: 1\n", True),
        (b"retry: 10\n", True),
        (b": keep-alive\n\n", True),
        (BOM + b"\r\n data:{}", True),
        (b'{"data": 1}', False),
        (b"database: down", False),
        (b"<html>", False),
        (b"", False),
    ],
)
def test_a_stream_is_known_by_its_first_bytes(body: bytes, is_stream: bool) -> None:
    assert is_event_stream(body) is is_stream


@pytest.mark.parametrize(
    "body",
    [
        b'data: {"a": 1}\n\ndata: {"b": 2}\n\n',
        b'data:{"a": 1}\r\n\r\ndata:{"b": 2}\r\n\r\n',
        b'data: {"a": 1}\r\rdata: {"b": 2}\r\r',
        BOM + b'data: {"a": 1}\n\ndata: {"b": 2}',
        b': hello\n\nevent: delta\nid: 7\ndata: {"a": 1}\n\n\n\nretry: 5\ndata: {"b": 2}\n\n',
        b'data: {"a":\ndata: 1}\n\ndata: {"b": 2}\n\ndata: [DONE]\n\n',
        b'data: {"a": 1}\n\ndata:\n\ndata: {"b": 2}\n\n',
    ],
)
def test_events_are_read_in_order_in_every_notation(body: bytes) -> None:
    assert events_of(body) == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize("body", [b"", b"\n\n", b": nothing\n\n", b"data: [DONE]\n\n", b"event: ping\n\n"])
def test_a_stream_without_data_has_no_events(body: bytes) -> None:
    assert events_of(body) == []


@pytest.mark.parametrize("body", [b'data: {"a": 1}\n\ndata: {"b"', b"data: 3\n\n", b"data: [1]\n\n", b"data: oops\n\n"])
def test_an_event_that_is_cut_off_or_is_no_object_raises(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        events_of(body)


@given(OBJECTS, st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_a_stream_that_was_written_comes_back(objects: list[dict[str, Any]], end: bytes) -> None:
    body = b"".join(b"data: " + msgspec.json.encode(each) + end + end for each in objects)
    assert events_of(body) == objects
    assert is_event_stream(body) is bool(objects)
