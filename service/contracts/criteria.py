"""The scale of a criterion: the values that people and judges can give."""

from typing import Literal

import msgspec


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
        """Returns whether both have the same values, in whatever order the labels are."""
        mine, theirs = (dict(zip(each.labels, each.scores, strict=True)) for each in (self, other))
        return mine == theirs and (self.kind, self.min, self.max, self.step) == (
            other.kind,
            other.min,
            other.max,
            other.step,
        )
