"""Datasets: items with what people said of them, to measure judges by."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from service.contracts.items import Item
from service.contracts.judges import Criterion

MOST_ANNOTATORS = 1000
MOST_CRITERIA = 100
MOST_MAGNITUDE = 10**9  # as of a scale

HumanNumber = (
    Annotated[int, Meta(ge=-MOST_MAGNITUDE, le=MOST_MAGNITUDE)]
    | Annotated[float, Meta(ge=-MOST_MAGNITUDE, le=MOST_MAGNITUDE)]
)
HumanValue = HumanNumber | Annotated[str, Meta(min_length=1, max_length=100)] | None
HumanValues = Annotated[list[HumanValue], Meta(max_length=MOST_ANNOTATORS)]
Humans = Annotated[dict[Criterion, HumanValues], Meta(max_length=MOST_CRITERIA)]


class DatasetItem(Item, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An item and, by criterion, its annotators' values: numbers, fractional ones too, or labels.

    The n-th value is the same annotator's in every item of a dataset, null where that one said nothing.
    """

    human: Humans


class DatasetRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The JSON body of `PUT /v1/datasets/{name}`."""

    items: Annotated[list[DatasetItem], Meta(min_length=1)]


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """What a dataset is. `annotators` is the largest number that any of its criteria has."""

    name: str
    items: int
    criteria: list[str]
    annotators: int
    created_at: datetime


def item_of(entry: DatasetItem) -> Item:
    """What is judged: without what people said, which no judge may see."""
    return Item(
        id=entry.id,
        input=entry.input,
        output=entry.output,
        context=entry.context,
        reference=entry.reference,
        outputs=entry.outputs,
        metadata=entry.metadata,
    )
