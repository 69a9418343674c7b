"""The scale of each criterion, as JSON. The first judge of a criterion sets it, and it never changes."""

from typing import Any

from redis.asyncio import Redis

from service.store import keys
from service.store.connection import reply


async def stored_scale(redis: Redis, criterion: str) -> str:
    """Returns the criterion's scale, empty if it has none yet."""
    stored: Any = await reply(redis.hget(keys.CRITERIA, criterion))
    return (stored or b"").decode()


async def store_scale(redis: Redis, criterion: str, scale: str) -> None:
    """Stores the criterion's scale, unless it has one."""
    await reply(redis.hsetnx(keys.CRITERIA, criterion, scale))


async def unchecked_items(redis: Redis, criterion: str, limit: int) -> list[str]:
    """Returns up to `limit` items that were labelled before the criterion had a scale, in no particular order."""
    found: Any = await reply(redis.srandmember(keys.unchecked(criterion), limit))
    return [each.decode() for each in found]


async def forget_unchecked(redis: Redis, criterion: str, item_ids: list[str]) -> None:
    """Removes these items from the unchecked ones."""
    await reply(redis.srem(keys.unchecked(criterion), *item_ids))
