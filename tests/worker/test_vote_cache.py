"""One worker's view of the cache: whoever looks first asks, everybody else waits and holds nothing."""

import asyncio

import pytest
from redis.asyncio import Redis

from service.store import cache, clock, keys, workers
from service.store.cache import CacheKey
from service.store.connection import cancelled
from service.store.errors import StoreUnavailableError
from tests.polling import until
from tests.store.outages import end_grace, note_outage
from tests.worker.test_limits import OpenGate
from worker import vote_cache
from worker.asking import NotStarted
from worker.vote_cache import ChunkVotes, VoteCache


def key_of(name: str) -> CacheKey:
    return CacheKey(keys.cached_vote(name), "p/m")


A, B, C = key_of("a"), key_of("b"), key_of("c")


async def leased(redis: Redis) -> set[str]:
    return {each.decode() for each in await redis.keys(f"{keys.PREFIX}cache:*")}


async def test_of_many_looks_at_the_same_moment_one_asks(redis: Redis) -> None:
    """Their answers come over several connections, and so in any order."""
    await workers.note_heartbeat(redis, "w")
    votes = VoteCache(redis, "w")
    for number in range(50):
        found = await asyncio.gather(*(votes.take([[key_of(str(number))]]) for _ in range(6)))
        assert sum(each is not None for [each] in found) == 1


async def test_a_lease_that_a_chunk_left_behind_is_taken_over(redis: Redis) -> None:
    await workers.note_heartbeat(redis, "w")
    for _ in range(2):
        [held] = await VoteCache(redis, "w").take([[A]])
        assert held is not None
        assert held.leased == {A}


async def test_after_an_outage_nobody_takes_a_vote_from_a_worker_that_could_not_renew_its_lease(redis: Redis) -> None:
    for worker in ("one", "other"):
        await workers.note_heartbeat(redis, worker)
    one, other = VoteCache(redis, "one"), VoteCache(redis, "other")
    await one.take([[A]])
    await note_outage(redis, int(workers.ALIVE_S) - 1)
    past = clock.seconds() - 1
    await redis.zadd(keys.WORKERS, {"one": past, "other": past})
    assert await other.take([[A], [B]]) == [None, None]  # B may be stored at any moment: its lease has ended
    await end_grace(redis)
    assert await other.take([[A]]) == [None]  # it counts as alive for a while longer
    await redis.zadd(keys.WORKERS, {"one": past})
    [held] = await other.take([[A, B]])
    assert held is not None
    assert held.leased == {A, B}


async def test_a_judgment_gets_all_of_its_leases_or_none(redis: Redis) -> None:
    for worker in ("one", "other"):
        await workers.note_heartbeat(redis, worker)
    one, other = VoteCache(redis, "one"), VoteCache(redis, "other")
    [held] = await one.take([[A, B]])
    assert held is not None
    assert await one.take([[B, C]]) == [None]
    assert await other.take([[B, C], [C, A]]) == [None, None]
    assert await leased(redis) == {A.key, B.key}
    await one.end(held.leased, failed=False)
    [again] = await other.take([[C, A]])
    assert again is not None
    assert again.leased == {C, A}


async def test_two_that_want_the_same_votes_in_two_orders_never_wait_for_each_other(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vote_cache, "_PATIENCE_S", 60.0)
    for worker in ("one", "other"):
        await workers.note_heartbeat(redis, worker)
    views = [VoteCache(redis, "one"), VoteCache(redis, "other")]

    async def ask(view: VoteCache, wanted: list[CacheKey]) -> None:
        chunk = ChunkVotes(view, [wanted])
        held = await chunk.hold(0, OpenGate())
        await asyncio.sleep(0.001)
        await chunk.end(held, failed=False)

    async with asyncio.timeout(60):
        await asyncio.gather(*(ask(views[n % 2], [A, B] if n % 3 else [B, A]) for n in range(12)))
    assert await leased(redis) == set()


async def test_one_that_waits_long_goes_away_and_leaves_nothing(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vote_cache, "_PATIENCE_S", 0.0)
    await workers.note_heartbeat(redis, "w")
    votes = VoteCache(redis, "w")
    await votes.take([[A]])
    chunk = ChunkVotes(votes, [[A, B]])
    await chunk.look_up()
    with pytest.raises(NotStarted) as caught:
        await chunk.hold(0, OpenGate())
    assert caught.value.outcome is None
    assert await leased(redis) == {A.key}


async def test_a_lease_that_could_not_be_given_up_is_free_for_this_worker_and_given_up_later(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    await workers.note_heartbeat(redis, "w")
    votes = VoteCache(redis, "w")
    [held] = await votes.take([[A]])
    assert held is not None

    async def away(*args: object) -> None:
        raise StoreUnavailableError("away")

    with monkeypatch.context() as patched:
        patched.setattr(cache, "release_votes", away)
        await votes.end(held.leased, failed=False)
    assert await leased(redis) == {A.key}
    [again] = await votes.take([[A]])
    assert again is not None
    with monkeypatch.context() as patched:
        patched.setattr(cache, "release_votes", away)
        await votes.end(again.leased, failed=False)
    monkeypatch.setattr(vote_cache, "RENEW_VOTES_S", 0.01)
    keeping = asyncio.create_task(votes.keep_leasing())

    async def is_free() -> bool:
        return not await leased(redis)

    await until(is_free, "the end of the lease")
    await cancelled(keeping)


async def test_a_lease_is_short_and_renewed_while_the_vote_is_asked_for(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    await workers.note_heartbeat(redis, "w")
    monkeypatch.setattr(vote_cache, "RENEW_VOTES_S", 0.01)
    votes = VoteCache(redis, "w")
    [held] = await votes.take([[A, B]])
    assert held is not None
    assert 0 < await redis.ttl(A.key) <= cache.VOTE_LEASE_S
    await redis.expire(A.key, 3)
    await redis.set(B.key, "=elsewhere|0|0|")
    keeping = asyncio.create_task(votes.keep_leasing())

    async def is_renewed() -> bool:
        return int(await redis.ttl(A.key)) > 3

    await until(is_renewed, "a longer lease")
    await cancelled(keeping)
    assert await redis.get(B.key) == b"=elsewhere|0|0|"


async def test_equal_judgments_ask_side_by_side_after_one_of_them_got_no_score(redis: Redis) -> None:
    await workers.note_heartbeat(redis, "w")
    votes = VoteCache(redis, "w")
    [held] = await votes.take([[A]])
    assert held is not None
    await votes.end(held.leased, failed=True)
    found = await votes.take([[A], [A]])
    assert [each is not None and not each.leased for each in found] == [True, True]
    assert await leased(redis) == set()
