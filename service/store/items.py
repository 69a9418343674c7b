"""Items as they are stored: newest content, labels and scores by criterion, and the places of their judgments.

The labels and scores on a criterion are opaque JSON here; `service.agreement` writes and reads it.
"""

import random
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from redis.asyncio import Redis

from service.contracts.names import unquoted
from service.store import keys
from service.store.connection import pipeline, reply, scanned_hashes
from service.store.packing import packed_state, unpacked

_STATE = keys.item_state("")
_REF = "R\t"


class ItemState(NamedTuple):
    """An item's labels and scores on one criterion, as they are stored, and a random word that each change replaces."""

    item_id: str
    revision: str
    stored: bytes

    @property
    def name(self) -> str:
        return f"the labels and scores of item {self.item_id}"

    @property
    def json(self) -> bytes:
        """The labels and scores. Raises UnreadableRecordError."""
        return unpacked(self.stored, self.name, self.item_id.encode())


class StoredItem(NamedTuple):
    """An item; `content` is empty until a job names or judges it.

    `states` has its labels and scores by criterion. `refs` has the field of each judgment's place, with the time when
    the judgment ended, in milliseconds.
    """

    content: str
    states: dict[str, ItemState]
    refs: dict[str, int]
    is_labelled: bool


def new_revision() -> str:
    """Returns a random word, which makes an outdated state recognisable."""
    return f"{random.getrandbits(32):08x}"


def state_value(item_id: str, revision: str, json: bytes, *, packed: bool) -> bytes:
    """Returns an item's labels and scores as they are stored: the revision, a space, and the JSON."""
    return b"%b %b" % (revision.encode(), packed_state(json, item_id.encode()) if packed else json)


def state_of(item_id: str, value: bytes) -> ItemState:
    """Returns an item's labels and scores from a field of its hash, the inverse of `state_value`."""
    revision, _, stored = value.partition(b" ")
    return ItemState(item_id, revision.decode(errors="replace"), stored)


def judgment_ref(job_id: str, chunk: int, position: int) -> str:
    """Returns the field of an item that has the place of a judgment of it."""
    return f"{_REF}{job_id}\t{chunk}\t{position}"


def refs_in(item: StoredItem) -> list[tuple[str, int, str]]:
    """Returns (job id, chunk, position) of the item's judgments, the oldest first."""
    places = sorted((ended_ms, field.split("\t")[1:]) for field, ended_ms in item.refs.items())
    return [(job_id, int(chunk), position) for _, (job_id, chunk, position) in places]


async def load_item(redis: Redis, item_id: str) -> StoredItem:
    """Returns the item; an empty one if nothing is known of it."""
    return item_of(item_id, await reply(redis.hgetall(keys.item(item_id))))


async def load_states(redis: Redis, wanted: Sequence[tuple[str, str]]) -> list[StoredItem]:
    """Returns each item with its state on one criterion alone, for (item id, criterion)."""
    async with pipeline(redis) as pipe:
        for item_id, criterion in wanted:
            pipe.hmget(keys.item(item_id), ["digest", keys.item_state(criterion)])
        found = await pipe.execute()
    return [
        item_of(
            item_id,
            {name: value for name, value in ((b"digest", content), (_state_field(of), state)) if value is not None},
        )
        for (content, state), (item_id, of) in zip(found, wanted, strict=True)
    ]


async def all_items(redis: Redis) -> AsyncIterator[StoredItem]:
    """Yields every item once."""
    async for key, fields in scanned_hashes(redis, keys.item("*")):
        yield item_of(key.removeprefix(keys.item("")), fields)


def item_from_pairs(item_id: str, pairs: Sequence[bytes]) -> StoredItem:
    """Returns the item whose fields and values follow each other."""
    return item_of(item_id, dict(zip(pairs[::2], pairs[1::2], strict=True)))


def _state_field(criterion: str) -> bytes:
    return keys.item_state(criterion).encode()


def item_of(item_id: str, fields: dict[bytes, bytes]) -> StoredItem:
    """Returns the item of the fields of its hash."""
    states, refs = {}, {}
    for field, value in fields.items():
        name = field.decode()
        if name.startswith(_STATE):
            states[unquoted(name.removeprefix(_STATE))] = state_of(item_id, value)
        elif name.startswith(_REF):
            refs[name] = int(value)
    return StoredItem(fields.get(b"digest", b"").decode(), states, refs, b"labelled" in fields)
