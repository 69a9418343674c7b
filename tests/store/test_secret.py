"""The secret of the installation."""

import asyncio

from redis.asyncio import Redis

from service.store.secret import installation_secret


async def test_all_processes_get_the_same_secret_also_at_the_same_moment(redis: Redis) -> None:
    drawn = await asyncio.gather(*(installation_secret(redis) for _ in range(8)))
    assert len(set(drawn)) == 1
    assert len(drawn[0]) == 32
    assert await installation_secret(redis) == drawn[0]


async def test_another_installation_has_another(redis: Redis) -> None:
    before = await installation_secret(redis)
    await redis.flushall()
    assert await installation_secret(redis) != before
