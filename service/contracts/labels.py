"""Labels: the values that people give to items, which judges are measured against."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from service.contracts.items import ItemId
from service.contracts.judges import Criterion

Annotator = Annotated[str, Meta(min_length=1, max_length=200)]
Probability = Annotated[float, Meta(gt=0, le=1)]
Drawn = Literal["random", "targeted"]  # how an item came to be labelled
Selection = Literal["random", "targeted", "all"]
Window = Literal["24h", "7d", "30d", "all"]


_PASS_FAIL = {"pass": "pass", "true": "pass", "yes": "pass", "1": "pass"}
_PASS_FAIL |= {"fail": "fail", "false": "fail", "no": "fail", "0": "fail"}


def pass_fail_label(value: float | str) -> str | None:
    """Returns `pass` or `fail` for a value that stands for one of them, whatever its case; None for any other value.

    Pass may be written pass, true, yes or 1, and fail may be written fail, false, no or 0.
    """
    text = value.strip().lower() if isinstance(value, str) else f"{value:g}"
    return _PASS_FAIL.get(text)


class NewLabel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One annotator's value for one item on one criterion: a `score` on a scale, or a `label`.

    `selection` tells whether the item was drawn uniformly at random or picked because its label is informative;
    figures for all items are computed from random ones. `probability` is the probability of that draw, if it is known.
    """

    item_id: ItemId
    criterion: Criterion
    annotator: Annotator
    score: float | None = None
    label: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    selection: Drawn = "random"
    probability: Probability | None = None


class LabelRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of `POST /v1/labels`."""

    labels: Annotated[list[NewLabel], Meta(min_length=1)]


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """A label as it is stored. `counted` is false if it is not on the scale of its criterion."""

    item_id: str
    criterion: str
    annotator: str
    score: float | int | None
    label: str | None
    selection: Drawn
    probability: float | None
    created_at: datetime
    counted: bool


class QueuedItem(msgspec.Struct, frozen=True, kw_only=True):
    """An item to label next, and the probability with which the queue selects such an item."""

    item_id: str
    selection: Drawn
    probability: float
