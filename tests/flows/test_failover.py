"""A store of a primary and two replicas, watched by three Sentinels: the primary dies with work under way."""

import asyncio
import contextlib
import json
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from service.launch.backup import backup
from service.launch.preflight import free_port
from tests.flows.conftest import Judged, api_of, settings_for
from tests.flows.faults import GOOD, items
from tests.flows.fleet import ended
from tests.launch.processes import Watched, watched
from tests.polling import until
from tests.stubs.model_server import ModelServer
from tests.stubs.wire_formats import Reply

SENTINEL = shutil.which("redis-sentinel")
SERVER = shutil.which("redis-server")
PASSWORD, OF_SENTINELS = "p:a@s/s %?#", "s&e=n+t"
ENCODED, OF_SENTINELS_ENCODED = "p%3Aa%40s%2Fs%20%25%3F%23", "s%26e%3Dn%2Bt"
ITEMS = 8

pytestmark = pytest.mark.skipif(not (SENTINEL and SERVER), reason="no redis-sentinel and redis-server")


class Cluster:
    """The servers by their ports, the first of them the primary, and the address that names the Sentinels."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self.folder = folder
        self.ports = [free_port("127.0.0.1") for _ in range(3)]
        self.sentinels = [free_port("127.0.0.1") for _ in range(3)]
        self._stack = stack
        self.servers: dict[int, Watched] = {}

    async def start(self) -> None:
        """Starts the Sentinels once the replicas are in step: they ask for replicas every ten seconds only."""
        self.servers = {port: self._stack.enter_context(self._server(port)) for port in self.ports}
        await until(self.is_in_step, "two replicas")
        for port in self.sentinels:
            self._stack.enter_context(self._sentinel(port))
        await until(self.is_watched, "three Sentinels that know all")
        for port in self.sentinels:
            async with self.client(port, OF_SENTINELS) as sentinel:
                rights = ("reset", "on", f">{OF_SENTINELS}", "+sentinel|get-master-addr-by-name")  # as documented
                await sentinel.execute_command("ACL", "SETUSER", "finder", *rights)

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.sentinels)
        return f"redis+sentinel://:{ENCODED}@{hosts}/main?sentinel_username=finder&sentinel_password={OF_SENTINELS_ENCODED}"

    def _server(self, port: int) -> contextlib.AbstractContextManager[Watched]:
        of = [] if port == self.ports[0] else [f"replicaof 127.0.0.1 {self.ports[0]}"]
        return self._running(
            str(SERVER),
            port,
            *of,
            *("appendonly yes", "appendfsync no", "repl-diskless-sync-delay 0", "maxmemory-policy noeviction"),
            *(f'requirepass "{PASSWORD}"', f'masterauth "{PASSWORD}"'),
        )

    def _sentinel(self, port: int) -> contextlib.AbstractContextManager[Watched]:
        return self._running(
            str(SENTINEL),
            port,
            f"sentinel monitor main 127.0.0.1 {self.ports[0]} 2",
            *(
                f'sentinel auth-pass main "{PASSWORD}"',
                f'requirepass "{OF_SENTINELS}"',
                f'sentinel sentinel-pass "{OF_SENTINELS}"',
            ),
            *("sentinel down-after-milliseconds main 600", "sentinel failover-timeout main 3000"),
        )

    def _running(self, program: str, port: int, *lines: str) -> contextlib.AbstractContextManager[Watched]:
        own = self.folder / str(port)
        own.mkdir()
        file = own / "store.conf"
        file.write_text("\n".join((f"port {port}", "bind 127.0.0.1", f"dir {own}", *lines)))
        return watched((program, str(file)), own)

    def client(self, port: int, password: str) -> Any:
        return Redis(host="127.0.0.1", port=port, password=password, socket_timeout=2)

    async def replicate(self) -> None:
        """Returns once both replicas have all that the primary has."""
        async with self.client(self.ports[0], PASSWORD) as redis, redis.client() as primary:
            await primary.set("judged:probe", "1")
            assert await primary.wait(2, 10_000) == 2

    async def is_in_step(self) -> bool:
        with contextlib.suppress(OSError, RedisError):
            async with self.client(self.ports[0], PASSWORD) as primary:
                found = await primary.info("replication")
                return [found.get(f"slave{n}", {}).get("state") for n in range(2)] == ["online", "online"]
        return False

    async def is_watched(self) -> bool:
        """Whether each Sentinel knows the others and both replicas."""
        with contextlib.suppress(OSError, RedisError):
            for port in self.sentinels:
                async with self.client(port, OF_SENTINELS) as sentinel:
                    known = await sentinel.sentinel_master("main")
                    if (known["num-slaves"], known["num-other-sentinels"]) != (2, 2):
                        return False
            return True
        return False


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    with contextlib.ExitStack() as stack:
        cluster = Cluster(tmp_path, stack)
        await cluster.start()
        yield cluster


@pytest.mark.timeout(120)  # six servers and two processes that are started, and the time of a fail-over
@pytest.mark.parametrize("confirmed", [1, 0])
async def test_what_was_accepted_ends_once_though_the_primary_dies(
    confirmed: int, cluster: Cluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With a confirmation nothing is lost; without one, jobs that no replica had got may be, each as a whole."""
    async with (
        ModelServer("openai", lambda body: Reply(text=GOOD, delay=0.3)) as model,
        contextlib.AsyncExitStack() as stack,
    ):
        settings = settings_for(cluster.url, {"store": {"confirmed_replicas": confirmed}}, openai=model)
        client = await stack.enter_async_context(api_of(settings))
        judged = Judged(client, settings)
        environ = {
            "JUDGED_REDIS_URL": cluster.url,
            "JUDGED_PROVIDERS": json.dumps(
                {"openai": {"kind": "openai", "base_url": model.base_url, "max_concurrency": 12}}
            ),
        }
        worker = stack.enter_context(watched((sys.executable, "-m", "worker"), tmp_path, environ))
        await judged.until_ready()
        accepted: dict[str, str] = {}
        refused = 0

        async def submit(name: str) -> None:
            """Sends a job until it is accepted, as a client does."""
            nonlocal refused
            order = {"judge": "helpfulness", "models": ["openai/m"], "cache": False, "items": items(ITEMS)}
            while True:
                response = await client.post("/v1/jobs", json=order, headers={"Idempotency-Key": name})
                if response.status_code == 202:
                    accepted[name] = response.json()["id"]
                    return
                assert response.status_code == 503, response.text
                assert response.headers["retry-after"]
                refused += 1
                await asyncio.sleep(0.1)

        of_replica = settings_for(f"redis://:{ENCODED}@127.0.0.1:{cluster.ports[1]}", {})
        await asyncio.to_thread(backup, of_replica, None, tmp_path / "replica.rdb", lambda _: None)
        for n in range(3):
            await submit(f"before-{n}")
        await cluster.replicate()
        for n in range(3):
            await submit(f"last-{n}")
        assert (await judged.job(accepted["last-2"]))["counts"]["pending"] > 0
        cluster.servers[cluster.ports[0]].send(signal.SIGKILL)
        for n in range(6):
            await submit(f"after-{n}")
        assert refused > 0
        lost = 0
        for name, job_id in accepted.items():
            if (
                name.startswith("last")
                and not confirmed
                and (await client.get(f"/v1/jobs/{job_id}")).status_code == 404
            ):
                lost += 1
                continue

            async def is_over(job_id: str = job_id) -> dict[str, Any] | None:
                response = await client.get(f"/v1/jobs/{job_id}", params={"wait": 1})
                assert response.status_code in (200, 503), response.text
                job: dict[str, Any] = response.json()
                return job if job.get("counts", {}).get("pending") == 0 else None

            job = await until(is_over, f"the end of {job_id}", 60.0)
            assert (job["status"], job["counts"]["scored"]) == ("completed", ITEMS)
            assert len({each["item_id"] for each in job["judgments"]}) == ITEMS
        metrics = await judged.metrics()
        stored = sum(value for series, value in metrics.items() if series.startswith("judged_judgments_total"))
        assert stored == ITEMS * (len(accepted) - lost)
        assert metrics["judged_queue_items"] == 0
        listed = (await client.get("/v1/jobs", params={"limit": 1000})).json()["jobs"]
        assert len(listed) == len(accepted) - lost
        assert {each["id"] for each in listed} <= set(accepted.values())

        await asyncio.to_thread(backup, settings, None, tmp_path / "all.rdb", lambda _: None)
        worker.send(signal.SIGTERM)
        assert await ended(worker) == 0
        logged = worker.printed + caplog.text
        assert not any(secret in logged for secret in (PASSWORD, ENCODED, OF_SENTINELS, OF_SENTINELS_ENCODED))
