"""Anchors: items that a judge judges again and again at a steady rate, so that a change of the judge shows."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from service.contracts.items import Item

MOST_ANCHORS = 1000  # of one judge: more would have their turn too seldom

NAME_OR_VERSION = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}(@[1-9][0-9]{0,8})?\Z"


class AnchorRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The JSON body of `PUT /v1/anchors/{judge}`."""

    items: Annotated[list[Item], Meta(min_length=1, max_length=MOST_ANCHORS)]


class AnchorSet(msgspec.Struct, frozen=True, kw_only=True):
    """The anchors of a judge without their texts.

    `judge` is `name`, of which the latest version is asked, or `name@version`. `owner` is the API key that marked them,
    whose budget pays for the judgments. Judgments before `baseline_at` no longer count. `problem` says why no anchor
    can be judged at present.
    """

    judge: str
    items: int
    owner: str | None
    created_at: datetime
    baseline_at: datetime
    problem: str | None = None


class AnchorScore(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One scored judgment of an anchor.

    `scores` has the keys of the scores, as `agreement.coding` names values, by model, and `served` the served models
    by model.
    """

    judgment_id: str
    version: int
    item_id: str
    content: str
    scores: dict[str, str]
    served: dict[str, str] = {}
