"""Datasets: each is stored whole under its name, in chunks of items. A reader of a replaced one can finish."""

from collections.abc import AsyncIterator, Sequence
from typing import cast

import msgspec
from redis.asyncio import Redis

from service.contracts.datasets import Dataset, DatasetItem
from service.store import keys
from service.store.connection import Script, pipeline, reply
from service.store.errors import StagingExpiredError
from service.store.records import from_json, from_msgpack, readable

CHUNK_ITEMS = 100
_STAGED_S = 3600  # the maximum duration of an upload
_READ_S = 3600  # how long the items of a replaced dataset stay for its readers

_put = Script("put_dataset")
_drop = Script("drop_dataset")


def encoded_part(items: Sequence[DatasetItem]) -> bytes:
    """Returns items as a chunk of a dataset is stored."""
    return msgspec.msgpack.encode(items)


async def stage_dataset(redis: Redis, version: str, first: int, chunks: Sequence[bytes]) -> None:
    """Stores encoded chunks of items, numbered from `first` on, for `put_dataset`.

    Without it they expire.
    """
    async with pipeline(redis) as pipe:
        for number, chunk in enumerate(chunks, first):
            pipe.set(keys.dataset_items(version, number), chunk, ex=_STAGED_S)
        await pipe.execute()


async def discard_dataset(redis: Redis, version: str, chunks: int) -> None:
    """Removes staged chunks that are not needed."""
    if chunks:
        await reply(redis.unlink(*(keys.dataset_items(version, chunk) for chunk in range(chunks))))


async def put_dataset(redis: Redis, dataset: Dataset, version: str, chunks: int) -> bool:
    """Makes the staged chunks the dataset of this name, and returns whether the name is new.

    Raises StagingExpiredError if a chunk has expired.
    """
    staged = [keys.dataset_items(version, chunk) for chunk in range(chunks)]
    answer = await _put(
        redis,
        [keys.dataset(dataset.name), keys.DATASETS],
        [dataset.name, msgspec.json.encode(dataset), version, _READ_S, *staged],
    )
    if answer == b"expired":
        raise StagingExpiredError("the upload took longer than an hour")
    return bool(answer == b"created")


async def find_dataset(redis: Redis, name: str) -> Dataset | None:
    """Returns the dataset of a name, None if there is none."""
    stored = await reply(redis.hget(keys.dataset(name), "dataset"))
    return _shown(name, cast("bytes | None", stored))


async def delete_dataset(redis: Redis, name: str) -> bool:
    """Removes a dataset, and returns whether it was there."""
    return bool(await _drop(redis, [keys.dataset(name), keys.DATASETS], [name, _READ_S]))


async def list_datasets(redis: Redis, *, after: str | None, limit: int) -> tuple[list[Dataset], str | None]:
    """Returns the datasets after the name `after`, by name, and the name that the next page follows."""
    lower = "-" if after is None else f"({after}"
    names = [each.decode() for each in await reply(redis.zrangebylex(keys.DATASETS, lower, "+", 0, limit + 1))]
    async with pipeline(redis) as pipe:
        for name in names[:limit]:
            pipe.hget(keys.dataset(name), "dataset")
        stored = dict(zip(names, await pipe.execute(), strict=False))
    found = [dataset for _, dataset in readable(stored, lambda name: _shown(name, stored[name]))]
    return found, names[limit - 1] if len(names) > limit else None


def _shown(name: str, stored: bytes | None) -> Dataset | None:
    return None if stored is None else from_json(stored, Dataset, f"dataset {name}")


async def read_dataset(redis: Redis, name: str) -> AsyncIterator[list[DatasetItem]]:
    """Yields the items of a dataset as it is now, chunk by chunk; nothing if there is no such dataset."""
    [packed] = await reply(redis.hmget(keys.dataset(name), ["chunks"]))
    for key in msgspec.msgpack.decode(packed, type=list[str]) if packed is not None else ():
        stored = await reply(redis.get(key))
        if stored is None:
            raise StagingExpiredError(f"the dataset {name} was replaced, and reading it took longer than an hour")
        yield from_msgpack(stored, list[DatasetItem], f"dataset {name}")
