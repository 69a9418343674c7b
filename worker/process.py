"""The life of one worker process: its parts are joined, run until it is told to stop, and drained."""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Coroutine
from typing import Any

import httpx
import msgspec
from httpx_aiohttp import AiohttpTransport
from redis.asyncio import Redis

from service.agreement.recording import Finisher
from service.config.settings import Settings
from service.contracts.ids import new_id
from service.costs import Prices
from service.store import learnt, workers
from service.store.connection import cancelled, connect
from service.store.errors import StoreError
from service.store.jobs import CALL_BACK, CHUNK_JUDGMENTS, JUDGE_CHUNK
from service.store.queue import QueueWorker
from service.store.signals import Signals
from worker.asking import Asker
from worker.call_metrics import CallMetrics
from worker.callbacks import Callbacks
from worker.gauges.refresher import REFRESH_GAUGES, Refresher
from worker.limits import CallLimits
from worker.providers import build_provider
from worker.providers.base import Provider
from worker.providers.capabilities import Capabilities, Learnt
from worker.retrying import Retrying
from worker.served_models import ServedModels
from worker.shared_limits import SharedLimits, keep_sharing
from worker.slot_leases import keep_leasing
from worker.tasks import Tasks
from worker.vote_cache import VoteCache

_log = logging.getLogger(__name__)

_REDIS_RETRIES = 30  # over half a minute: a restart of Redis goes by unnoticed
_REDIS_CONNECTIONS = 32
_BEAT_S = 3.0


async def run_worker(settings: Settings, stopping: asyncio.Event, *, retrying: Retrying | None = None) -> None:
    """Runs one worker until `stopping` is set and its calls have ended."""
    redis = connect(str(settings.store.redis_url), retries=_REDIS_RETRIES, max_connections=_REDIS_CONNECTIONS)
    try:
        await _Worker(redis, settings, retrying).run(stopping)
    finally:
        await redis.aclose()


class _Worker:
    """A worker's parts, joined."""

    def __init__(self, redis: Redis, settings: Settings, retrying: Retrying | None) -> None:
        self._redis = redis
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
        )
        finisher = Finisher(redis, keep_s=settings.store.keep_s)
        self._tasks = Tasks(redis, settings, asker, finisher, VoteCache(redis, self._id))

    async def run(self, stopping: asyncio.Event) -> None:
        """Works until `stopping` is set, then drains and removes its heartbeat."""
        await self._load_learnt()
        # Before anything is leased: the lease of a worker without a heartbeat counts for nothing.
        await workers.note_heartbeat(self._redis, self._id)
        async with httpx.AsyncClient(transport=AiohttpTransport(), trust_env=False) as client:
            await self._work(self._queue(client), stopping)
        with contextlib.suppress(StoreError):
            await self._metrics.flush()
            await workers.forget_worker(self._redis, self._id)
        for provider in self._providers.values():
            await provider.aclose()
        await self._signals.aclose()

    def _queue(self, client: httpx.AsyncClient) -> QueueWorker:
        worker = self._settings.worker
        return QueueWorker(
            self._redis,
            self._signals,
            {JUDGE_CHUNK: self._tasks.judge_chunk, CALL_BACK: Callbacks(self._redis, client).call_back},
            max_jobs=2 + worker.max_calls // CHUNK_JUDGMENTS * 2,
            periodic={REFRESH_GAUGES: (Refresher(self._redis).refresh, worker.refresh_seconds)},
        )

    async def _work(self, queue: QueueWorker, stopping: asyncio.Event) -> None:
        beside = [
            asyncio.create_task(each)
            for each in (
                self._keep_beating(),
                keep_leasing(self._redis, self._id, self._limits),
                keep_sharing(self._redis, self._signals, self._limits),
                self._tasks.running.keep_looking(),
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

    async def _keep_beating(self) -> None:
        while True:
            try:
                await workers.note_heartbeat(self._redis, self._id)
            except StoreError as error:
                _log.warning("no heartbeat: %s", error)
            await asyncio.sleep(_BEAT_S)

    async def _load_learnt(self) -> None:
        stored = {name.partition("/"): known for name, known in (await learnt.load_learnt(self._redis)).items()}
        self._capabilities.load(
            {
                (provider, model): msgspec.json.decode(known, type=Learnt)
                for (provider, _, model), known in stored.items()
            }
        )

    async def _save_learnt(self, provider: str, model: str, known: Learnt) -> None:
        await learnt.save_learnt(self._redis, f"{provider}/{model}", msgspec.json.encode(known))


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
