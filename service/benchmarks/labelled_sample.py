"""Labelled items as the items of a benchmark, so that a judge that is not stored yet can be measured on them."""

from collections.abc import Sequence
from hashlib import sha256

import msgspec
from redis.asyncio import Redis

from service.agreement import LabelledContent, labelled_contents
from service.contracts.datasets import DatasetItem
from service.contracts.items import content_digest
from service.jobs import View
from service.store.item_texts import newest_texts

_AT_ONCE = 100  # items, for whose texts the store is asked together


async def labelled_sample(redis: Redis, view: View, criterion: str, most: int) -> list[DatasetItem]:
    """Returns up to `most` labelled items of a criterion with people's values, always the same ones of those there.

    They are those with labels drawn at random, if there are any. Left out are items whose texts have expired, have
    changed since they were labelled, or came with the jobs of a key that the caller may not see.
    """
    contents = await labelled_contents(redis, criterion)
    drawn = [each for each in contents if each.is_random] or contents
    drawn.sort(key=lambda each: sha256(each.item_id.encode()).digest())
    annotators = sorted({name for each in drawn for name in each.values})
    found: list[DatasetItem] = []
    for start in range(0, len(drawn), _AT_ONCE):
        found += await _with_texts(redis, view, criterion, drawn[start : start + _AT_ONCE], annotators)
        if len(found) >= most:
            break
    return found[:most]


async def _with_texts(
    redis: Redis, view: View, criterion: str, drawn: Sequence[LabelledContent], annotators: Sequence[str]
) -> list[DatasetItem]:
    texts = await newest_texts(redis, [each.item_id for each in drawn], view.owner)
    found = []
    for each in drawn:
        item = texts.get(each.item_id)
        if item is not None and content_digest(item) == each.content:
            human = {criterion: [each.values.get(name) for name in annotators]}
            found.append(DatasetItem(**{**msgspec.structs.asdict(item), "id": each.item_id}, human=human))
    return found
