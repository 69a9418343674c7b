"""The life of one worker process: its parts are joined, run until it is told to stop, and drained."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
from redis.asyncio import Redis

from service.agreement.recording import Finisher
from service.config.settings import Settings, SettingsError, without_password
from service.contracts.ids import new_id
from service.costs import Prices
from service.store import archiving, models, workers
from service.store.connection import cancelled, connect
from service.store.errors import StoreError, StoreUnavailableError
from service.store.health import keep_watching, wait_for_store
from service.store.installations import packs, use_prefix
from service.store.jobs import CALL_BACK, JUDGE_CHUNK
from service.store.queue import QueueWorker
from service.store.queue_leases import LEASE_S, QueueLeases
from service.store.records import from_json, readable
from service.store.signals import Signals
from service.store.sweeping import sweep
from worker.anchors import JUDGE_ANCHORS, PERIOD_S, AnchorTurns
from worker.asking import Asker
from worker.call_metrics import CallMetrics
from worker.callbacks import Callbacks
from worker.limits import CallLimits
from worker.model_lists import LOOK_S, READ_MODEL_LISTS, ModelListReader
from worker.providers import build_provider
from worker.providers.base import Provider
from worker.providers.capabilities import Capabilities, Learnt
from worker.retrying import Retrying
from worker.rooms import WorkerRooms
from worker.served_models import ServedModels
from worker.shared_limits import SharedLimits, keep_sharing
from worker.slot_leases import keep_leasing
from worker.tasks import Tasks, daily_budgets
from worker.vote_cache import VoteCache

_log = logging.getLogger(__name__)

_REDIS_RETRIES = 30  # over half a minute: a restart of Redis goes by unnoticed
_REDIS_CONNECTIONS = 32
_TURN_S = 60.0  # for one of them: a busy worker is no sign that the store is away
_URGENT_CONNECTIONS = 4  # for what has its time: nothing waits there behind the worker's own work
_BEAT_S = 3.0
_BEAT_AGAIN_S = 0.5
SWEEP = "sweep"
SWEEP_S = 30.0
WRITE_ARCHIVE = "write_archive"
_EARLIER_REFRESH = "refresh_gauges"
_MOST_TASKS = 100_000  # at once; the rooms for chunks are far smaller


async def run_worker(
    settings: Settings,
    stopping: asyncio.Event,
    *,
    retrying: Retrying | None = None,
    read_again: Callable[[], Settings] | None = None,
) -> None:
    """Runs one worker until `stopping` is set and its calls have ended.

    On SIGHUP it takes the budgets of the keys of the settings that `read_again` returns.
    """
    alive = asyncio.create_task(_keep_alive(settings.worker.alive_file))
    try:
        await _run(settings, stopping, retrying, read_again)
    finally:
        await cancelled(alive)


async def _run(
    settings: Settings,
    stopping: asyncio.Event,
    retrying: Retrying | None,
    read_again: Callable[[], Settings] | None,
) -> None:
    url = str(settings.store.redis_url)
    use_prefix(settings.store.prefix)
    if not await _before(stopping.wait(), wait_for_store(url, without_password(url))):
        return
    redis = connect(url, retries=_REDIS_RETRIES, max_connections=_REDIS_CONNECTIONS, turn_s=_TURN_S)
    urgent = connect(url, retries=_REDIS_RETRIES, max_connections=_URGENT_CONNECTIONS, turn_s=LEASE_S)
    try:
        worker = _Worker(redis, urgent, settings, retrying)
        if read_again is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, worker.reread_budgets, read_again)
        await worker.run(stopping)
    finally:
        await redis.aclose()
        await urgent.aclose()


class _Worker:
    """A worker's parts, joined. Leases and the heartbeat are renewed over the `urgent` connections."""

    def __init__(self, redis: Redis, urgent: Redis, settings: Settings, retrying: Retrying | None) -> None:
        self._redis = redis
        self._urgent = urgent
        self._settings = settings
        self._id = f"{socket.gethostname()}:{os.getpid()}:{new_id('w')}"
        self._signals = Signals(redis)
        self._metrics = CallMetrics(redis)
        self._capabilities = Capabilities(self._save_learnt)
        retrying = retrying or Retrying()
        self._limits = CallLimits(
            settings.worker.max_calls,
            settings.providers,
            SharedLimits(redis, retrying),
            self._metrics.on_limited,
        )
        self._served = ServedModels(redis)
        self._providers: dict[str, Provider] = {
            name: build_provider(name, each, self._capabilities, self._metrics.on_call)
            for name, each in settings.all_providers.items()
        }
        asker = Asker(
            self._providers,
            Prices(settings),
            self._limits,
            retrying=retrying,
            on_retry=self._metrics.on_retry,
            on_served=self._served.note,
            output_limit=self._output_limit,
        )
        finisher = Finisher(redis, keep_s=settings.store.keep_s)
        self._cache = VoteCache(redis, self._id)
        self._callbacks = Callbacks(redis, settings.server.callback_hosts)
        self._tasks = Tasks(redis, settings, asker, finisher, self._cache, self._served.last, self._id)
        self._tasks.running.on_stopped = self._limits.look_again

    def _output_limit(self, model: str, asked: int) -> int:
        provider, _, name = model.partition("/")
        return self._capabilities.get(provider, name).limit_for(asked)

    def reread_budgets(self, read_again: Callable[[], Settings]) -> None:
        """Takes the daily budgets of the configuration as it is now.

        If it has problems, or no keys any more, the present ones stay.
        """
        try:
            settings = read_again()
        except SettingsError as error:
            _log.error("the budgets of keys stay as they were: %s", "; ".join(error.problems))
            return
        if self._settings.keys and not settings.keys:
            _log.error("the budgets of keys stay as they were: the configuration has no keys")
            return
        self._tasks.running.set_budgets(daily_budgets(settings))

    async def run(self, stopping: asyncio.Event) -> None:
        """Works until `stopping` is set, then drains and removes its heartbeat."""
        if not await _before(stopping.wait(), self._begin()):
            return
        queue = self._queue()
        self._tasks.hold_on = queue.leases.hold_on
        await self._work(queue, stopping)
        with contextlib.suppress(StoreError):
            await self._metrics.flush()
            await workers.forget_worker(self._redis, self._id)
        await self._callbacks.aclose()
        for provider in self._providers.values():
            await provider.aclose()
        await self._signals.aclose()

    async def _begin(self) -> None:
        while True:
            try:
                await packs(self._redis)
                await self._turn_archive_on()
                await self._load_learnt()
                await self._served.load()
                # Before anything is leased: the lease of a worker without a heartbeat counts for nothing.
                await workers.note_heartbeat(self._redis, self._id)
            except StoreUnavailableError as error:
                _log.warning("the worker can't begin yet: %s", error)
                await asyncio.sleep(_BEAT_S)
            else:
                return

    async def _turn_archive_on(self) -> None:
        """Before any judgment: from now on none may leave the store that is not archived."""
        if self._settings.archive.url:
            await archiving.turn_on(self._redis, self._settings.archive.after_s)
        elif (await archiving.archive_state(self._redis)).is_on:
            _log.error(
                "nothing expires from the store: it waits for the archive, and archive.url is not set; set it, or run"
                " `judged archive off`"
            )

    def _queue(self) -> QueueWorker:
        worker, archive = self._settings.worker, self._settings.archive
        periodic: dict[str, tuple[Callable[[], Awaitable[None]], float]] = {
            SWEEP: (self._sweep, SWEEP_S),
            READ_MODEL_LISTS: (ModelListReader(self._redis, self._providers).read, LOOK_S),
            JUDGE_ANCHORS: (AnchorTurns(self._redis, self._settings).submit_due, PERIOD_S),
        }
        if archive.url:
            from service.archive.objects import Objects  # 2 MB, and NumPy's 12, for those who have an archive
            from service.archive.running import ArchiveRuns

            runs = ArchiveRuns(self._redis, self._settings, Objects(archive))
            periodic[WRITE_ARCHIVE] = (runs.run_due, archive.every_seconds)
        return QueueWorker(
            self._redis,
            self._signals,
            {
                JUDGE_CHUNK: self._tasks.judge_chunk,
                CALL_BACK: self._callbacks.call_back,
                _EARLIER_REFRESH: _left_to_api,
            },
            max_jobs=_MOST_TASKS,
            rooms=WorkerRooms(worker.max_calls, self._limits),
            leases=QueueLeases(self._urgent, self._id),
            periodic=periodic,
        )

    async def _work(self, queue: QueueWorker, stopping: asyncio.Event) -> None:
        beside = [
            asyncio.create_task(each)
            for each in (
                self._keep_beating(),
                self._keep_watching(),
                keep_leasing(self._urgent, self._id, self._limits),
                keep_sharing(self._redis, self._signals, self._limits),
                self._tasks.running.keep_looking(),
                self._cache.keep_leasing(),
                self._metrics.keep_flushing(),
            )
        ]
        working = asyncio.create_task(queue.main())
        await _first(stopping.wait(), working)
        self._tasks.drain()
        self._limits.drain()
        queue.drain()
        await _end(working, self._settings.worker.shutdown_seconds)
        await cancelled(*beside)

    async def _sweep(self) -> None:
        await sweep(self._redis, keep_s=self._settings.store.keep_s)

    async def _keep_watching(self) -> None:
        url = str(self._settings.store.redis_url)
        await keep_watching(self._redis, url, without_password(url))

    async def _keep_beating(self) -> None:
        while True:
            wait_s = _BEAT_S
            try:
                await workers.note_heartbeat(self._urgent, self._id)
            except StoreError as error:
                wait_s = _BEAT_AGAIN_S
                _log.warning("no heartbeat: %s", error)
            await asyncio.sleep(wait_s)

    async def _load_learnt(self) -> None:
        stored = await models.load_learnt(self._redis)
        known = readable(stored, lambda name: from_json(stored[name], Learnt, f"the capabilities of {name}"))
        by_names = ((name.partition("/"), facts) for name, facts in known)
        self._capabilities.load({(provider, model): facts for (provider, _, model), facts in by_names})

    async def _save_learnt(self, provider: str, model: str, known: Learnt) -> None:
        await models.save_learnt(self._redis, f"{provider}/{model}", msgspec.json.encode(known))


async def _left_to_api() -> None:
    """Does nothing for the refresh of the gauges, which workers of an earlier version queue: the API does that now."""


async def _keep_alive(file: str) -> None:
    """Sets the file's time of change as long as the event loop runs, whatever the store and the providers do."""
    while file:
        _touch(file)
        await asyncio.sleep(_BEAT_S)


def _touch(file: str) -> None:
    try:
        Path(file).touch()
    except OSError as error:
        _log.warning("worker.alive_file %s can't be written: %s", file, error.strerror or error)


async def _before(stopping: Coroutine[Any, Any, Any], starting: Coroutine[Any, Any, None]) -> bool:
    """Returns whether the start ended before the worker was told to stop."""
    told, begun = asyncio.create_task(stopping), asyncio.create_task(starting)
    await asyncio.wait({told, begun}, return_when=asyncio.FIRST_COMPLETED)
    has_begun = begun.done()
    await cancelled(told, begun)
    if has_begun:
        begun.result()
    return has_begun


async def _first(stopping: Coroutine[Any, Any, Any], working: "asyncio.Task[None]") -> None:
    """Returns when the worker is told to stop, or raises the error that ended the work."""
    waiting = asyncio.create_task(stopping)
    await asyncio.wait({waiting, working}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if working.done():
        working.result()


async def _end(working: "asyncio.Task[None]", limit_s: float) -> None:
    """Lets the calls under way end; the items of calls that take longer go back to the queue."""
    _, late = await asyncio.wait({working}, timeout=limit_s)
    if late:
        _log.warning("calls under way take longer than %g s: they will be made again", limit_s)
        await cancelled(working)
