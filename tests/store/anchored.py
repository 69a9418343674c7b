"""Anchors and their scores for tests."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec
from redis.asyncio import Redis

from service.contracts.anchors import AnchorScore
from service.contracts.ids import new_id
from service.contracts.items import Item, content_digest
from service.store import anchors, clock, keys
from tests.store.made import MODEL

STEP = timedelta(minutes=30)


def anchor_items(count: int) -> list[Item]:
    return [Item(id=f"a-{number}", output=f"anchor {number}") for number in range(count)]


async def marked(redis: Redis, items: Sequence[Item], judge: str = "wit", *, days: float = 60) -> None:
    """Makes the items anchors since some days ago."""
    await anchors.put_anchors(redis, judge, items, None)
    stored = msgspec.json.decode(await redis.get(keys.anchor_set(judge)) or b"")
    stored["baseline_at"] = (clock.now() - timedelta(days=days)).isoformat()
    await redis.set(keys.anchor_set(judge), msgspec.json.encode(stored))


async def repeated(
    redis: Redis,
    items: Sequence[Item],
    *rounds: Sequence[float | str],
    judge: str = "wit",
    version: int = 1,
    served: str = "",
    until: timedelta = timedelta(),
) -> None:
    """Stores a score of each item a round, a judgment each half hour, the last one `until` ago."""
    scores = [(item, str(each)) for one in rounds for item, each in zip(items, one, strict=True)]
    for place, (item, key) in enumerate(reversed(scores)):
        at = clock.now() - until - place * STEP
        score = AnchorScore(
            judgment_id=new_id("jdg"),
            version=version,
            item_id=str(item.id),
            content=content_digest(item),
            scores={MODEL: key},
            served={MODEL: served} if served else {},
        )
        key_of_zset, _, at_ms, member = anchors.anchor_entry(judge, score, int(at.timestamp() * 1000))
        await redis.zadd(key_of_zset, {member: float(at_ms)})
