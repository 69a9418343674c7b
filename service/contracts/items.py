"""An item: the texts that are judged, under the caller's own name for them."""

import hashlib
from typing import Annotated, Any

import msgspec
from msgspec import Meta

ItemId = Annotated[str, Meta(min_length=1, max_length=512)]


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One thing to judge. Which fields it needs is the judge's business; every text is data, kept verbatim."""

    id: ItemId | None = None
    input: str | None = None
    output: str | None = None
    context: str | None = None
    reference: str | None = None
    outputs: list[str] | None = None
    metadata: dict[str, Any] = {}


def content_digest(item: Item) -> str:
    """A hash of the judged texts alone: the same content has the same digest whatever its id and metadata."""
    content = msgspec.json.encode([item.input, item.output, item.context, item.reference, item.outputs])
    return hashlib.sha256(content).hexdigest()[:32]


def item_id(item: Item) -> str:
    """The caller's id, or one made of the content where the caller gave none."""
    return item.id if item.id is not None else f"item_{content_digest(item)}"
