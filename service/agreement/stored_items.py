"""Reads and writes an item's labels and scores on a criterion as the JSON that the store keeps."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from service.agreement.contributions import CodedItem, Contribution
from service.store.changes import ItemWrite
from service.store.items import ItemState, StoredItem
from service.store.records import from_json

_NOTHING = CodedItem()
_encoder = msgspec.json.Encoder()


class KnownItem(NamedTuple):
    """An item as it was read: its newest content, and its labels and scores on one criterion with their revision.

    `content` and `revision` are empty if there are none. `refs` are the places of its judgments by the time, in
    milliseconds, at which each ended.
    """

    item: CodedItem
    content: str = ""
    revision: str = ""
    refs: Mapping[str, int] = MappingProxyType({})


FRESH = KnownItem(_NOTHING)


def known_item(stored: StoredItem, criterion: str) -> KnownItem:
    """Returns a stored item's labels and scores on one criterion."""
    state = stored.states.get(criterion)
    if state is None:
        return KnownItem(_NOTHING, stored.content, "", stored.refs)
    return KnownItem(coded_item(state), stored.content, state.revision, stored.refs)


def coded_item(state: ItemState) -> CodedItem:
    """Returns the labels and scores of a stored state. Raises UnreadableRecordError."""
    return from_json(state.json, CodedItem, state.name)


def item_write(
    item_id: str,
    criterion: str,
    known: KnownItem,
    after: CodedItem,
    revision: str,
    counters: Contribution,
    **others: Any,
) -> ItemWrite:
    """Returns the write that replaces a known state, with its increments of the counters; `others` are its fields."""
    before = known.item
    return ItemWrite(
        item_id=item_id,
        criterion=criterion,
        revision=known.revision,
        new_revision=revision,
        state=_encoder.encode(after),
        counters=tuple([(*group, tuple(fields.items())) for group, fields in counters.items()]),
        is_labelled=bool(before.labels or after.labels),
        labelled=bool(after.labels) - bool(before.labels),
        **others,
    )
