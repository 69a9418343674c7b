"""The events of a body that was streamed."""

import msgspec
import pytest

from worker.providers.event_streams import events_of, is_event_stream


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'data: {"a": 1}\n\n', True),
        (b"\xef\xbb\xbf: a comment\n\n", True),
        (b"\n\nevent: ping\n\n", True),
        (b'{"data": 1}', False),
        (b"<html>", False),
        (b"", False),
    ],
)
def test_a_stream_is_known_by_its_beginning(body: bytes, expected: bool) -> None:
    assert is_event_stream(body) is expected


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_events_are_read_with_any_line_end(end: bytes) -> None:
    body = end.join(
        [b"event: x", b'data: {"a":', b"data: 1}", b"", b": comment", b'data:{"b": 2}', b"", b"data: [DONE]"]
    )
    assert events_of(body) == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize("body", [b'data: {"a": ', b"data: 12\n\n", b"data: text\n\n"])
def test_an_event_that_is_no_object_is_an_error(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        events_of(body)
