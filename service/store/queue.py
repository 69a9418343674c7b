"""The queue: the form of an arq job, and a worker that outlives restarts of Redis. No other module uses arq."""

import asyncio
import contextlib
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import arq.connections
import arq.constants
import arq.worker
import msgspec
from arq.connections import ArqRedis
from arq.jobs import serialize_job
from arq.worker import Retry, Worker, func
from redis.asyncio import Redis
from redis.exceptions import RedisError

from service.contracts.ids import new_id
from service.store import clock, keys
from service.store.connection import Script, cancelled
from service.store.errors import StoreError, UnreadableRecordError
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
_NO_LIMIT = 10**9  # tries and seconds: tries are counted in the job, and a call has its own time limit
_DELAY = re.compile(r" delayed=-?[\d.]+s$")
_AT_ONCE = datetime.fromtimestamp(0.001, UTC)  # the first place in the queue, which is by time

Periodic = Mapping[str, tuple[Callable[[], Awaitable[None]], float]]  # by name: a task, and the seconds of its period


_encoded_result = msgspec.msgpack.Encoder(enc_hook=repr).encode  # a result, which is not kept, may be an error
_take_turns = Script("outages", "take_turns")


arq.worker.timestamp_ms = clock.now_ms  # type: ignore[attr-defined]  # arq's own is the machine's clock


def _name_keys_of_arq() -> None:
    """Gives arq, which has the names of its keys in its modules, those of this installation."""
    names = {name: key for name, key in vars(arq.constants).items() if str(key).startswith("arq:")}
    for module in (arq.worker, arq.connections):
        here = {name: keys.ARQ + key.removeprefix("arq:") for name, key in names.items() if name in vars(module)}
        vars(module).update(here)


class _TurnsAreNoTimes(logging.Filter):
    """Takes the delay out of arq's line for the start of a job: arq reckons it from the score, which is a turn here."""

    def filter(self, record: logging.LogRecord) -> bool:
        args = record.args
        if isinstance(args, tuple) and args and isinstance(args[-1], str):
            record.args = (*args[:-1], _DELAY.sub("", args[-1]))
        return True


class _UnreadableOnce(logging.Filter):
    """Lets arq name an arq job of a newer version once: each worker of this version looks at it again and again."""

    def __init__(self) -> None:
        super().__init__()
        self._named: set[Any] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        if not str(record.msg).endswith((" not found", "deserializing job %s failed")):
            return True
        is_new = record.args not in self._named
        if len(self._named) >= _MOST_NAMED:
            self._named.clear()
        self._named.add(record.args)
        return is_new


arq.worker.logger.addFilter(_TurnsAreNoTimes())
arq.worker.logger.addFilter(_UnreadableOnce())


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
        rooms: "Rooms | None" = None,
        leases: QueueLeases | None = None,
    ) -> None:
        self.leases = leases or QueueLeases(redis, new_id("w"))
        self._rooms = rooms or Rooms()
        self._periodic = dict(periodic or {})
        self._seen_to: dict[str, int] = {}
        _name_keys_of_arq()
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
            job_serializer=_encoded_result,
            job_deserializer=msgspec.msgpack.decode,
            log_results=False,
        )
        self.in_progress_timeout_s = LEASE_S
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
            claim = keys.due(name, period)
            if await self.pool.set(claim, b"1", nx=True, px=int(2000 * every_s)):
                # The id is the same in all periods, so nothing is enqueued while the task waits or runs.
                await self.pool.enqueue_job(name, _job_id=name, _defer_until=_AT_ONCE, _expires=timedelta(days=1))
                self._woken.set()

    async def _poll_iteration(self) -> None:
        """Takes the arq jobs whose turn it is, in one round trip; arq itself needs four for each."""
        most = self.max_jobs - self.job_counter
        if self.allow_pick_jobs and most > 0:
            for arq_id, score, lane in await self._take(most):
                if arq_id in self.tasks:  # lost to another worker, which has put it off meanwhile
                    continue
                await self.sem.acquire()
                self.job_counter += 1
                self._rooms.taken(arq_id, lane)
                task = asyncio.create_task(self.run_job(arq_id, score))
                task.add_done_callback(lambda _, ended=arq_id: self._ended(ended))  # type: ignore[misc]
                self.tasks[arq_id] = task
        for arq_id, task in list(self.tasks.items()):
            if task.done():
                del self.tasks[arq_id]
                task.result()
        await self.record_health()
        await self.run_cron(clock.now(), POLL_S)

    async def _take(self, most: int) -> list[tuple[str, int, str]]:
        """Returns the id, the score and the lane of each arq job taken, with a lease on each.

        Takes none if the store was away or refused writes for so long that leases may have ended, until their holders
        could renew them.
        """
        began = time.monotonic()
        whole, micros, in_queue, *taken = await _take_turns(
            cast("Redis", self.pool),
            [keys.QUEUE, keys.TURNS, keys.WORKERS, keys.OUTAGE],
            [
                keys.ARQ_LEASE,
                int(LEASE_S * 1000),
                most,
                keys.job(""),
                msgspec.msgpack.encode(self._rooms.free()),
                self.leases.holder,
            ],
        )
        self._poll_s = POLL_S if in_queue else self._idle_poll_s
        clock.note_store_time(int(whole) + int(micros) / 1e6)
        self.leases.note((arq_id.decode() for arq_id, _, _ in taken), began)
        return [(arq_id.decode(), int(float(score)), lane.decode()) for arq_id, score, lane in taken]

    def _ended(self, arq_id: str) -> None:
        self._rooms.ended(arq_id)
        self._release_sem_dec_counter_on_complete()

    def _release_sem_dec_counter_on_complete(self) -> None:
        super()._release_sem_dec_counter_on_complete()
        self._woken.set()

    async def finish_job(
        self,
        job_id: str,
        finish: bool,
        result_data: bytes | None,
        result_timeout_s: float | None,
        keep_result_forever: bool,
        incr_score: int | None,
        keep_in_progress: float | None,
    ) -> None:
        """Ends the work on an arq job, unless another worker has taken it over; arq itself takes no notice of that."""
        await self.leases.end(job_id, "done" if finish else "again", incr_score or 0)

    async def finish_failed_job(self, job_id: str, result_data: bytes | None) -> None:
        """Leaves an arq job that can't be read to a worker of a newer version; arq itself drops it."""
        await self.leases.end(job_id, "unreadable")

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


def _requeueing(task: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Wraps a task: it is run again after any error.

    arq keeps the error raised here in a cycle. It refers to no other: the items of a chunk would stay with it until the
    garbage collector comes.
    """

    async def run(ctx: dict[Any, Any], *args: Any) -> None:
        try:
            await task(*args)
            return
        except Requeue as order:
            delay_s = order.delay_s
        except UnreadableRecordError as error:
            say_once(error)
            delay_s = _UNREADABLE_S
        except StoreError as error:
            logger.warning("%s waits for the store: %s", ctx["job_id"], error)
            delay_s = _STORE_AWAY_S
        except Exception:
            logger.exception("%s failed, and will be run again in %g s", ctx["job_id"], _DEFECT_S)
            delay_s = _DEFECT_S
        raise Retry(defer=delay_s)  # otherwise arq would drop the job

    run.__qualname__ = task.__qualname__
    return run


def _forgiving(task: Callable[[], Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Wraps a periodic task: its errors are logged, and it runs again in its next period."""

    async def run(ctx: dict[Any, Any]) -> None:
        try:
            await task()
        except UnreadableRecordError as error:
            say_once(error)
        except StoreError as error:
            logger.warning("%s waits for the store: %s", ctx["job_id"], error)
        except Exception:
            logger.exception("%s failed, and will be run again in its time", ctx["job_id"])

    run.__qualname__ = task.__qualname__
    return run
