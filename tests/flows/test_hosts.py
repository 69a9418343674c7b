"""The store, the API, workers, a model and a client on hosts of their own; a worker's cable is taken out in mid-job."""

import asyncio
import contextlib
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import pytest

from service.launch import embedded_store
from service.store.connection import connect
from tests.flows.conftest import Judged, Row, api_of, settings_for
from tests.flows.faults import GOOD, items
from tests.flows.fleet import beats, ended
from tests.flows.hosts import Hosts, hosts, on_host
from tests.flows.test_crashes import MODEL, assert_each_was_scored_once, calls_by_item, number_of
from tests.launch.processes import Watched, watched
from tests.polling import until
from tests.stubs.model_server import ModelServer
from tests.stubs.wire_formats import Reply

KEY = "a key"
STORE_PORT, API_PORT = 6379, 8000  # each host has all of its ports for itself
CALL_LIMIT_S = 120.0  # no call that hangs is tried again while the test lasts
CUT_OFF_S = 12.0  # longer than a lease
TAKEN_OVER_S = 60.0  # a lease of ten seconds, and a busy machine


class Installation:
    """Processes on hosts. `judged` asks an API in this process, which reaches the store by its socket file."""

    def __init__(self, net: Hosts, folder: Path, model: ModelServer, stack: contextlib.AsyncExitStack) -> None:
        self.net = net
        self.judged: Judged
        self._folder = folder
        self._stack = stack
        provider = {"kind": "openai", "base_url": model.base_url, "timeout_seconds": CALL_LIMIT_S}
        self.environ = {
            "JUDGED_CONFIG": str(folder / "judged.toml"),
            "JUDGED_REDIS_URL": f"redis://{net.address_of('store')}:{STORE_PORT}/0",
            "JUDGED_PROVIDERS": json.dumps({"openai": provider}),
            "JUDGED_MODELS": MODEL,
        }
        key = sha256(KEY.encode()).hexdigest()
        (folder / "judged.toml").write_text(f'[[keys]]\nname = "client"\nsha256 = "{key}"\n')

    def start(self, host: str, *argv: str, **environ: str) -> Watched:
        """Starts `judged` with these arguments on a host."""
        command = on_host(host, sys.executable, "-m", "service.cli", *argv)
        return self._stack.enter_context(watched(command, self._folder, self.environ | environ))

    async def start_store(self, model: ModelServer) -> None:
        socket = self._stack.enter_context(embedded_store.socket_for(self._folder))
        store = embedded_store.Store(embedded_store.find_binary(None), self._folder, socket)
        address = ("--port", str(STORE_PORT), "--bind", self.net.address_of("store"), "--protected-mode", "no")
        command = on_host("store", *embedded_store.store_command(store), *address)
        self._stack.enter_context(watched(command, self._folder))
        await embedded_store.wait_until_ready(socket)
        settings = settings_for(store.url, {}, openai=model)
        self._redis = connect(store.url, retries=0, max_connections=1)
        self._stack.push_async_callback(self._redis.aclose)
        self.judged = Judged(await self._stack.enter_async_context(api_of(settings)), settings)

    async def worker(self, host: str) -> Watched:
        started = self.start(host, "worker")
        await until(lambda: beats(self._redis, started), f"a worker on {host}", TAKEN_OVER_S)
        return started

    async def workers(self) -> int:
        return int((await self.judged.client.get("/readyz")).json().get("workers", 0))

    def score(self, name: str, sent: list[Row]) -> Watched:
        """A client that sends these items to the API over the network, and waits for their scores."""
        file = self._folder / f"{name}.jsonl"
        file.write_text("".join(json.dumps(each) + "\n" for each in sent))
        url = f"http://{self.net.address_of('api')}:{API_PORT}"
        asked = ("--judge", "helpfulness", "--models", MODEL, "--url", url, "--key", KEY)
        return self.start("client", "score", str(file), *asked)

    async def job(self, total: int) -> str:
        """The id of the newest job, once it has so many items."""

        async def found() -> str | None:
            jobs = (await self.judged.client.get("/v1/jobs")).json()["jobs"]
            return jobs[0]["id"] if jobs and jobs[0]["counts"]["total"] == total else None

        job_id: str = await until(found, "the job", TAKEN_OVER_S)
        return job_id


@contextlib.asynccontextmanager
async def installation(folder: Path) -> AsyncIterator[tuple[Installation, ModelServer]]:
    """A store, an API and a model on hosts, and room for workers and a client."""
    with hosts("store", "api", "one", "other", "model", "client") as net:
        async with contextlib.AsyncExitStack() as stack:
            listener = await net.listener("model")
            model = await stack.enter_async_context(ModelServer("openai", listener=listener))
            installed = Installation(net, folder, model, stack)
            await installed.start_store(model)
            api = installed.start("api", "api", JUDGED_HOST=net.address_of("api"), JUDGED_PORT=str(API_PORT))

            async def listens() -> bool:
                assert api.process.poll() is None, api.printed
                return await net.takes_connections("api", API_PORT)

            await until(listens, "the API", TAKEN_OVER_S)
            yield installed, model


@pytest.mark.timeout(240)  # two leases and six processes on a busy machine
async def test_a_worker_that_is_cut_off_in_mid_job_repeats_only_its_calls_in_flight(tmp_path: Path) -> None:
    async with installation(tmp_path) as (installed, model):
        model.reply = lambda body: Reply(text=GOOD, hang=number_of(body) >= 20)
        one = await installed.worker("one")
        first = installed.score("first", items(40))
        job_id = await installed.job(40)
        await installed.judged.until_scored(job_id, 20)
        await until(lambda: model.running == 20, "all other calls in flight")
        other = await installed.worker("other")
        installed.net.cut_off("one")
        model.reply = lambda body: GOOD
        assert await ended(first, TAKEN_OVER_S) == 0, first.printed
        assert calls_by_item(model) == Counter({index: 1 if index < 20 else 2 for index in range(40)})
        job = await installed.judged.job(job_id)
        job["judgments"] = await installed.judged.judgments(job_id)
        await assert_each_was_scored_once(installed.judged, job, 40)

        async def is_missed() -> bool:
            return await installed.workers() == 1

        await until(is_missed, "the end of the heartbeat", TAKEN_OVER_S)
        installed.net.join_again("one")

        async def is_back() -> bool:
            return await installed.workers() == 2

        await until(is_back, "the heartbeat of the worker that was cut off", TAKEN_OVER_S)
        calls = model.calls
        second = installed.score("second", [{"output": f"answer {n}."} for n in range(100, 160)])
        assert await ended(second, TAKEN_OVER_S) == 0, second.printed
        assert model.calls == calls + 60
        metrics = await installed.judged.metrics()
        labels = f'judge="helpfulness",model="{MODEL}",outcome="scored",reason="",version="1"'
        assert metrics[f"judged_judgments_total{{{labels}}}"] == 100
        assert metrics["judged_queue_items"] == 0
        assert (one.process.poll(), other.process.poll()) == (None, None)
        assert "Traceback" not in one.printed + other.printed


@pytest.mark.timeout(240)
async def test_a_store_that_is_cut_off_longer_than_a_lease_costs_no_call_twice(tmp_path: Path) -> None:
    async with installation(tmp_path) as (installed, model):
        model.reply = lambda body: Reply(text=GOOD, delay=0.3)
        workers = [await installed.worker(host) for host in ("one", "other")]
        client = installed.score("all", items(600))
        job_id = await installed.job(600)
        await installed.judged.until_scored(job_id, 100)
        installed.net.cut_off("store")
        await asyncio.sleep(CUT_OFF_S)
        assert (await installed.judged.job(job_id))["counts"]["pending"] > 0
        installed.net.join_again("store")
        assert await ended(client, 2 * TAKEN_OVER_S) == 0, client.printed
        job = await installed.judged.job(job_id)
        assert (job["status"], job["counts"]["scored"]) == ("completed", 600)
        assert calls_by_item(model) == Counter(range(600))
        assert [each.process.poll() for each in workers] == [None, None]


def test_hosts_are_removed_although_a_test_fails() -> None:
    left = Path("/run/netns")
    before = set(left.glob("*"))

    def fail() -> None:
        with hosts("here", "there") as net:
            listener = asyncio.run(net.listener("here"))
            assert listener.getsockname()[0] == net.address_of("here")
            listener.close()
            assert len(set(left.glob(f"*-{os.getpid()}-*")) - before) == 3
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not [path for path in set(left.glob("*")) - before if str(os.getpid()) in path.name]
