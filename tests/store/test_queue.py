"""The queue: what arq runs, runs again, and takes over."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from arq.constants import in_progress_key_prefix
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from service.store import clock, keys, queue
from service.store.errors import StoreError, StoreUnavailableError
from service.store.queue import ARQ_JOB_PREFIX, QueueWorker, Requeue, queued
from service.store.signals import Signals
from tests.polling import until

Task = Callable[..., Awaitable[None]]


async def enqueue(redis: Redis, name: str, *args: str | int) -> str:
    arq_id = ":".join((name, *map(str, args)))
    await redis.set(ARQ_JOB_PREFIX + arq_id, queued(name, *args))
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


async def test_a_job_is_done_with_its_arguments_and_leaves_nothing(redis: Redis) -> None:
    done: list[tuple[str, int]] = []

    async def task(name: str, number: int) -> None:
        done.append((name, number))

    async with working(redis, task):
        await enqueue(redis, "task", "a", 1)
        await enqueue(redis, "task", "b", 2)
        await until_empty(redis)
    assert sorted(done) == [("a", 1), ("b", 2)]
    assert await redis.keys("arq:*") == []


async def test_a_task_that_asks_for_it_is_run_again(redis: Redis) -> None:
    tries: list[float] = []

    async def task() -> None:
        tries.append(asyncio.get_running_loop().time())
        if len(tries) < 3:
            raise Requeue(0.1 * len(tries))

    async with working(redis, task):
        await enqueue(redis, "task")
        await until_empty(redis)
    assert len(tries) == 3
    assert tries[1] - tries[0] >= 0.1


async def test_a_task_that_met_no_store_is_run_again_and_not_dropped(redis: Redis) -> None:
    errors: list[Exception] = [StoreUnavailableError("away"), StoreError("refused")]

    async def task() -> None:
        if errors:
            raise errors.pop()

    async with working(redis, task):
        await enqueue(redis, "task")
        await until_empty(redis)
    assert not errors


async def test_no_more_is_at_work_than_there_are_places(redis: Redis) -> None:
    at_work, most = 0, 0

    async def task(number: int) -> None:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0.01)
        at_work -= 1

    async with working(redis, task, max_jobs=3):
        for number in range(20):
            await enqueue(redis, "task", number)
        await until_empty(redis)
    assert most == 3


async def test_what_is_at_work_elsewhere_is_left_alone_until_its_lease_ends(redis: Redis) -> None:
    done: list[str] = []

    async def task(name: str) -> None:
        done.append(name)

    taken = await enqueue(redis, "task", "taken")
    await redis.set(in_progress_key_prefix + taken, b"1", px=400)
    await enqueue(redis, "task", "free")
    async with working(redis, task):
        await until_empty(redis)
    assert done == ["free", "taken"]


async def test_a_lease_is_short_and_renewed_while_the_task_runs(redis: Redis) -> None:
    go_on = asyncio.Event()

    async def task() -> None:
        await go_on.wait()

    async with working(redis, task):
        key = in_progress_key_prefix + await enqueue(redis, "task")

        async def lease_ms() -> int:
            return max(int(await redis.pttl(key)), 0)

        async def is_renewed() -> bool:
            return await lease_ms() > 3000

        assert await until(lease_ms, "the lease") <= queue.LEASE_S * 1000
        await redis.pexpire(key, 3000)
        await until(is_renewed, "a longer lease")
        go_on.set()
        await until_empty(redis)
    assert not await redis.exists(key)


async def test_a_worker_that_drains_ends_what_it_does_and_begins_nothing(redis: Redis) -> None:
    begun, ended = asyncio.Event(), []

    async def task(name: str) -> None:
        begun.set()
        await asyncio.sleep(0.1)
        ended.append(name)

    async with working(redis, task):
        await enqueue(redis, "task", "first")
        await asyncio.wait_for(begun.wait(), 5)
    await enqueue(redis, "task", "second")
    assert ended == ["first"]
    assert await left(redis) == 1


async def test_a_wake_up_comes_before_the_next_look(redis: Redis) -> None:
    done = asyncio.Event()

    async def task() -> None:
        done.set()

    async with working(redis, task) as worker:

        async def is_subscribed() -> bool:
            return bool((await redis.pubsub_numsub(keys.WAKE))[0][1])

        await until(is_subscribed, "the subscription")
        began = asyncio.get_running_loop().time()
        for _ in range(5):
            done.clear()
            await enqueue(redis, "task")
            await asyncio.wait_for(done.wait(), 5)
            await until_empty(redis)
        assert asyncio.get_running_loop().time() - began < 5 * queue.POLL_S
        assert worker.jobs_complete == 5


async def test_places_taken_for_jobs_that_could_not_start_are_freed(redis: Redis) -> None:
    async def task() -> None:
        pass

    worker = QueueWorker(redis, Signals(redis), {"task": task}, max_jobs=2)
    polls = 0

    async def fails() -> None:
        nonlocal polls
        polls += 1
        await worker.sem.acquire()
        worker.job_counter += 1
        raise RedisConnectionError("away")

    worker._poll_iteration = fails  # type: ignore[method-assign]
    for _ in range(4):
        await asyncio.wait_for(worker._poll_once(), 5)
    assert (polls, worker.job_counter) == (4, 0)


@pytest.mark.parametrize("skew_s", [-60, 60])
async def test_the_clock_of_a_worker_s_machine_does_not_matter(
    redis: Redis, monkeypatch: pytest.MonkeyPatch, skew_s: float
) -> None:
    done = asyncio.Event()

    async def task() -> None:
        done.set()

    await enqueue(redis, "task")
    own_time = time.time
    monkeypatch.setattr(time, "time", lambda: own_time() + skew_s)
    async with working(redis, task):
        await asyncio.wait_for(done.wait(), 5)
