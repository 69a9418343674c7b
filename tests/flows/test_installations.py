"""Several installations in one store: each has all of its own and nothing of another's."""

import asyncio
import hashlib
import json
import re
import signal
import sys
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from tests.flows.conftest import Judged, Row
from tests.flows.faults import GOOD, items
from tests.flows.fleet import Fleet, ended, fleet_of
from tests.launch.processes import Watched, watched
from tests.polling import until
from tests.stubs.model_server import ModelServer
from tests.stubs.wire_formats import Reply

FIRST, SECOND = "first:", "second:"
SIZES = {FIRST: 30, SECOND: 50}
KEY = "a key of an installation"
WIT: Row = {"criterion": "wit", "method": "rating", "instructions": "Is it funny?", "scale": {"min": 1, "max": 5}}


def documented_rules(password: str, prefix: str) -> list[str]:
    """The rules of the store's user as the guide has them, with this password and prefix."""
    text = files("service").joinpath("docs", "operations.md").read_text(encoding="utf-8")
    line = re.search(r"ACL SETUSER judged ([^`]+)", text)
    assert line
    return line[1].replace("\\\n", " ").replace("PASSWORD", password).replace("staging:", prefix).split()


class Installation:
    """An API and a worker with a prefix, whose user has the documented rights on keys with that prefix alone."""

    def __init__(self, fleet: Fleet, prefix: str) -> None:
        self.fleet = fleet
        self.prefix = prefix
        self.judged: Judged
        self._processes: tuple[Watched, ...] = ()

    @property
    def environ(self) -> dict[str, str]:
        user = self.prefix.rstrip(":")
        return {
            "JUDGED_STORE_BINARY": str(self.fleet.store.binary),  # which reads a backup into a store of its own kind
            "JUDGED_REDIS_URL": f"{self.fleet.store.url}?username={user}&password=p-{user}",
            "JUDGED_STORE_PREFIX": self.prefix,
            "JUDGED_ANCHORS_JUDGMENTS_PER_DAY": "500",
            "JUDGED_WORKER_REFRESH_SECONDS": "0.2",
            "JUDGED_SERVER_CALLBACK_HOSTS": "127.0.0.1",
        }

    async def start(self) -> None:
        user = self.prefix.rstrip(":")
        rules = documented_rules(f"p-{user}", self.prefix)
        await self.fleet.redis.execute_command("ACL", "SETUSER", user, "reset", *rules)  # type: ignore[no-untyped-call]
        config = Path(self.fleet.store.data) / f"{user}.toml"
        digest = hashlib.sha256(KEY.encode()).hexdigest()
        scopes = '["submit", "read", "label", "admin"]'
        config.write_text(
            f'[[keys]]\nname = "bot"\nsha256 = "{digest}"\nscopes = {scopes}\nrequests_per_minute = 9000\n'
        )
        environ = {**self.environ, "JUDGED_CONFIG": str(config)}
        worker, client = self.fleet.started(**environ), await self.fleet.api(**environ)
        self._processes = (worker, self.fleet.newest_api)
        client.headers["Authorization"] = f"Bearer {KEY}"
        client.timeout = httpx.Timeout(60)
        self.judged = Judged(client, self.fleet.judged.settings)
        await self.judged.until_ready()

    async def stop(self) -> None:
        for each in self._processes:
            each.send(signal.SIGTERM)
        for each in self._processes:
            await ended(each)

    async def put(self, path: str, content: Any) -> None:
        assert (await self.judged.client.put(path, json=content)).status_code in (200, 201)

    async def shown(self, path: str, **query: Any) -> Row:
        response = await self.judged.client.get(path, params=query)
        assert response.status_code == 200, response.text
        found: Row = response.json()
        return found

    async def posted(self, path: str, content: Any, **headers: str) -> Row:
        response = await self.judged.client.post(path, json=content, headers=headers)
        assert response.status_code in (200, 202), response.text
        found: Row = response.json()
        return found

    async def worked(self) -> None:
        """Uses every part of the service that writes, with the same names in each installation."""
        count = SIZES[self.prefix]
        order = {"judge": "helpfulness", "items": items(count), "budget_usd": 9.0, "models": ["openai/gpt-4.1-mini"]}
        job = await self.posted("/v1/jobs", order, **{"Prefer": "wait=60", "Idempotency-Key": "the same"})
        assert job["counts"]["scored"] == count
        assert (await self.posted("/v1/jobs", order, **{"Idempotency-Key": "the same"}))["id"] == job["id"]
        labels = [
            {"item_id": f"t-{n}", "criterion": "helpfulness", "annotator": who, "score": 1 + n % 5}
            for n in range(count // 2)
            for who in ("ann", "bea")
        ]
        await self.posted("/v1/labels", {"labels": labels})
        await self.put("/v1/judges/wit", {**WIT, "models": ["openai/m"]})
        await self.put("/v1/criteria/wit", {"scale": {"min": 1, "max": 5}})
        await self.put("/v1/anchors/wit", {"items": [{"id": f"a-{n}", "output": f"{n}"} for n in range(5)]})
        rows = [{"id": f"i{n}", "input": "Say.", "output": f"{n}", "human": {"wit": [1 + n % 5]}} for n in range(12)]
        ndjson = b"\n".join(json.dumps(row).encode() for row in rows)
        for name in ("kept", "dropped"):
            answer = await self.judged.client.put(
                f"/v1/datasets/{name}", content=ndjson, headers={"Content-Type": "application/x-ndjson"}
            )
            assert answer.status_code == 201, answer.text
        begun = await self.posted("/v1/benchmarks", {"dataset": "kept", "judges": ["wit"], "models": ["openai/m"]})
        board = (await self.shown(f"/v1/benchmarks/{begun['id']}", wait=60))["leaderboard"]
        assert {row["items"] for row in board} == {12}
        assert (await self.judged.client.delete("/v1/datasets/dropped")).status_code == 204
        battle = {"item": items(1)[0], "judge": "helpfulness", "models": ["openai/a", "openai/b"]}
        drawn = await self.posted("/v1/arena/battles", battle)
        assert (await self.shown(f"/v1/arena/battles/{drawn['id']}", wait=60))["status"] == "open"
        await self.posted(f"/v1/arena/battles/{drawn['id']}/vote", {"winner": "A", "voter": "ada"})
        cancelled = await self.judged.submit(
            items(3), models=["control/length"], callback_url="http://127.0.0.1:9/nobody"
        )
        assert (await self.judged.client.delete(f"/v1/jobs/{cancelled}")).status_code in (200, 202, 204)

    async def is_at_rest(self) -> None:
        async def none_is_queued() -> bool:
            return (await self.judged.metrics())["judged_queue_items"] == 0

        await until(none_is_queued, "the end of the cancelled job, and of an anchor whose time has come")

    async def findings(self) -> Row:
        """What the installation tells of itself once it is at rest."""
        await self.is_at_rest()
        report = await self.shown("/v1/agreement", judge="helpfulness", model="openai/gpt-4.1-mini", selection="all")
        metrics = await self.judged.metrics()
        listed = (await self.shown("/v1/jobs", limit=1000))["jobs"]
        return {
            "pairs": report["pairs"],
            "judged": report["coverage"]["judged"],
            "jobs": len(listed),
            "scored": sum(v for s, v in metrics.items() if s.startswith("judged_judgments_total") and "gpt-4.1" in s),
            "votes": sum(v for s, v in metrics.items() if s.startswith("judged_arena_votes_total")),
            "datasets": [each["name"] for each in (await self.shown("/v1/datasets"))["datasets"]],
            "differing": (await self.posted("/v1/agreement/rebuild?repair=true", None))["differing"],
        }


def expected(prefix: str) -> Row:
    count = SIZES[prefix]
    return {
        "pairs": 2 * (count // 2),
        "judged": count,
        "jobs": 3,  # with the benchmark
        "scored": count,
        "votes": 1,
        "datasets": ["kept"],
        "differing": 0,
    }


async def keys_in(redis: Redis) -> list[str]:
    return [key.decode() async for key in redis.scan_iter(count=1000)]


async def command(folder: Path, *arguments: str, environ: dict[str, str]) -> tuple[int, str]:
    with watched((sys.executable, "-m", "service.cli", *arguments), folder, environ) as running:
        return await ended(running, 60.0), running.printed


@pytest.mark.timeout(120)  # four processes, then two again, a backup and a restore
async def test_installations_in_one_store_share_nothing(tmp_path: Path) -> None:
    async with ModelServer("openai", lambda body: Reply(text=GOOD)) as model, fleet_of(tmp_path, model) as fleet:
        first, second = installations = Installation(fleet, FIRST), Installation(fleet, SECOND)
        for each in installations:
            await each.start()
        await asyncio.gather(*(each.worked() for each in installations))
        for each in installations:
            assert await each.findings() == expected(each.prefix)
        assert (await fleet.judged.client.get("/v1/jobs")).json()["jobs"] == []
        begins = Counter(key.partition("judged:")[0].partition("arq:")[0] for key in await keys_in(fleet.redis))
        assert set(begins) == {FIRST, SECOND, ""}  # the last one is of the API in this process, which has no prefix
        assert min(begins[FIRST], begins[SECOND]) > 60
        assert await fleet.redis.acl_log() == []

        await fleet.redis.config_set("repl-diskless-sync-delay", 0)
        file = str(tmp_path / "all.rdb")
        await fleet.redis.execute_command("ACL", "SETUSER", "first", "+sync", "+replconf", "+restore")  # type: ignore[no-untyped-call]  # as documented
        assert (await command(tmp_path, "backup", file, environ=first.environ))[0] == 0
        code, said = await command(tmp_path, "restore", file, environ=first.environ)
        assert (code, "the store is not empty (it has the key first:" in said) == (2, True)
        await first.stop()
        await fleet.redis.unlink(*(key for key in await keys_in(fleet.redis) if key.startswith(FIRST)))
        assert await second.findings() == expected(SECOND)
        assert (await command(tmp_path, "restore", file, environ=first.environ))[0] == 0
        await first.start()
        for each in installations:
            assert await each.findings() == expected(each.prefix)
        assert await fleet.redis.acl_log() == []
