"""The queue: what arq runs, runs again, and takes over."""

import asyncio
import contextlib
import copy
import gc
import logging
import time
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from service.contracts.judges import ResolvedJudge
from service.store import clock, jobs, keys, queue
from service.store.errors import StoreError, StoreUnavailableError
from service.store.queue import FreeRooms, QueueWorker, Requeue, Rooms, queued
from service.store.queue_leases import LEASE_S, QueueLeases
from service.store.signals import Signals
from service.store.workers import note_heartbeat
from tests.polling import until
from tests.store.made import JUDGE, committed
from tests.store.outages import OUTAGE_S, end_grace, note_outage, refused_writes

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

    async def is_done() -> bool:
        return len(runs) == 2

    await until(is_done, "the second run")
    worker.drain()
    await asyncio.wait_for(running, 5)
    await signals.aclose()
    assert not worker._ending


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


class Few(Rooms):
    """Room for so many judgments in large and in small chunks of the provider `slow`, and for everything else."""

    def __init__(self, large: int, small: int, blocked: bool = False) -> None:
        self.lanes: list[str] = []
        self._rooms = FreeRooms({"slow": (large, small)}, (1000, 1000), {}, {"slow/m": True} if blocked else {}, 1, 10)

    def free(self) -> FreeRooms:
        return self._rooms

    def taken(self, arq_id: str, lane: str) -> None:
        self.lanes.append(lane)


async def taken_by(redis: Redis, rooms: Rooms) -> list[str]:
    """The arq jobs that a worker with these rooms takes at once, without their function."""

    async def task() -> None: ...

    signals = Signals(redis)
    worker = QueueWorker(redis, signals, {"task": task}, max_jobs=100, rooms=rooms)
    ids = [each.arq_id for each in await worker._take(100)]
    await signals.aclose()
    return [each.partition(":")[2] for each in ids]


def asking(*models: str) -> list[ResolvedJudge]:
    return [msgspec.structs.replace(JUDGE, models=list(models))]


async def test_jobs_take_turns_and_a_small_one_comes_soon(redis: Redis) -> None:
    large = await committed(redis, 200)
    assert await redis.zcard(keys.QUEUE) == jobs.AHEAD
    for chunk in range(10):
        assert await jobs.claim_chunk(redis, large.id, chunk, keep_s=1000)
        await redis.zrem(keys.QUEUE, f"judge_chunk:{large.id}:{chunk}")
    small = await committed(redis, 1)
    order = await taken_by(redis, Rooms())
    assert len(order) == jobs.AHEAD + 1
    assert order.index(f"{small.id}:0") <= 2


async def test_keys_share_the_turns_whatever_the_number_of_their_jobs(redis: Redis) -> None:
    many = [await committed(redis, 100, owner="ann") for _ in range(5)]
    one = await committed(redis, 100, owner="bob")
    order = [each.split(":")[0] for each in await taken_by(redis, Rooms())]
    first = order[: 2 * jobs.AHEAD]
    assert first.count(one.id) >= 4  # of 12, though it is one of six jobs
    assert {each.id for each in many} & set(first)


async def test_every_chunk_of_a_job_gets_its_turn(redis: Redis) -> None:
    record = await committed(redis, 60)
    seen: list[str] = []
    while order := await taken_by(redis, Rooms()):
        for each in order:
            seen.append(each)
            assert await jobs.claim_chunk(redis, record.id, int(each.split(":")[1]), keep_s=1000)
            await redis.zrem(keys.QUEUE, f"judge_chunk:{each}")
    assert seen == [f"{record.id}:{chunk}" for chunk in range(record.chunks)]
    assert int(await redis.hget(keys.TURNS, "jobs:") or 0) == 0  # type: ignore[misc]


async def test_a_full_provider_leaves_the_others_their_turns_and_small_chunks_theirs(redis: Redis) -> None:
    await committed(redis, 40, judges=asking("slow/m"), chunk_items=20)
    small = await committed(redis, 1, judges=asking("slow/m"))
    other = await committed(redis, 40, judges=asking("fast/m"), chunk_items=20)
    assert await taken_by(redis, Few(0, 5)) == [f"{small.id}:0", f"{other.id}:0", f"{other.id}:1"]
    assert len(await taken_by(redis, Few(1, 5))) == 1


async def test_of_chunks_that_would_be_put_off_again_one_is_taken(redis: Redis) -> None:
    record = await committed(redis, 40, judges=asking("slow/m"), chunk_items=20)
    assert await taken_by(redis, Few(1000, 1000, blocked=True)) == [f"{record.id}:0"]


async def test_a_chunk_that_was_put_off_has_its_turn_when_it_is_due(redis: Redis) -> None:
    first, second = await committed(redis, 1), await committed(redis, 1)
    await redis.zadd(keys.QUEUE, {f"judge_chunk:{first.id}:0": clock.now_ms() + 100})
    assert await taken_by(redis, Few(0, 0)) == [f"{second.id}:0"]
    await asyncio.sleep(0.12)
    assert await taken_by(redis, Few(0, 0)) == [f"{first.id}:0"]


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


async def test_a_frozen_worker_learns_that_it_lost_an_arq_job_and_changes_nothing(redis: Redis) -> None:
    go_on, done = asyncio.Event(), []

    async def slow() -> None:
        await go_on.wait()
        raise Requeue(5.0)

    async def quick() -> None:
        done.append(1)

    async with working(redis, slow) as frozen:
        arq_id = await enqueue(redis, "task")

        async def is_taken() -> bool:
            return frozen.leases.hold_on(arq_id) == "sure"

        await until(is_taken, "the lease")
        await redis.set(keys.ARQ_LEASE + arq_id, "another worker", px=60_000)
        await frozen.leases.renew([arq_id])
        assert frozen.leases.hold_on(arq_id) == "lost"
        before = await redis.zscore(keys.QUEUE, arq_id)
        go_on.set()

        async def has_ended() -> bool:
            return all(task.done() for task in frozen.tasks.values())

        await until(has_ended, "the end of the task")
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
