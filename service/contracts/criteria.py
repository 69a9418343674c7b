"""Criteria: the values that people's labels have, and where they come from."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from service.contracts.judges import Choice, Choices, Scale

CriterionSource = Literal["put", "built_in", "judge", "inline_judge"]


class CriterionScale(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Numbers from `min` to `max`, or `labels`, with their numbers in `scores` if they have any.

    `step` is None if any number between the ends is a value.
    """

    kind: Literal["numbers", "labels"]
    min: float = 0
    max: float = 0
    step: float | None = None
    labels: list[str] = []
    scores: list[float | None] = []

    def is_as(self, other: "CriterionScale") -> bool:
        """Returns whether both have the same values with the same numbers, in whatever order the labels are."""
        mine, theirs = (dict(zip(each.labels, each.scores, strict=True)) for each in (self, other))
        return self.has_values_of(other) and mine == theirs

    def has_values_of(self, other: "CriterionScale") -> bool:
        """Returns whether both have the same values, in whatever order the labels are."""
        mine, theirs = ((each.kind, each.min, each.max, each.step, set(each.labels)) for each in (self, other))
        return mine == theirs


class NewCriterion(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of `PUT /v1/criteria/{name}`: the labels' values, as either a `scale` of numbers or `choices`."""

    scale: Scale | None = None
    choices: Choices = []
    description: Annotated[str, Meta(max_length=10_000)] | None = None


class CriterionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Where a criterion's scale comes from.

    `judge` is `name@version`, or a digest if the source is `inline_judge`. The rest is as it was put, or as the judge
    has it.
    """

    source: CriterionSource
    judge: str | None = None
    scale: Scale | None = None
    choices: list[Choice] = []
    description: str | None = None


class SeenCriterion(msgspec.Struct, frozen=True, kw_only=True):
    """A criterion: the values of its labels as a `scale` or as `choices`, and how many labels it has.

    `source` tells where the scale comes from: `put` (by `PUT /v1/criteria/{name}`), `built_in` (the built-in judge of
    this name), `judge` (the first stored judge of the criterion, `source_judge`), `inline_judge` (a judge that came
    with a job, until a judge is stored), null if there is none yet. `unmatched` counts the labels of items that nobody
    has judged, and `labels_off_scale` those that are not counted because they are not on the scale. `waiting` counts
    the judged items that nobody has labelled, up to 10,000. `judges` are the names of the stored and built-in judges of
    the criterion.
    """

    name: str
    description: str | None
    scale: Scale | None
    choices: list[Choice]
    source: CriterionSource | None
    source_judge: str | None
    labels: int
    unmatched: int
    labels_off_scale: int
    waiting: int
    judges: list[str]


class CriteriaPage(msgspec.Struct, frozen=True, kw_only=True):
    """Criteria by name."""

    criteria: list[SeenCriterion]
    next_cursor: str | None
