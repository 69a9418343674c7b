"""Real processes on a store of their own: workers and APIs that can be killed, a store that can be restarted."""

import asyncio
import contextlib
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
from redis.asyncio import Redis
from redis.exceptions import RedisError

from service.launch import embedded_store
from service.store import keys
from service.store.connection import connect
from tests.flows.conftest import Judged, api_of, settings_for
from tests.launch.processes import Watched, until_answers, watched
from tests.polling import LIMIT_S, until
from tests.stubs.model_server import ModelServer

# Without a price of its own, each process would start another one that looks for a list price.
CONFIGURATION = '[prices."openai/m"]\ninput = 0\noutput = 0\n'


async def beats(redis: Redis, worker: Watched) -> bool:
    """Whether the worker has a heartbeat in the store: the number of workers counts those that were just killed."""
    assert worker.process.poll() is None, worker.printed
    own = f":{worker.process.pid}:".encode()
    with contextlib.suppress(RedisError):  # somebody may have ended the store meanwhile
        return any(own in each for each in await redis.zrange(keys.WORKERS, 0, -1))
    return False


class Fleet:
    """One store, any number of workers and APIs, and an API in this process to ask."""

    def __init__(self, folder: Path, socket: Path, stack: contextlib.AsyncExitStack, provider: dict[str, Any]) -> None:
        self.store = embedded_store.Store(
            embedded_store.find_binary(os.environ.get("JUDGED_TEST_STORE")), folder, socket
        )
        self.judged: Judged
        self.redis: Redis
        self._folder = folder
        self._stack = stack
        self._provider = provider
        self._running: Watched
        self._api: Watched

    async def start_store(self) -> None:
        command = embedded_store.store_command(self.store)
        self._running = self._stack.enter_context(watched(command, self._folder, restore_signals=False))
        await embedded_store.wait_until_ready(self.store.socket)

    async def end_store(self, number: signal.Signals) -> None:
        self.signal_store(number)
        await ended(self._running)

    @property
    def store_pid(self) -> int:
        """The process id of the store."""
        return self._running.process.pid

    def signal_store(self, number: signal.Signals) -> None:
        """Sends the store's process a signal."""
        self._running.send(number)

    @contextlib.contextmanager
    def full_disk(self) -> Iterator[None]:
        """The store's file can't grow while the block lasts, so that it refuses writes (MISCONF)."""
        most = max(each.stat().st_size for each in (self.store.data / "appendonlydir").iterdir())
        _, hard = resource.prlimit(self.store_pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.store_pid, resource.RLIMIT_FSIZE, (most, hard))
        try:
            yield
        finally:
            resource.prlimit(self.store_pid, resource.RLIMIT_FSIZE, (hard, hard))

    def started(self, module: str = "worker", **environ: str) -> Watched:
        """A worker process that was just started."""
        return self._stack.enter_context(self._process("-m", module, environ=environ))

    async def worker(self, **environ: str) -> Watched:
        """A worker process, once its heartbeat is there."""
        worker = self.started(**environ)
        await until(lambda: self.beats(worker), "a worker")
        return worker

    async def beats(self, worker: Watched) -> bool:
        return await beats(self.redis, worker)

    def api_on(self, descriptor: int, **environ: str) -> Watched:
        """An API process that was just started on a listening socket."""
        argv = ("-m", "service.cli", "api", "--fd", str(descriptor))
        self._api = self._stack.enter_context(self._process(*argv, environ=environ, fds=(descriptor,)))
        return self._api

    async def api(self, **environ: str) -> httpx.AsyncClient:
        """A client of an API process, once that answers."""
        with socket.create_server(("127.0.0.1", 0)) as listener:  # a free port might be another's a moment later
            port, descriptor = listener.getsockname()[1], listener.fileno()
            process = self.api_on(descriptor, **environ)
        client = await self._stack.enter_async_context(
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", verify=False)
        )
        await until_answers(client, "/healthz", process)
        return client

    async def end_api(self) -> int:
        """Asks the API process that was started last to end, and returns its exit code."""
        self._api.send(signal.SIGTERM)
        return await ended(self._api)

    @property
    def newest_api(self) -> Watched:
        """The API process that was started last."""
        return self._api

    def printed_by_api(self) -> str:
        """The output of the API process that was started last."""
        return self._api.printed

    async def counts(self, job_id: str) -> dict[str, int]:
        counts: dict[str, int] = (await self.judged.job(job_id))["counts"]
        return counts

    async def over(self, job_id: str, limit_s: float = LIMIT_S) -> dict[str, Any]:
        """The job with its judgments, once it is over."""

        async def is_over() -> dict[str, Any] | None:
            job = await self.judged.job(job_id, wait=1)
            return job if job["counts"]["pending"] == 0 else None

        job: dict[str, Any] = await until(is_over, f"the end of {job_id}", limit_s)
        job["judgments"] = await self.judged.judgments(job_id)
        return job

    def _process(
        self, *argv: str, environ: Mapping[str, str] | None = None, fds: Sequence[int] = ()
    ) -> contextlib.AbstractContextManager[Watched]:
        own = {
            "JUDGED_REDIS_URL": self.store.url,
            "JUDGED_PROVIDERS": json.dumps({"openai": self._provider}),
            "JUDGED_MODELS": "openai/m",
        }
        return watched([sys.executable, *argv], self._folder, {**own, **(environ or {})}, fds=fds)


@contextlib.asynccontextmanager
async def fleet_of(folder: Path, model: ModelServer, **provider: Any) -> AsyncIterator[Fleet]:
    """A fleet that asks this stub; nothing of it is left in the end. `provider` changes its section."""
    section = {"kind": "openai", "base_url": model.base_url, "timeout_seconds": 20.0, **provider}
    (folder / "judged.toml").write_text(CONFIGURATION)  # which processes find where they start
    async with contextlib.AsyncExitStack() as stack:
        fleet = Fleet(folder, stack.enter_context(embedded_store.socket_for(folder)), stack, section)
        await fleet.start_store()
        settings = settings_for(fleet.store.url, {}, provider, openai=model)
        fleet.judged = Judged(await stack.enter_async_context(api_of(settings)), settings)
        fleet.redis = connect(fleet.store.url, retries=1, max_connections=4)
        stack.push_async_callback(fleet.redis.aclose)
        yield fleet


async def ended(process: Watched, limit_s: float = LIMIT_S) -> int:
    """Its exit code, waited for without holding up the stub."""
    return await asyncio.to_thread(process.ends_with, limit_s)
