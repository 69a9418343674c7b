"""What to label next: a queue of two halves, each with a known probability of taking an item in.

The random half takes every judged item whose number, drawn once from a hash of its id, lies below a threshold: the
threshold is the probability. It rises as far as is needed to fill a page. The targeted half is drawn with probability
proportional to the doubt about an item: an item's place is such a number over its doubt (sequential Poisson sampling,
Ohlsson 1998), so that those below a threshold t were taken with probability min(1, t x doubt).
"""

import hashlib
import math
from typing import NamedTuple

from redis.asyncio import Redis

from service.contracts.labels import Drawn, QueuedItem
from service.store import keys
from service.store.connection import pipeline, reply

_Waiting = tuple[str, float]  # an item's id and its place

RANDOM_RATE = 0.05  # of all judged items: those drawn at this rate or below are told to have been drawn at it


class _After(NamedTuple):
    """The places that the page before reached in both halves, below all of them at first."""

    random: float
    targeted: float


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
    after = _read(cursor)
    random = await _waiting(redis, "random", criterion, after.random, limit + 1, passed=after.targeted)
    targeted = await _waiting(redis, "targeted", criterion, after.targeted, 2 * limit + 1)
    uniform, doubtful, passed = _shared_out(criterion, random, targeted, limit)
    threshold = max([RANDOM_RATE, after.random, *(place for _, place in uniform)])
    items = [QueuedItem(item_id=name, selection="random", probability=threshold) for name, _ in uniform]
    furthest = max([after.targeted, *(place for _, place in targeted[:passed])])
    for name, place in doubtful:
        doubt = _drawn("targeted", criterion, name) / place if place > 0 else 1.0
        items.append(QueuedItem(item_id=name, selection="targeted", probability=min(1.0, furthest * doubt) or 1.0))
    is_end = len(uniform) == len(random) and passed == len(targeted)
    reached = uniform[-1][1] if uniform else after.random
    return items, None if is_end else f"{reached.hex()},{furthest.hex()}"


def _shared_out(
    criterion: str, random: list[_Waiting], targeted: list[_Waiting], limit: int
) -> tuple[list[_Waiting], list[_Waiting], int]:
    """The random and the targeted items of a page, and how many targeted ones were looked at.

    What the random half takes, or would at its usual rate, is never targeted: it would be missing from the sample.
    """
    wanted = -(-limit // 2)
    while True:
        uniform = random[: min(wanted, limit)]
        threshold = max([RANDOM_RATE, *(place for _, place in uniform)])
        doubtful: list[_Waiting] = []
        passed = 0
        for name, drawn in targeted:
            if len(doubtful) == limit - len(uniform):
                break
            passed += 1
            if place(criterion, name) > threshold:
                doubtful.append((name, drawn))
        if len(uniform) + len(doubtful) >= limit or len(uniform) == min(limit, len(random)):
            return uniform, doubtful, passed
        wanted = limit - len(doubtful)


async def waiting(redis: Redis, criterion: str) -> int:
    """How many items wait for a label."""
    return int(await reply(redis.zcard(keys.queue_half("random", criterion))))


async def _waiting(
    redis: Redis, half: Drawn, criterion: str, after: float, count: int, *, passed: float = -1.0
) -> list[_Waiting]:
    """Ids and places beyond `after`, in order, without those whose targeted place lies up to `passed`.

    Those whose judgments are kept no more leave the queue.
    """
    key, found = keys.queue_half(half, criterion), list[_Waiting]()
    while len(found) < count:
        start = f"({after!r}" if after >= 0 else "-inf"
        page = await reply(redis.zrangebyscore(key, start, "+inf", 0, count, withscores=True))
        if not page:
            break
        async with pipeline(redis) as pipe:
            for name, _ in page:
                pipe.exists(keys.item(name.decode()))
                pipe.zscore(keys.queue_half("targeted", criterion), name)
            answers = await pipe.execute()
        known = list(zip(page, answers[::2], answers[1::2], strict=True))
        if gone := [name for (name, _), is_there, _ in known if not is_there]:
            await reply(redis.zrem(key, *gone))
        found += [
            (name.decode(), place)
            for (name, place), is_there, doubtful in known
            if is_there and not (doubtful is not None and doubtful <= passed)
        ]
        after = page[-1][1]
    return found[:count]


def _drawn(salt: str, criterion: str, item_id: str) -> float:
    """A number from 0 to 1, exclusive of 1, that looks random and is not."""
    digest = hashlib.blake2b(f"{salt}\n{criterion}\n{item_id}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53


def _read(cursor: str | None) -> _After:
    if cursor is None:
        return _After(-1.0, -1.0)
    try:
        random, targeted = map(float.fromhex, cursor.split(","))
    except (ValueError, OverflowError) as error:
        raise ValueError("is no cursor of a page before") from error
    if not (math.isfinite(random) and math.isfinite(targeted)):
        raise ValueError("is no cursor of a page before")
    return _After(random, targeted)
