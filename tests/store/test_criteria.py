"""Criteria in the store: replaced if nobody else has replaced them, with their labels to be checked."""

import asyncio

import pytest
from redis.asyncio import Redis

from service.store import keys
from service.store.criteria import (
    StoredCriterion,
    criterion_names,
    forget_unchecked,
    judge_scales,
    labelled_criteria,
    note_judge_scales,
    page_of_labelled,
    remove_criterion,
    set_criterion,
    stored_criteria,
    stored_scale,
    unchecked_items,
)

NONE, FIVE, TEN = StoredCriterion("", ""), StoredCriterion("five", "judge"), StoredCriterion("ten", "put")


async def labelled(redis: Redis, *item_ids: str) -> None:
    await redis.zadd(keys.labelled_items("wit"), dict.fromkeys(item_ids, 0))
    await redis.sadd(keys.LABELLED_CRITERIA, "wit")  # type: ignore[misc]


async def test_a_criterion_is_set_if_it_is_as_it_was_read(redis: Redis) -> None:
    assert await set_criterion(redis, "wit", NONE, FIVE, may_recode=False) == "set"
    assert await set_criterion(redis, "wit", NONE, TEN, may_recode=True) == "moved"
    assert await set_criterion(redis, "wit", StoredCriterion("five", "other"), TEN, may_recode=True) == "moved"
    assert await stored_criteria(redis, ["wit", "tone"]) == [FIVE, NONE]
    assert await set_criterion(redis, "wit", FIVE, TEN, may_recode=False) == "set"
    assert await stored_scale(redis, "wit") == "ten"
    assert await stored_criteria(redis, []) == []


async def test_another_scale_has_all_labels_checked_and_the_same_none(redis: Redis) -> None:
    items = [f"item {number}" for number in range(2500)]
    await labelled(redis, *items)
    assert await set_criterion(redis, "wit", NONE, FIVE, may_recode=False) == "labelled"
    assert await stored_criteria(redis, ["wit"]) == [NONE]
    assert await set_criterion(redis, "wit", NONE, FIVE, may_recode=True) == "set"
    found = await unchecked_items(redis, "wit", 5000)
    assert sorted(found) == sorted(items)
    await forget_unchecked(redis, "wit", found)
    assert await set_criterion(redis, "wit", FIVE, StoredCriterion("five", "put"), may_recode=False) == "set"
    assert await unchecked_items(redis, "wit", 1) == []


async def test_labelled_items_come_in_the_order_of_their_ids(redis: Redis) -> None:
    await labelled(redis, "é", "b", "a", "a/b")
    assert await page_of_labelled(redis, "wit", after=None, limit=3) == ["a", "a/b", "b"]
    assert await page_of_labelled(redis, "wit", after="b", limit=3) == ["é"]
    assert await page_of_labelled(redis, "tone", after=None, limit=3) == []
    assert await labelled_criteria(redis) == ["wit"]


async def test_a_criterion_with_labels_is_not_removed(redis: Redis) -> None:
    await labelled(redis, "a")
    await set_criterion(redis, "wit", NONE, FIVE, may_recode=True)
    assert await remove_criterion(redis, "wit") == "labelled"
    await redis.zrem(keys.labelled_items("wit"), "a")
    assert await criterion_names(redis) == {"wit"}
    assert await remove_criterion(redis, "wit") == "removed"
    assert await remove_criterion(redis, "wit") == "unknown"
    assert await criterion_names(redis) == set()


@pytest.mark.parametrize(("stored", "is_known"), [(NONE, False), (FIVE, True), (StoredCriterion("", "ranking"), True)])
def test_a_criterion_is_known_by_its_scale_or_its_judge(stored: StoredCriterion, is_known: bool) -> None:
    assert stored.is_known is is_known


async def test_scales_of_judges_are_noted_by_their_names_in_counters(redis: Redis) -> None:
    await note_judge_scales(redis, {})
    await note_judge_scales(redis, {"wit@1": "five", "sha256:00": "ten"})
    assert await judge_scales(redis, ["wit@1", "wit@2", "wit@1"]) == {"wit@1": "five"}
    assert await judge_scales(redis, []) == {}


async def test_of_many_at_once_all_see_the_same_one(redis: Redis) -> None:
    async def set_and_read(scale: str) -> str:
        await set_criterion(redis, "wit", NONE, StoredCriterion(scale, "judge"), may_recode=True)
        return await stored_scale(redis, "wit")

    assert len(set(await asyncio.gather(*(set_and_read(f"{number}") for number in range(20))))) == 1


async def test_a_criterion_and_its_scale_may_have_any_characters(redis: Redis) -> None:
    criterion, scale = 'wit: "dry"\t90%\nü', '{"labels":["gut","schlecht ☹"]}'
    assert await stored_scale(redis, criterion) == ""
    await set_criterion(redis, criterion, NONE, StoredCriterion(scale, "judge"), may_recode=True)
    assert await stored_scale(redis, criterion) == scale


async def test_unchecked_items_come_in_portions_until_they_are_forgotten(redis: Redis) -> None:
    items = {f"t/{number}" for number in range(25)}
    await redis.sadd(keys.unchecked("wit"), *items)  # type: ignore[misc]
    await redis.sadd(keys.unchecked("tone"), "t/99")  # type: ignore[misc]
    seen: list[str] = []
    while portion := await unchecked_items(redis, "wit", 10):
        assert len(portion) <= 10
        seen += portion
        await forget_unchecked(redis, "wit", portion)
    assert sorted(seen) == sorted(items)
    assert await unchecked_items(redis, "tone", 10) == ["t/99"]
