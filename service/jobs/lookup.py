"""Finds jobs by their ids."""

import msgspec
from redis.asyncio import Redis

from service.contracts.jobs import INLINE_JUDGMENTS, Job, JobRecord
from service.contracts.refusals import not_found
from service.store import jobs, judgments


async def existing_job(redis: Redis, job_id: str) -> tuple[JobRecord, Job]:
    """Returns a job. Raises Refused (not-found) if there is none, or none that may be shown."""
    return visible_job(await jobs.load_job(redis, job_id), job_id)


def visible_job(found: tuple[JobRecord, Job] | None, job_id: str) -> tuple[JobRecord, Job]:
    """Returns a job that was found. Raises Refused (not-found) also for a battle's job, which would name its models."""
    if found is None or found[0].purpose == "battle":
        raise not_found(f"job {job_id}")
    return found


async def job_with_judgments(redis: Redis, record: JobRecord, job: Job) -> Job:
    """Returns the job with the judgments that are finished, if it has at most INLINE_JUDGMENTS in all."""
    if record.total > INLINE_JUDGMENTS:
        return job
    finished = [placed.judgment async for placed in judgments.judgments_in_order(redis, record)]
    return msgspec.structs.replace(job, judgments=finished)
