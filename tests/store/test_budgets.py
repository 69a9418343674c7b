"""Money of a budget is leased to workers."""

import pytest
from redis.asyncio import Redis

from service.store import clock, keys, workers
from service.store.budgets import Budget, lease_money
from service.store.changes import NANO
from service.store.connection import reply
from tests.store.made import committed
from tests.store.outages import OUTAGE_S, note_outage

DAY = Budget(1e-6, owner="bot", day="2026-01-31")  # 1,000 nano-dollars


@pytest.fixture(autouse=True)
async def _alive(redis: Redis) -> None:
    for each in ("a", "b"):
        await workers.note_heartbeat(redis, each)


async def test_all_workers_together_hold_no_more_than_the_budget(redis: Redis) -> None:
    assert await lease_money(redis, "a", DAY, held=0, least=10, wanted=800) == (500, 1000)
    assert await lease_money(redis, "b", DAY, held=0, least=400, wanted=800) == (400, 1000)
    assert await lease_money(redis, "a", DAY, held=500, least=101, wanted=800) == (0, 1000)
    assert await lease_money(redis, "b", DAY, held=0, least=0, wanted=0) == (0, 1000)
    assert await lease_money(redis, "a", DAY, held=500, least=500, wanted=500) == (500, 1000)


async def test_money_spent_is_gone_and_that_of_a_dead_worker_comes_back(redis: Redis) -> None:
    await redis.set(keys.spend("bot", "2026-01-31"), 300)
    assert await lease_money(redis, "dead", DAY, held=0, least=500, wanted=500) == (500, 700)
    assert await lease_money(redis, "a", DAY, held=0, least=700, wanted=700) == (700, 700)


async def test_a_worker_that_could_send_no_heartbeat_in_an_outage_keeps_its_money(redis: Redis) -> None:
    assert await lease_money(redis, "a", DAY, held=0, least=600, wanted=600) == (600, 1000)
    past = clock.seconds() - 1
    await redis.zadd(keys.WORKERS, {"a": past, "b": past})
    await note_outage(redis, OUTAGE_S + 4)
    assert await lease_money(redis, "b", DAY, held=0, least=401, wanted=401) == (0, 1000)
    await redis.zadd(keys.WORKERS, {"a": past})  # it did not come back
    assert await lease_money(redis, "b", DAY, held=0, least=401, wanted=401) == (401, 1000)


async def test_money_that_calls_have_spent_will_not_come_back(redis: Redis) -> None:
    await lease_money(redis, "a", DAY, held=300, unstored=200, least=0, wanted=0)
    assert await lease_money(redis, "b", DAY, held=60, unstored=50, least=900, wanted=900) == (0, 750)
    # The worker's judgment may have been stored since: then its cost is counted once, not twice.
    await redis.set(keys.spend("bot", "2026-01-31"), 200)
    assert await lease_money(redis, "b", DAY, held=60, unstored=50, least=700, wanted=700) == (0, 750)
    await lease_money(redis, "a", DAY, held=100, least=0, wanted=0)
    assert await lease_money(redis, "b", DAY, held=60, unstored=50, least=640, wanted=640) == (640, 750)


async def test_a_lease_of_an_earlier_version_counts(redis: Redis) -> None:
    await reply(redis.hset(keys.spend_leases("bot", "2026-01-31"), "a", "300"))
    assert await lease_money(redis, "b", DAY, held=0, least=701, wanted=701) == (0, 1000)
    assert await lease_money(redis, "b", DAY, held=0, least=700, wanted=700) == (700, 1000)


async def test_a_jobs_budget_counts_its_own_costs_and_those_without_a_judgment(redis: Redis) -> None:
    record = await committed(redis, 2)
    budget = Budget(1.0, job_id=record.id)
    assert await lease_money(redis, "a", budget, held=0, least=1, wanted=1, charged=NANO // 2) == (1, NANO // 2)
    stored = await reply(redis.hgetall(keys.job(record.id)))
    assert stored[b"cost_nano"] == str(NANO // 2).encode()
    assert (await lease_money(redis, "a", budget, held=0, least=NANO, wanted=NANO)).granted == 0
