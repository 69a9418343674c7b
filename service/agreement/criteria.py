"""The scales of criteria: the first judge of a criterion sets its scale, for all other judges and for labels."""

from collections.abc import Iterable

import msgspec
from redis.asyncio import Redis

from service.agreement.coding import Coding, scale_of
from service.contracts.criteria import CriterionScale
from service.contracts.judges import Judge
from service.store.criteria import store_scale, stored_scale
from service.store.judges import built_in_judge_of


def coding_of_scale(stored: str) -> Coding | None:
    """Returns the coding of a scale as it is stored, None for an empty one."""
    return Coding(msgspec.json.decode(stored, type=CriterionScale)) if stored else None


async def find_scale(redis: Redis, criterion: str) -> CriterionScale | None:
    """Returns the scale of a criterion, None if no judge has set it yet."""
    stored = await stored_scale(redis, criterion)
    return msgspec.json.decode(stored, type=CriterionScale) if stored else None


async def register_scales(redis: Redis, judges: Iterable[Judge]) -> list[tuple[int, str]]:
    """Gives the criterion of each judge the judge's scale, unless it has one.

    Returns (position, message) for each judge whose criterion has another scale. If there is any, no scale is set.
    """
    faults, new = [], dict[str, CriterionScale]()
    for position, judge in enumerate(judges):
        scale = scale_of(judge)
        if scale is None:
            continue
        known = new.get(judge.criterion) or await find_scale(redis, judge.criterion)
        if known is None:
            new[judge.criterion] = scale
        elif not known.is_as(scale):
            faults.append(
                (position, f"the criterion '{judge.criterion}' already {_described(known)}; choose another name for it")
            )
    if not faults:
        for criterion, scale in new.items():
            await store_scale(redis, criterion, msgspec.json.encode(scale).decode())
    return faults


async def scale_for_labels(redis: Redis, criterion: str) -> str:
    """Returns the criterion's scale as it is stored, empty if there is none.

    If only a built-in judge has the criterion, it gets that judge's scale.
    """
    stored = await stored_scale(redis, criterion)
    shipped = None if stored else built_in_judge_of(criterion)
    if shipped is None:
        return stored
    await register_scales(redis, [shipped])
    return await stored_scale(redis, criterion)


def _described(scale: CriterionScale) -> str:
    if scale.kind == "labels":
        return f"has the labels {', '.join(scale.labels)}"
    steps = "" if scale.step is None else f" in steps of {scale.step:g}"
    return f"goes from {scale.min:g} to {scale.max:g}{steps}"
