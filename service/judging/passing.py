"""Passing: whether an answer meets the `pass_if` of a judge."""

import msgspec

from service.contracts.criteria import CriterionScale
from service.contracts.judges import Judge, PassIf

Passed = bool | msgspec.UnsetType | None


def passed(judge: Judge, score: float | None, label: str | None) -> Passed:
    """Returns whether a verdict passes; None if it has neither score nor label, UNSET if the judge has no `pass_if`."""
    condition = judge.pass_if
    if condition is None:
        return msgspec.UNSET
    if condition.labels is not None:
        return None if label is None else label in condition.labels
    if score is None:
        return None
    is_low = condition.min is not None and score < condition.min
    is_high = condition.max is not None and score > condition.max
    return not is_low and not is_high


def pass_problems(condition: PassIf, scale: CriterionScale | None) -> list[tuple[str, str]]:
    """Returns the problems of a `pass_if`, by pointers into the definition; `scale` has the judge's answers."""
    bounds = [bound for bound in (condition.min, condition.max) if bound is not None]
    if scale is None:
        return [("/pass_if", "the answers of this method have no order to pass by")]
    if condition.labels is None and not bounds:
        return [("/pass_if", "give min, max or labels")]
    if condition.labels is not None:
        return _label_problems(condition.labels, scale, bool(bounds))
    if scale.kind == "labels" and None in scale.scores:
        return [("/pass_if", "the labels have no scores: give labels")]
    if len(bounds) == 2 and bounds[0] > bounds[1]:
        return [("/pass_if/max", "must not be less than min")]
    return _unreachable(condition, scale)


def _unreachable(condition: PassIf, scale: CriterionScale) -> list[tuple[str, str]]:
    scores = (
        [score for score in scale.scores if score is not None] if scale.kind == "labels" else [scale.min, scale.max]
    )
    if condition.min is not None and condition.min > max(scores):
        return [("/pass_if/min", f"nothing passes: the highest score is {max(scores):g}")]
    if condition.max is not None and condition.max < min(scores):
        return [("/pass_if/max", f"nothing passes: the lowest score is {min(scores):g}")]
    return []


def _label_problems(labels: list[str], scale: CriterionScale, has_bounds: bool) -> list[tuple[str, str]]:
    if has_bounds:
        return [("/pass_if", "give min and max, or labels, not both")]
    if scale.kind == "numbers":
        return [("/pass_if/labels", "the answers are numbers: give min or max")]
    return [
        (f"/pass_if/labels/{index}", f"{label!r} is not one of the labels ({', '.join(scale.labels)})")
        for index, label in enumerate(labels)
        if label not in scale.labels
    ]
