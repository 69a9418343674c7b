"""An item: the texts to judge, under an id that the caller may choose."""

import hashlib
from typing import Annotated, Any

import msgspec
from msgspec import Meta

ItemId = Annotated[str, Meta(min_length=1, max_length=512)]
GivenItemId = ItemId | Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]  # a whole number is taken as text


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One thing to judge. The judge decides which fields it needs; every text is data and is kept verbatim."""

    id: GivenItemId | None = None
    input: str | None = None
    output: str | None = None
    context: str | None = None
    reference: str | None = None
    outputs: list[str] | None = None
    metadata: dict[str, Any] = {}

    def __post_init__(self) -> None:
        if isinstance(self.id, int):
            msgspec.structs.force_setattr(self, "id", str(self.id))


def content_digest(item: Item) -> str:
    """Returns a hash of the judged texts alone: items with the same texts have the same digest.

    Id and metadata do not count.
    """
    content = msgspec.json.encode([item.input, item.output, item.context, item.reference, item.outputs])
    return hashlib.sha256(content).hexdigest()[:32]


def item_id(item: Item) -> str:
    """Returns the caller's id, or one made from the content if the caller gave none."""
    return str(item.id) if item.id is not None else f"item_{content_digest(item)}"
