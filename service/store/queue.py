"""The queue: the form of an arq job, and a worker that outlives restarts of Redis. No other module uses arq."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, cast

import arq.connections
import arq.constants
import arq.worker
import msgspec
from arq.connections import ArqRedis
from arq.jobs import DeserializationError, deserialize_job_raw, serialize_job
from arq.worker import Worker, func
from redis.asyncio import Redis
from redis.exceptions import RedisError

from service.contracts.ids import new_id
from service.store import clock, keys
from service.store.connection import Script, cancelled
from service.store.errors import StoreError, UnreadableRecordError
from service.store.periods import claim_period, forgiving
from service.store.queue_leases import LEASE_S, RENEW_AGAIN_S, RENEW_S, QueueLeases
from service.store.records import say_once
from service.store.signals import Signals

if TYPE_CHECKING:
    from arq.typing import WorkerCoroutine

logger = logging.getLogger(__name__)

POLL_S = 0.5  # for arq jobs that were put off, and wake-ups that were lost
IDLE_POLL_S = 2.0  # while there are none in the queue
_STORE_AWAY_S = 1.0  # before a task that the store failed is tried again
_UNREADABLE_S = 5.0  # before a job of a newer version is looked at again: a newer worker may take it any time
_DEFECT_S = 30.0  # before a task that ended in an error of its own is tried again
_MOST_NAMED = 10_000
_NO_LIMIT = 10**9  # seconds
_AT_ONCE = datetime.fromtimestamp(0.001, UTC)  # the first place in the queue, which is by time

Periodic = Mapping[str, tuple[Callable[[], Awaitable[None]], float]]  # by name: a task, and the seconds of its period

_take_turns = Script("outages", "take_turns")


def _name_keys_of_arq() -> None:
    """Gives arq, which has the names of its keys in its modules, those of this installation."""
    names = {name: key for name, key in vars(arq.constants).items() if str(key).startswith("arq:")}
    for module in (arq.worker, arq.connections):
        here = {name: keys.ARQ + key.removeprefix("arq:") for name, key in names.items() if name in vars(module)}
        vars(module).update(here)


class FreeRooms(NamedTuple):
    """The room that a worker has for chunks, by provider: in judgments, in large chunks and in small ones.

    `others` is that of providers that are not named. `functions` have their own room, in arq jobs. Of chunks whose jobs
    name one of the `blocked` models, `blocked_chunks` are taken.
    """

    providers: dict[str, tuple[int, int]]
    others: tuple[int, int]
    functions: dict[str, int]
    blocked: dict[str, bool]
    blocked_chunks: int
    largest_small: int


_ENDLESS = 10**9


class Rooms:
    """The rooms of a worker that takes everything. See `worker.rooms`."""

    def free(self) -> FreeRooms:
        """Returns the room for the arq jobs to take now."""
        return FreeRooms({}, (_ENDLESS, _ENDLESS), {}, {}, 0, 0)

    def taken(self, arq_id: str, lane: str) -> None:
        """An arq job was taken. `lane` has its judgments and models, joined by tabs; it is empty if it is no chunk."""

    def ended(self, arq_id: str) -> None:
        """It ended, or went back to the queue."""


class _Taken(NamedTuple):
    """An arq job that was taken: its turn, its lane (see `Rooms.taken`), and itself, empty if it is gone."""

    arq_id: str
    score: int
    lane: str
    job: bytes


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
    the whole `job_timeout`. Here the in-progress key is a short lease, renewed while the job runs. arq also reads each
    arq job, and counts its tries, in a round trip of its own before it runs it. Here it comes with its lease.

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
        rooms: "Rooms | None" = None,
        leases: QueueLeases | None = None,
    ) -> None:
        self.leases = leases or QueueLeases(redis, new_id("w"))
        self._redis = redis
        self._rooms = rooms or Rooms()
        self._periodic = dict(periodic or {})
        self._seen_to: dict[str, int] = {}
        self._unreadable: set[str] = set()  # arq jobs that were named
        self._ending: set[str] = set()  # arq jobs whose end is on its way to the store and back
        _name_keys_of_arq()
        self._tasks = tasks | {name: forgiving(name, task) for name, (task, _) in self._periodic.items()}
        super().__init__(
            functions=[func(cast("WorkerCoroutine", task), name=name) for name, task in self._tasks.items()],
            queue_name=keys.QUEUE,
            redis_pool=ArqRedis(
                pool_or_conn=redis.connection_pool,
                job_serializer=msgspec.msgpack.encode,
                job_deserializer=msgspec.msgpack.decode,
                default_queue_name=keys.QUEUE,
            ),
            handle_signals=False,
            max_jobs=max_jobs,
            health_check_interval=_NO_LIMIT,
        )
        self.signals = signals
        self._idle_poll_s = min([IDLE_POLL_S, *(every_s for _, every_s in self._periodic.values())])
        self._poll_s = POLL_S
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
                        async with asyncio.timeout(self._poll_s):
                            await self._woken.wait()
                    self._woken.clear()
                await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        finally:
            await cancelled(renewing)

    async def _poll_once(self) -> None:
        try:
            await self._poll_iteration()
        except (RedisError, OSError, StoreError) as error:
            logger.warning("the queue can't be read, trying again: %s", error)
            await asyncio.sleep(POLL_S)

    async def run_cron(self, n: datetime, delay: float, num_windows: int = 2) -> None:
        """Enqueues the periodic tasks that are due at `n`, by the store's clock, in front of the queue."""
        for name, (_, every_s) in self._periodic.items():
            period = int(n.timestamp() // every_s)
            if self._seen_to.get(name) == period:
                continue
            self._seen_to[name] = period
            if await claim_period(self._redis, name, period, every_s):
                # The id is the same in all periods, so nothing is enqueued while the task waits or runs.
                await self.pool.enqueue_job(name, _job_id=name, _defer_until=_AT_ONCE, _expires=timedelta(days=1))
                self._woken.set()

    async def _poll_iteration(self) -> None:
        """Takes the arq jobs whose turn it is, in one round trip; arq itself needs four for each."""
        most = self.max_jobs - self.job_counter
        if self.allow_pick_jobs and most > 0:
            for taken in await self._take(most):
                arq_id = taken.arq_id
                if (earlier := self.tasks.get(arq_id)) is not None:
                    if not earlier.done() and arq_id not in self._ending:
                        continue  # it was lost to another worker, which has put it off meanwhile
                    await asyncio.wait({earlier})  # it went back to the queue a moment ago
                await self.sem.acquire()
                self.job_counter += 1
                self._rooms.taken(arq_id, taken.lane)
                task = asyncio.create_task(self._run(taken))
                task.add_done_callback(lambda _, ended=arq_id: self._ended(ended))  # type: ignore[misc]
                self.tasks[arq_id] = task
        for arq_id, task in list(self.tasks.items()):
            if task.done():
                del self.tasks[arq_id]
                task.result()
        await self.record_health()
        await self.run_cron(clock.now(), POLL_S)

    async def _take(self, most: int) -> list[_Taken]:
        """Returns the arq jobs taken, with a lease on each.

        Takes none if the store was away or refused writes for so long that leases may have ended, until their holders
        could renew them.
        """
        began = time.monotonic()
        whole, micros, in_queue, *taken = await _take_turns(
            self._redis,
            [keys.QUEUE, keys.TURNS, keys.WORKERS, keys.OUTAGE],
            [
                keys.ARQ_LEASE,
                int(LEASE_S * 1000),
                most,
                keys.job(""),
                msgspec.msgpack.encode(self._rooms.free()),
                self.leases.holder,
                keys.ARQ_JOB,
            ],
        )
        self._poll_s = POLL_S if in_queue else self._idle_poll_s
        clock.note_store_time(int(whole) + int(micros) / 1e6)
        self.leases.note((arq_id.decode() for arq_id, _, _, _ in taken), began)
        return [_Taken(arq_id.decode(), int(float(score)), lane.decode(), job) for arq_id, score, lane, job in taken]

    async def _run(self, taken: _Taken) -> None:
        """Runs an arq job and ends the lease on it. One that can't be read is left to a worker of a newer version."""
        run = self._called(taken)
        if run is None:
            await self._end(taken.arq_id, "unreadable")
            return
        try:
            delay_s = await _delay_after(taken.arq_id, run)
        except asyncio.CancelledError:  # the worker stops
            delay_s = 0.0
        if delay_s is None:
            self.jobs_complete += 1
            await self._end(taken.arq_id, "done")
            return
        # A turn becomes the time of the next one.
        delay_ms = int(delay_s * 1000) + clock.now_ms() - taken.score if delay_s else 0
        await self._end(taken.arq_id, "again", delay_ms)

    async def _end(self, arq_id: str, ending: str, delay_ms: int = 0) -> None:
        self._ending.add(arq_id)
        try:
            await asyncio.shield(self.leases.end(arq_id, ending, delay_ms))
        except StoreError as error:
            logger.warning("the end of %s can't be noted, it will be run again: %s", arq_id, error)

    def _called(self, taken: _Taken) -> Callable[[], Awaitable[None]] | None:
        """Returns the call of an arq job, None if it is gone or can't be read, which is told once."""
        problem = "has expired"
        if taken.job:
            try:
                name, args, *_ = deserialize_job_raw(taken.job, deserializer=msgspec.msgpack.decode)
            except DeserializationError:
                problem = "can't be read"
            else:
                if task := self._tasks.get(name):
                    return partial(task, *args)
                problem = f"is for {name!r}, which this version does not have"
        if taken.arq_id not in self._unreadable:
            if len(self._unreadable) >= _MOST_NAMED:
                self._unreadable.clear()
            self._unreadable.add(taken.arq_id)
            logger.warning("the arq job %s %s", taken.arq_id, problem)
        return None

    def _ended(self, arq_id: str) -> None:
        self._ending.discard(arq_id)
        self._rooms.ended(arq_id)
        self._release_sem_dec_counter_on_complete()

    def _release_sem_dec_counter_on_complete(self) -> None:
        super()._release_sem_dec_counter_on_complete()
        self._woken.set()

    async def _renew_leases(self) -> None:
        wait_s = RENEW_S
        while True:
            await asyncio.sleep(wait_s)
            try:
                await self.leases.renew([arq_id for arq_id, task in self.tasks.items() if not task.done()])
                wait_s = RENEW_S
            except StoreError as error:
                wait_s = RENEW_AGAIN_S
                logger.warning("leases can't be renewed: %s", error)


async def _delay_after(arq_id: str, run: Callable[[], Awaitable[None]]) -> float | None:
    """Runs a task. Returns the seconds after which to run it again, as after any error; None if it is done."""
    try:
        await run()
    except Requeue as order:
        return order.delay_s
    except UnreadableRecordError as error:
        say_once(error)
        return _UNREADABLE_S
    except StoreError as error:
        logger.warning("%s waits for the store: %s", arq_id, error)
        return _STORE_AWAY_S
    except Exception:
        logger.exception("%s failed, and will be run again in %g s", arq_id, _DEFECT_S)
        return _DEFECT_S
    return None
