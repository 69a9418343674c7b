"""Benchmarks: the part of a benchmark that its job does not have. It expires with the job."""

from collections.abc import AsyncIterator, Sequence
from itertools import count

import msgspec
from redis.asyncio import Redis

from service.contracts.benchmarks import BenchmarkOrder
from service.contracts.datasets import Humans
from service.store import keys
from service.store.connection import pipeline, reply
from service.store.records import from_json, from_msgpack, readable

_STAGED_S = 3600  # as long as the chunks of the job
_ORDER, _LEADERBOARD = "order", "leaderboard"


async def stage_humans(redis: Redis, job_id: str, part: int, humans: Sequence[Humans]) -> None:
    """Stores people's values of some items, in the order of the items, beside the staged job."""
    async with pipeline(redis) as pipe:
        pipe.hset(keys.job_benchmark(job_id), mapping={f"human:{part}": msgspec.msgpack.encode(humans)})
        pipe.expire(keys.job_benchmark(job_id), _STAGED_S)
        await pipe.execute()


async def stage_order(redis: Redis, job_id: str, order: BenchmarkOrder) -> None:
    """Stores the request of a benchmark beside the staged job, which can't be committed without it."""
    await reply(redis.hset(keys.job_benchmark(job_id), mapping={_ORDER: msgspec.json.encode(order)}))


async def discard_benchmark(redis: Redis, job_id: str) -> None:
    """Removes the staged part of a benchmark."""
    await reply(redis.unlink(keys.job_benchmark(job_id)))


async def find_benchmark(redis: Redis, job_id: str) -> tuple[BenchmarkOrder, msgspec.Raw | None] | None:
    """Returns the request of a benchmark, and its leaderboard's rows as JSON (None until it is made).

    Returns None if there is no such benchmark.
    """
    return _shown(job_id, *await reply(redis.hmget(keys.job_benchmark(job_id), [_ORDER, _LEADERBOARD])))


async def find_orders(redis: Redis, job_ids: Sequence[str]) -> dict[str, BenchmarkOrder]:
    """Returns the requests of benchmarks by their jobs' ids, without those that this version can't read."""
    async with pipeline(redis) as pipe:
        for job_id in job_ids:
            pipe.hget(keys.job_benchmark(job_id), _ORDER)
        orders = dict(zip(job_ids, await pipe.execute(), strict=True))
    found = readable(orders, lambda job_id: _shown(job_id, orders[job_id], None))
    return {job_id: order for job_id, (order, _) in found}


def _shown(job_id: str, order: bytes | None, rows: bytes | None) -> tuple[BenchmarkOrder, msgspec.Raw | None] | None:
    if order is None:
        return None
    return from_json(order, BenchmarkOrder, f"benchmark of job {job_id}"), None if rows is None else msgspec.Raw(rows)


async def humans_of(redis: Redis, job_id: str) -> AsyncIterator[Humans]:
    """Yields people's values of each item, in the order of the job's items."""
    for part in count():
        [stored] = await reply(redis.hmget(keys.job_benchmark(job_id), [f"human:{part}"]))
        if stored is None:
            return
        for each in from_msgpack(stored, list[Humans], f"benchmark of job {job_id}"):
            yield each


async def keep_leaderboard(redis: Redis, job_id: str, rows: bytes, *, keep_s: int) -> None:
    """Stores the leaderboard's rows as JSON, as long as the finished job is kept, and drops people's values."""
    key = keys.job_benchmark(job_id)
    fields = [field for field in await reply(redis.hkeys(key)) if field.startswith(b"human:")]
    async with pipeline(redis, atomic=True) as pipe:
        pipe.hset(key, mapping={_LEADERBOARD: rows})
        if fields:
            pipe.hdel(key, *fields)
        pipe.expire(key, keep_s, nx=True)  # has no effect unless the job has just expired
        await pipe.execute()
