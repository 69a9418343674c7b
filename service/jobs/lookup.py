"""Finds jobs by their ids, as far as a caller may see them."""

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from service.contracts.jobs import INLINE_JUDGMENTS, Job, JobRecord
from service.contracts.refusals import not_found
from service.store import jobs, judgments
from service.store.breakers import failing_models
from service.store.provider_limits import paused_providers


class View(NamedTuple):
    """The jobs, benchmarks and battles that a caller may see: those of one API key, or all if `owner` is None."""

    owner: str | None

    def shows(self, owner: str | None) -> bool:
        """Returns whether the caller may see what this key made; None made it while no keys were configured."""
        return self.owner is None or self.owner == owner


EVERYTHING = View(None)


async def existing_job(redis: Redis, job_id: str, view: View) -> tuple[JobRecord, Job]:
    """Returns a job. Raises Refused (not-found) if there is none, or none that may be shown."""
    return visible_job(await jobs.load_job(redis, job_id), job_id, view)


def visible_job(found: tuple[JobRecord, Job] | None, job_id: str, view: View) -> tuple[JobRecord, Job]:
    """Returns a job that was found. Raises Refused (not-found) also for another key's job, and for a battle's job,
    which would name its models.
    """
    if found is None or not _may_show(found[0], view):
        raise not_found(f"job {job_id}")
    return found


async def visible_jobs(redis: Redis, job_ids: Iterable[str], view: View) -> list[str]:
    """Returns the ids of the jobs that `existing_job` would return, in one round trip."""
    return [job_id for job_id, (record, _) in await jobs.load_jobs(redis, job_ids) if _may_show(record, view)]


def _may_show(record: JobRecord, view: View) -> bool:
    return record.purpose != "battle" and view.shows(record.owner)


async def job_with_judgments(redis: Redis, record: JobRecord, job: Job) -> Job:
    """Returns the job with the judgments that are finished, if it has at most INLINE_JUDGMENTS in all.

    While it runs, it also has those of its models whose provider fails, and the providers that take no call now.
    """
    job = await with_waits(redis, record, job)
    if record.total > INLINE_JUDGMENTS or job.judgments is not msgspec.UNSET:
        return job
    finished = [placed.judgment async for placed in judgments.judgments_in_order(redis, record)]
    return msgspec.structs.replace(job, judgments=finished)


async def with_waits(redis: Redis, record: JobRecord, job: Job) -> Job:
    """Returns the job with what its items wait for: models whose provider fails, and providers that take no call now.

    A job that is over waits for none.
    """
    if job.is_over:
        return job
    models = {model for judge in record.judges for model in judge.models}
    providers = sorted({model.partition("/")[0] for model in models})
    failing, paused = await asyncio.gather(failing_models(redis), paused_providers(redis, providers))
    return msgspec.structs.replace(
        job,
        failing_models=[each for each in failing if each.model in models] or msgspec.UNSET,
        paused_providers=paused or msgspec.UNSET,
    )
