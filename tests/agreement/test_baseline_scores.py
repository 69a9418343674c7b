"""A labelled item has the baselines' scores, whether its label or its judgment came first."""

import msgspec
from redis.asyncio import Redis

from service.agreement.contributions import CodedItem
from service.agreement.labelling import baselines_of, put_labels
from service.agreement.stored_items import known_item
from service.contracts.items import Item
from service.contracts.judges import Method
from service.store import keys
from service.store.items import load_item
from tests.store.labelled import KEEP_S, MODELS, judge_of, judged, label

ITEM = Item(id="a", input="one two", output="one two three")
BASELINES = {"wit@1 ~length": "fail", "wit@1 ~overlap": "pass"}


async def judge_item(redis: Redis, **fields: object) -> str:
    """Judges the item, and returns the key of its stored texts."""
    judge = judge_of(MODELS, method=Method.PASS_FAIL, **fields)  # type: ignore[arg-type]
    made = await judged(redis, judge, ITEM, ["pass", "fail"])
    texts = keys.chunk_items(made.record.id, 0)
    await redis.set(texts, msgspec.msgpack.encode([ITEM]))
    return texts


async def item_of(redis: Redis) -> CodedItem:
    return known_item(await load_item(redis, "a"), "wit").item


def baselines_in(item: CodedItem) -> dict[str, str]:
    return {name: score.key for scores in item.scores.values() for name, score in scores.items() if " ~" in name}


async def give(redis: Redis) -> None:
    await put_labels(redis, [label("a", "ann", "pass")], keep_s=KEEP_S)


async def test_an_item_without_labels_has_none(redis: Redis) -> None:
    await judge_item(redis)
    assert baselines_in(await item_of(redis)) == {}


async def test_a_judged_item_gets_them_with_its_label_and_a_labelled_one_with_its_judgment(redis: Redis) -> None:
    await judge_item(redis)
    await give(redis)
    assert baselines_in(await item_of(redis)) == BASELINES
    await redis.flushdb()
    await give(redis)
    await judge_item(redis)
    assert baselines_in(await item_of(redis)) == BASELINES


async def test_each_judge_has_its_own(redis: Redis) -> None:
    await judge_item(redis)
    await judge_item(redis, version=2)
    await give(redis)
    assert len(baselines_in(await item_of(redis))) == 4


async def test_texts_that_are_gone_leave_none_until_the_item_is_judged_again(redis: Redis) -> None:
    await redis.delete(await judge_item(redis))
    await give(redis)
    assert baselines_in(await item_of(redis)) == {}
    await judge_item(redis)
    assert baselines_in(await item_of(redis)) == BASELINES


async def test_the_same_label_again_brings_those_that_were_not_known(redis: Redis) -> None:
    texts = await judge_item(redis)
    stored = await redis.getdel(texts)
    await give(redis)
    await redis.set(texts, stored)
    await give(redis)
    assert baselines_in(await item_of(redis)) == BASELINES


async def test_other_texts_than_those_that_were_labelled_have_none(redis: Redis) -> None:
    texts = await judge_item(redis)
    await redis.set(texts, msgspec.msgpack.encode([Item(id="a", output="another")]))
    await give(redis)
    assert baselines_in(await item_of(redis)) == {}


async def test_items_with_all_baselines_need_no_reading(redis: Redis) -> None:
    await judge_item(redis)
    await give(redis)
    known = {("a", "wit"): known_item(await load_item(redis, "a"), "wit")}
    assert await baselines_of(redis, known) == {}
