"""Datasets: items with people's values, to measure judges by."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from service.contracts.items import Item
from service.contracts.judges import Criterion

MOST_ANNOTATORS = 1000
MOST_VALUES_OF_AN_ITEM = 10_000  # over all criteria and annotators

_MOST_CRITERIA = 100
_LARGEST = 10**9  # the magnitude of a value, as of a scale's ends

HumanNumber = Annotated[int, Meta(ge=-_LARGEST, le=_LARGEST)] | Annotated[float, Meta(ge=-_LARGEST, le=_LARGEST)]
HumanValue = HumanNumber | Annotated[str, Meta(min_length=1, max_length=100)] | None
HumanValues = Annotated[list[HumanValue], Meta(max_length=MOST_ANNOTATORS)]
Humans = Annotated[dict[Criterion, HumanValues], Meta(max_length=_MOST_CRITERIA)]


class DatasetItem(Item, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An item with people's values by criterion: numbers, also fractional ones, or labels.

    The n-th value is by the same annotator in every item of a dataset. It is null if that annotator gave none.
    """

    human: Humans


class DatasetRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The JSON body of `PUT /v1/datasets/{name}`."""

    items: Annotated[list[DatasetItem], Meta(min_length=1)]


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset without its items. `annotators` is the largest number of annotators of any criterion."""

    name: str
    items: int
    criteria: list[str]
    annotators: int
    created_at: datetime


class DatasetPage(msgspec.Struct, frozen=True, kw_only=True):
    datasets: list[Dataset]
    next_cursor: str | None


def item_to_judge(entry: DatasetItem) -> Item:
    """Returns the item without people's values, which no judge may see."""
    return Item(
        id=entry.id,
        input=entry.input,
        output=entry.output,
        context=entry.context,
        reference=entry.reference,
        outputs=entry.outputs,
        metadata=entry.metadata,
        group=entry.group,
        case=entry.case,
    )
