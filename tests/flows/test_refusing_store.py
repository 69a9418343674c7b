"""A store that refuses commands is away: work waits and goes on by itself, and no paid answer is asked for again."""

import asyncio
import contextlib
import json
import re
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from arq.constants import in_progress_key_prefix
from redis.asyncio import Redis
from redis.exceptions import RedisError

from service.api.jobs import judgment_lines
from service.store import keys
from service.store.connection import connect
from service.store.jobs import JUDGE_CHUNK, load_job
from service.store.sweeping import Swept, sweep
from tests.flows.conftest import Row
from tests.flows.faults import GOOD, items
from tests.flows.fleet import Fleet, ended, fleet_of
from tests.flows.test_crashes import MODEL, assert_each_was_scored_once
from tests.polling import until
from tests.stubs.model_server import ModelServer
from tests.stubs.wire_formats import Reply

IN_FLIGHT = 8
Refusing = Callable[[Fleet], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def without_replicas(fleet: Fleet) -> AsyncIterator[None]:
    """NOREPLICAS, for longer than leases live."""
    await fleet.redis.config_set("min-replicas-to-write", "1")
    yield
    await asyncio.sleep(9)
    await fleet.redis.config_set("min-replicas-to-write", "0")


@asynccontextmanager
async def full(fleet: Fleet) -> AsyncIterator[None]:
    """OOM."""
    await fleet.redis.config_set("maxmemory", "1")
    yield
    await fleet.redis.config_set("maxmemory", "0")


@asynccontextmanager
async def read_only(fleet: Fleet) -> AsyncIterator[None]:
    """READONLY: the store became a replica, as in a fail-over."""
    await fleet.redis.replicaof("127.0.0.1", 1)
    yield
    await fleet.redis.replicaof("NO", "ONE")


@asynccontextmanager
async def busy(fleet: Fleet) -> AsyncIterator[None]:
    """BUSY: somebody's script does not end."""
    await fleet.redis.config_set("lua-time-limit", "50")
    other = connect(fleet.store.url, retries=0, max_connections=1, timeout_s=60.0)

    async def never_ends() -> None:
        with contextlib.suppress(RedisError):
            await other.eval("while true do end", 0)  # type: ignore[misc]

    running = asyncio.create_task(never_ends())
    await asyncio.sleep(0.2)
    yield
    await fleet.redis.script_kill()
    await running
    await other.aclose()


@asynccontextmanager
async def on_a_full_disk(fleet: Fleet) -> AsyncIterator[None]:
    """MISCONF, since the file of commands can't be written."""

    async def refuses() -> bool:
        with contextlib.suppress(RedisError):
            await fleet.redis.set(f"{keys.PREFIX}probe", "1")
            return False
        return True

    with fleet.full_disk():
        await until(refuses, "a store that refuses writes")
        yield


@pytest.mark.parametrize("refusing", [without_replicas, full, read_only, busy, on_a_full_disk])
async def test_work_waits_for_a_store_that_refuses_and_goes_on_by_itself(tmp_path: Path, refusing: Refusing) -> None:
    async with (
        ModelServer("openai", lambda body: Reply(text=GOOD, delay=0.1)) as model,
        fleet_of(tmp_path, model, max_concurrency=IN_FLIGHT) as fleet,
    ):
        workers = await asyncio.gather(fleet.worker(), fleet.worker())
        job_id = await fleet.judged.submit(items(160), models=[MODEL])
        await fleet.judged.until_scored(job_id, 20)
        async with refusing(fleet):
            for method, path in (("POST", "/v1/jobs"), ("GET", "/readyz")):
                body = {"judge": "helpfulness", "items": items(1)}
                response = await fleet.judged.client.request(method, path, json=body if method == "POST" else None)
                assert response.status_code == 503, response.text
                assert response.headers["retry-after"]
            assert (await fleet.judged.client.get("/healthz")).status_code == 200
            await asyncio.sleep(2)
        job = await fleet.over(job_id, 40)
        await assert_each_was_scored_once(fleet.judged, job, 160)
        assert model.calls == 160
        assert all(worker.process.poll() is None for worker in workers)
        assert "Traceback" not in "".join(worker.printed for worker in workers)
        assert await leases_on_votes(fleet.redis) == []
        assert await sweep(fleet.redis, keep_s=3600) == Swept()
        await fleet.judged.until_ready()


async def test_a_worker_that_wakes_up_late_after_a_long_refusal_keeps_its_work(tmp_path: Path) -> None:
    """All leases and heartbeats have run out, and the other worker looks first."""
    async with (
        ModelServer("openai", lambda body: Reply(text=GOOD, delay=0.1)) as model,
        fleet_of(tmp_path, model, max_concurrency=IN_FLIGHT) as fleet,
    ):
        workers = await asyncio.gather(fleet.worker(), fleet.worker())
        job_id = await fleet.judged.submit(items(40), models=[MODEL])  # one chunk
        await fleet.judged.until_scored(job_id, 5)
        [lease] = await fleet.redis.mget(await fleet.redis.keys(f"{in_progress_key_prefix}{JUDGE_CHUNK}*"))
        [holder] = [each for each in workers if f":{each.process.pid}:".encode() in lease]
        async with without_replicas(fleet):
            await asyncio.sleep(2.5)
            holder.send(signal.SIGSTOP)
        assert (await fleet.counts(job_id))["scored"] < 40
        await asyncio.sleep(1.5)
        holder.send(signal.SIGCONT)
        job = await fleet.over(job_id, 40)
        await assert_each_was_scored_once(fleet.judged, job, 40)
        assert model.calls == 40


async def test_a_paid_vote_waits_for_the_store_and_the_other_votes_of_its_item(tmp_path: Path) -> None:
    """The first call ends once the lease of its chunk has."""

    def answer(body: Row) -> Reply:
        return Reply(text=GOOD, delay=10.5 if body["model"] == "m" else 0.0)

    async with ModelServer("openai", answer) as model, fleet_of(tmp_path, model, max_concurrency=1) as fleet:
        await fleet.worker()
        job_id = await fleet.judged.submit(items(1), models=[MODEL, "openai/n"])
        await until(lambda: model.calls == 1, "the call for the first vote")
        async with without_replicas(fleet):
            await asyncio.sleep(3.5)
        job = await fleet.over(job_id, 40)
        assert job["counts"]["scored"] == 1
        assert model.calls == 2


async def test_a_stream_of_judgments_pauses_while_the_store_is_busy(tmp_path: Path) -> None:
    async with ModelServer("openai", lambda body: GOOD) as model, fleet_of(tmp_path, model) as fleet:
        await fleet.worker()
        job_id = await fleet.judged.submit(items(120), models=[MODEL])
        await fleet.over(job_id)
        found = await load_job(fleet.redis, job_id)
        assert found is not None
        lines = judgment_lines(fleet.redis, found[0], 0, None)
        before = [await anext(lines) for _ in range(found[0].chunk_items)]
        async with busy(fleet):
            rest = asyncio.ensure_future(_all_of(lines))
            await asyncio.sleep(0.5)
            assert not rest.done()
        ids = [json.loads(each)["item_id"] for each in [*before, *await rest]]
        assert ids == [each["id"] for each in items(120)]


async def _all_of(lines: AsyncIterator[bytes]) -> list[bytes]:
    return [each async for each in lines]


async def leases_on_votes(redis: Redis) -> list[bytes]:
    names = await redis.keys(f"{keys.PREFIX}cache:*")
    return [value for value in await redis.mget(names) if value and value.startswith(b"!")]


async def test_roles_wait_for_a_store_that_is_away_at_their_start_with_one_line(tmp_path: Path) -> None:
    async with ModelServer("openai", lambda body: GOOD) as model, fleet_of(tmp_path, model) as fleet:
        await fleet.end_store(signal.SIGTERM)
        worker = fleet.started()
        line = re.escape("waiting for the store at unix://")
        worker.until(line)
        api = await fleet.api()
        for _ in range(5):
            assert (await api.get("/readyz")).status_code == 503  # as a supervisor asks all the time
            await asyncio.sleep(0.5)
        assert len(re.findall(line, worker.printed)) == 1
        assert len(re.findall(line, fleet.printed_by_api())) == 1
        events = [each for each in fleet.printed_by_api().splitlines() if "service.api.request_log" not in each]
        assert len(events) == 1, events
        await fleet.start_store()

        async def is_ready() -> bool:
            return (await api.get("/readyz")).status_code == 200

        await until(is_ready, "a worker that has begun")
        assert "Traceback" not in worker.printed
        assert len(worker.printed.splitlines()) <= 3, worker.printed
        stopped = fleet.started()
        await fleet.end_store(signal.SIGTERM)
        stopped.send(signal.SIGTERM)
        assert await ended(stopped) in (0, -signal.SIGTERM)


async def test_settings_of_the_store_that_may_lose_work_are_said(tmp_path: Path) -> None:
    async with ModelServer("openai", lambda body: GOOD) as model, fleet_of(tmp_path, model) as fleet:
        await fleet.redis.config_set("maxmemory-policy", "allkeys-lru")
        await fleet.redis.config_set("appendonly", "no")
        worker = await fleet.worker()
        worker.until("maxmemory-policy is allkeys-lru")
        worker.until("keeps nothing on disk")
        ready = await fleet.judged.client.get("/readyz")
        assert ready.status_code == 200
        assert len(ready.json()["warnings"]) == 2
