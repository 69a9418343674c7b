"""Whose chunk a worker takes next: jobs and keys take turns, and nothing waits behind a full provider."""

import asyncio

import msgspec
from redis.asyncio import Redis

from service.contracts.judges import ResolvedJudge
from service.store import clock, jobs, keys
from service.store.queue import FreeRooms, QueueWorker, Rooms
from service.store.signals import Signals
from tests.store.made import JUDGE, committed


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
