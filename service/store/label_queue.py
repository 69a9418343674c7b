"""The queue of items to label: two halves, each of which takes an item in with a known probability.

The random half takes every judged item whose place, a number drawn once from a hash of its id, is below a threshold:
the threshold is the probability. It rises as far as needed to fill a page. The targeted half is drawn with probability
proportional to the doubt about an item: the item's place is such a number divided by its doubt (sequential Poisson
sampling: E. Ohlsson, Sequential Poisson sampling, Journal of Official Statistics 14, 1998), so that an item below the
threshold t was taken with probability min(1, t x doubt).
"""

import hashlib
import math
from typing import NamedTuple

from redis.asyncio import Redis

from service.contracts.labels import Drawn, QueuedItem
from service.store import keys
from service.store.connection import pipeline, reply

_Waiting = tuple[str, float]  # an item's id and its place

RANDOM_RATE = 0.05  # the minimum threshold of the random half


class _After(NamedTuple):
    """The places that the previous page reached in both halves; -1 before the first page."""

    random: float
    targeted: float


def places(criterion: str, item_id: str, doubt: float) -> tuple[float, float | None]:
    """Returns an item's places in the random and the targeted half; the latter is None without any doubt about it."""
    drawn = _drawn("targeted", criterion, item_id) / doubt if doubt > 0 else None
    return random_place(criterion, item_id), drawn


def random_place(criterion: str, item_id: str) -> float:
    """Returns an item's place in the random half: uniform from 0 to 1, and the same each time."""
    return _drawn("random", criterion, item_id)


async def next_items(
    redis: Redis, criterion: str, *, limit: int, cursor: str | None
) -> tuple[list[QueuedItem], str | None]:
    """Returns a page of items without a label, and the cursor of the next page.

    Half of the items are random ones, more if there are not enough doubtful ones. Raises ValueError if the cursor is
    not from an earlier page.
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
    """Returns the random and the targeted items of a page, and how many of `targeted` were looked at.

    An item that the random half takes, or would take at its usual rate, is never targeted: the random sample needs it.
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
            if random_place(criterion, name) > threshold:
                doubtful.append((name, drawn))
        if len(uniform) + len(doubtful) >= limit or len(uniform) == min(limit, len(random)):
            return uniform, doubtful, passed
        wanted = limit - len(doubtful)


async def count_waiting(redis: Redis, criterion: str) -> int:
    """Returns the number of items that wait for a label."""
    return int(await reply(redis.zcard(keys.label_queue("random", criterion))))


async def _waiting(
    redis: Redis, half: Drawn, criterion: str, after: float, count: int, *, passed: float = -1.0
) -> list[_Waiting]:
    """Returns ids and places beyond `after` in order, without items whose targeted place is at most `passed`.

    Items that have expired are removed from the queue.
    """
    key, found = keys.label_queue(half, criterion), list[_Waiting]()
    while len(found) < count:
        start = f"({after!r}" if after >= 0 else "-inf"
        page = await reply(redis.zrangebyscore(key, start, "+inf", 0, count, withscores=True))
        if not page:
            break
        async with pipeline(redis) as pipe:
            for name, _ in page:
                pipe.exists(keys.item(name.decode()))
                pipe.zscore(keys.label_queue("targeted", criterion), name)
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
    """Returns a pseudo-random number from 0 to 1, exclusive of 1, that depends on the arguments alone."""
    digest = hashlib.blake2b(f"{salt}\n{criterion}\n{item_id}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53


def _read(cursor: str | None) -> _After:
    if cursor is None:
        return _After(-1.0, -1.0)
    try:
        random, targeted = map(float.fromhex, cursor.split(","))
    except (ValueError, OverflowError) as error:
        raise ValueError("not a cursor from an earlier page") from error
    if not (math.isfinite(random) and math.isfinite(targeted)):
        raise ValueError("not a cursor from an earlier page")
    return _After(random, targeted)
