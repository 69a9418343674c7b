"""The faults of a campaign. Each returns the number of calls that may be repeated because of it, and mends itself."""

import asyncio
import contextlib
import shutil
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from random import Random
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.campaign.lane import END_LIMIT_S, START_LIMIT_S, Lane
from tests.campaign.provider import Mood
from tests.flows.fleet import ended
from tests.polling import until

FROZEN_S = 12.0  # longer than a lease
STORE_FROZEN_S = 6.0  # longer than a command may take
REFUSING_S = (2.0, 12.0)  # the second is longer than a lease
ARRIVAL_S = 0.2
ARRIVALS = 5
SKEWED_S = 3.0
MOOD_S = 2.0


class Fault(NamedTuple):
    """`cause` does it. After a `fails` fault, judgments may be failed ones."""

    cause: Callable[[Lane, Random], Awaitable[int]]
    fails: bool = False


async def _in_flight(lane: Lane) -> int:
    """The calls in flight a second ago, at most: by now the provider has read those that were sent."""
    most = 0
    for _ in range(ARRIVALS):
        most = max(most, lane.provider.in_flight())
        await asyncio.sleep(ARRIVAL_S)
    return max(most, lane.provider.in_flight())


async def kill_worker(lane: Lane, rng: Random) -> int:
    worker, before = rng.choice(lane.workers), lane.provider.in_flight()
    await lane.end_worker(worker, signal.SIGKILL)
    in_flight = max(before, await _in_flight(lane))
    lane.start_workers()
    return in_flight


async def stop_worker(lane: Lane, rng: Random) -> int:
    await lane.end_worker(rng.choice(lane.workers), signal.SIGTERM)
    lane.start_workers()
    return 0


async def kill_all_workers(lane: Lane, rng: Random) -> int:
    before = lane.provider.in_flight()
    for worker in list(lane.workers):
        await lane.end_worker(worker, signal.SIGKILL)
    in_flight = max(before, await _in_flight(lane))
    lane.start_workers()
    return in_flight


async def freeze_worker(lane: Lane, rng: Random) -> int:
    worker = rng.choice(lane.workers)
    worker.send(signal.SIGSTOP)
    in_flight = await _in_flight(lane)
    await asyncio.sleep(FROZEN_S)
    worker.send(signal.SIGCONT)
    return in_flight


async def kill_api(lane: Lane, rng: Random) -> int:
    for _ in range(rng.randint(1, 2)):
        await lane.kill_api()
        lane.start_api()
        await asyncio.sleep(rng.random())
    return 0


async def kill_store(lane: Lane, rng: Random) -> int:
    in_flight = lane.provider.in_flight()  # on a busy disk, the store answers before it has written
    await until(lambda: _has_written(lane), "the store's file", START_LIMIT_S)
    await lane.fleet.end_store(signal.SIGKILL)
    await asyncio.sleep(rng.uniform(0, 2))
    await lane.fleet.start_store()
    return in_flight


async def _has_written(lane: Lane) -> bool:
    """Whether the store's file has all that was answered, which it has not while the disk takes long to sync."""
    with contextlib.suppress(RedisError):  # another fault may have ended the store meanwhile
        told = await lane.fleet.redis.info("persistence")
        return not told["aof_buffer_length"] and not told["aof_pending_bio_fsync"]
    return False


async def freeze_store(lane: Lane, rng: Random) -> int:
    lane.fleet.signal_store(signal.SIGSTOP)
    await asyncio.sleep(STORE_FROZEN_S)
    lane.fleet.signal_store(signal.SIGCONT)
    return 0


async def lose_last_second(lane: Lane, rng: Random) -> int:
    """The store comes back as it was up to a second before, as after a loss of power."""
    await lane.at_rest.wait()  # a request that is accepted in this second is lost, as documented
    await until(lambda: _has_written(lane), "the store's file", START_LIMIT_S)
    kept, copy = lane.fleet.store.data / "appendonlydir", lane.fleet.store.data / "a-second-ago"
    in_flight, before = await _in_flight(lane), lane.provider.answers.total()
    shutil.copytree(kept, copy)
    await asyncio.sleep(rng.uniform(0.2, 1))
    await lane.fleet.end_store(signal.SIGKILL)
    shutil.rmtree(kept)
    copy.rename(kept)
    await lane.fleet.start_store()
    return in_flight + lane.provider.answers.total() - before


async def keep_store_busy(lane: Lane, rng: Random) -> int:
    redis = lane.fleet.redis
    await redis.config_set("busy-reply-threshold", 50)
    other = Redis.from_url(lane.fleet.store.url, socket_timeout=30)
    running = asyncio.create_task(_run_endless_script(other))
    await asyncio.sleep(rng.choice(REFUSING_S))

    async def killed() -> bool:
        with contextlib.suppress(RedisError):
            await redis.script_kill()
        return running.done()

    await until(killed, "the end of the script")
    await other.aclose()
    return 0


async def _run_endless_script(redis: Redis) -> None:
    with contextlib.suppress(RedisError):
        await redis.eval("while true do end", 0)  # type: ignore[misc]


@contextlib.asynccontextmanager
async def _configured(redis: Redis, name: str, value: Any, usual: Any) -> AsyncIterator[None]:
    await redis.config_set(name, value)
    try:
        yield
    finally:
        await redis.config_set(name, usual)


async def fill_store(lane: Lane, rng: Random) -> int:
    async with _configured(lane.fleet.redis, "maxmemory", 1, 0):
        await asyncio.sleep(rng.choice(REFUSING_S))
    return 0


async def take_replicas_away(lane: Lane, rng: Random) -> int:
    async with _configured(lane.fleet.redis, "min-replicas-to-write", 1, 0):
        await asyncio.sleep(rng.choice(REFUSING_S))
    return 0


async def make_store_read_only(lane: Lane, rng: Random) -> int:
    await lane.fleet.redis.replicaof("127.0.0.1", "1")  # nobody is there
    await asyncio.sleep(rng.choice(REFUSING_S))
    await lane.fleet.redis.replicaof("NO", "ONE")
    return 0


async def fail_store_on_disk(lane: Lane, rng: Random) -> int:
    """The store can't save its data, and refuses writes therefore (MISCONF)."""
    redis, blocked = lane.fleet.redis, lane.fleet.store.data / "dump.rdb"
    blocked.mkdir()

    async def has_failed() -> bool:
        told = await redis.info("persistence")  # the status may be that of an earlier save
        return told["rdb_last_bgsave_status"] == "err" and not told["rdb_bgsave_in_progress"]

    async with _configured(redis, "save", "3600 1000000", ""):
        await redis.bgsave()
        await until(has_failed, "a save that fails")
        await asyncio.sleep(rng.choice(REFUSING_S))
    blocked.rmdir()
    return 0


async def fill_disk(lane: Lane, rng: Random) -> int:
    """The store can't write its file of commands, and refuses writes therefore (MISCONF)."""
    with lane.fleet.full_disk():
        await asyncio.sleep(rng.choice(REFUSING_S))
    return 0


def skew_worker(seconds: float) -> Callable[[Lane, Random], Awaitable[int]]:
    """One of the workers has a clock that is so far ahead."""

    async def cause(lane: Lane, rng: Random) -> int:
        skewed = lane.fleet.started("tests.flows.skewed_worker", JUDGED_TEST_SKEW_S=str(seconds))
        await lane.end_worker(rng.choice(lane.workers), signal.SIGTERM)
        await until(lambda: lane.fleet.beats(skewed), "a worker", START_LIMIT_S)
        await asyncio.sleep(SKEWED_S)
        lane.start_workers()
        skewed.send(signal.SIGTERM)
        await ended(skewed, END_LIMIT_S)
        return 0

    return cause


def spoil_provider(mood: Mood) -> Callable[[Lane, Random], Awaitable[int]]:
    async def cause(lane: Lane, rng: Random) -> int:
        before = lane.provider.dripped
        with lane.provider.in_mood(mood):
            await asyncio.sleep(MOOD_S)
        return lane.provider.dripped - before

    return cause


FAULTS = {
    "worker killed": Fault(kill_worker),
    "workers killed": Fault(kill_all_workers),
    "worker stopped": Fault(stop_worker),
    "worker frozen": Fault(freeze_worker),
    "worker a minute ahead": Fault(skew_worker(60)),
    "worker a minute behind": Fault(skew_worker(-60)),
    "API killed": Fault(kill_api),
    "store killed": Fault(kill_store),
    "store frozen": Fault(freeze_store),
    "store loses a second": Fault(lose_last_second),
    "store busy": Fault(keep_store_busy),
    "store full": Fault(fill_store),
    "store read-only": Fault(make_store_read_only),
    "store without replicas": Fault(take_replicas_away),
    "store can't save": Fault(fail_store_on_disk),
    "disk full": Fault(fill_disk),
    "provider hangs": Fault(spoil_provider("hangs"), fails=True),
    "provider drips": Fault(spoil_provider("drips"), fails=True),
    "provider limits": Fault(spoil_provider("limits"), fails=True),
    "provider fails": Fault(spoil_provider("fails"), fails=True),
}
