"""One worker's view of the cache: whoever looks first asks, everybody else waits."""

import asyncio

from redis.asyncio import Redis

from service.store import keys, workers
from service.store.cache import CacheKey, Lease
from worker.vote_cache import VoteCache


async def test_of_many_looks_at_the_same_moment_one_asks(redis: Redis) -> None:
    """Their answers come over several connections, and so in any order."""
    await workers.note_heartbeat(redis, "w")
    cache = VoteCache(redis, "w")
    for number in range(50):
        key = CacheKey(keys.cached_vote(str(number)), "p/m")
        found = await asyncio.gather(*(cache.look_up([key]) for _ in range(6)))
        assert sum(each is Lease.MINE for [each] in found) == 1


async def test_a_lease_that_a_chunk_left_behind_is_taken_over(redis: Redis) -> None:
    await workers.note_heartbeat(redis, "w")
    key = CacheKey(keys.cached_vote("left"), "p/m")
    assert await VoteCache(redis, "w").look_up([key]) == [Lease.MINE]
    assert await VoteCache(redis, "w").look_up([key]) == [Lease.MINE]
