"""The rate of a key's requests, by the store's own clock."""

from redis.asyncio import Redis

from service.store import keys
from service.store.request_rates import take_request


async def test_as_many_requests_as_allowed_pass_within_a_minute(redis: Redis) -> None:
    waits = [await take_request(redis, "bot", 2) for _ in range(3)]
    assert waits[:2] == [0, 0]
    assert 59_000 < waits[2] <= 60_000
    assert await take_request(redis, "other", 2) == 0
    assert 0 < await redis.pttl(keys.request_times("bot")) <= 60_000


async def test_a_refused_request_does_not_count(redis: Redis) -> None:
    for _ in range(5):
        await take_request(redis, "bot", 1)
    assert await redis.llen(keys.request_times("bot")) == 1  # type: ignore[misc]
    await redis.lset(keys.request_times("bot"), 0, "1")  # type: ignore[misc]
    assert await take_request(redis, "bot", 1) == 0
