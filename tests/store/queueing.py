"""A queue with any tasks, and a worker of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from redis.asyncio import Redis

from service.store import clock, keys
from service.store.queue import QueueWorker, queued
from service.store.signals import Signals
from tests.polling import until

Task = Callable[..., Awaitable[None]]


async def enqueue(redis: Redis, name: str, *args: str | int) -> str:
    arq_id = ":".join((name, *map(str, args)))
    await redis.set(keys.ARQ_JOB + arq_id, queued(name, *args))
    await redis.zadd(keys.QUEUE, {arq_id: clock.now_ms()})
    await redis.publish(keys.WAKE, arq_id)
    return arq_id


@contextlib.asynccontextmanager
async def working(redis: Redis, task: Task, max_jobs: int = 5) -> AsyncIterator[QueueWorker]:
    """A worker that does `task`; drained in the end."""
    signals = Signals(redis)
    worker = QueueWorker(redis, signals, {"task": task}, max_jobs=max_jobs)
    running = asyncio.create_task(worker.main())
    try:
        yield worker
    finally:
        worker.drain()
        await asyncio.wait_for(running, 5)
        await signals.aclose()


async def left(redis: Redis) -> int:
    return int(await redis.zcard(keys.QUEUE))


async def until_empty(redis: Redis) -> None:
    async def is_empty() -> bool:
        return not await left(redis)

    await until(is_empty, "the end of the queue")
