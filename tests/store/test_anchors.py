"""Anchors in the store: sets that are replaced whole, turns in a fixed random order, slots of time, scores."""

from datetime import timedelta
from itertools import count

import msgspec
from redis.asyncio import Redis

from service.contracts.items import Item
from service.store import anchors, keys
from tests.store.anchored import anchor_items, marked, repeated

_times = count(1_000)


async def turns(redis: Redis, number: int) -> list[str]:
    found = [await anchors.next_anchor(redis, "wit", next(_times)) for _ in range(number)]
    return [str(each.id) for each in found if each is not None]


async def test_every_anchor_has_its_turn_in_an_order_that_stays(redis: Redis) -> None:
    await anchors.put_anchors(redis, "wit", anchor_items(7), "ann")
    first = await turns(redis, 7)
    assert sorted(first) == [f"a-{number}" for number in range(7)]
    assert first != sorted(first)  # as good as random: items come sorted by whatever their sender likes
    assert await turns(redis, 7) == first


async def test_a_set_is_replaced_whole_and_those_that_stay_keep_their_turn(redis: Redis) -> None:
    assert await anchors.put_anchors(redis, "wit", anchor_items(4), "ann")
    first = await turns(redis, 4)
    kept = [each for each in anchor_items(6) if each.id not in (first[0], "a-5")]
    assert not await anchors.put_anchors(redis, "wit", kept, "bob")
    found = await anchors.find_anchors(redis, "wit")
    assert found is not None
    assert (found.judge, found.items, found.owner) == ("wit", 4, "bob")
    assert await anchors.load_anchor_items(redis, "wit") == sorted(kept, key=lambda each: str(each.id))
    assert await turns(redis, 4) == ["a-4", *first[1:]]


async def test_sets_are_listed_by_judge_and_removed_with_all_they_have(redis: Redis) -> None:
    for judge in ("wit", "tone", "wit@2"):
        await anchors.put_anchors(redis, judge, anchor_items(2), None)
    page, cursor = await anchors.list_anchors(redis, after=None, limit=2)
    assert ([each.judge for each in page], cursor) == (["tone", "wit"], "wit")
    page, cursor = await anchors.list_anchors(redis, after=cursor, limit=2)
    assert ([each.judge for each in page], cursor) == (["wit@2"], None)
    assert [each.judge for each in await anchors.every_anchor_set(redis)] == ["tone", "wit", "wit@2"]
    await repeated(redis, anchor_items(2), [1, 2])
    for judge in ("wit", "tone", "wit@2"):
        assert await anchors.delete_anchors(redis, judge)
    assert not await anchors.delete_anchors(redis, "wit")
    assert [key async for key in redis.scan_iter(f"{keys.PREFIX}*")] == []


async def test_the_last_anchor_is_removed_with_its_set(redis: Redis) -> None:
    await anchors.put_anchors(redis, "wit", anchor_items(2), None)
    assert await anchors.delete_anchor(redis, "wit", "a-0")
    assert not await anchors.delete_anchor(redis, "wit", "a-0")
    assert await turns(redis, 2) == ["a-1", "a-1"]
    assert await anchors.delete_anchor(redis, "wit", "a-1")
    assert await anchors.find_anchors(redis, "wit") is None
    assert await anchors.next_anchor(redis, "wit", 1) is None


async def test_scores_are_read_in_the_order_of_time_and_from_the_baseline_on(redis: Redis) -> None:
    items = anchor_items(2)
    await marked(redis, items)
    await repeated(redis, items, [1, 2], [3, 4], until=timedelta(seconds=1))  # before the restart
    found = await anchors.find_anchors(redis, "wit")
    assert found is not None
    scores = await anchors.read_anchor_scores(redis, found)
    assert [next(iter(each.score.scores.values())) for each in scores] == ["1", "2", "3", "4"]
    assert sorted(each.at_ms for each in scores) == [each.at_ms for each in scores]
    assert await anchors.count_anchor_scores(redis, "wit") == 4
    restarted = await anchors.restart_anchors(redis, "wit")
    assert restarted is not None
    assert await anchors.read_anchor_scores(redis, restarted) == []
    assert await anchors.restart_anchors(redis, "tone") is None


async def test_a_slot_is_taken_once(redis: Redis) -> None:
    assert await anchors.slots_taken(redis, [("wit", 7), ("tone", 7)]) == [False, False]
    assert await anchors.take_slot(redis, "wit", 7, 1800.0)
    assert not await anchors.take_slot(redis, "wit", 7, 1800.0)
    assert await anchors.slots_taken(redis, [("wit", 7), ("tone", 7), ("wit", 8)]) == [True, False, False]
    assert 1800 < await redis.ttl(keys.due("anchors:wit", 7)) <= 3601


async def test_the_oldest_jobs_and_scores_are_dropped(redis: Redis) -> None:
    await redis.zadd(keys.ANCHOR_JOBS, {f"job_{number:06}": 0 for number in range(anchors.MOST_ANCHOR_JOBS)})
    await anchors.list_anchor_job(redis, "wit", "job_x")
    assert await redis.zcard(keys.ANCHOR_JOBS) == anchors.MOST_ANCHOR_JOBS
    assert await redis.zscore(keys.ANCHOR_JOBS, "job_000000") is None


async def test_a_problem_is_noted_and_forgotten(redis: Redis) -> None:
    await anchors.put_anchors(redis, "wit", [Item(id="a", output="x")], None)
    for problem in ("retired", None):
        await anchors.note_problem(redis, "wit", problem)
        found = await anchors.find_anchors(redis, "wit")
        assert found is not None
        assert found.problem == problem
    await anchors.note_problem(redis, "tone", "retired")
    assert await anchors.find_anchors(redis, "tone") is None
    assert msgspec.json.decode(await redis.get(keys.anchor_set("wit")) or b"")["problem"] is None
