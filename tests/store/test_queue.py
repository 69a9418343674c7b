"""The queue: what arq runs, and runs again."""

import asyncio
import copy
import gc
import logging
import time
import weakref

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from service.store import clock, keys, queue
from service.store.errors import StoreError, StoreUnavailableError
from service.store.queue import QueueWorker, Requeue
from service.store.signals import Signals
from tests.polling import until
from tests.store.queueing import enqueue, left, until_empty, working


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


class Chunk:
    """Something large that a task has at work."""


@pytest.mark.parametrize("order", [Requeue(), StoreUnavailableError("away")], ids=["put off", "without a store"])
async def test_what_a_task_had_at_work_goes_with_it(
    redis: Redis, order: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    chunks: list[weakref.ref[Chunk]] = []

    async def task() -> None:
        chunk = Chunk()
        chunks.append(weakref.ref(chunk))
        if len(chunks) == 1:
            raise copy.copy(order)

    caplog.set_level(logging.ERROR)  # records of the log keep the errors in them
    gc.collect()
    gc.disable()
    try:
        async with working(redis, task):
            await enqueue(redis, "task")
            await until_empty(redis)
        assert [each() for each in chunks] == [None, None]
    finally:
        gc.enable()


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
        assert asyncio.get_running_loop().time() - began < 5 * queue.IDLE_POLL_S
        assert worker.jobs_complete == 5


async def test_a_look_at_the_queue_that_fails_as_tasks_end_counts_their_places_once(redis: Redis) -> None:
    go_on = asyncio.Event()

    async def task(number: int) -> None:
        await go_on.wait()

    signals = Signals(redis)
    worker = QueueWorker(redis, signals, {"task": task}, max_jobs=2)
    for number in range(2):
        await enqueue(redis, "task", number)
    while worker.job_counter < 2:  # one look may come before the second job counts as due
        await worker._poll_once()

    async def fails() -> None:
        go_on.set()
        while not all(each.done() for each in worker.tasks.values()):  # noqa: ASYNC110 - before their callbacks run
            await asyncio.sleep(0)
        raise RedisConnectionError("away")

    worker._poll_iteration = fails  # type: ignore[method-assign]
    await worker._poll_once()
    await signals.aclose()
    assert worker.job_counter == 0
    assert not worker.sem.locked()


@pytest.mark.parametrize("skew_s", [-60, 60])
async def test_the_clock_of_a_worker_s_machine_does_not_matter(
    redis: Redis, monkeypatch: pytest.MonkeyPatch, skew_s: float
) -> None:
    done = asyncio.Event()

    async def task() -> None:
        done.set()

    monkeypatch.setattr(clock._clock, "behind_s", 0.0)
    await enqueue(redis, "task")
    own_time = time.time
    monkeypatch.setattr(time, "time", lambda: own_time() + skew_s)
    async with working(redis, task):
        await asyncio.wait_for(done.wait(), 5)


async def test_periods_are_by_the_clock_of_the_store(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two machines an hour apart begin a task once in a period."""
    monkeypatch.setattr(clock._clock, "behind_s", 0.0)
    own_time, runs = time.time, []

    async def task() -> None:
        runs.append(1)

    for skew_s in (3600.0, -3600.0):
        monkeypatch.setattr(time, "time", lambda skew_s=skew_s: own_time() + skew_s)
        signals = Signals(redis)
        worker = QueueWorker(redis, signals, {}, max_jobs=5, periodic={"task": (task, 10 * 24 * 3600.0)})
        for _ in range(3):
            await worker._poll_once()
            await asyncio.sleep(0.1)
        await signals.aclose()
        assert abs(clock.seconds() - own_time()) < 1.0
    assert runs == [1]


async def test_an_arq_job_of_a_newer_version_stays_in_the_queue(redis: Redis, caplog: pytest.LogCaptureFixture) -> None:
    done: list[int] = []

    async def task() -> None:
        done.append(1)

    async with working(redis, task):
        arq_id = await enqueue(redis, "task_of_a_newer_version")
        await enqueue(redis, "task")

        async def is_put_off() -> bool:
            return float(await redis.zscore(keys.QUEUE, arq_id) or 0) > clock.now_ms()

        for _ in range(2):
            await until(is_put_off, "the other's delay")
            await redis.zadd(keys.QUEUE, {arq_id: 3})
        await until(is_put_off, "the other's last delay")
        await redis.set(keys.ARQ_JOB + "damaged", b"no arq job")
        await redis.zadd(keys.QUEUE, {"damaged": 3, "lost": 3})

        async def is_seen() -> bool:
            return await left(redis) == 2 and float(await redis.zscore(keys.QUEUE, "damaged") or 0) > clock.now_ms()

        await until(is_seen, "the delay of one that can't be read, and the end of one that is not there")
    assert done == [1]
    assert "the arq job lost has expired" in caplog.text
    assert caplog.text.count("is for 'task_of_a_newer_version', which this version does not have") == 1
    assert caplog.text.count("the arq job damaged can't be read") == 1


async def test_a_task_with_a_defect_is_run_again(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "_DEFECT_S", 0.05)
    errors: list[Exception] = [ValueError("a record of a newer version"), KeyError("x")]

    async def task() -> None:
        if errors:
            raise errors.pop()

    async with working(redis, task):
        await enqueue(redis, "task")
        await until_empty(redis)
    assert not errors
