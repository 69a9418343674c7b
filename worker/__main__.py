"""A worker process: `python -m worker`."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Coroutine
from typing import Any

import httpx
import msgspec
import uvloop
from httpx_aiohttp import AiohttpTransport
from redis.asyncio import Redis

from service.agreement.recording import Finisher
from service.config.settings import Settings, SettingsError, load_settings
from service.contracts.ids import new_id
from service.costs import Prices
from service.store import learnt, workers
from service.store.connection import cancelled, connect
from service.store.errors import StoreError
from service.store.jobs import CALL_BACK, CHUNK_JUDGMENTS, JUDGE_CHUNK
from service.store.queue import QueueWorker
from service.store.signals import Signals
from worker.asking import Asker
from worker.call_metrics import Measurements
from worker.callbacks import CallingBack
from worker.gauges import refreshing
from worker.limits import CallLimits
from worker.providers import build_provider
from worker.providers.capabilities import Capabilities, Learnt
from worker.retrying import Retrying
from worker.slot_leases import keep_leasing
from worker.tasks import Tasks
from worker.vote_cache import Memory

logger = logging.getLogger(__name__)

_REDIS_RETRIES = 30  # over half a minute: a restart of Redis goes by unnoticed
_REDIS_CONNECTIONS = 32
_BEAT_S = 3.0


def main() -> int:
    """Runs until SIGTERM or SIGINT; 2 where it can't start."""
    try:
        settings = load_settings(None, os.environ)
    except SettingsError as error:
        for problem in error.problems:
            print(f"judged worker: {problem}", file=sys.stderr)
        return 2
    if settings.store.redis_url is None:
        print("judged worker: set JUDGED_REDIS_URL, or run `judged up`", file=sys.stderr)
        return 2
    logging.basicConfig(level=settings.log.level.upper(), format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("arq").setLevel(logging.WARNING)  # it logs a job's arguments at each start
    _collect_less()
    uvloop.run(_until_signalled(settings))
    return 0


def _collect_less() -> None:
    """Judging makes thousands of short-lived objects and hardly a cycle: collect less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


async def _until_signalled(settings: Settings) -> None:
    stopping = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stopping.set)
    await run(settings, stopping)


async def run(settings: Settings, stopping: asyncio.Event, *, retrying: Retrying | None = None) -> None:
    """One worker's life, joined here from its parts; it drains once `stopping` is set."""
    redis_url = str(settings.store.redis_url)
    redis = connect(redis_url, retries=_REDIS_RETRIES, max_connections=_REDIS_CONNECTIONS)
    signals = Signals(redis)
    measurements = Measurements(redis)
    capabilities = await _capabilities(redis)
    limits = CallLimits(settings.worker.max_calls, settings.providers)
    providers = {
        name: build_provider(name, each, capabilities, measurements.on_call)
        for name, each in settings.all_providers.items()
    }
    asker = Asker(providers, Prices(settings), limits, retrying=retrying, on_retry=measurements.on_retry)
    worker_id = f"{socket.gethostname()}:{os.getpid()}:{new_id('w')}"
    finisher = Finisher(redis, keep_s=settings.store.keep_s)
    tasks = Tasks(redis, settings, asker, finisher, Memory(redis, worker_id))
    await workers.note_heartbeat(
        redis, worker_id
    )  # before anything is leased: the lease of a worker unheard of counts for nothing
    async with httpx.AsyncClient(transport=AiohttpTransport(), trust_env=False) as client:
        queue = QueueWorker(
            redis,
            signals,
            {JUDGE_CHUNK: tasks.judge_chunk, CALL_BACK: CallingBack(redis, client).call_back},
            max_jobs=2 + settings.worker.max_calls // CHUNK_JUDGMENTS * 2,
            periodic={refreshing.NAME: (refreshing.Refresher(redis).refresh, settings.worker.refresh_seconds)},
        )
        beside = [
            asyncio.create_task(each)
            for each in (
                _keep_beating(redis, worker_id),
                keep_leasing(redis, worker_id, limits),
                tasks.keep_looking(),
                measurements.keep_flushing(),
            )
        ]
        working = asyncio.create_task(queue.main())
        await _first(stopping.wait(), working)
        tasks.drain()
        limits.draining.set()
        queue.drain()
        await _end(working, settings.worker.shutdown_seconds)
        await cancelled(*beside)
    with contextlib.suppress(StoreError):
        await measurements.flush()
        await workers.forget_worker(redis, worker_id)
    for provider in providers.values():
        await provider.aclose()
    await signals.aclose()
    await redis.aclose()


async def _first(stopping: Coroutine[Any, Any, Any], working: "asyncio.Task[None]") -> None:
    """Returns at a signal, or raises what ended the work."""
    waiting = asyncio.create_task(stopping)
    await asyncio.wait({waiting, working}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if working.done():
        working.result()


async def _end(working: "asyncio.Task[None]", limit_s: float) -> None:
    """Lets the calls under way end; those that take longer go back to the queue."""
    _, late = await asyncio.wait({working}, timeout=limit_s)
    if late:
        logger.warning("calls under way take longer than %g s: they will be made again", limit_s)
        await cancelled(working)


async def _capabilities(redis: Redis) -> Capabilities:
    async def save(provider: str, model: str, known: Learnt) -> None:
        await learnt.save_learnt(redis, f"{provider}/{model}", msgspec.json.encode(known))

    capabilities = Capabilities(save)
    capabilities.load(
        {
            (provider, model): msgspec.json.decode(known, type=Learnt)
            for name, known in (await learnt.load_learnt(redis)).items()
            for provider, _, model in [name.partition("/")]
        }
    )
    return capabilities


async def _keep_beating(redis: Redis, worker_id: str) -> None:
    while True:
        try:
            await workers.note_heartbeat(redis, worker_id)
        except StoreError as error:
            logger.warning("no heartbeat: %s", error)
        await asyncio.sleep(_BEAT_S)


if __name__ == "__main__":
    sys.exit(main())
