"""Periodic tasks that run once in a period over all processes."""

from redis.asyncio import Redis

from service.store.periods import claim_present_period, left_s

DAY_S = 86_400.0


async def test_a_period_of_a_task_is_claimed_once(redis: Redis) -> None:
    assert await claim_present_period(redis, "one", DAY_S)
    assert not await claim_present_period(redis, "one", DAY_S)
    assert await claim_present_period(redis, "other", DAY_S)
    assert await claim_present_period(redis, "one", DAY_S / 7)  # another period
    kept_ms = [await redis.pttl(key) for key in await redis.keys("*")]
    assert all(0 < each <= 2 * DAY_S * 1000 for each in kept_ms)


def test_a_period_ends_within_its_length() -> None:
    assert 0 < left_s(0.001) <= 0.001
    assert 0 < left_s(DAY_S) <= DAY_S
