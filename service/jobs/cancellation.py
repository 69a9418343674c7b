"""Cancels jobs."""

from redis.asyncio import Redis

from service.agreement import Finished, record_judgments
from service.config.settings import Settings
from service.contracts.jobs import Job, JobRecord
from service.jobs.unasked import cancelled_chunk
from service.store import clock, jobs


async def cancel_job(redis: Redis, settings: Settings, record: JobRecord, job: Job) -> None:
    """Cancels the part of a job that has not started; does nothing if the job is over.

    Calls in flight end, and their results are kept.
    """
    if job.is_over:
        return
    for chunk in await jobs.mark_cancelled(redis, record.id):
        items = await jobs.load_chunk(redis, record.id, chunk)
        now = clock.now()
        waited_s = (now - record.created_at).total_seconds()
        batch = [
            Finished(record, position, judgment, waited_s)
            for position, judgment in cancelled_chunk(record, chunk, items, now)
        ]
        await record_judgments(redis, batch, keep_s=settings.store.keep_s)
