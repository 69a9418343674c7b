"""Criteria as they are stored: the scale of their labels, where it comes from, and the items that are labelled."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from redis.asyncio import Redis

from service.store import keys
from service.store.connection import Script, pipeline, reply

_set = Script("counting", "set_criterion")
_remove = Script("remove_criterion")


class StoredCriterion(NamedTuple):
    """A criterion's scale and record as JSON, each empty if there is none."""

    scale: str
    record: str

    @property
    def is_known(self) -> bool:
        """Whether somebody has put the criterion, or a judge of it was stored or used."""
        return bool(self.scale or self.record)


async def stored_criteria(redis: Redis, names: Sequence[str]) -> list[StoredCriterion]:
    """Returns the scale and the record of each criterion."""
    if not names:
        return []
    async with pipeline(redis) as pipe:
        pipe.hmget(keys.CRITERIA, list(names))
        pipe.hmget(keys.CRITERION_RECORDS, list(names))
        scales, records = await pipe.execute()
    return [
        StoredCriterion((scale or b"").decode(), (record or b"").decode())
        for scale, record in zip(scales, records, strict=True)
    ]


async def stored_scale(redis: Redis, criterion: str) -> str:
    """Returns the criterion's scale, empty if it has none yet."""
    stored: Any = await reply(redis.hget(keys.CRITERIA, criterion))
    return (stored or b"").decode()


async def criterion_names(redis: Redis) -> set[str]:
    """Returns the names of all criteria that are known or have had a label."""
    async with pipeline(redis) as pipe:
        pipe.hkeys(keys.CRITERIA)
        pipe.hkeys(keys.CRITERION_RECORDS)
        pipe.smembers(keys.LABELLED_CRITERIA)
        found = await pipe.execute()
    return {name.decode() for names in found for name in names}


async def set_criterion(
    redis: Redis, criterion: str, known: StoredCriterion, new: StoredCriterion, *, may_recode: bool
) -> Literal["set", "moved", "labelled"]:
    """Replaces a criterion's scale and record, in one atomic step; all its labels are then to be checked.

    Returns `moved`, and changes nothing, if the scale or the record is not `known` any more; `labelled` if the new
    scale is another one, the criterion has labels, and not `may_recode`.
    """
    answer = await _set(
        redis,
        [keys.CRITERIA, keys.CRITERION_RECORDS, keys.labelled_items(criterion), keys.unchecked(criterion)],
        [criterion, *known, *new, int(may_recode)],
    )
    found: Literal["set", "moved", "labelled"] = answer.decode()
    return found


async def remove_criterion(redis: Redis, criterion: str) -> Literal["removed", "unknown", "labelled"]:
    """Removes a criterion, unless it has labels."""
    answer = await _remove(
        redis,
        [keys.CRITERIA, keys.CRITERION_RECORDS, keys.LABELLED_CRITERIA, keys.labelled_items(criterion)],
        [criterion],
    )
    found: Literal["removed", "unknown", "labelled"] = answer.decode()
    return found


async def page_of_labelled(redis: Redis, criterion: str, *, after: str | None, limit: int) -> list[str]:
    """Returns up to `limit` ids of items with labels on the criterion, in order, from the one that follows `after`."""
    start = b"-" if after is None else b"(" + after.encode()
    found: Any = await reply(redis.zrangebylex(keys.labelled_items(criterion), start, b"+", 0, limit))
    return [each.decode() for each in found]


async def labelled_criteria(redis: Redis) -> list[str]:
    """Returns the names of the criteria that have had a label, in order."""
    found: Any = await reply(redis.smembers(keys.LABELLED_CRITERIA))
    return sorted(each.decode() for each in found)


async def unchecked_items(redis: Redis, criterion: str, limit: int) -> list[str]:
    """Returns up to `limit` items whose labels are to be checked against the scale, in no particular order."""
    found: Any = await reply(redis.srandmember(keys.unchecked(criterion), limit))
    return [each.decode() for each in found]


async def forget_unchecked(redis: Redis, criterion: str, item_ids: list[str]) -> None:
    """Removes these items from the unchecked ones."""
    await reply(redis.srem(keys.unchecked(criterion), *item_ids))


async def note_judge_scales(redis: Redis, scales: Mapping[str, str]) -> None:
    """Stores the scales of judges by their names in counters."""
    if scales:
        await reply(redis.hset(keys.JUDGE_SCALES, mapping=dict(scales)))


async def judge_scales(redis: Redis, judges: Iterable[str]) -> dict[str, str]:
    """Returns the scales of judges by their names in counters, without those that are not known."""
    names = list(dict.fromkeys(judges))
    if not names:
        return {}
    found: Any = await reply(redis.hmget(keys.JUDGE_SCALES, names))
    return {name: scale.decode() for name, scale in zip(names, found, strict=True) if scale is not None}
