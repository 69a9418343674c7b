"""Periodic tasks: one worker begins them in each period; they never overlap, and outlive workers and long queues."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from arq.constants import in_progress_key_prefix
from redis.asyncio import Redis

from service.store import clock, keys
from service.store.errors import StoreUnavailableError
from service.store.queue import QueueWorker
from service.store.signals import Signals
from tests.polling import until
from tests.store.queueing import enqueue, left, until_empty

NAME = "refresh"
EVERY_S = 3600.0  # none falls due by itself while a test runs but the first
NOW = datetime(2026, 1, 31, 12, 0, 1, tzinfo=UTC)

Task = Callable[[], Awaitable[None]]


async def nothing() -> None:
    pass


def worker_of(redis: Redis, task: Task, *, every_s: float = EVERY_S) -> QueueWorker:
    return QueueWorker(redis, Signals(redis), {"task": nothing}, max_jobs=5, periodic={NAME: (task, every_s)})


async def due(worker: QueueWorker, at: datetime) -> None:
    await worker.run_cron(at, 0.5)


@contextlib.asynccontextmanager
async def at_work(worker: QueueWorker) -> AsyncIterator[None]:
    running = asyncio.create_task(worker.main())
    try:
        yield
    finally:
        worker.drain()
        await asyncio.wait_for(running, 5)
        await worker.signals.aclose()


async def test_of_all_workers_one_enqueues_it_in_each_period(redis: Redis) -> None:
    workers = [worker_of(redis, nothing) for _ in range(3)]
    enqueued = []
    for hour in range(3):
        for seconds in (0, 0.5, 1800):
            for worker in workers:
                await due(worker, NOW + timedelta(hours=hour, seconds=seconds))
        enqueued.append(await left(redis))
        await redis.delete(keys.QUEUE, f"arq:job:{NAME}")
    assert enqueued == [1, 1, 1]
    assert await redis.pttl(f"{keys.PREFIX}due:{NAME}:{int(NOW.timestamp() // EVERY_S)}") > 0


async def test_a_worker_runs_it_soon_after_its_start(redis: Redis) -> None:
    runs: list[int] = []

    async def task() -> None:
        runs.append(1)

    async with at_work(worker_of(redis, task)), at_work(worker_of(redis, task)):
        await until(lambda: runs, "the first run")
        await until_empty(redis)
        await asyncio.sleep(0)
    assert runs == [1]


async def test_it_runs_again_and_again(redis: Redis) -> None:
    runs: list[int] = []

    async def task() -> None:
        runs.append(1)

    async with at_work(worker_of(redis, task, every_s=0.2)):
        await until(lambda: len(runs) >= 3, "three runs")


async def test_it_is_not_begun_again_while_it_runs(redis: Redis) -> None:
    begun, go_on, runs = asyncio.Event(), asyncio.Event(), 0

    async def task() -> None:
        nonlocal runs
        runs += 1
        begun.set()
        await go_on.wait()

    worker = worker_of(redis, task)
    async with at_work(worker):
        await asyncio.wait_for(begun.wait(), 5)
        for hour in range(1, 4):
            await due(worker, clock.now() + timedelta(hours=hour))
        assert (runs, await left(redis)) == (1, 1)
        go_on.set()
        await until_empty(redis)
        await due(worker, clock.now() + timedelta(hours=5))
        await until(lambda: runs == 2, "the next period's run")


async def test_that_of_a_worker_that_died_is_taken_over(redis: Redis) -> None:
    done = asyncio.Event()

    async def task() -> None:
        done.set()

    dead = worker_of(redis, task)
    await due(dead, clock.now())
    await redis.set(in_progress_key_prefix + NAME, b"1", px=300)
    async with at_work(worker_of(redis, task)):
        await asyncio.wait_for(done.wait(), 5)
        await until_empty(redis)


async def test_it_comes_before_all_that_waits(redis: Redis) -> None:
    for number in range(300):  # more than a worker looks at
        await enqueue(redis, "task", number)
    await due(worker_of(redis, nothing), clock.now())
    assert (await redis.zrange(keys.QUEUE, 0, 0)) == [NAME.encode()]


@pytest.mark.parametrize("error", [ValueError("a bug"), StoreUnavailableError("away")])
async def test_what_it_raises_is_logged_and_ends_neither_the_worker_nor_the_task(
    redis: Redis, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    runs = 0

    async def task() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise error

    async with at_work(worker_of(redis, task, every_s=0.2)):
        await until(lambda: runs >= 2, "the run after the error")
    assert str(error) in caplog.text
