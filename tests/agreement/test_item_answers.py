"""The judges' answers about an item's newest texts."""

from redis.asyncio import Redis

from service.agreement.item_answers import answers_about
from service.contracts.items import Item
from tests.store.labelled import MODELS, judge_of, judged
from tests.store.made import MODEL


async def test_each_judge_has_one_answer_about_the_newest_texts(redis: Redis) -> None:
    old, new = Item(id="a", output="old"), Item(id="a", output="new")
    await judged(redis, judge_of(), old, [1])
    made = await judged(redis, judge_of(), new, [3])
    await judged(redis, judge_of(MODELS, version=2), new, [2, 4])
    found = await answers_about(redis, "a", "wit", None)
    assert {(each.judge, each.model, each.value) for each in found} == {
        *(("wit@1", MODEL, "3"), ("wit@2", "panel", "3")),
    }
    assert made.judgment.id in {each.judgment_id for each in found}
    assert {each.judgment_id for each in await answers_about(redis, "a", "wit", "another key")} == {None}
    assert await answers_about(redis, "b", "wit", None) == []
    assert await answers_about(redis, "a", "courtesy", None) == []
