"""Records that a newer version stored: each is refused in plain words, and lists are without it."""

from typing import Any

import httpx
import msgspec
import pytest
from redis.asyncio import Redis

from service.config.version import version
from service.store import keys
from service.store.connection import reply
from tests.api.conftest import problem_of
from tests.flows.conftest import Row

JUDGE: Row = {"criterion": "wit", "method": "rating", "instructions": "Is it funny?", "models": ["control/length"]}
ITEM: Row = {"id": "t-1", "input": "q", "output": "a"}
BATTLE: Row = {"item": ITEM, "judge": "helpfulness", "models": ["control/length", "control/overlap"]}


async def change(redis: Redis, key: str, field: str | None, path: tuple[Any, ...], value: Any) -> None:
    """Puts a value into the JSON of a record."""
    stored = await reply(redis.get(key) if field is None else redis.hget(key, field))
    record = within = msgspec.json.decode(stored)
    for step in path[:-1]:
        within = within[step]
    within[path[-1]] = value
    text = msgspec.json.encode(record)
    await reply(redis.set(key, text) if field is None else redis.hset(key, field, text.decode()))


async def a_job(api: httpx.AsyncClient, redis: Redis) -> str:
    sent = await api.post("/v1/jobs", json={"judge": "helpfulness", "items": [ITEM]})
    job = str(sent.json()["id"])
    await change(redis, keys.job(job), "record", ("judges", 0, "definition", "mood"), "grave")
    return job


async def a_judge(api: httpx.AsyncClient, redis: Redis) -> str:
    await api.put("/v1/judges/wit", json=JUDGE)
    await change(redis, keys.judge("wit"), "version:1", ("method",), "duel")
    return "wit"


async def a_dataset(api: httpx.AsyncClient, redis: Redis) -> str:
    await api.put("/v1/datasets/d", json={"items": [{**ITEM, "human": {"helpfulness": [4]}}]})
    await change(redis, keys.dataset("d"), "dataset", ("annotators",), ["ann"])
    return "d"


async def a_battle(api: httpx.AsyncClient, redis: Redis) -> str:
    battle = str((await api.post("/v1/arena/battles", json=BATTLE)).json()["id"])
    await change(redis, keys.battle(battle), "course", ("status",), "paused")
    return battle


async def a_benchmark(api: httpx.AsyncClient, redis: Redis) -> str:
    await api.put("/v1/datasets/d", json={"items": [{**ITEM, "human": {"helpfulness": [4]}}]})
    asked = {"dataset": "d", "judges": ["helpfulness"], "models": ["control/length"]}
    benchmark = str((await api.post("/v1/benchmarks", json=asked)).json()["id"])
    [key] = [key.decode() async for key in redis.scan_iter(keys.job_benchmark("*"))]
    await change(redis, key, "order", ("epsilon",), "wide")
    return benchmark


async def a_set_of_anchors(api: httpx.AsyncClient, redis: Redis) -> str:
    await api.put("/v1/anchors/helpfulness", json={"items": [ITEM]})
    await change(redis, keys.anchor_set("helpfulness"), None, ("baseline_at",), "since then")
    return "helpfulness"


async def a_criterion(api: httpx.AsyncClient, redis: Redis) -> str:
    await api.put("/v1/criteria/mood", json={"scale": {"min": 1, "max": 3}})
    await change(redis, keys.CRITERIA, "mood", ("kind",), "colours")
    return "mood"


@pytest.mark.parametrize(
    ("make", "path", "pages"),
    [
        (a_job, "/v1/jobs", ["/jobs"]),
        (a_judge, "/v1/judges", ["/"]),
        (a_dataset, "/v1/datasets", []),
        (a_battle, "/v1/arena/battles", []),
        (a_benchmark, "/v1/benchmarks", []),
        (a_set_of_anchors, "/v1/anchors", []),
        (a_criterion, "/v1/criteria", []),
    ],
)
async def test_a_newer_record(api: httpx.AsyncClient, redis: Redis, make: Any, path: str, pages: list[str]) -> None:
    name = await make(api, redis)
    response = await api.get(f"{path}/{name}")
    problem = problem_of(response, 503, "unreadable-record")
    assert f"was stored by a newer version of judged, or is damaged: this process runs {version()}" in problem["detail"]
    assert response.headers["retry-after"]
    for listed in (path, *pages):
        shown = await api.get(listed)
        assert shown.status_code == 200, shown.text
        assert f'"{name}"' not in shown.text
