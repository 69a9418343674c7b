"""Datasets are stored whole or not at all, and no item is unlike the others."""

from typing import Any

import pytest
from redis.asyncio import Redis

from service.benchmarks.dataset_intake import store_dataset
from service.config.settings import Settings
from service.contracts.datasets import DatasetItem
from service.contracts.decoding import numbered
from service.contracts.refusals import Kind, Refused
from service.store import datasets, keys


def item(output: str | None, **human: list[Any]) -> DatasetItem:
    return DatasetItem(output=output, human=human)


async def refusal(redis: Redis, settings: Settings, items: list[DatasetItem], **options: Any) -> Refused:
    with pytest.raises(Refused) as refused:
        await store_dataset(redis, settings, "d", numbered(items), **options)
    assert not [key async for key in redis.scan_iter(f"{keys.PREFIX}dataset*")]
    return refused.value


async def test_a_dataset_has_its_criteria_and_annotators(redis: Redis, settings: Settings) -> None:
    items = [item("x", wit=[1, None]), item("y", wit=[2, None], tone=[None, "good", "bad"]), item("z", none=[None])]
    stored = await store_dataset(redis, settings, "d", numbered(items))
    assert (stored.dataset.items, stored.dataset.criteria, stored.dataset.annotators) == (3, ["tone", "wit"], 3)
    assert stored.is_new
    assert not (await store_dataset(redis, settings, "d", numbered(items[:1]))).is_new
    assert [each async for each in datasets.read_dataset(redis, "d")] == [items[:1]]


@pytest.mark.parametrize(
    ("items", "places"),
    [
        ([item("x", w=[1]), item("y", w=["n/a"]), item("z", w=[3])],
         [("/items/1/human/w/0", "line 12: 'n/a' is a label")]),
        ([item("x", w=[None, 1]), item("y", w=["a", "b"])], [("/items/0/human/w/1", "line 11: 1 is a number")]),
        ([item(None, w=[1]), item("", w=[1])], [("/items/0/output", "line 11: is missing")]),
        ([item("x", w=[None])], [("/items", "no item has a value")]),
        ([], [("/items", "at least one item is needed")]),
    ],
)  # fmt: skip
async def test_an_item_unlike_the_others_is_refused_with_its_line(
    redis: Redis, settings: Settings, items: list[DatasetItem], places: list[tuple[str, str]]
) -> None:
    refused = await refusal(redis, settings, items, line_of=lambda number: number + 11)
    assert refused.kind is Kind.INVALID
    assert [fault.pointer for fault in refused.faults] == [pointer for pointer, _ in places]
    assert all(fault.detail.startswith(said) for fault, (_, said) in zip(refused.faults, places, strict=True))


async def test_no_more_items_than_allowed(redis: Redis, settings: Settings) -> None:
    assert (await refusal(redis, settings, [item("x", w=[1])] * 51)).kind is Kind.TOO_LARGE
