"""The groups of a criterion and their members, as long as their judgments are kept."""

from datetime import timedelta

from redis.asyncio import Redis

from service.contracts.items import Item
from service.store import clock, keys
from service.store.groups import GroupMember, member_of, members_of_group, newest_groups
from tests.store.labelled import KEEP_S, judge_of, judged


async def test_members_are_read_back_whatever_their_names_hold(redis: Redis) -> None:
    odd = GroupMember("a\tcase é/%", "0" * 32, "an\tid: with | all")
    now = clock.now_ms()
    await redis.zadd(keys.group("w/t", "v 1"), {member_of(odd): now, member_of(odd._replace(case="b")): now})
    assert await members_of_group(redis, "w/t", "v 1", keep_s=10) == [odd, odd._replace(case="b")]
    assert await members_of_group(redis, "w/t", "v 2", keep_s=10) == []


async def test_an_item_joins_its_group_when_it_is_judged_and_leaves_with_its_judgment(redis: Redis) -> None:
    judge = judge_of()
    old = timedelta(seconds=KEEP_S + 5)
    await judged(redis, judge, Item(id="t-1", output="a", group="v1", case="c1"), [3], ago=old)
    await judged(redis, judge, Item(id="t-2", output="b", group="v1", case="c2"), [3])
    await judged(redis, judge, Item(id="t-3", output="c", group="v0"), [3], ago=timedelta(seconds=60))
    await judged(redis, judge, Item(id="t-4", output="d"), [3])
    found = await members_of_group(redis, "wit", "v1", keep_s=KEEP_S)
    assert [(each.case, each.item_id) for each in found] == [("c2", "t-2")]
    assert await redis.zcard(keys.group("wit", "v1")) == 1
    known = await newest_groups(redis, "wit", keep_s=KEEP_S, limit=10)
    assert [(each.name, each.items) for each in known] == [("v1", 1), ("v0", 1)]
    assert [each.name for each in await newest_groups(redis, "wit", keep_s=KEEP_S, limit=1)] == ["v1"]
    assert await newest_groups(redis, "tone", keep_s=KEEP_S, limit=1) == []
