"""Stores that earlier versions wrote: the code here reads all of it, and ends what was under way."""

import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from service.store import keys
from tests.flows.conftest import Judged, Row
from tests.flows.faults import GOOD
from tests.polling import until
from tests.stubs.model_server import ModelServer
from tests.upgrades.record import BATTLE, REPEATED, STORES, answers, numbered, restored, sent
from tests.worker.test_callbacks import receiving

FIRST = {"judge": "wit", "items": numbered("w", 0, 60)}
NAMES = sorted(path.name.removesuffix(".rdb.gz") for path in STORES.glob("*.rdb.gz"))
LIMIT_S = 60.0
ESTIMATES = "//v1/estimates"  # which weighted labels by doubt even if all were drawn at random
FREE = ("/anchors/since was", "/trust/because/")  # a time before now; sentences


def recorded(name: str) -> Row:
    about: Row = json.loads(gzip.decompress((STORES / f"{name}.json.gz").read_bytes()))
    return about


def backup_of(name: str, folder: Path) -> Path:
    file = folder / "all.rdb"
    file.write_bytes(gzip.decompress((STORES / f"{name}.rdb.gz").read_bytes()))
    return file


def missing(found: Any, known: Any, where: str = "") -> list[str]:
    """The places of an earlier answer that are not in the present one, which may have more fields."""
    if isinstance(known, dict) and isinstance(found, dict):
        return [each for name in known for each in missing(found.get(name), known[name], f"{where}/{name}")]
    if isinstance(known, list) and isinstance(found, list) and len(known) == len(found):
        return [each for n, one in enumerate(known) for each in missing(found[n], one, f"{where}/{n}")]
    near = 0.01 if where.startswith(ESTIMATES) else 1e-9
    same = found == pytest.approx(known, rel=near) if isinstance(known, float) else found == known
    return [] if same else [f"{where} was {known!r}, is {found!r}"]


async def call_elsewhere(redis: Redis, old: str, new: str) -> None:
    """Sends callbacks to another address: the one of the recording is gone."""
    async for key in redis.scan_iter(keys.job("*"), _type="HASH"):
        record = await redis.hget(key, "record")  # type: ignore[misc]
        if record is not None and old.encode() in record:
            await redis.hset(key, "record", record.replace(old.encode(), new.encode()))  # type: ignore[misc]


@pytest.mark.parametrize("name", NAMES)
async def test_all_that_an_earlier_version_wrote_is_read(name: str, tmp_path: Path) -> None:
    known = recorded(name)
    async with ModelServer("openai") as model, restored(backup_of(name, tmp_path), tmp_path, model) as (_, judged):
        found = await answers(judged.client)
        gone = missing(found["answers"], known["answers"])
        assert [each for each in gone if not any(place in each for place in FREE)] == []
        assert found["counters"] == known["counters"]
        rebuilt = await sent(judged.client, "POST", "/v1/agreement/rebuild", params={"repair": "false"})
        assert (rebuilt["differing"], rebuilt["labels"]) == (0, 180)
        repeated = await sent(judged.client, "POST", "/v1/jobs", json=FIRST, headers=REPEATED)
        assert repeated["id"] == known["answers"]["/v1/jobs?limit=1000"]["jobs"][-1]["id"]
    assert model.calls == 0


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", NAMES)
async def test_what_an_earlier_version_had_under_way_ends_once(name: str, tmp_path: Path) -> None:
    known = recorded(name)["answers"]
    jobs = {job["id"]: job for job in known["/v1/jobs?limit=1000"]["jobs"]}
    pending = sum(job["counts"]["pending"] for job in jobs.values())
    async with (
        ModelServer("openai", lambda body: GOOD) as model,
        receiving(200) as receiver,
        restored(backup_of(name, tmp_path), tmp_path, model) as (fleet, judged),
    ):
        await call_elsewhere(fleet.redis, recorded(name)["callback_url"], receiver.url)
        before = await judged.metrics()
        async with judged.worker():
            for job_id, earlier in jobs.items():
                ended = await judged.job(job_id, wait=LIMIT_S)
                judgments = await judged.judgments(job_id)
                assert (ended["counts"]["pending"], len(judgments)) == (0, earlier["counts"]["total"])
                assert len({each["id"] for each in judgments}) == len(judgments)
                stored = known[f"/v1/jobs/{job_id}/judgments?limit=1000"]["judgments"]
                by_id = {each["id"]: each for each in judgments}
                assert [each for one in stored if (each := missing(by_id[one["id"]], one))] == []
            assert total(await judged.metrics()) == total(before) + pending
            await ended_benchmarks(judged)
            await ended_battles(judged)
            await delivered(judged, jobs)
            assert {json.loads(body)["id"] for body in receiver.bodies} <= jobs.keys()
            assert (await judged.metrics())["judged_queue_items"] == 0
            calls = model.calls
            again = await judged.judge(numbered("w", 0, 4), judge="wit")
            assert [each["cached"] for each in again["judgments"]] == [True] * 4
            assert model.calls == calls
        assert await first_bytes(fleet.redis) == {b"{"}  # its own version can read all of it
        rebuilt = await sent(judged.client, "POST", "/v1/agreement/rebuild", params={"repair": "false"})
        assert rebuilt["differing"] == 0


async def first_bytes(redis: Redis) -> set[bytes]:
    """What the stored judgments begin with."""
    found = {key: await redis.hvals(key) async for key in redis.scan_iter(keys.job("*:results:*"))}  # type: ignore[misc]
    return {value[:1] for values in found.values() for value in values}


def total(metrics: dict[str, float]) -> float:
    """The judgments of jobs in the list, which those of battles and anchors are not."""
    return sum(value for name, value in metrics.items() if name.startswith("judged_judgments_total{"))


async def ended_benchmarks(judged: Judged) -> None:
    for each in (await sent(judged.client, "GET", "/v1/benchmarks"))["benchmarks"]:
        path = f"/v1/benchmarks/{each['id']}"

        async def has_rows(path: str = path) -> bool:
            return bool((await sent(judged.client, "GET", path)).get("leaderboard"))

        await until(has_rows, f"the leaderboard of {path}", LIMIT_S)


async def ended_battles(judged: Judged) -> None:
    for each in (await sent(judged.client, "GET", "/v1/arena/battles"))["battles"]:
        path = f"/v1/arena/battles/{each['id']}"
        battle = await sent(judged.client, "GET", path, params={"wait": 20})
        assert battle["evaluations"], battle
        voted = await sent(judged.client, "POST", f"{path}/vote", json={"winner": "B", "voter": "dan"})
        assert set(voted["models"].values()) == set(BATTLE["models"])
    board = await sent(judged.client, "GET", "/v1/arena/leaderboard")
    assert board["votes"] == 3


async def delivered(judged: Judged, jobs: dict[str, Row]) -> None:
    """Each callback is delivered: that of the job that went on, and that which was refused before."""
    with_callback = [job_id for job_id, job in jobs.items() if job.get("callback")]
    assert len(with_callback) == 2

    async def are_delivered() -> bool:
        shown = [(await judged.job(job_id))["callback"] for job_id in with_callback]
        return {each["status"] for each in shown} == {"delivered"}

    await until(are_delivered, "the callbacks", LIMIT_S)


def test_a_recorded_store_is_whole() -> None:
    assert NAMES
    for name in NAMES:
        about = recorded(name)
        statuses = {job["status"] for job in about["answers"]["/v1/jobs?limit=1000"]["jobs"]}
        assert statuses >= {"queued", "running", "completed", "completed_with_errors", "cancelled"}, name
        assert msgspec.json.encode(about["counters"]).count(b"judged_") > 30
