"""Anchors are submitted one by one as jobs that are in no list, and not if they can't be judged."""

import msgspec
import pytest
from redis.asyncio import Redis

from service.config.settings import Settings
from service.contracts.anchors import AnchorSet
from service.contracts.decoding import numbered
from service.contracts.items import Item
from service.contracts.refusals import Refused
from service.jobs import EVERYTHING, retire_judge, store_anchors, submit_anchor
from service.store import anchors, clock, jobs, keys
from service.store.changes import NANO
from service.store.items import load_item, refs_in
from tests.api.test_access import key
from tests.store.labelled import judge_of, judged

ITEMS = [Item(id=f"a-{number}", output=f"anchor {number}") for number in range(3)]


async def stored(redis: Redis, settings: Settings) -> AnchorSet:
    found, _ = await store_anchors(redis, settings, "helpfulness", numbered(ITEMS), "bot", EVERYTHING)
    return found


async def test_an_anchors_job_is_of_one_item_without_the_cache_and_in_a_list_of_its_own(
    redis: Redis, settings: Settings
) -> None:
    found = await stored(redis, settings)
    for _ in range(3):
        await submit_anchor(redis, settings, found)
    assert await jobs.list_jobs(redis, before=None, limit=10) == ([], None)
    listed, _ = await jobs.list_jobs(redis, before=None, limit=10, index=keys.ANCHOR_JOBS)
    records = [loaded[0] for each in listed if (loaded := await jobs.load_job(redis, each.id)) is not None]
    assert [(each.purpose, each.anchors_of, each.cache, each.items, each.owner) for each in records] == [
        ("anchor", "helpfulness", False, 1, "bot")
    ] * 3
    items = [await jobs.load_chunk(redis, each.id, 0) for each in records]
    assert sorted(str(item.id) for [item] in items) == ["a-0", "a-1", "a-2"]


async def test_a_retired_judge_and_a_spent_budget_stop_anchors(redis: Redis, settings: Settings) -> None:
    found = await stored(redis, settings)
    limited = msgspec.structs.replace(key("secret", "submit"), name="bot", budget_usd_per_day=1.0)
    with_keys = msgspec.structs.replace(settings, keys=(limited,))
    await redis.set(keys.spend("bot", clock.today()), 2 * NANO)
    with pytest.raises(Refused, match="has spent its budget"):
        await submit_anchor(redis, with_keys, found)
    await retire_judge(redis, "helpfulness")
    with pytest.raises(Refused, match="is retired"):
        await submit_anchor(redis, settings, found)
    assert await redis.zcard(keys.ANCHOR_JOBS) == 0


async def test_a_set_that_is_gone_is_not_judged(redis: Redis, settings: Settings) -> None:
    found = await stored(redis, settings)
    await redis.delete(keys.anchor_turns("helpfulness"))
    await submit_anchor(redis, settings, found)
    assert await redis.zcard(keys.ANCHOR_JOBS) == 0


async def test_of_an_item_that_was_judged_the_id_is_enough(redis: Redis, settings: Settings) -> None:
    judged_item = Item(id="t-1", output="as it was judged")
    await judged(redis, judge_of(), judged_item, [4])
    await redis.set(keys.chunk_items(await job_of(redis, "t-1"), 0), msgspec.msgpack.encode([judged_item]))
    unknown = numbered([Item(id="t-1"), *ITEMS, Item(id="?")])
    with pytest.raises(Refused, match="no texts are stored of this item") as refused:
        await store_anchors(redis, settings, "helpfulness", unknown, None, EVERYTHING)
    assert [each.pointer for each in refused.value.faults] == ["/items/4/id"]
    await store_anchors(redis, settings, "helpfulness", numbered([Item(id="t-1"), *ITEMS]), None, EVERYTHING)
    assert (await anchors.load_anchor_items(redis, "helpfulness"))[-1] == judged_item


async def job_of(redis: Redis, item: str) -> str:
    """The job that judged an item."""
    [(job_id, _, _)] = refs_in(await load_item(redis, item))
    return job_id
