"""Cancelling ends a job whose judgments have not started."""

from redis.asyncio import Redis

from service.config.settings import Settings
from service.contracts.outcomes import JobStatus
from service.jobs import EVERYTHING, cancel_job, existing_job, job_with_judgments
from service.store import jobs
from tests.jobs.conftest import submitted


async def test_a_cancelled_job_is_over_and_lists_its_judgments(redis: Redis, settings: Settings) -> None:
    record = await submitted(redis, settings, items=60)
    await cancel_job(redis, settings, *await existing_job(redis, record.id, EVERYTHING))
    record, job = await existing_job(redis, record.id, EVERYTHING)
    assert job.is_over
    assert (job.status, job.counts.cancelled) == (JobStatus.CANCELLED, 60)
    shown = await job_with_judgments(redis, record, job)
    assert isinstance(shown.judgments, list)
    assert len(shown.judgments) == 60


async def test_a_request_cancels_a_part_of_a_large_job_and_leaves_the_rest_to_workers(
    redis: Redis, settings: Settings
) -> None:
    record = await submitted(redis, settings, items=1_500)
    await cancel_job(redis, settings, *await existing_job(redis, record.id, EVERYTHING))
    _, job = await existing_job(redis, record.id, EVERYTHING)
    assert (job.counts.cancelled, job.counts.pending) == (1_000, 500)
    assert await jobs.stopped_jobs(redis, [record.id]) == {record.id: "cancelled"}


async def test_cancelling_a_job_that_is_over_changes_nothing(redis: Redis, settings: Settings) -> None:
    record = await submitted(redis, settings)
    await cancel_job(redis, settings, *await existing_job(redis, record.id, EVERYTHING))
    over = await existing_job(redis, record.id, EVERYTHING)
    await cancel_job(redis, settings, *over)
    assert await existing_job(redis, record.id, EVERYTHING) == over
