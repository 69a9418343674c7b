"""What to label next: a queue of two halves, each with a known probability of taking an item in.

The random half takes every judged item whose number, drawn once from a hash of its id, lies below a threshold: the
threshold is the probability. It rises as far as is needed to fill a page. The targeted half is drawn with probability
proportional to the doubt about an item: an item's place is such a number over its doubt (sequential Poisson sampling,
Ohlsson 1998), so that those below a threshold t were taken with probability min(1, t x doubt).
"""

import hashlib

from redis.asyncio import Redis

from service.contracts.labels import Drawn, QueuedItem
from service.store import keys
from service.store.connection import pipeline, reply

RANDOM_RATE = 0.05  # of all judged items: those drawn at this rate or below are told to have been drawn at it


def places(criterion: str, item_id: str, doubt: float) -> tuple[float, float | None]:
    """An item's places in both halves, the lowest first; None where there is no doubt about it."""
    drawn = _drawn("targeted", criterion, item_id) / doubt if doubt > 0 else None
    return place(criterion, item_id), drawn


def place(criterion: str, item_id: str) -> float:
    """An item's place in the random half: uniform from 0 to 1, and the same each time."""
    return _drawn("random", criterion, item_id)


async def next_items(
    redis: Redis, criterion: str, *, limit: int, cursor: str | None
) -> tuple[list[QueuedItem], str | None]:
    """A page of items without a label, half of them random as far as there is doubt about others, and where to go on.

    Raises ValueError for a cursor that is none.
    """
    start_random, start_targeted = _read(cursor)
    random = await _waiting(redis, "random", criterion, start_random, limit + 1)
    targeted = await _waiting(redis, "targeted", criterion, start_targeted, 2 * limit + 1)
    uniform, doubtful, passed = _shared_out(criterion, random, targeted, limit)
    threshold = max([RANDOM_RATE, *(score for _, score in uniform)])
    items = [QueuedItem(item_id=name, selection="random", probability=threshold) for name, _ in uniform]
    furthest = max((score for _, score in doubtful), default=0.0)
    for name, score in doubtful:
        doubt = _drawn("targeted", criterion, name) / score if score > 0 else 1.0
        probability = min(1.0, furthest * doubt) or 1.0
        items.append(QueuedItem(item_id=name, selection="targeted", probability=probability))
    is_end = len(uniform) == len(random) and passed == len(targeted)
    return items, None if is_end else f"{start_random + len(uniform)}.{start_targeted + passed}"


def _shared_out(
    criterion: str, random: list[tuple[str, float]], targeted: list[tuple[str, float]], limit: int
) -> tuple[list[tuple[str, float]], list[tuple[str, float]], int]:
    """The random and the targeted items of a page, and how many targeted ones were looked at.

    What the random half takes, or would at its usual rate, is never targeted: it would be missing from the sample.
    """
    wanted = -(-limit // 2)
    while True:
        uniform = random[: min(wanted, limit)]
        threshold = max([RANDOM_RATE, *(score for _, score in uniform)])
        doubtful: list[tuple[str, float]] = []
        passed = 0
        for name, score in targeted:
            if len(doubtful) == limit - len(uniform):
                break
            passed += 1
            if place(criterion, name) > threshold:
                doubtful.append((name, score))
        if len(uniform) + len(doubtful) >= limit or len(uniform) == min(limit, len(random)):
            return uniform, doubtful, passed
        wanted = limit - len(doubtful)


async def waiting(redis: Redis, criterion: str) -> int:
    """How many items wait for a label."""
    return int(await reply(redis.zcard(keys.queue_half("random", criterion))))


async def _waiting(redis: Redis, half: Drawn, criterion: str, start: int, count: int) -> list[tuple[str, float]]:
    """Ids and places, in order. Those whose judgments are kept no more leave the queue."""
    key = keys.queue_half(half, criterion)
    found = await reply(redis.zrange(key, start, start + count - 1, withscores=True))
    async with pipeline(redis) as pipe:
        for name, _ in found:
            pipe.exists(keys.item(name.decode()))
        there = await pipe.execute()
    gone = [name for (name, _), exists in zip(found, there, strict=True) if not exists]
    if gone:
        await reply(redis.zrem(key, *gone))
    return [(name.decode(), score) for (name, score), exists in zip(found, there, strict=True) if exists]


def _drawn(salt: str, criterion: str, item_id: str) -> float:
    """A number from 0 to 1, exclusive of 1, that looks random and is not."""
    digest = hashlib.blake2b(f"{salt}\n{criterion}\n{item_id}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53


def _read(cursor: str | None) -> tuple[int, int]:
    if cursor is None:
        return 0, 0
    random, _, targeted = cursor.partition(".")
    if not (random.isascii() and random.isdecimal() and targeted.isascii() and targeted.isdecimal()):
        raise ValueError("is no cursor of a page before")
    return int(random), int(targeted)
