"""An item: the texts to judge, under an id that the caller may choose."""

import hashlib
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from service.contracts.names import ONE_LINE_PATTERN

ItemId = Annotated[str, Meta(min_length=1, max_length=512)]
GivenItemId = ItemId | int  # an integer is taken as text

MOST_GROUP_LENGTH = 64
MOST_CASE_LENGTH = 200
Group = Annotated[str, Meta(min_length=1, max_length=MOST_GROUP_LENGTH, pattern=ONE_LINE_PATTERN)]
GivenGroup = Group | int
GivenCase = Annotated[str, Meta(min_length=1, max_length=MOST_CASE_LENGTH)] | int

TEXT_FIELDS = ("input", "output", "context", "reference")  # of an item; `outputs` are several of the second


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, dict=True):
    """One thing to judge. The judge decides which fields it needs; every text is data and is kept verbatim.

    `group` names the system or the run that made the output, and `case` the case that it answers, by which groups are
    compared. Neither is judged: no model sees them.
    """

    id: Annotated[
        GivenItemId | None,
        Meta(description="Your name for this content, on which labels hang; a digest of the content if there is none."),
    ] = None
    input: Annotated[str | None, Meta(description="The question or the task that was answered.")] = None
    output: Annotated[str | None, Meta(description="The text to judge.")] = None
    context: Annotated[str | None, Meta(description="The material that the output was to be based on.")] = None
    reference: Annotated[str | None, Meta(description="A right answer.")] = None
    outputs: Annotated[list[str] | None, Meta(description="The texts to compare or to rank, in place of `output`.")] = (
        None
    )
    metadata: Annotated[dict[str, Any], Meta(description="Values that a judge's own template may show.")] = {}
    group: Annotated[GivenGroup | None, Meta(description="The system or the run that made the output.")] = None
    case: Annotated[
        GivenCase | None, Meta(description="The case that the output answers; a digest of the input if there is none.")
    ] = None

    def __post_init__(self) -> None:
        for name in ("id", "group", "case"):
            given = getattr(self, name)
            if isinstance(given, int):
                msgspec.structs.force_setattr(self, name, taken_as_text(name, given))


def taken_as_text(name: str, given: int) -> str:
    """Returns an integer in place of a text. Raises ValueError, which begins with the name of the
    field, if it is longer than the shortest text may be.
    """
    if abs(given) >= 10 ** (MOST_GROUP_LENGTH - 1):
        raise ValueError(f"{name}: an integer of {MOST_GROUP_LENGTH} or more digits; send it as text")
    return str(given)


# Digests are computed once, and kept in the item's `__dict__`.


def content_digest(item: Item) -> str:
    """Returns a hash of the judged texts alone: items with the same texts have the same digest.

    Id, metadata, group and case do not count.
    """
    known: str | None = item.__dict__.get("content_digest")
    if known is None:
        content = msgspec.json.encode([item.input, item.output, item.context, item.reference, item.outputs])
        known = item.__dict__["content_digest"] = hashlib.sha256(content).hexdigest()[:32]
    return known


def item_id(item: Item) -> str:
    """Returns the caller's id, or one made from the content if the caller gave none."""
    return str(item.id) if item.id is not None else f"item_{content_digest(item)}"


def item_case(item: Item) -> str:
    """Returns the caller's case, or a digest of the input if the caller gave none; without an input, the item's id."""
    if item.case is not None:
        return str(item.case)
    if item.input is None:
        return item_id(item)[:MOST_CASE_LENGTH]
    known: str | None = item.__dict__.get("case_digest")
    if known is None:
        known = item.__dict__["case_digest"] = hashlib.sha256(item.input.encode()).hexdigest()[:32]
    return known
