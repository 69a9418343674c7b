"""Labels listed and removed in steps, with the counters."""

import pytest
from redis.asyncio import Redis

from service.agreement import label_lists
from service.agreement.contributions import COUNTER_KINDS
from service.agreement.label_lists import LabelFilter, labels_in_order, page_of_labels, remove_labels
from service.agreement.labelling import put_labels
from service.contracts.items import Item
from service.contracts.refusals import Refused
from tests.agreement.test_labelling import assert_recounts
from tests.store.labelled import KEEP_S, judge_of, judged, label

NAMES = [f"i{number:02}" for number in range(25)]


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_lists, "_AT_ONCE", 4)


async def labelled(redis: Redis) -> None:
    """Two labels of each item, of which every fifth was judged."""
    for name in NAMES[::5]:
        await judged(redis, judge_of(), Item(id=name, output="text"), [4])
    labels = [label(name, who, 3) for name in NAMES for who in ("ann", "bob")]
    assert (await put_labels(redis, labels, keep_s=KEEP_S)).unmatched == 40


async def shown(redis: Redis, wanted: LabelFilter) -> list[str]:
    return [f"{each.item_id} {each.annotator}" async for each in labels_in_order(redis, wanted)]


async def test_labels_come_in_order_over_many_steps(redis: Redis) -> None:
    await labelled(redis)
    every = [f"{name} {who}" for name in NAMES for who in ("ann", "bob")]
    assert await shown(redis, LabelFilter()) == every
    assert await shown(redis, LabelFilter(matched=True)) == [each for each in every if each.split()[0] in NAMES[::5]]
    after, found = None, list[str]()
    while True:
        page, after = await page_of_labels(redis, LabelFilter(annotator="bob"), after=after, limit=7)
        found += [each.item_id for each in page]
        if after is None:
            break
    assert found == NAMES


async def test_labels_are_removed_in_steps_and_the_counters_follow(redis: Redis) -> None:
    await labelled(redis)
    assert await remove_labels(redis, LabelFilter(matched=False, annotator="ann"), keep_s=KEEP_S) == 20
    await assert_recounts(redis, COUNTER_KINDS)
    assert await remove_labels(redis, LabelFilter(criterion="wit"), keep_s=KEEP_S) == 30
    await assert_recounts(redis, COUNTER_KINDS)
    assert await shown(redis, LabelFilter()) == []
    assert not await redis.keys("judged:labels:*")
    assert not await redis.keys("judged:labelled:*")
    assert await remove_labels(redis, LabelFilter(criterion="wit"), keep_s=KEEP_S) == 0
    with pytest.raises(Refused):
        await remove_labels(redis, LabelFilter(), keep_s=KEEP_S)


async def test_a_label_is_matched_once_its_item_is_judged(redis: Redis) -> None:
    await put_labels(redis, [label("a", "ann", 3)], keep_s=KEEP_S)
    assert await shown(redis, LabelFilter(matched=False)) == ["a ann"]
    await judged(redis, judge_of(), Item(id="a", output="text"), [None])
    assert await shown(redis, LabelFilter(matched=True)) == ["a ann"]
