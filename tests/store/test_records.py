"""Records of another version are refused with their names, and left out of lists."""

import msgspec
import pytest

from service.contracts.judges import Scale
from service.store.errors import UnreadableRecordError
from service.store.records import from_json, from_msgpack, readable


def test_a_record_that_can_not_be_read_is_named() -> None:
    assert from_json(b'{"min": 2}', Scale, "scale a") == Scale(min=2)
    assert from_msgpack(msgspec.msgpack.encode({"max": 3}), Scale, "scale a") == Scale(max=3)
    for stored in (b'{"colour": "red"}', b"", b'"\xff"', b"["):
        with pytest.raises(UnreadableRecordError, match="scale a can't be read by this version") as refused:
            from_json(stored, Scale, "scale a")
        assert refused.value.name == "scale a"
    with pytest.raises(UnreadableRecordError):
        from_msgpack(b"\xc1", Scale, "scale a")


def test_a_list_is_without_those_that_are_gone_or_can_not_be_read(caplog: pytest.LogCaptureFixture) -> None:
    stored = {"a": b'{"min": 2}', "of a newer version": b'{"colour": "red"}', "c": b""}
    found = readable(stored, lambda name: from_json(stored[name], Scale, name) if stored[name] else None)
    assert list(found) == [("a", Scale(min=2))]
    for _ in range(2):  # a list is asked for again and again, and the record is named once
        assert list(readable(stored, lambda name: from_json(stored[name] or b"{}", Scale, name)))
    [line] = [record.getMessage() for record in caplog.records]
    assert line.startswith("of a newer version can't be read by this version: ")
    assert line.endswith("; it is left alone")
