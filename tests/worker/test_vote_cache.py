"""One worker's view of the cache: whoever looks first asks, everybody else waits."""

import asyncio

from redis.asyncio import Redis

from service.store import keys, workers
from service.store.cache import Lease
from worker.vote_cache import Memory


async def test_of_many_looks_at_the_same_moment_one_asks(redis: Redis) -> None:
    """Their answers come over several connections, and so in any order."""
    await workers.note_heartbeat(redis, "w")
    memory = Memory(redis, "w")
    for number in range(50):
        key = keys.cached_vote(str(number))
        found = await asyncio.gather(*(memory.look_up([key]) for _ in range(6)))
        assert sum(each is Lease.MINE for [each] in found) == 1


async def test_a_lease_that_a_chunk_left_behind_is_taken_over(redis: Redis) -> None:
    await workers.note_heartbeat(redis, "w")
    key = keys.cached_vote("left")
    assert await Memory(redis, "w").look_up([key]) == [Lease.MINE]
    assert await Memory(redis, "w").look_up([key]) == [Lease.MINE]
