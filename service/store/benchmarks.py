"""Benchmarks: each is a job with something beside it, which lives as long as the job does."""

from collections.abc import AsyncIterator, Sequence
from itertools import count

import msgspec
from redis.asyncio import Redis

from service.contracts.benchmarks import BenchmarkOrder
from service.contracts.datasets import Humans
from service.store import keys
from service.store.connection import pipeline, reply

_STAGED_S = 3600  # as long as the chunks of its job
_ORDER, _LEADERBOARD = "order", "leaderboard"


async def stage_humans(redis: Redis, job_id: str, part: int, humans: Sequence[Humans]) -> None:
    """Puts what people said of some items, in the order of the job's items, beside the staged job."""
    async with pipeline(redis) as pipe:
        pipe.hset(keys.job_benchmark(job_id), mapping={f"human:{part}": msgspec.msgpack.encode(humans)})
        pipe.expire(keys.job_benchmark(job_id), _STAGED_S)
        await pipe.execute()


async def stage_order(redis: Redis, job_id: str, order: BenchmarkOrder) -> None:
    """Puts what was asked for beside the staged job. Needed before the job is committed."""
    await reply(redis.hset(keys.job_benchmark(job_id), mapping={_ORDER: msgspec.json.encode(order)}))


async def discard_benchmark(redis: Redis, job_id: str) -> None:
    """Removes what was staged."""
    await reply(redis.unlink(keys.job_benchmark(job_id)))


async def find_benchmark(redis: Redis, job_id: str) -> tuple[BenchmarkOrder, msgspec.Raw | None] | None:
    """What was asked for, and the leaderboard's rows as JSON once it is made; None where it is no benchmark."""
    order, rows = await reply(redis.hmget(keys.job_benchmark(job_id), [_ORDER, _LEADERBOARD]))
    if order is None:
        return None
    return msgspec.json.decode(order, type=BenchmarkOrder), None if rows is None else msgspec.Raw(rows)


async def humans_of(redis: Redis, job_id: str) -> AsyncIterator[Humans]:
    """What people said of each item, in the order of the job's items."""
    for part in count():
        [stored] = await reply(redis.hmget(keys.job_benchmark(job_id), [f"human:{part}"]))
        if stored is None:
            return
        for each in msgspec.msgpack.decode(stored, type=list[Humans]):
            yield each


async def keep_leaderboard(redis: Redis, job_id: str, rows: bytes, *, keep_s: int) -> None:
    """Keeps the rows as JSON, as long as the finished job is kept, and no longer what they were made of."""
    key = keys.job_benchmark(job_id)
    fields = [field for field in await reply(redis.hkeys(key)) if field.startswith(b"human:")]
    async with pipeline(redis, atomic=True) as pipe:
        pipe.hset(key, mapping={_LEADERBOARD: rows})
        if fields:
            pipe.hdel(key, *fields)
        pipe.expire(key, keep_s, nx=True)  # nothing to do, unless the job's time was over a moment ago
        await pipe.execute()
