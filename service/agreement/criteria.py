"""The scales of criteria's labels: how they are found, and which source of a scale goes before which."""

from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from service.agreement.coding import Coding, scale_of
from service.contracts.criteria import CriterionRecord, CriterionScale, CriterionSource
from service.contracts.judges import Choice, Judge, Method, Scale
from service.store.criteria import StoredCriterion, set_criterion, stored_criteria
from service.store.judges import built_in_judge_of
from service.store.records import from_json

_PRECEDENCE: tuple[CriterionSource, ...] = ("inline_judge", "judge", "built_in", "put")


class LabelScale(NamedTuple):
    """The scale that labels on a criterion are stored on, as JSON, empty if there is none yet.

    It `is_firm` unless it is only that of an inline judge: labels off such a scale are stored all the same, and not
    counted, since a stored judge may bring another scale.
    """

    text: str
    is_firm: bool
    is_known: bool

    @property
    def coding(self) -> Coding | None:
        """The coding of the scale, None without one."""
        return coding_of_scale(self.text)


def coding_of_scale(stored: str) -> Coding | None:
    """Returns the coding of a scale as it is stored, None for an empty one."""
    return Coding(decoded_scale(stored)) if stored else None


def decoded_scale(stored: str) -> CriterionScale:
    """Returns a scale from the JSON that is stored."""
    return from_json(stored.encode(), CriterionScale, "the scale of a criterion")


def encoded(value: msgspec.Struct) -> str:
    """Returns a scale or a record as it is stored."""
    return msgspec.json.encode(value).decode()


def record_in(stored: StoredCriterion) -> CriterionRecord | None:
    """Returns the record of a stored criterion, None if there is none.

    Scales that were stored before there were records came from judges.
    """
    if stored.record:
        return from_json(stored.record.encode(), CriterionRecord, "the record of a criterion")
    if not stored.scale:
        return None
    scale = decoded_scale(stored.scale)
    if scale.kind == "numbers":
        return CriterionRecord(source="judge", scale=Scale(min=scale.min, max=scale.max, step=scale.step))
    choices = [Choice(label=label, score=score) for label, score in zip(scale.labels, scale.scores, strict=True)]
    return CriterionRecord(source="judge", choices=choices)


def record_of_judge(judge: Judge, source: CriterionSource, name: str) -> CriterionRecord:
    """Returns the record of a criterion whose scale is that of a judge; `name` is the judge's name in counters."""
    if judge.method is Method.RATING:
        return CriterionRecord(source=source, judge=name, scale=judge.scale or Scale())
    scale, described = scale_of(judge), {each.label: each.description for each in judge.choices}
    labels = [] if scale is None else zip(scale.labels, scale.scores, strict=True)
    choices = [Choice(label=label, score=score, description=described.get(label)) for label, score in labels]
    return CriterionRecord(source=source, judge=name, choices=choices)


def is_firm(stored: StoredCriterion) -> bool:
    """Returns whether a criterion has a scale, and not only that of an inline judge."""
    record = record_in(stored)
    return bool(stored.scale) and record is not None and record.source != "inline_judge"


def goes_before(source: CriterionSource, known: CriterionRecord | None) -> bool:
    """Returns whether a scale from this source replaces the known one; of equal sources, the first stays."""
    return known is None or _PRECEDENCE.index(source) > _PRECEDENCE.index(known.source)


def built_in_criterion(name: str) -> tuple[CriterionScale, CriterionRecord] | None:
    """Returns the scale that a built-in judge gives its criterion, with its record; None if there is no such judge."""
    shipped = built_in_judge_of(name)
    scale = None if shipped is None else scale_of(shipped)
    if shipped is None or scale is None:
        return None
    return scale, record_of_judge(shipped, "built_in", f"{name}@1")


def scale_in(stored: StoredCriterion, name: str) -> tuple[CriterionScale | None, CriterionRecord | None]:
    """Returns the scale of a criterion's labels and its record: the stored ones, else those of its built-in judge."""
    if not stored.scale and (shipped := built_in_criterion(name)) is not None:
        return shipped
    return decoded_scale(stored.scale) if stored.scale else None, record_in(stored)


async def find_scale(redis: Redis, criterion: str) -> CriterionScale | None:
    """Returns the scale of a criterion's labels, None if there is none yet."""
    [stored] = await stored_criteria(redis, [criterion])
    return scale_in(stored, criterion)[0]


async def scale_for_labels(redis: Redis, criterion: str) -> LabelScale:
    """Returns the scale that new labels are stored on, which the first label of a built-in judge's criterion fixes."""
    while True:
        [stored] = await stored_criteria(redis, [criterion])
        shipped = None if stored.scale else built_in_criterion(criterion)
        if shipped is None:
            return LabelScale(stored.scale, is_firm(stored), stored.is_known)
        scale, made = shipped
        new = StoredCriterion(encoded(scale), encoded(made))
        await set_criterion(redis, criterion, stored, new, may_recode=True)
