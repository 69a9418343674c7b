"""An item's labels and scores as they are stored: plain, and packed with its id."""

from contextlib import AsyncExitStack

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from service.agreement.contributions import CodedItem, CodedLabel, CodedScore
from service.agreement.labelling import labels_of_item, put_labels
from service.agreement.rebuilding import rebuild
from service.agreement.stored_items import coded_item
from service.contracts.items import Item
from service.store import keys
from service.store.archiving import labels_at_once
from service.store.connection import connect
from service.store.errors import UnreadableRecordError
from service.store.items import all_items, load_item, load_states, state_of, state_value
from service.store.judgments import judgments_of_item
from service.store.packing import Packing
from tests.store.labelled import judge_of, judged, label

KEEP_S = 1000
FIELD = keys.item_state("wit")

text = st.text(max_size=20)
ms = st.integers(0, 2**53)
value = st.fixed_dictionaries({"key": text, "number": st.none() | st.floats(0, 5), "units": st.none(), "per_cent": ms})
labels = value.flatmap(lambda each: st.builds(CodedLabel, **{k: st.just(v) for k, v in each.items()}, comment=text))
scores = value.flatmap(lambda each: st.builds(CodedScore, **{k: st.just(v) for k, v in each.items()}, at_ms=ms))
coded = st.builds(
    CodedItem,
    labels=st.dictionaries(text, labels, max_size=4),
    scores=st.dictionaries(text, st.dictionaries(text, scores, max_size=3), max_size=3),
    first_label_ms=ms,
)


@given(coded, st.text(min_size=1, max_size=512), st.booleans())
def test_what_is_stored_is_read(item: CodedItem, item_id: str, packed: bool) -> None:
    stored = state_value(item_id, "0f3a91bc", msgspec.json.encode(item), packed=packed)
    state = state_of(item_id, stored)
    assert state.revision == "0f3a91bc"
    assert coded_item(state) == item
    assert len(stored) <= len(msgspec.json.encode(item)) + 9


@pytest.mark.parametrize("item_id", ["item_0ea8ef96b22fef524d7d82f915425c7e", "case-17"])
def test_a_part_of_a_packed_one_is_unreadable(item_id: str) -> None:
    scores = {
        "0ea8ef96b22fef524d7d82f915425c7e": {
            "wit@1 m": CodedScore(key="4", number=4.0, units=None, per_cent=75, at_ms=1796070554724)
        }
    }
    stored = state_value(item_id, "0f3a91bc", msgspec.json.encode(CodedItem(scores=scores)), packed=True)
    for end in range(len(stored)):
        with pytest.raises(UnreadableRecordError, match=f"the labels and scores of item {item_id} can't be read"):
            coded_item(state_of(item_id, stored[:end]))
    for damaged in (stored + b"0", b"0f3a91bc \x08of a newer version", b"\xff\xfe", b"0f3a91bc [{},{}"):
        with pytest.raises(UnreadableRecordError):
            coded_item(state_of(item_id, damaged))


async def test_processes_that_pack_and_others_change_an_item_in_turn(redis: Redis, store_url: str) -> None:
    """As after a mark, until the last process is restarted, and as long as there are items from before."""
    text, judge = Item(id="t-1", output="A test."), judge_of()
    async with AsyncExitStack() as opened:
        clients = [connect(store_url, retries=1, max_connections=8) for _ in Packing]
        for client in clients:
            opened.push_async_callback(client.aclose)
        for turn in range(3):
            for packing, client in zip(Packing, clients, strict=True):
                await redis.set(keys.PACKED, int(packing))
                await judged(client, judge, text, [1 + turn])
                await put_labels(client, [label("t-1", f"{turn} {packing}", 1 + turn)], keep_s=KEEP_S)
                stored = await redis.hget(keys.item("t-1"), FIELD)  # type: ignore[misc]
                assert stored.partition(b" ")[2][:1] == (b"\x03" if packing >= Packing.STATES else b"[")
                for reader in clients[: packing + 1]:
                    assert len(await labels_of_item(reader, "t-1")) == len(Packing) * turn + packing + 1
    proof = await rebuild(redis, repair=False)
    assert (proof.labels, proof.differing, proof.examples) == (12, 0, [])
    [known] = [each async for each in all_items(redis) if each.states]
    assert known == await load_item(redis, "t-1")
    [state] = await load_states(redis, [("t-1", "wit")])
    assert state.states == known.states
    _, [read] = await labels_at_once(redis, [f"{keys.item('t-1')}\n{FIELD}"])
    assert read.state == known.states["wit"]
    assert len(known.refs) == 12


async def test_one_that_cannot_be_read_leaves_the_others_and_the_judgments_alone(redis: Redis) -> None:
    for name in ("t-1", "t-2"):
        await judged(redis, judge_of(), Item(id=name, output=name), [4])
    await redis.hset(keys.item("t-1"), mapping={FIELD: b"0f3a91bc \x08of a newer version"})  # type: ignore[misc]
    with pytest.raises(UnreadableRecordError):
        await put_labels(redis, [label("t-1", "ann", 4)], keep_s=KEEP_S)
    assert await redis.hget(keys.item("t-1"), FIELD) == b"0f3a91bc \x08of a newer version"  # type: ignore[misc]
    await put_labels(redis, [label("t-2", "ann", 4)], keep_s=KEEP_S)
    assert [each.annotator for each in await labels_of_item(redis, "t-2")] == ["ann"]
    assert len(await judgments_of_item(redis, "t-1", None)) == 1
