"""The leases of what is at work: renewed, lost to another worker, and left alone after an outage."""

import asyncio

import pytest
from redis.asyncio import Redis

from service.store import keys
from service.store.errors import StoreUnavailableError
from service.store.queue import QueueWorker, Requeue
from service.store.queue_leases import LEASE_S, QueueLeases
from service.store.signals import Signals
from service.store.workers import note_heartbeat
from tests.polling import until
from tests.store.outages import OUTAGE_S, end_grace, note_outage, refused_writes
from tests.store.queueing import enqueue, until_empty, working


async def test_one_that_is_queued_again_as_it_ends_does_not_wait_for_its_lease(redis: Redis) -> None:
    runs: list[int] = []
    signals = Signals(redis)

    async def task() -> None:
        runs.append(1)

    class Slow(QueueLeases):
        async def end(self, arq_id: str, ending: str, delay: int = 0) -> None:
            await super().end(arq_id, ending, delay)
            if len(runs) == 1:  # the store has the end, and its answer is on the way
                await enqueue(redis, "task")
                while not await redis.exists(keys.ARQ_LEASE + arq_id):  # noqa: ASYNC110 - until it is taken again
                    await asyncio.sleep(0)

    worker = QueueWorker(redis, signals, {"task": task}, max_jobs=5, leases=Slow(redis, "w"))
    running = asyncio.create_task(worker.main())
    await enqueue(redis, "task")
    await until(lambda: len(runs) == 2, "the second run")
    worker.drain()
    await asyncio.wait_for(running, 5)
    await signals.aclose()
    assert not worker._ending


async def test_what_is_at_work_elsewhere_is_left_alone_until_its_lease_ends(redis: Redis) -> None:
    done: list[str] = []

    async def task(name: str) -> None:
        done.append(name)

    taken = await enqueue(redis, "task", "taken")
    await redis.set(keys.ARQ_LEASE + taken, b"1", px=400)
    await enqueue(redis, "task", "free")
    async with working(redis, task):
        await until_empty(redis)
    assert done == ["free", "taken"]


async def test_a_lease_is_short_and_renewed_while_the_task_runs(redis: Redis) -> None:
    go_on = asyncio.Event()

    async def task() -> None:
        await go_on.wait()

    async with working(redis, task):
        key = keys.ARQ_LEASE + await enqueue(redis, "task")

        async def lease_ms() -> int:
            return max(int(await redis.pttl(key)), 0)

        async def is_renewed() -> bool:
            return await lease_ms() > 3000

        assert await until(lease_ms, "the lease") <= LEASE_S * 1000
        await redis.pexpire(key, 3000)
        await until(is_renewed, "a longer lease")
        go_on.set()
        await until_empty(redis)
    assert not await redis.exists(key)


async def test_a_frozen_worker_learns_that_it_lost_an_arq_job_and_changes_nothing(redis: Redis) -> None:
    go_on, done = asyncio.Event(), []

    async def slow() -> None:
        await go_on.wait()
        raise Requeue(5.0)

    async def quick() -> None:
        done.append(1)

    async with working(redis, slow) as frozen:
        arq_id = await enqueue(redis, "task")
        await until(lambda: frozen.leases.hold_on(arq_id) == "sure", "the lease")
        await redis.set(keys.ARQ_LEASE + arq_id, "another worker", px=60_000)
        await frozen.leases.renew([arq_id])
        assert frozen.leases.hold_on(arq_id) == "lost"
        before = await redis.zscore(keys.QUEUE, arq_id)
        go_on.set()
        await until(lambda: all(task.done() for task in frozen.tasks.values()), "the end of the task")
        assert await redis.get(keys.ARQ_LEASE + arq_id) == b"another worker"
        assert await redis.zscore(keys.QUEUE, arq_id) == before
    await redis.delete(keys.ARQ_LEASE + arq_id)
    async with working(redis, quick):
        await until_empty(redis)
    assert done == [1]


async def test_a_lease_is_not_held_surely_once_it_could_not_be_renewed_in_time(redis: Redis) -> None:
    now = 100.0
    leases = QueueLeases(redis, "w", lambda: now)
    leases.note(["a"], now)
    assert leases.hold_on("a") == "sure"
    now += LEASE_S
    assert leases.hold_on("a") == "doubtful"
    await redis.zadd(keys.QUEUE, {"a": 3})
    await leases.renew(["a"])  # nobody has taken it meanwhile
    assert leases.hold_on("a") == "sure"
    await redis.zrem(keys.QUEUE, "a")
    await redis.delete(keys.ARQ_LEASE + "a")
    await leases.renew(["a"])  # another worker has done it
    assert leases.hold_on("a") == "lost"


async def test_nothing_is_taken_before_others_could_renew_their_leases_after_an_outage(redis: Redis) -> None:
    done: list[int] = []

    async def task() -> None:
        done.append(1)

    signals = Signals(redis)
    worker = QueueWorker(redis, signals, {"task": task}, max_jobs=5)
    arq_id = await enqueue(redis, "task")
    await note_heartbeat(redis, "another")
    await note_outage(redis, OUTAGE_S + 1)
    for _ in range(3):
        await worker._poll_once()
    assert worker.leases.hold_on(arq_id) == "lost"
    assert await redis.exists(keys.ARQ_LEASE + arq_id) == 0
    await end_grace(redis)

    async def is_done() -> bool:
        await worker._poll_once()
        return bool(done)

    await until(is_done, "the task")
    await signals.aclose()


async def test_a_store_that_refuses_writes_is_away_although_it_answers(redis: Redis) -> None:
    """A look that takes nothing would else find it well."""

    async def task() -> None: ...

    signals = Signals(redis)
    worker = QueueWorker(redis, signals, {"task": task}, max_jobs=5)
    await note_outage(redis, 3600)
    before = await redis.hget(keys.OUTAGE, "seen")  # type: ignore[misc]
    async with refused_writes(redis):
        with pytest.raises(StoreUnavailableError):
            await worker._poll_iteration()
    assert await redis.hget(keys.OUTAGE, "seen") == before  # type: ignore[misc]
    await signals.aclose()


async def test_a_worker_that_begins_alone_waits_for_nobody(redis: Redis) -> None:
    await note_outage(redis, 3600)

    async def task() -> None: ...

    async with working(redis, task):
        await enqueue(redis, "task")
        await until_empty(redis)
    assert await redis.hget(keys.OUTAGE, "ended") is None  # type: ignore[misc]
