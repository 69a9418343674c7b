"""Cancels jobs."""

from redis.asyncio import Redis

from service.agreement import Finished, record_judgments
from service.config.settings import Settings
from service.contracts.jobs import Job, JobRecord
from service.jobs.unasked import cancelled_chunk
from service.store import clock, jobs

_AT_ONCE = 1_000  # judgments that a request ends, in some 0.1 s


async def cancel_job(redis: Redis, settings: Settings, record: JobRecord, job: Job) -> None:
    """Cancels the part of a job that has not started; does nothing if the job is over.

    Calls in flight end, and their results are kept. Workers end most of a large job, so that the caller need not wait.
    """
    if job.is_over:
        return
    most_chunks = max(_AT_ONCE // (record.chunk_items * len(record.judges)), 1)
    for chunk in (await jobs.mark_cancelled(redis, record.id))[:most_chunks]:
        items = await jobs.load_chunk(redis, record.id, chunk)
        batch = [
            Finished(record, position, judgment)
            for position, judgment in cancelled_chunk(record, chunk, items, clock.now())
        ]
        await record_judgments(redis, batch, keep_s=settings.store.keep_s)
