"""The gauges are refreshed once in a period, whichever API does so."""

import asyncio

import msgspec
from redis.asyncio import Redis

from service.config.settings import Settings, WorkerSettings
from service.gauges.refresher import keep_refreshing
from service.store.connection import cancelled
from service.store.gauges import Refreshed, load_gauges
from tests.polling import until

DAY = Settings(worker=WorkerSettings(refresh_seconds=86_400))
SOON = msgspec.structs.replace(DAY, worker=WorkerSettings(refresh_seconds=0.05))


async def refreshed(redis: Redis, after: float = 0.0) -> Refreshed:
    """The gauges that were computed after this time."""

    async def found() -> Refreshed | None:
        found = await load_gauges(redis)
        return found if found is not None and found.at > after else None

    newest: Refreshed = await until(found, "a refresh")
    return newest


async def test_two_processes_refresh_in_turns(redis: Redis) -> None:
    refreshing = [asyncio.create_task(keep_refreshing(redis, SOON)) for _ in range(2)]
    first = await refreshed(redis)
    await refreshed(redis, first.at)
    await cancelled(*refreshing)


async def test_only_one_of_two_processes_refreshes_in_a_period(redis: Redis) -> None:
    await redis.config_resetstat()
    refreshing = [asyncio.create_task(keep_refreshing(redis, DAY)) for _ in range(2)]
    before = await refreshed(redis)
    refreshing.append(asyncio.create_task(keep_refreshing(redis, DAY)))  # it finds that this is done

    async def have_claimed() -> bool:
        calls: int = (await redis.info("commandstats"))["cmdstat_set"]["calls"]
        return calls == len(refreshing) + 1  # the gauges are the last one

    await until(have_claimed, "three claims and one refresh")
    assert await load_gauges(redis) == before
    await cancelled(*refreshing)
