"""The queue of what to label next: half drawn uniformly, half by doubt, each at a known probability."""

import pytest
from redis.asyncio import Redis

from service.agreement.label_lists import remove_label
from service.agreement.labelling import put_labels
from service.contracts.items import Item
from service.store import label_queue
from tests.store.labelled import KEEP_S, MODELS, judge_of, judged, label

PANEL = judge_of(MODELS)


async def test_half_of_a_page_is_random_and_half_is_doubtful(redis: Redis) -> None:
    for number in range(60):
        apart = number % 3 == 0
        await judged(redis, PANEL, Item(id=f"t-{number}", output="x"), [2, 5 if apart else 2])
    items, cursor = await label_queue.next_items(redis, "wit", limit=10, cursor=None)
    random = [each for each in items if each.selection == "random"]
    targeted = [each for each in items if each.selection == "targeted"]
    assert (len(random), len(targeted)) == (5, 5)
    assert cursor is not None
    assert all(int(each.item_id.removeprefix("t-")) % 3 == 0 for each in targeted)
    [probability] = {each.probability for each in random}
    by_place = sorted((label_queue.random_place("wit", f"t-{number}"), f"t-{number}") for number in range(60))
    assert [each.item_id for each in random] == [item for _, item in by_place[:5]]
    assert probability == max(label_queue.RANDOM_RATE, by_place[4][0])
    assert all(0 < each.probability <= 1 for each in targeted)


async def test_pages_show_each_item_once(redis: Redis) -> None:
    for number in range(23):
        await judged(redis, PANEL, Item(id=f"t-{number}", output="x"), [2, 4 if number % 2 else 2])
    seen, cursor = [], None
    while True:
        items, cursor = await label_queue.next_items(redis, "wit", limit=4, cursor=cursor)
        assert len(items) <= 4
        seen += [each.item_id for each in items]
        if cursor is None:
            break
    assert sorted(seen) == sorted(f"t-{number}" for number in range(23))


async def test_with_no_doubt_all_are_random_and_a_labelled_item_is_gone(redis: Redis) -> None:
    for number in range(4):
        await judged(redis, PANEL, Item(id=f"t-{number}", output="x"), [2, 2])
    await put_labels(redis, [label("t-2", "ann", 3)], keep_s=KEEP_S)
    items, cursor = await label_queue.next_items(redis, "wit", limit=10, cursor=None)
    assert {(each.item_id, each.selection) for each in items} == {(f"t-{number}", "random") for number in (0, 1, 3)}
    assert cursor is None
    await remove_label(redis, "t-2", "wit", "ann", keep_s=KEEP_S)
    items, _ = await label_queue.next_items(redis, "wit", limit=10, cursor=None)
    assert len(items) == 4


async def test_an_unscored_item_is_doubtful(redis: Redis) -> None:
    for number in range(40):
        await judged(redis, PANEL, Item(id=f"t-{number}", output="x"), [2, 2])
    for number in range(40, 44):
        await judged(redis, PANEL, Item(id=f"t-{number}", output="x"), [None, None])
    items, _ = await label_queue.next_items(redis, "wit", limit=6, cursor=None)
    unscored = {f"t-{number}" for number in range(40, 44)}
    assert {each.item_id for each in items if each.selection == "targeted"} <= unscored
    assert any(each.item_id in unscored for each in items)


async def test_items_whose_judgments_are_gone_leave_the_queue(redis: Redis) -> None:
    for number in range(3):
        await judged(redis, PANEL, Item(id=f"t-{number}", output="x"), [2, 4])
    await redis.delete("judged:item:t-1")
    items, _ = await label_queue.next_items(redis, "wit", limit=10, cursor=None)
    assert {each.item_id for each in items} == {"t-0", "t-2"}
    assert await label_queue.count_waiting(redis, "wit") == 2


async def test_the_random_half_is_uniform() -> None:
    places = sorted(label_queue.random_place("wit", f"item {number}") for number in range(2000))
    assert max(abs(each - (index + 0.5) / 2000) for index, each in enumerate(places)) < 0.04  # Kolmogorov, p = .001


@pytest.mark.parametrize("cursor", ["", "x", "1", "1,", "nan,1", "1,2,3", "1,inf", "1,0x1p99999"])
async def test_a_cursor_that_is_none_is_refused(redis: Redis, cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        await label_queue.next_items(redis, "wit", limit=3, cursor=cursor)
