"""Waiting ends with the job, or with the time."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from service.config.settings import Settings
from service.contracts.jobs import Job, JobRecord
from service.jobs import EVERYTHING, cancel_job, changes, end_of, existing_job, until_end, until_over, waiting
from service.store import jobs
from service.store.jobs import load_small_job
from service.store.signals import Signals
from tests.jobs.conftest import submitted


@pytest.fixture
async def signals(redis: Redis) -> AsyncIterator[Signals]:
    opened = Signals(redis)
    yield opened
    await opened.aclose()


async def test_the_wait_ends_after_its_time(redis: Redis, settings: Settings, signals: Signals) -> None:
    record = await submitted(redis, settings)
    found = await until_over(redis, signals, record.id, 0.05)
    assert found is not None
    assert not found[1].is_over
    assert await until_over(redis, signals, "job_x", 0.05) is None


async def test_the_wait_ends_with_the_job(redis: Redis, settings: Settings, signals: Signals) -> None:
    record = await submitted(redis, settings)
    waits = asyncio.create_task(until_over(redis, signals, record.id, 9))
    await cancel_job(redis, settings, *await existing_job(redis, record.id, EVERYTHING))
    found = await waits
    assert found is not None
    assert found[1].is_over


async def test_a_job_whose_end_is_heard_is_not_looked_at_before(
    redis: Redis, settings: Settings, signals: Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = await submitted(redis, settings)
    looks = []

    async def look(redis: Redis, job_id: str) -> tuple[JobRecord, Job] | None:
        looks.append(job_id)
        return await load_small_job(redis, job_id)

    monkeypatch.setattr(jobs, "load_small_job", look)
    monkeypatch.setattr(waiting, "_LOOK_S", 60.0)
    with end_of(signals, record.id) as end:
        await end.subscription.wait()
        end.begin()
        ending = asyncio.create_task(until_end(redis, signals, end, 60))
        await asyncio.sleep(0)
        await cancel_job(redis, settings, *await existing_job(redis, record.id, EVERYTHING))
        found = await ending
    assert found is not None
    assert found[1].is_over
    assert len(looks) == 1


async def test_changes_end_with_the_final_counts(redis: Redis, settings: Settings, signals: Signals) -> None:
    record = await submitted(redis, settings)
    seen = []
    async for job in changes(redis, signals, record.id):
        seen.append(job.counts.pending)
        if len(seen) == 1:
            await cancel_job(redis, settings, *await existing_job(redis, record.id, EVERYTHING))
    assert seen == [1, 0]
    assert [job async for job in changes(redis, signals, "job_x")] == []


async def test_waits_end_with_the_process(redis: Redis, settings: Settings, signals: Signals) -> None:
    record = await submitted(redis, settings)
    waits = asyncio.create_task(until_over(redis, signals, record.id, 60))
    following = changes(redis, signals, record.id)
    assert (await anext(following)).counts.pending == 1
    signals.end()
    found = await waits
    assert found is not None
    assert not found[1].is_over
    assert [job async for job in following] == []
