"""The whole service in one process: the API on a real socket, and workers beside it."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import msgspec
import pytest
import uvicorn
from redis.asyncio import Redis

from service.api.connections import LimitedHttp
from service.config.settings import ProviderSettings, Settings, load_settings
from tests.apps import app_of
from tests.described import CHECKED
from tests.polling import LIMIT_S, until
from tests.stubs.model_server import ModelServer
from worker.process import run_worker
from worker.retrying import Retrying

FAST = Retrying(base=0.01, cap=0.02, outage=0.3)

Row = dict[str, Any]


def series_of(metrics: str) -> dict[str, float]:
    """Every series of a text of metrics by its own text."""
    lines = [line.rpartition(" ") for line in metrics.splitlines() if not line.startswith("#")]
    return {series: float(value) for series, _, value in lines}


class Judged:
    """A running service and a client of it."""

    def __init__(self, client: httpx.AsyncClient, settings: Settings, retrying: Retrying | None = None) -> None:
        self.client = client
        self.settings = settings
        self.retrying = retrying

    async def judge(self, items: list[Row], judge: Any = "helpfulness", wait: float = 150, **order: Any) -> Row:
        """Submits a job and waits for its end; the job, with its judgments however many there are."""
        ends = time.monotonic() + wait
        response = await self.client.post(
            "/v1/jobs",
            json={"judge": judge, "items": items, **order},
            headers={"Prefer": f"wait={wait}"},  # which the server shortens
            timeout=wait + 30,
        )
        assert response.status_code in (200, 202), response.text
        job: Row = response.json()
        while job["counts"]["pending"] and (left := ends - time.monotonic()) > 0:
            job = await self.job(job["id"], wait=left)
        assert not job["counts"]["pending"], job
        job["judgments"] = await self.judgments(job["id"])
        return job

    async def submit(self, items: list[Row], judge: Any = "helpfulness", **order: Any) -> str:
        """Submits a job; its id."""
        response = await self.client.post("/v1/jobs", json={"judge": judge, "items": items, **order})
        assert response.status_code == 202, response.text
        return str(response.json()["id"])

    async def job(self, job_id: str, wait: float = 0) -> Row:
        response = await self.client.get(f"/v1/jobs/{job_id}", params={"wait": wait}, timeout=wait + 30)
        assert response.status_code == 200, response.text
        shown: Row = response.json()
        return shown

    async def until_scored(self, job_id: str, least: int) -> None:
        """Waits for so many scores of a job."""

        async def are_there() -> bool:
            return bool((await self.job(job_id))["counts"]["scored"] >= least)

        await until(are_there, f"{least} scores of {job_id}")

    async def until_ready(self, workers: int = 1) -> None:
        """Waits until the service is ready, with so many workers."""

        async def are_there() -> bool:
            ready = await self.client.get("/readyz")
            return bool(ready.status_code == 200 and ready.json()["workers"] >= workers)

        await until(are_there, f"{workers} workers")

    async def judgments(self, job_id: str) -> list[Row]:
        """All judgments done by now."""
        response = await self.client.get(
            f"/v1/jobs/{job_id}/judgments", headers={"Accept": "application/x-ndjson"}, timeout=30
        )
        assert response.headers["content-type"] == "application/x-ndjson"
        return [msgspec.json.decode(line) for line in response.content.splitlines()]

    async def metrics(self) -> dict[str, float]:
        """Every series of `/metrics` by its text."""
        return series_of((await self.client.get("/metrics")).text)

    @asynccontextmanager
    async def worker(self, settings: Settings | None = None) -> AsyncIterator[asyncio.Event]:
        """A worker beside the API; setting the event drains it."""
        stopping = asyncio.Event()
        working = asyncio.create_task(run_worker(settings or self.settings, stopping, retrying=self.retrying))
        try:
            yield stopping
        finally:
            stopping.set()
            await asyncio.wait_for(working, LIMIT_S)


Serve = Callable[..., Any]


@pytest.fixture
async def serve(redis: Redis, store_url: str) -> AsyncIterator[Serve]:
    """`await serve(openai=server, ...)` starts the API and a worker, with a provider for each stub."""
    async with AsyncExitStack() as stack:

        async def start(
            *,
            workers: int = 1,
            changes: Row | None = None,
            provider: Row | None = None,
            retrying: Retrying | None = None,
            **stubs: ModelServer,
        ) -> Judged:
            settings = settings_for(store_url, changes or {}, provider, **stubs)
            client = await stack.enter_async_context(api_of(settings))
            judged = Judged(client, settings, retrying)
            for _ in range(workers):
                await stack.enter_async_context(judged.worker())
            return judged

        yield start


def settings_for(store_url: str, changes: Row, provider: Row | None = None, **stubs: ModelServer) -> Settings:
    """Settings with one provider a stub, and with single fields of sections, and of all providers, changed."""
    settings = load_settings(None, {"JUDGED_REDIS_URL": store_url, "JUDGED_MODELS": "control/overlap"})
    providers = {
        name: ProviderSettings(
            **{"kind": stub.kind, "base_url": stub.base_url, "timeout_seconds": 30.0, **(provider or {})}
        )
        for name, stub in stubs.items()
    }
    changed = {
        section: fields
        if section in ("prices", "keys", "providers")
        else msgspec.structs.replace(getattr(settings, section), **fields)
        for section, fields in changes.items()
    }
    return msgspec.structs.replace(settings, **{"providers": providers, **changed})


@asynccontextmanager
async def api_of(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    listener = socket.create_server(("127.0.0.1", 0))
    with app_of(settings) as app:
        config = uvicorn.Config(app, http=LimitedHttp, log_config=None, lifespan="on", timeout_graceful_shutdown=2)
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        serving = asyncio.create_task(server.serve([listener]))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        # Certificates, which HTTP needs none of, would take longer to load than the API to start.
        async with httpx.AsyncClient(base_url=url, timeout=30, verify=False, event_hooks=CHECKED) as client:
            await until(lambda: server.started, "the API")
            yield client
        server.should_exit = True
        await serving
