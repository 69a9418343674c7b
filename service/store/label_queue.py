"""The label queue in the store: judged items by their places in its two halves, by their number of annotators.

An item's places are permanent. In the random half it is a number from 0 to 1, drawn once from a hash of the item's id.
In the targeted half it is another such number divided by the doubt about the item (sequential Poisson sampling: Ohlsson
1998, Sequential Poisson Sampling). A half takes the items with the lowest places, so that an item below the threshold t
of the targeted half was taken with probability min(1, t x doubt), and one below that of the random half with t.
"""

import hashlib
from collections.abc import Sequence

from redis.asyncio import Redis

from service.contracts.labels import Drawn
from service.store import keys
from service.store.connection import Script, pipeline, reply

PlacedItem = tuple[str, float]  # an item's id and its place

MOST_QUEUED_ANNOTATORS = 10  # of an item in the queue: with so many, it is shown to nobody
LEAST_SHARE = 0.8  # of the items below the random threshold that are labelled: annotators skip some

_threshold = Script("random_threshold")


def random_place(criterion: str, item_id: str) -> float:
    """Returns an item's place in the random half: uniform from 0 to 1, and the same each time."""
    return _hashed("random", criterion, item_id)


def targeted_place(criterion: str, item_id: str, doubt: float) -> float | None:
    """Returns an item's place in the targeted half; None without any doubt about it."""
    return _hashed("targeted", criterion, item_id) / doubt if doubt > 0 else None


async def items_after(
    redis: Redis, half: Drawn, criterion: str, *, per_item: int, after: float, count: int
) -> list[PlacedItem]:
    """Returns at most `count` items with fewer than `per_item` annotators and a place beyond `after`, in order."""
    start = f"({after!r}" if after >= 0 else "-inf"
    async with pipeline(redis) as pipe:
        for annotators in range(per_item):
            key = keys.label_queue(half, criterion, annotators)
            pipe.zrangebyscore(key, start, "+inf", 0, count, withscores=True)
        found = await pipe.execute()
    every = sorted((place, name.decode()) for page in found for name, place in page)
    return [(name, place) for place, name in every[:count]]


async def note_reading(redis: Redis, criterion: str) -> None:
    """Notes that somebody has read the queue of a criterion."""
    await reply(redis.sadd(keys.QUEUED_CRITERIA, criterion))


async def was_queue_read(redis: Redis, criterion: str) -> bool:
    """Whether somebody has ever read the queue of a criterion: if not, its labels can't come from there."""
    return bool(await reply(redis.sismember(keys.QUEUED_CRITERIA, criterion)))


async def random_threshold(redis: Redis, criterion: str) -> float:
    """Returns the place up to which labelled items count as a random sample; 0 if nothing is known of any.

    It is the place of an item with a label that was said random, such that at least `LEAST_SHARE` of the judged items
    up to it are labelled.
    """
    zsets = [keys.labelled_places("random", criterion), keys.labelled_places("targeted", criterion)]
    found = await _threshold(redis, [*zsets, keys.label_queue("random", criterion)], [LEAST_SHARE])
    return float(found or 0)


async def targeted_up_to(redis: Redis, criterion: str, place: float, count: int) -> list[str]:
    """Returns at most `count` items, with targeted labels alone, whose place in the random half is at most this."""
    key = keys.labelled_places("targeted", criterion)
    return [each.decode() for each in await reply(redis.zrangebyscore(key, "-inf", repr(place), 0, count))]


async def forget_items(redis: Redis, criterion: str, item_ids: Sequence[str]) -> None:
    """Removes items that have expired from the queue; they have no labels."""
    async with pipeline(redis) as pipe:
        for half in ("random", "targeted"):
            pipe.zrem(keys.label_queue(half, criterion), *item_ids)
        await pipe.execute()


async def count_waiting(redis: Redis, criterion: str) -> int:
    """Returns the number of items that wait for a label."""
    return int(await reply(redis.zcard(keys.label_queue("random", criterion))))


def _hashed(salt: str, criterion: str, item_id: str) -> float:
    """Returns a pseudo-random number from 0 to 1, exclusive of 1, that depends on the arguments alone."""
    digest = hashlib.blake2b(f"{salt}\n{criterion}\n{item_id}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53
