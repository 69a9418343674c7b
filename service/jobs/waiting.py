"""Waits for a job to change or to end; workers signal each change."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from redis.asyncio import Redis

from service.contracts.jobs import Job, JobRecord
from service.store import jobs, keys
from service.store.signals import Signals

_LOOK_S = 1.0  # a signal may be lost: look again after this time
_BREATH_S = 0.01  # a large job changes often: combine changes
_PACE_S = 0.1  # report at most ten changes per second


async def until_over(redis: Redis, signals: Signals, job_id: str, wait_s: float) -> tuple[JobRecord, Job] | None:
    """Returns the job once it is over, or its state after `wait_s` seconds or when the process stops.

    None if there is no such job. A small job that is over has its judgments.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_s
    changed = asyncio.Event()
    async with signals.subscribed(keys.job_events(job_id), changed):
        while True:
            changed.clear()
            found = await jobs.load_small_job(redis, job_id)
            left = deadline - loop.time()
            if found is None or found[1].is_over or left <= 0 or signals.are_ending:
                return found
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), min(left, _LOOK_S))
            if found[1].counts.pending > 1 and left > _PACE_S:
                await asyncio.sleep(_BREATH_S)


async def changes(redis: Redis, signals: Signals, job_id: str) -> AsyncIterator[Job]:
    """Yields the job now, and again after each change of its counts, until it is over or the process stops."""
    changed = asyncio.Event()
    shown = None
    async with signals.subscribed(keys.job_events(job_id), changed):
        while True:
            changed.clear()
            found = await jobs.load_job(redis, job_id)
            if found is None:
                return
            job = found[1]
            if shown is None or (job.counts, job.status) != (shown.counts, shown.status):
                shown = job
                yield job
            if job.is_over or signals.are_ending:
                return
            await asyncio.sleep(_PACE_S)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), _LOOK_S)
