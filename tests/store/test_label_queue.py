"""The places of items in the label queue, and the threshold of its random half."""

from redis.asyncio import Redis

from service.store import keys, label_queue


async def test_the_random_half_is_uniform() -> None:
    places = sorted(label_queue.random_place("wit", f"item {number}") for number in range(2000))
    assert max(abs(each - (index + 0.5) / 2000) for index, each in enumerate(places)) < 0.04  # Kolmogorov, p = .001


def test_doubt_brings_an_item_forward_in_the_targeted_half() -> None:
    once = label_queue.targeted_place("wit", "t-1", 1.0)
    assert once is not None
    assert label_queue.targeted_place("wit", "t-1", 0.5) == 2 * once
    assert label_queue.targeted_place("wit", "t-1", 0.0) is None
    assert once != label_queue.random_place("wit", "t-1")


async def test_items_come_in_order_of_place_whatever_their_number_of_annotators(redis: Redis) -> None:
    await redis.zadd(keys.label_queue("random", "wit"), {"a": 0.1, "c": 0.3})
    await redis.zadd(keys.label_queue("random", "wit", 1), {"b": 0.2, "d": 0.4})

    async def found(per_item: int, after: float, count: int) -> list[str]:
        page = await label_queue.items_after(redis, "random", "wit", per_item=per_item, after=after, count=count)
        return [name for name, _ in page]

    assert await found(1, -1.0, 9) == ["a", "c"]
    assert await found(2, -1.0, 3) == ["a", "b", "c"]
    assert await found(2, 0.2, 9) == ["c", "d"]
    await label_queue.forget_items(redis, "wit", ["a"])
    assert await label_queue.count_waiting(redis, "wit") == 1


async def placed(redis: Redis, random: list[int], targeted: list[int], waiting: list[int]) -> float:
    """Items by their places in hundredths; returns the threshold."""
    await redis.flushdb()
    for key, places in (
        (keys.labelled_places("random", "wit"), random),
        (keys.labelled_places("targeted", "wit"), targeted),
        (keys.label_queue("random", "wit"), waiting),
    ):
        if places:
            await redis.zadd(key, {f"t-{place}": place / 100 for place in places})
    return await label_queue.random_threshold(redis, "wit")


async def test_the_threshold_is_a_random_label_below_which_four_of_five_are_labelled(redis: Redis) -> None:
    assert await placed(redis, [], [], []) == 0
    assert await placed(redis, [1, 2, 3, 4], [], [5, 6]) == 0.04
    assert await placed(redis, [1, 2, 3, 5], [4], [6, 7]) == 0.05  # whichever half showed it
    assert await placed(redis, [1, 2, 3], [4, 9], [5, 6, 7, 8]) == 0.03  # never the place of a targeted one
    assert await placed(redis, [1, 2, 3, 5], [], [4]) == 0.05  # one of five was skipped
    assert await placed(redis, [40, 80], [], [*range(1, 40), *range(41, 80)]) == 0  # a sample of one's own


async def test_targeted_labels_below_the_threshold_are_listed(redis: Redis) -> None:
    await placed(redis, [1], [2, 3, 9], [])
    assert await label_queue.targeted_up_to(redis, "wit", 0.03, 10) == ["t-2", "t-3"]
    assert await label_queue.targeted_up_to(redis, "wit", 0.03, 1) == ["t-2"]
