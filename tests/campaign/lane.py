"""A lane of a campaign: one store, one API process and two workers, on which rounds are played one after the other."""

import asyncio
import contextlib
import json
import signal
import socket
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any

import httpx

from tests.campaign.provider import Provider
from tests.flows.conftest import Row, series_of
from tests.flows.fleet import Fleet, ended, fleet_of
from tests.launch.processes import Watched
from tests.polling import until

WORKERS = 2
MOST_CALLS = 8  # in flight, over all workers
CALL_LIMIT_S = 4.0
START_LIMIT_S = 90.0  # of a worker, on a busy machine
END_LIMIT_S = 60.0  # of a worker, which waits for a store that another fault keeps away
_MOST_S = 60.0  # until an accepted request is answered, whatever happens meanwhile


class UnexpectedAnswer(Exception):  # noqa: N818 - a finding, not an error of the campaign
    """The API answered as it must not, whatever the fault."""


class Lane:
    """The processes of a lane, and how to end and replace them."""

    def __init__(self, fleet: Fleet, provider: Provider, listener: socket.socket, client: httpx.AsyncClient) -> None:
        self.fleet = fleet
        self.provider = provider
        self.client = client
        self.workers: list[Watched] = []
        self.at_rest = asyncio.Event()  # no request is being sent
        self._listener = listener
        self._api: Watched

    def start_api(self, **environ: str) -> None:
        self._api = self.fleet.api_on(self._listener.fileno(), **environ)

    async def kill_api(self) -> None:
        await self.end_api(signal.SIGKILL)

    async def end_api(self, number: signal.Signals) -> None:
        self._api.send(number)
        await ended(self._api)

    def start_workers(self, **environ: str) -> None:
        """Starts as many workers as are missing, and does not wait for them."""
        self.workers += [self.fleet.started(**environ) for _ in range(WORKERS - len(self.workers))]

    async def end_worker(self, worker: Watched, number: signal.Signals) -> None:
        self.workers.remove(worker)
        worker.send(number)
        await ended(worker, END_LIMIT_S)

    def pids(self) -> dict[str, int]:
        """The process ids of the API, the workers and the store."""
        workers = {f"worker {number}": each.process.pid for number, each in enumerate(self.workers, 1)}
        return {"API": self._api.process.pid, **workers, "store": self.fleet.store_pid}

    async def judgments(self, job_id: str) -> list[Row]:
        """All judgments of a job."""
        accepted = {"Accept": "application/x-ndjson"}
        response = await self.ask("GET", f"/v1/jobs/{job_id}/judgments", headers=accepted)
        return [json.loads(line) for line in response.text.splitlines()]

    async def metrics(self) -> dict[str, float]:
        """Every series of `/metrics` by its text."""
        return series_of((await self.ask("GET", "/metrics")).text)

    def dead(self) -> list[str]:
        """The last lines of each process that ended by itself."""
        processes = {"the API": self._api, **{f"worker {each.process.pid}": each for each in self.workers}}
        return [
            f"{name} ended with {each.process.returncode}: {each.printed[-1500:]}"
            for name, each in processes.items()
            if each.process.poll() is not None
        ]

    def tracebacks(self) -> list[str]:
        """The tracebacks that the processes at work have printed."""
        return [
            each.printed[max(each.printed.index("Traceback") - 300, 0) :][:4000]
            for each in (self._api, *self.workers)
            if "Traceback" in each.printed
        ]

    async def ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Sends a request to the API process until it is answered with something else than 503.

        Raises UnexpectedAnswer for another 5xx, or if there is no answer within a minute.
        """
        ends = time.monotonic() + _MOST_S
        while time.monotonic() < ends:
            with contextlib.suppress(httpx.TransportError):
                response = await self.client.request(method, path, **request)
                if response.status_code < 500:
                    return response
                if response.status_code != 503:
                    raise UnexpectedAnswer(f"{method} {path}: {response.status_code} {response.text[:500]}")
            await asyncio.sleep(0.1)
        raise UnexpectedAnswer(f"{method} {path}: no answer but 503 within {_MOST_S:g} s")


@contextlib.asynccontextmanager
async def lane_of(folder: Path, rng: Random, environ: Mapping[str, str] = MappingProxyType({})) -> AsyncIterator[Lane]:
    """A lane with an empty store, whose processes begin with `environ`; nothing but the folder is left in the end."""
    provider = Provider(rng)
    limits = {"max_concurrency": MOST_CALLS, "timeout_seconds": CALL_LIMIT_S}
    async with contextlib.AsyncExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=512))
        model = await stack.enter_async_context(provider.server)
        fleet = await stack.enter_async_context(fleet_of(folder, model, **limits))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        # A connection a request: a killed API must not look like an API that answers.
        pool = httpx.Limits(max_keepalive_connections=0)
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=15, limits=pool, verify=False))
        lane = Lane(fleet, provider, listener, client)
        lane.start_api(**environ)
        lane.start_workers(**environ)
        for worker in lane.workers:
            await until(lambda started=worker: lane.fleet.beats(started), "a worker", START_LIMIT_S)  # type: ignore[misc]
        await lane.ask("GET", "/healthz")
        yield lane
