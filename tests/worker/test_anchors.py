"""The turns of anchors: one in each slot of time, however many workers look, and after all other work."""

import asyncio
from itertools import pairwise

import msgspec
import pytest
from redis.asyncio import Redis

from service.config.settings import AnchorSettings, Settings
from service.store import anchors, clock, keys
from tests.flows.conftest import settings_for
from tests.store.anchored import anchor_items
from worker.anchors import AnchorTurns

JUDGES = ("helpfulness", "politeness", "toxicity@1")


@pytest.fixture
async def settings(redis: Redis, store_url: str) -> Settings:
    for judge in JUDGES:
        await anchors.put_anchors(redis, judge, anchor_items(5), None)
    return settings_for(store_url, {})


async def submitted(redis: Redis) -> int:
    return int(await redis.zcard(keys.ANCHOR_JOBS))


async def test_each_judge_has_one_anchor_judged_in_a_slot(redis: Redis, settings: Settings) -> None:
    workers = [AnchorTurns(redis, settings) for _ in range(3)]
    await asyncio.gather(*(each.submit_due() for each in workers for _ in range(3)))
    for each in workers:
        await each.submit_due()
    due = [len([key async for key in redis.scan_iter(keys.due(f"anchors:{judge}", 0)[:-1] + "*")]) for judge in JUDGES]
    assert await submitted(redis) == sum(due)
    assert max(due) == 1


async def test_every_judge_comes_within_a_slot_and_not_all_at_once(redis: Redis, store_url: str) -> None:
    """With slots of two tenths of a second, within two of them and the longest time between two looks."""
    for judge in JUDGES:
        await anchors.put_anchors(redis, judge, anchor_items(5), None)
    quick = settings_for(store_url, {"anchors": {"judgments_per_day": 432_000}})
    turns, ends = AnchorTurns(redis, quick), await clock.store_seconds(redis) + 1.0
    at: dict[str, list[float]] = {judge: [] for judge in JUDGES}
    seen = dict.fromkeys(JUDGES, 0.0)
    looks = [ends - 1.0]
    while (now := await clock.store_seconds(redis)) < ends:
        await turns.submit_due()
        for judge in JUDGES:
            [(_, newest)] = await redis.zrange(keys.anchor_turns(judge), -1, -1, withscores=True)
            if newest > max(seen[judge], 1):
                seen[judge] = newest
                at[judge].append(now)
        looks.append(now)
        await asyncio.sleep(0.005)
    most = 0.4 + 0.05 + max(later - earlier for earlier, later in pairwise([*looks, now]))
    assert all(1.0 / most - 1 <= len(times) <= 6 for times in at.values()), at
    gaps = [later - earlier for times in at.values() for earlier, later in pairwise(times)]
    assert max(gaps, default=0.0) < most


async def test_none_is_judged_if_the_rate_is_0(redis: Redis, settings: Settings) -> None:
    off = msgspec.structs.replace(settings, anchors=AnchorSettings(judgments_per_day=0))
    await AnchorTurns(redis, off).submit_due()
    assert await submitted(redis) == 0


async def test_a_problem_is_noted_in_the_set_and_the_others_go_on(redis: Redis, settings: Settings) -> None:
    without = msgspec.structs.replace(settings, defaults=msgspec.structs.replace(settings.defaults, models=()))
    await AnchorTurns(redis, without).submit_due()
    found = await anchors.every_anchor_set(redis)
    assert await submitted(redis) == 0
    assert {each.problem is not None and "no model to ask" in each.problem for each in found} == {True}
    for each in found:
        async for key in redis.scan_iter(keys.due(f"anchors:{each.judge}", 0)[:-1] + "*"):
            await redis.delete(key)
    await AnchorTurns(redis, settings).submit_due()
    assert {each.problem for each in await anchors.every_anchor_set(redis)} == {None}


async def test_other_work_goes_first_in_the_first_half_of_a_slot(redis: Redis, store_url: str) -> None:
    await anchors.put_anchors(redis, "helpfulness", anchor_items(5), None)
    await redis.set(keys.PENDING, 7)
    quick = settings_for(store_url, {"anchors": {"judgments_per_day": 432_000}})
    turns, places = AnchorTurns(redis, quick), list[float]()
    ends = await clock.store_seconds(redis) + 1.0
    before = 0
    while (now := await clock.store_seconds(redis)) < ends:
        await turns.submit_due()
        if (jobs := await submitted(redis)) > before:
            places.append(turns.place("helpfulness", now) % 1)
            before = jobs
        await asyncio.sleep(0.002)
    assert len(places) >= 3
    assert min(places) > 0.25  # about half, less the time between the looks at the clock
