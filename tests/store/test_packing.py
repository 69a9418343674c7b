"""Values that are packed come back as they were, and damaged ones harm nothing."""

import tracemalloc
import zlib
from hashlib import sha256

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.contracts.items import Item
from service.store.errors import UnreadableRecordError
from service.store.jobs import encoded_chunk
from service.store.packing import (
    JUDGMENT_1,
    MAX_ITEMS_BYTES,
    MAX_JUDGMENT_BYTES,
    STATE_1,
    packed_items,
    packed_judgment,
    packed_state,
    unpacked,
    unpacked_bytes,
)
from service.store.records import from_json, from_msgpack
from tests.store.made import finished, record_of

MB = 1024 * 1024
JUDGMENT = msgspec.json.encode(finished(record_of(1), 0).judgment)
ITEMS = encoded_chunk([Item(output=f"answer {number} " * 20) for number in range(50)])

# As they were stored when these forms were new.
STORED_JUDGMENT = (
    b'{"id":"jdg_01k1gcmbpf4r1yw01jf46g","job_id":"job_01k1gcmbdpxdyw6n7zawpk","item_id":"i-1","outcome":"scored","score":4}',
    "017600000043cdb586e9c9b949056926458695e5068659692666e958323258554a41454a65b9599e79556279015aded635c49ed960a9b51600",
)
STORED_ITEMS = (b"\x92" + b"\xa5words" * 6, "02250000009bb4b43cbf28a5183f0900")
STATE = (
    b'[{"ann":["4",4.0,30000,75,"r",null,"0ea8ef96b22fef524d7d82f915425c7e",1796070555797,false,true,"",false]},'
    b'{"0ea8ef96b22fef524d7d82f915425c7e":{"wit@2 openai/gpt-4.1-mini gpt-4.1-mini":["1",1.0,null,0,1796070554724,3,'
    b'"","v2"]}},1796070555785,2]'
)
STATE_ID = b"item_0ea8ef96b22fef524d7d82f915425c7e"
STORED_STATE = (
    "035016094f23265e0999010c2f734b33037303535353734b739c714bd01ca0efcb334b80714b288c31a309ee02137323131d"
    "6348701b81c302c97116a63a46b100"
)


def framed(form: int, size: int, content: bytes, dictionary: bytes = b"") -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=dictionary)
    return bytes((form,)) + size.to_bytes(4, "little") + packer.compress(content) + packer.flush()


def test_what_stores_hold_is_read_as_long_as_there_are_stores() -> None:
    """A form is never changed: a better dictionary gets the next byte, and this one stays."""
    assert sha256(JUDGMENT_1).hexdigest() == "3985e86dfc2d018e704828692ba49c9c42187b448d3f022234731e688bc38f78"
    for plain, stored in (STORED_JUDGMENT, STORED_ITEMS):
        assert unpacked(bytes.fromhex(stored), "it") == plain
    assert sha256(STATE_1).hexdigest() == "76f3f8a807b9f490925a2c262951c718431032b4eaa17685026e1207cd2dddd6"
    assert unpacked(bytes.fromhex(STORED_STATE), "it", STATE_ID) == STATE


@given(st.binary(), st.sampled_from([b"{", b"\x92", b"\xdc"]))
def test_everything_comes_back_as_it_was(content: bytes, first: bytes) -> None:
    plain = first + content
    for pack in (packed_judgment, packed_items):
        stored = pack(plain)
        assert unpacked(stored, "it") == plain
        assert unpacked_bytes(stored) == len(plain)
        assert len(stored) <= len(plain)
        assert pack(stored) == stored


@given(st.binary(), st.binary(max_size=600))
def test_the_state_of_an_item_comes_back_with_its_id_and_with_no_other(content: bytes, item_id: bytes) -> None:
    for plain in (b"[" + content, STATE + content, STATE.replace(STATE_ID[5:], item_id)):
        stored = packed_state(plain, item_id)
        assert unpacked(stored, "it", item_id) == plain
        assert len(stored) <= len(plain)
        try:
            found = unpacked(stored, "it", item_id + b"!")
        except UnreadableRecordError:
            continue
        assert found == plain  # nothing of it was in the id


def test_a_judgment_alone_takes_a_fourth_and_the_items_of_a_chunk_less() -> None:
    assert len(packed_judgment(JUDGMENT)) < len(JUDGMENT) / 4
    assert len(packed_items(ITEMS)) < len(ITEMS) / 10
    assert from_json(packed_judgment(JUDGMENT), dict[str, object], "it") == msgspec.json.decode(JUDGMENT)
    assert from_msgpack(packed_items(ITEMS), list[Item], "it") == msgspec.msgpack.decode(ITEMS, type=list[Item])


@pytest.mark.parametrize("plain", [b"", b"{}", b" {}", b"\n{}", b"\x90", b'{"id":"7Q"}'])
def test_a_value_that_gets_no_smaller_stays_plain(plain: bytes) -> None:
    for pack in (packed_judgment, packed_items):
        assert pack(plain) == plain
        assert unpacked(plain, "it") == plain


def test_what_is_too_large_to_be_unpacked_is_not_packed() -> None:
    large = b"{" + b" " * MAX_JUDGMENT_BYTES
    assert packed_judgment(large) == large
    assert unpacked(packed_judgment(large[:-1]), "it") == large[:-1]


@pytest.mark.parametrize("stored", [packed_judgment(JUDGMENT), packed_items(ITEMS)], ids=["judgment", "items"])
def test_a_part_of_a_value_cannot_be_read(stored: bytes) -> None:
    for end in range(1, len(stored)):
        with pytest.raises(UnreadableRecordError, match="a judgment of job x can't be read by this version"):
            unpacked(stored[:end], "a judgment of job x")
    with pytest.raises(UnreadableRecordError):
        unpacked(stored + b"\x00", "it")


@given(st.data())
def test_a_damaged_value_is_unreadable_or_another_one(data: st.DataObject) -> None:
    stored = bytearray(packed_judgment(JUDGMENT))
    for _ in range(data.draw(st.integers(1, 3))):
        stored[data.draw(st.integers(0, len(stored) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = unpacked(bytes(stored), "it")
    except UnreadableRecordError:
        return
    assert len(found) <= MAX_JUDGMENT_BYTES


@given(st.data())
def test_a_damaged_state_is_unreadable(data: st.DataObject) -> None:
    """Counters follow from it: a wrong one would make them wrong."""
    stored = bytearray(packed_state(STATE, STATE_ID))
    for _ in range(data.draw(st.integers(1, 3))):
        stored[data.draw(st.integers(0, len(stored) - 1))] = data.draw(st.integers(0, 8))
    del stored[data.draw(st.integers(1, len(stored))) :]
    try:
        found = unpacked(bytes(stored), "it", STATE_ID)
    except UnreadableRecordError:
        return
    assert found == STATE


@pytest.mark.parametrize("form", [0, 4, 8])
def test_a_form_of_a_newer_version_is_left_alone(form: int) -> None:
    with pytest.raises(UnreadableRecordError, match="in another form"):
        unpacked(framed(form, 2, b"{}"), "it")


@pytest.mark.parametrize(
    ("form", "told"),
    [(1, 1_000), (1, MAX_JUDGMENT_BYTES + 1), (1, 2**32 - 1), (2, 1_000), (2, MAX_ITEMS_BYTES + 1)],
)
def test_a_small_value_that_unpacks_to_a_large_one_takes_no_memory(form: int, told: int) -> None:
    bomb = framed(form, told, b"{" * (100 * MB), JUDGMENT_1 if form == 1 else b"")
    assert len(bomb) < MB
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableRecordError, match="it is damaged"):
            unpacked(bomb, "it")
        assert tracemalloc.get_traced_memory()[1] < MB
    finally:
        tracemalloc.stop()
