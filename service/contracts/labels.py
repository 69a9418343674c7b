"""Labels: the values that people give to items, which judges are measured against."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from service.contracts.items import GivenItemId, taken_as_text
from service.contracts.judges import Criterion
from service.contracts.names import ONE_LINE_PATTERN

Annotator = Annotated[str, Meta(min_length=1, max_length=200, pattern=ONE_LINE_PATTERN)]
Probability = Annotated[float, Meta(gt=0, le=1)]
Drawn = Literal["random", "targeted"]  # how an item came to be labelled
Selection = Literal["random", "targeted", "all"]
ReportSelection = Literal["random", "targeted", "all", "weighted"]
Window = Literal["24h", "7d", "30d", "all"]


_PASS_FAIL = dict.fromkeys(("pass", "passed", "passes", "true", "yes", "y", "1"), "pass")
_PASS_FAIL |= dict.fromkeys(("fail", "failed", "fails", "false", "no", "n", "0"), "fail")


def pass_fail_label(value: float | str) -> str | None:
    """Returns `pass` or `fail` for a value that stands for one of them, whatever its case; None for any other value.

    Pass may be written pass, passed, true, yes or 1, and fail may be written fail, failed, false, no or 0.
    """
    text = value.strip().lower().removesuffix(".0") if isinstance(value, str) else f"{value:g}"
    return _PASS_FAIL.get(text)


class NewLabel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One annotator's value for one item on one criterion: a `score` on a scale, or a `label`.

    `selection` tells whether the item was drawn uniformly at random or picked because its label is informative.
    `probability` is the probability of that draw, if it is known: send that of the label queue. Targeted labels without
    one count as picked by hand: only in the figures of targeted and of all labels. `comment` is kept and shown with the
    label; nothing is computed from it. `content` is the digest of the texts that the annotator saw, as the label queue
    has it: if the item has other texts by now, the label is refused.
    """

    item_id: GivenItemId
    criterion: Criterion
    annotator: Annotator
    score: float | None = None
    label: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    selection: Drawn = "random"
    probability: Probability | None = None
    comment: Annotated[str, Meta(max_length=10_000)] | None = None
    content: Annotated[str, Meta(min_length=1, max_length=64)] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.item_id, int):
            msgspec.structs.force_setattr(self, "item_id", taken_as_text("item_id", self.item_id))

    @property
    def place(self) -> tuple[str, str]:
        """The item's id and the criterion."""
        return str(self.item_id), self.criterion


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
    comment: str | None


class ItemTexts(msgspec.Struct, frozen=True, kw_only=True):
    """The texts of an item as a judge saw them, for people who label it."""

    input: str | None
    output: str | None
    outputs: list[str] | None
    context: str | None
    reference: str | None
    metadata: dict[str, Any]


class QueuedItem(msgspec.Struct, frozen=True, kw_only=True):
    """An item to label next: send its `selection`, its `probability` and its `content` with the label.

    `probability` is that with which the queue has come to an item of such doubt by the end of this page. `content` is
    the digest of its newest texts. `item` is there if it was asked for; it is null if these texts have expired or are
    not judged yet.
    """

    item_id: str
    selection: Drawn
    probability: float
    content: str
    item: ItemTexts | msgspec.UnsetType | None = msgspec.UNSET
