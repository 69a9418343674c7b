"""Targeted labels become random once the random half of the queue has come to their items."""

from redis.asyncio import Redis

from service.agreement.label_lists import LabelFilter, page_of_labels
from service.agreement.labelling import put_labels
from service.agreement.promotion import promote_labels
from service.contracts.items import Item
from service.store.label_queue import note_reading, random_place
from tests.store.labelled import KEEP_S, MODELS, judge_of, judged, label

PANEL = judge_of(MODELS)
IN_DOUBT: list[float | str | None] = [1, 5]  # so the targeted half of the queue has the item
SURE: list[float | str | None] = [3, 3]


async def selections(redis: Redis) -> list[str]:
    """Of the labelled items by place."""
    labels, _ = await page_of_labels(redis, LabelFilter(criterion="wit"), after=None, limit=100)
    return [each.selection for each in sorted(labels, key=lambda each: random_place("wit", each.item_id))]


async def test_labels_below_the_place_of_random_ones_become_random(redis: Redis) -> None:
    await note_reading(redis, "wit")
    for number in range(10):
        await judged(redis, PANEL, Item(id=f"t-{number}", output="x"), IN_DOUBT)
    names = sorted((f"t-{number}" for number in range(10)), key=lambda name: random_place("wit", name))
    targeted = [label(name, "ann", 3, selection="targeted", probability=0.2) for name in (names[1], names[5])]
    await put_labels(redis, targeted, keep_s=KEEP_S)
    assert await selections(redis) == ["targeted", "targeted"]
    await put_labels(redis, [label(names[0], "ann", 3), label(names[2], "ann", 3)], keep_s=KEEP_S)
    assert await selections(redis) == ["random", "random", "random", "targeted"]


async def test_a_promoted_label_that_is_sent_again_changes_nothing(redis: Redis) -> None:
    await note_reading(redis, "wit")
    for number in range(4):
        await judged(redis, PANEL, Item(id=f"t-{number}", output="x"), IN_DOUBT)
    names = sorted((f"t-{number}" for number in range(4)), key=lambda name: random_place("wit", name))
    sent = [
        label(names[0], "ann", 3, selection="targeted", probability=0.5),
        label(names[1], "ann", 3),
    ]
    await put_labels(redis, sent, keep_s=KEEP_S)
    assert await selections(redis) == ["random", "random"]
    again = await put_labels(redis, sent, keep_s=KEEP_S)
    assert (again.stored, again.unchanged) == (0, 2)
    changed = label(names[0], "ann", 5, selection="targeted", probability=0.5)
    await put_labels(redis, [changed], keep_s=KEEP_S)
    assert await selections(redis) == ["random", "random"]


async def test_without_random_labels_nothing_is_promoted(redis: Redis) -> None:
    await note_reading(redis, "wit")
    for number in range(3):
        await judged(redis, PANEL, Item(id=f"t-{number}", output="x"), IN_DOUBT)
    await put_labels(redis, [label(f"t-{n}", "ann", 3, selection="targeted") for n in range(3)], keep_s=KEEP_S)
    await promote_labels(redis, "wit", keep_s=KEEP_S)
    assert await selections(redis) == ["targeted"] * 3


async def test_labels_of_items_picked_by_hand_are_promoted_too(redis: Redis) -> None:
    """Else the random sample would lack them: the queue does not show what is labelled."""
    await note_reading(redis, "wit")
    for number in range(3):
        await judged(redis, PANEL, Item(id=f"t-{number}", output="x"), SURE)
    names = sorted((f"t-{number}" for number in range(3)), key=lambda name: random_place("wit", name))
    by_hand = [label(name, "ann", 3, selection="targeted") for name in (names[0], names[2])]
    await put_labels(redis, [*by_hand, label(names[1], "ann", 3)], keep_s=KEEP_S)
    assert await selections(redis) == ["random", "random", "targeted"]


async def test_without_the_queue_each_label_stays_as_it_was_sent(redis: Redis) -> None:
    for number in range(3):
        await judged(redis, PANEL, Item(id=f"t-{number}", output="x"), IN_DOUBT)
    drawn = [label(f"t-{number}", "ann", 3, selection="targeted", probability=0.5) for number in range(2)]
    await put_labels(redis, [*drawn, label("t-2", "ann", 3)], keep_s=KEEP_S)
    assert sorted(await selections(redis)) == ["random", "targeted", "targeted"]
