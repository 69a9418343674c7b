"""The queue: the form of an arq job, and a worker that outlives restarts of Redis. No other module uses arq."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import arq.worker
import msgspec
from arq.connections import ArqRedis
from arq.constants import in_progress_key_prefix, job_key_prefix
from arq.jobs import serialize_job
from arq.worker import Retry, Worker, func
from redis.asyncio import Redis
from redis.exceptions import RedisError

from service.store import clock, keys
from service.store.connection import cancelled
from service.store.errors import StoreError
from service.store.signals import Signals

if TYPE_CHECKING:
    from arq.typing import WorkerCoroutine

logger = logging.getLogger(__name__)

ARQ_JOB_PREFIX = job_key_prefix
POLL_S = 0.5  # for wake-ups that were lost
LEASE_S = 10.0  # after which a dead worker's chunks are taken over
RENEW_S = 2.0
_STORE_AWAY_S = 1.0  # before a task that the store failed is tried again
_NO_LIMIT = 10**9  # tries and seconds: tries are counted in the job, and a call has its own time limit
_AT_ONCE = datetime.fromtimestamp(0.001, UTC)  # the first place in the queue, which is by time

Periodic = Mapping[str, tuple[Callable[[], Awaitable[None]], float]]  # by name: a task, and the seconds of its period


class _StoreClock:
    """The store's time in this process: the queue is by time, and the clocks of several machines differ."""

    behind_s = 0.0  # how far this machine's clock is behind the store's

    def now_ms(self) -> int:
        return round((time.time() + self.behind_s) * 1000)


_clock = _StoreClock()
arq.worker.timestamp_ms = _clock.now_ms  # type: ignore[attr-defined]  # the time up to which arq reads the queue


class Requeue(Exception):  # noqa: N818 - not an error: an order to the queue
    """Raised by a task to be run again after `delay_s` seconds."""

    def __init__(self, delay_s: float = 0.0) -> None:
        super().__init__(delay_s)
        self.delay_s = delay_s


def queued(function: str, *args: str | int) -> bytes:
    """Returns an arq job that calls `function` with `args`, as arq stores it."""
    return serialize_job(function, args, {}, None, time.time_ns() // 1_000_000, serializer=msgspec.msgpack.encode)


class QueueWorker(Worker):
    """An arq worker that wakes up when something is enqueued, and that waits while Redis is unavailable.

    arq itself polls, ends when Redis restarts, then loses count of its free places, and holds a dead worker's job for
    the whole `job_timeout`. Here the in-progress key is a short lease, renewed while the job runs.

    `periodic` tasks run once in so many seconds, however many workers have them. A task that still runs is not started
    again, and the task of a dead worker is taken over. (arq's own cron jobs have to fit into a minute, wait behind all
    queued jobs, run twice at once if they are slow, and are all made up for after a pause.)
    """

    def __init__(
        self,
        redis: Redis,
        signals: Signals,
        tasks: dict[str, Callable[..., Awaitable[None]]],
        *,
        max_jobs: int,
        periodic: Periodic | None = None,
    ) -> None:
        self._periodic = dict(periodic or {})
        self._seen_to: dict[str, int] = {}
        runs = {name: _requeueing(task) for name, task in tasks.items()}
        runs |= {name: _forgiving(task) for name, (task, _) in self._periodic.items()}
        super().__init__(
            functions=[func(cast("WorkerCoroutine", run), name=name) for name, run in runs.items()],
            queue_name=keys.QUEUE,
            redis_pool=ArqRedis(
                pool_or_conn=redis.connection_pool,
                job_serializer=msgspec.msgpack.encode,
                job_deserializer=msgspec.msgpack.decode,
                default_queue_name=keys.QUEUE,
            ),
            handle_signals=False,
            max_jobs=max_jobs,
            job_timeout=_NO_LIMIT,
            keep_result=0,
            max_tries=_NO_LIMIT,
            health_check_interval=_NO_LIMIT,
            job_serializer=msgspec.msgpack.encode,
            job_deserializer=msgspec.msgpack.decode,
            log_results=False,
        )
        self.in_progress_timeout_s = LEASE_S
        self.signals = signals
        self._woken = asyncio.Event()
        self._draining = asyncio.Event()

    def drain(self) -> None:
        """Takes no more arq jobs; `main` returns once those at work have ended."""
        self.allow_pick_jobs = False
        self._draining.set()
        self._woken.set()

    async def main(self) -> None:
        """Runs until drained."""
        renewing = asyncio.create_task(self._renew_leases())
        try:
            async with self.signals.subscribed(keys.WAKE, self._woken):
                while not self._draining.is_set():
                    await self._poll_once()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(POLL_S):
                            await self._woken.wait()
                    self._woken.clear()
                await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        finally:
            await cancelled(renewing)

    async def _poll_once(self) -> None:
        try:
            _clock.behind_s = await clock.store_seconds(self.pool) - time.time()
            await self._poll_iteration()
        except (RedisError, OSError) as error:
            logger.warning("the queue can't be read, trying again: %s", error)
            self._recount()
            await asyncio.sleep(POLL_S)

    async def run_cron(self, n: datetime, delay: float, num_windows: int = 2) -> None:
        """Enqueues due periodic tasks in front of the queue. arq calls it after each look at the queue."""
        for name, (_, every_s) in self._periodic.items():
            period = int(n.timestamp() // every_s)
            if self._seen_to.get(name) == period:
                continue
            self._seen_to[name] = period
            claim = keys.due(name, period)
            if await self.pool.set(claim, b"1", nx=True, px=int(2000 * every_s)):
                # The id is the same in all periods, so nothing is enqueued while the task waits or runs.
                await self.pool.enqueue_job(name, _job_id=name, _defer_until=_AT_ONCE, _expires=timedelta(days=1))
                self._woken.set()

    async def start_jobs(self, job_ids: list[bytes]) -> None:
        """Skips jobs that are at work here or elsewhere, in one round trip; arq needs four for each."""
        others = [job_id for job_id in job_ids if job_id.decode() not in self.tasks]
        if not others:
            return
        async with self.pool.pipeline(transaction=False) as pipe:
            for job_id in others:
                pipe.exists(in_progress_key_prefix + job_id.decode())
            at_work = await pipe.execute()
        await super().start_jobs([job_id for job_id, taken in zip(others, at_work, strict=True) if not taken])

    def _release_sem_dec_counter_on_complete(self) -> None:
        super()._release_sem_dec_counter_on_complete()
        self._woken.set()

    def _recount(self) -> None:
        """Frees the places that arq reserved for jobs that it could not start."""
        self.job_counter = sum(not task.done() for task in self.tasks.values())
        self.sem = asyncio.BoundedSemaphore(self.max_jobs + 1)
        self.sem._value -= self.job_counter

    async def _renew_leases(self) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            if not self.job_tasks:
                continue
            try:
                async with self.pool.pipeline(transaction=False) as pipe:
                    for job_id in self.job_tasks:
                        pipe.psetex(in_progress_key_prefix + job_id, int(LEASE_S * 1000), b"1")
                    await pipe.execute()
            except (RedisError, OSError) as error:
                logger.warning("leases can't be renewed: %s", error)


def _requeueing(task: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    async def run(ctx: dict[Any, Any], *args: Any) -> None:
        try:
            await task(*args)
        except Requeue as order:
            raise Retry(defer=order.delay_s) from order
        except StoreError as error:  # otherwise arq would drop the job
            logger.warning("%s waits for the store: %s", ctx["job_id"], error)
            raise Retry(defer=_STORE_AWAY_S) from error

    run.__qualname__ = task.__qualname__
    return run


def _forgiving(task: Callable[[], Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Wraps a periodic task: its errors are logged, and it runs again in its next period."""

    async def run(ctx: dict[Any, Any]) -> None:
        try:
            await task()
        except StoreError as error:
            logger.warning("%s waits for the store: %s", ctx["job_id"], error)
        except Exception:
            logger.exception("%s failed, and will be run again in its time", ctx["job_id"])

    run.__qualname__ = task.__qualname__
    return run
