"""Pages of the label queue: which items to label next, with which probability, for whom."""

from collections.abc import Sequence

import msgspec
import pytest
from redis.asyncio import Redis

from service.agreement.doubt import RATES, doubt_level
from service.agreement.label_lists import remove_label
from service.agreement.labelling import put_labels
from service.agreement.queue_pages import QueueQuery, draw_of, page_to_label
from service.contracts.items import Item, content_digest
from service.contracts.labels import ItemTexts, QueuedItem
from service.store import keys, label_queue
from tests.store.labelled import KEEP_S, MODELS, judge_of, judged, label

PANEL = judge_of(MODELS)


async def page(
    redis: Redis,
    limit: int = 100,
    cursor: str | None = None,
    *,
    annotator: str | None = None,
    per_item: int = 1,
    has_texts: bool = False,
) -> tuple[list[QueuedItem], str | None]:
    return await page_to_label(redis, QueueQuery("wit", annotator, per_item, limit, cursor, has_texts))


async def names(redis: Redis, limit: int = 100, *, annotator: str | None = None, per_item: int = 1) -> list[str]:
    """All items of the queue, page by page."""
    found: list[str] = []
    cursor: str | None = None
    while True:
        items, cursor = await page(redis, limit, cursor, annotator=annotator, per_item=per_item)
        assert len(items) <= limit
        found += [each.item_id for each in items]
        if cursor is None:
            assert len(found) == len(set(found))
            return found


async def judge(redis: Redis, count: int, doubtful: Sequence[int] = ()) -> None:
    """Items t-0, t-1 and so on; the panel's models differ by three points on the doubtful ones."""
    for number in range(count):
        await judged(redis, PANEL, Item(id=f"t-{number}", output="x"), [2, 5 if number in doubtful else 2])


def in_order(numbers: Sequence[int], rate: float) -> list[str]:
    """Items by their place in the targeted half, in the random one if the rate is 0."""

    def place(name: str) -> float:
        targeted = label_queue.targeted_place("wit", name, rate)
        return label_queue.random_place("wit", name) if targeted is None else targeted

    return sorted((f"t-{number}" for number in numbers), key=place)


async def test_random_items_and_doubtful_ones_take_turns(redis: Redis) -> None:
    doubtful = range(0, 60, 3)
    await judge(redis, 60, doubtful)
    items, cursor = await page(redis, 10)
    assert cursor is not None
    shown = [each.item_id for each in items]
    assert shown[::2] == [each for each in in_order(range(60), 0) if each not in shown[1::2]][:5]
    assert shown[1::2] == [each for each in in_order(doubtful, RATES[doubt_level(0.75)]) if each not in shown[::2]][:5]
    reached = max(label_queue.random_place("wit", each) for each in shown[::2])
    assert [each.selection for each in items] == [
        "random" if label_queue.random_place("wit", each) <= reached else "targeted" for each in shown
    ]


async def test_a_probability_is_that_of_either_half(redis: Redis) -> None:
    await judge(redis, 40, range(20))
    items, _ = await page(redis, 8)
    at_random = max(label_queue.random_place("wit", each.item_id) for each in items[::2])
    doubt = RATES[doubt_level(0.75)]
    by_doubt = max(label_queue.targeted_place("wit", each.item_id, doubt) or 0 for each in items[1::2])
    for each in items:
        mine = doubt if int(each.item_id.removeprefix("t-")) < 20 else 0
        assert each.probability == pytest.approx(1 - (1 - at_random) * (1 - min(1, by_doubt * mine)))


async def test_pages_show_each_item_once(redis: Redis) -> None:
    await judge(redis, 23, range(0, 23, 2))
    for limit in (1, 4, 100):
        assert sorted(await names(redis, limit)) == sorted(f"t-{number}" for number in range(23))


async def test_an_item_stays_until_it_has_its_annotators_and_nobody_sees_it_twice(redis: Redis) -> None:
    await judge(redis, 4, [1])
    await put_labels(redis, [label("t-2", "ann", 3), label("t-1", "ann", 3), label("t-1", "bob", 3)], keep_s=KEEP_S)
    assert sorted(await names(redis)) == ["t-0", "t-3"]
    assert sorted(await names(redis, 2, per_item=2)) == ["t-0", "t-2", "t-3"]
    assert sorted(await names(redis, annotator="ann", per_item=2)) == ["t-0", "t-3"]
    assert sorted(await names(redis, 1, annotator="cem", per_item=3)) == ["t-0", "t-1", "t-2", "t-3"]
    assert sorted(await names(redis, annotator="bob", per_item=3)) == ["t-0", "t-2", "t-3"]


async def test_without_its_label_an_item_is_back_with_its_doubt(redis: Redis) -> None:
    await judge(redis, 12, [5])
    before = [(each.item_id, each.probability) for each in (await page(redis))[0]]
    await put_labels(redis, [label("t-5", "ann", 3)], keep_s=KEEP_S)
    assert "t-5" not in await names(redis)
    await remove_label(redis, "t-5", "wit", "ann", keep_s=KEEP_S)
    assert [(each.item_id, each.probability) for each in (await page(redis))[0]] == before
    assert (await page(redis))[0][1].item_id == "t-5"  # the only doubtful one


async def test_an_item_whose_newest_text_has_no_label_is_there_again_for_the_same_annotator(redis: Redis) -> None:
    await judge(redis, 4)
    await put_labels(redis, [label(f"t-{number}", "ann", 3) for number in range(4)], keep_s=KEEP_S)
    assert await names(redis) == []
    for number in (2, 1, 0):
        await judged(redis, PANEL, Item(id=f"t-{number}", output="y"), [2, 2])
    assert sorted(await names(redis, annotator="ann")) == ["t-0", "t-1", "t-2"]
    await put_labels(redis, [label("t-0", "ann", 3)], keep_s=KEEP_S)
    assert sorted(await names(redis, annotator="ann")) == ["t-1", "t-2"]
    assert sorted(await names(redis, annotator="bob", per_item=2)) == ["t-0", "t-1", "t-2", "t-3"]


async def test_an_unscored_item_is_doubtful_and_a_failed_one_is_not_there(redis: Redis) -> None:
    await judge(redis, 20)
    await judged(redis, PANEL, Item(id="t-20", output="x"), [None, None])
    await judged(redis, PANEL, Item(id="t-21", output="x"), ["failed", "failed"])
    items, _ = await page(redis, 4)
    assert "t-20" in [each.item_id for each in items[:2]]
    assert sorted(await names(redis)) == sorted(f"t-{number}" for number in range(21))


async def test_items_that_have_expired_leave_the_queue(redis: Redis) -> None:
    await judge(redis, 3, [0, 1, 2])
    await redis.delete("judged:item:t-1")
    assert sorted(await names(redis)) == ["t-0", "t-2"]
    assert await label_queue.count_waiting(redis, "wit") == 2


async def test_the_texts_come_along_without_any_score(redis: Redis) -> None:
    text = Item(id="t-0", output="x", input="y", metadata={"a": 1})
    made = await judged(redis, PANEL, text, [2, 5])
    await redis.set(keys.chunk_items(made.record.id, 0), msgspec.msgpack.encode([text]))
    [[item], _] = await page(redis, has_texts=True)
    assert isinstance(item.item, ItemTexts)
    assert (item.item.output, item.item.input, item.item.metadata) == ("x", "y", {"a": 1})
    assert item.content == content_digest(text)
    [[bare], _] = await page(redis)
    assert bare.item is msgspec.UNSET
    assert bare.content == item.content


async def test_only_the_texts_that_a_label_would_belong_to_are_shown(redis: Redis) -> None:
    old, new = Item(id="t-0", output="old"), Item(id="t-0", output="new")
    for text in (new, old):  # the job with the older text ends last
        made = await judged(redis, PANEL, text, [2, 5])
        await redis.set(keys.chunk_items(made.record.id, 0), msgspec.msgpack.encode([text]))
    await redis.hset(keys.item("t-0"), "digest", content_digest(new))  # type: ignore[misc]
    [[item], _] = await page(redis, has_texts=True)
    assert isinstance(item.item, ItemTexts)
    assert (item.item.output, item.content) == ("new", content_digest(new))
    await redis.hset(keys.item("t-0"), "digest", content_digest(Item(output="not judged yet")))  # type: ignore[misc]
    [[item], _] = await page(redis, has_texts=True)
    assert item.item is None


async def test_pages_of_one_item_take_turns_too(redis: Redis) -> None:
    await judge(redis, 30, range(0, 30, 3))
    together, _ = await page(redis, 6)
    one_by_one, cursor = [], None
    for _ in range(6):
        [item], cursor = await page(redis, 1, cursor)
        one_by_one.append(item.item_id)
    assert one_by_one == [each.item_id for each in together]


async def test_how_the_queue_came_to_an_item_is_known_afterwards(redis: Redis) -> None:
    await judge(redis, 30, range(0, 30, 3))
    shown, cursor = await page(redis, 6)
    for each in shown:
        assert await draw_of(redis, "wit", each.item_id, cursor) == (each.selection, each.probability)
    rest = set(await names(redis)) - {each.item_id for each in shown}
    assert {await draw_of(redis, "wit", each, cursor) for each in rest} == {("targeted", None)}
    assert await draw_of(redis, "wit", shown[0].item_id, None) == ("targeted", None)
    with pytest.raises(ValueError, match="cursor"):
        await draw_of(redis, "wit", "t-1", "x")


@pytest.mark.parametrize(
    "cursor", ["", "x", "1", "1,", "nan,1", "1,2,3", "1,2,0,1", "1,2,x", "1,2,-1", "1,inf", "1,0x1p99999"]
)
async def test_a_cursor_that_is_none_is_refused(redis: Redis, cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        await page(redis, 3, cursor)
