"""The scale of a criterion is set once, and items that were labelled before it are remembered."""

import asyncio

from redis.asyncio import Redis

from service.store import criteria, keys


async def test_a_criterion_without_a_judge_has_an_empty_scale(redis: Redis) -> None:
    assert await criteria.stored_scale(redis, "wit") == ""


async def test_the_first_scale_stays(redis: Redis) -> None:
    await criteria.store_scale(redis, "wit", "first")
    await criteria.store_scale(redis, "wit", "second")
    await criteria.store_scale(redis, "tone", "another")
    assert await criteria.stored_scale(redis, "wit") == "first"
    assert await criteria.stored_scale(redis, "tone") == "another"


async def test_of_many_at_once_all_see_the_same_one(redis: Redis) -> None:
    async def set_and_read(scale: str) -> str:
        await criteria.store_scale(redis, "wit", scale)
        return await criteria.stored_scale(redis, "wit")

    assert len(set(await asyncio.gather(*(set_and_read(f"{number}") for number in range(20))))) == 1


async def test_a_criterion_and_its_scale_may_have_any_characters(redis: Redis) -> None:
    criterion, scale = 'wit: "dry"\t90%\nü', '{"labels":["gut","schlecht ☹"]}'
    await criteria.store_scale(redis, criterion, scale)
    assert await criteria.stored_scale(redis, criterion) == scale


async def test_unchecked_items_come_in_portions_until_they_are_forgotten(redis: Redis) -> None:
    items = {f"t/{number}" for number in range(25)}
    await redis.sadd(keys.unchecked("wit"), *items)  # type: ignore[misc]
    await redis.sadd(keys.unchecked("tone"), "t/99")  # type: ignore[misc]
    seen: list[str] = []
    while portion := await criteria.unchecked_items(redis, "wit", 10):
        assert len(portion) <= 10
        seen += portion
        await criteria.forget_unchecked(redis, "wit", portion)
    assert sorted(seen) == sorted(items)
    assert await criteria.unchecked_items(redis, "tone", 10) == ["t/99"]
