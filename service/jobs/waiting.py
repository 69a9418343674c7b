"""Waits for a job to change or to end; workers signal each change."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

from redis.asyncio import Redis

from service.contracts.jobs import Job, JobRecord
from service.store import jobs, keys
from service.store.signals import Signals, Subscription

_LOOK_S = 1.0  # a signal may be lost: look again after this time
_PACE_S = 0.1  # report at most ten changes per second


class JobEnd:
    """The end of a job as it is listened for. `is_heard` says that it can't have come before the subscription."""

    def __init__(self, job_id: str, ended: asyncio.Event, subscription: Subscription) -> None:
        self.job_id = job_id
        self.ended = ended
        self.subscription = subscription
        self.is_heard = False

    def begin(self) -> None:
        """Notes that the job is only made now."""
        self.is_heard = self.subscription.is_confirmed


@contextlib.contextmanager
def end_of(signals: Signals, job_id: str) -> Iterator[JobEnd]:
    """Begins to listen for the end of a job, also of one that is only about to be made."""
    ended = asyncio.Event()
    with signals.subscribing(keys.ENDED, ended, job_id) as subscription:
        yield JobEnd(job_id, ended, subscription)


async def until_over(redis: Redis, signals: Signals, job_id: str, wait_s: float) -> tuple[JobRecord, Job] | None:
    """Returns the job once it is over, or its state after `wait_s` seconds or when the process stops.

    None if there is no such job. A small job that is over has its judgments.
    """
    with end_of(signals, job_id) as end:
        await end.subscription.wait()
        return await until_end(redis, signals, end, wait_s)


async def until_end(redis: Redis, signals: Signals, end: JobEnd, wait_s: float) -> tuple[JobRecord, Job] | None:
    """Returns the same. A job whose end is heard is not looked at before."""
    deadline = asyncio.get_running_loop().time() + wait_s
    if end.is_heard:
        await _pause(end, wait_s)
    while True:
        end.ended.clear()
        found = await jobs.load_small_job(redis, end.job_id)
        left = deadline - asyncio.get_running_loop().time()
        if found is None or found[1].is_over or left <= 0 or signals.are_ending:
            return found
        await _pause(end, left)


async def _pause(end: JobEnd, wait_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(min(wait_s, _LOOK_S)):
            await end.ended.wait()


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
                async with asyncio.timeout(_LOOK_S):
                    await changed.wait()
