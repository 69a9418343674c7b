"""The texts of items, from the jobs that they came with."""

import msgspec
from redis.asyncio import Redis

from service.contracts.items import Item
from service.store import keys
from service.store.item_texts import judged_texts, newest_texts
from service.store.items import judgment_ref
from tests.store.labelled import judge_of, judged
from tests.store.made import committed


async def test_texts_are_those_of_the_newest_judgment(redis: Redis) -> None:
    first, second = await committed(redis, 3), await committed(redis, 3)
    key = keys.item("i")
    await redis.hset(key, judgment_ref(first.id, 0, 1), "10")  # type: ignore[misc]
    await redis.hset(key, judgment_ref(second.id, 1, 2), "20")  # type: ignore[misc]
    await redis.hset(keys.item("gone"), judgment_ref("job_gone", 0, 0), "10")  # type: ignore[misc]
    found = await newest_texts(redis, ["i", "gone", "unknown"])
    assert set(found) == {"i"}
    assert found["i"] == Item(id="t-2", output="answer 2")
    await redis.delete(keys.job(second.id))
    assert await newest_texts(redis, ["i"]) == {}
    assert await newest_texts(redis, []) == {}


async def test_each_judgment_has_the_text_and_the_judge(redis: Redis) -> None:
    for version, text in ((1, "old"), (2, "new")):
        item = Item(id="a", output=text)
        made = await judged(redis, judge_of(version=version), item, [3])
        await redis.set(keys.chunk_items(made.record.id, 0), msgspec.msgpack.encode([item]))
    found = [each async for each in judged_texts(redis, ["a", "b"])]
    assert sorted((each.item.output, each.judge.ref.version) for each in found) == [("new", 2), ("old", 1)]
    assert {each.item_id for each in found} == {"a"}


async def test_texts_that_have_expired_are_left_out(redis: Redis) -> None:
    made = await judged(redis, judge_of(), Item(id="a", output="gone"), [3])
    await redis.delete(keys.chunk_items(made.record.id, 0))
    assert [each async for each in judged_texts(redis, ["a"])] == []
    await redis.delete(keys.job(made.record.id))
    assert [each async for each in judged_texts(redis, ["a"])] == []
