"""The scale of each criterion: the first judge of it sets it, for all other judges and for people."""

from collections.abc import Iterable
from typing import Any

import msgspec
from redis.asyncio import Redis

from service.agreement.coding import scale_of as scale_by
from service.contracts.criteria import CriterionScale
from service.contracts.judges import Judge
from service.judges import built_in
from service.store import keys
from service.store.connection import reply


async def stored_scale(redis: Redis, criterion: str) -> bytes:
    """The scale as it is stored, b"" where no judge has the criterion yet."""
    stored: Any = await reply(redis.hget(keys.CRITERIA, criterion))
    return bytes(stored or b"")


async def scale_of(redis: Redis, criterion: str) -> CriterionScale | None:
    """The scale of a criterion, None where no judge has it yet."""
    stored = await stored_scale(redis, criterion)
    return msgspec.json.decode(stored, type=CriterionScale) if stored else None


async def register(redis: Redis, judges: Iterable[Judge]) -> list[tuple[int, str]]:
    """Gives each judge's criterion its scale, unless it has one. (position, what is wrong) for each with another.

    Where anything is wrong, no criterion gets a scale.
    """
    wrong, new = [], dict[str, CriterionScale]()
    for position, judge in enumerate(judges):
        scale = scale_by(judge)
        if scale is None:
            continue
        known = new.get(judge.criterion) or await scale_of(redis, judge.criterion)
        if known is None:
            new[judge.criterion] = scale
        elif not known.is_as(scale):
            wrong.append((position, f"the criterion {judge.criterion} {_described(known)} already; name it otherwise"))
    if not wrong:
        for criterion, scale in new.items():
            await reply(redis.hsetnx(keys.CRITERIA, criterion, msgspec.json.encode(scale).decode()))
    return wrong


async def stored_or_built_in(redis: Redis, criterion: str) -> bytes:
    """As `stored_scale`; a criterion that only a built-in judge has gets that judge's scale."""
    stored = await stored_scale(redis, criterion)
    mine = [] if stored else [judge for judge in built_in().values() if judge.criterion == criterion]
    if not mine:
        return stored
    await register(redis, mine[:1])
    return await stored_scale(redis, criterion)


def _described(scale: CriterionScale) -> str:
    if scale.kind == "labels":
        return f"has the labels {', '.join(scale.labels)}"
    steps = "" if scale.step is None else f" in steps of {scale.step:g}"
    return f"goes from {scale.min:g} to {scale.max:g}{steps}"
