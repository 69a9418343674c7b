"""Each key's requests are limited over all processes, and counted by status."""

import asyncio
from hashlib import sha256

import httpx
from redis.asyncio import Redis

from service.api import request_limits
from service.config.settings import KeySettings
from service.store import keys
from tests.api.conftest import OpenApi, problem_of
from tests.polling import until


def key(name: str, most: int | None) -> KeySettings:
    digest = sha256(name.encode()).hexdigest()
    return KeySettings(name=name, sha256=digest, scopes=("read",), requests_per_minute=most)


def bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {name}"}


async def test_a_key_s_limit_holds_over_all_processes(open_api: OpenApi, redis: Redis) -> None:
    limited = (key("few", 5), key("many", None))
    one, other = await open_api(keys=limited), await open_api(keys=limited)
    calls = (api.get("/v1/jobs", headers=bearer("few")) for api in (one, other) * 6)
    answers = await asyncio.gather(*calls)
    assert sorted(each.status_code for each in answers) == [200] * 5 + [429] * 7
    for each in answers:
        if each.status_code == 429:
            problem_of(each, 429, "too-many-requests")
            assert 50 < int(each.headers["retry-after"]) <= 60
    assert (await one.get("/v1/jobs", headers=bearer("many"))).status_code == 200
    assert (await one.get("/healthz", headers=bearer("few"))).status_code == 200
    times = await redis.lrange(keys.request_times("few"), 0, -1)  # type: ignore[misc]
    assert len(times) == 5
    await redis.lset(keys.request_times("few"), 4, str(int(times[4]) - 60_000))  # type: ignore[misc]
    statuses = [(await one.get("/v1/jobs", headers=bearer("few"))).status_code for _ in range(2)]
    assert statuses == [200, 429]


async def test_requests_are_counted_by_key_and_status(open_api: OpenApi) -> None:
    request_limits._EVERY_S, before = 0.01, request_limits._EVERY_S
    api: httpx.AsyncClient = await open_api(keys=(key("reader", 3),))
    for path, name in (("/v1/jobs", "reader"), ("/v1/jobs/job_0", "reader"), ("/v1/jobs", "reader"), ("/v1/jobs", "?")):
        await api.get(path, headers=bearer(name))
    await api.post("/v1/jobs", json={}, headers=bearer("reader"))
    await api.get("/v1/jobs", headers=bearer("reader"))

    async def counted() -> list[str]:
        text = (await api.get("/metrics")).text
        lines = [line for line in text.splitlines() if line.startswith("judged_key_requests_total{")]
        return sorted(lines) if len(lines) == 5 else []

    assert await until(counted, "the counts") == [
        'judged_key_requests_total{key="",status="401"} 1.0',
        'judged_key_requests_total{key="reader",status="200"} 2.0',
        'judged_key_requests_total{key="reader",status="403"} 1.0',
        'judged_key_requests_total{key="reader",status="404"} 1.0',
        'judged_key_requests_total{key="reader",status="429"} 1.0',
    ]
    request_limits._EVERY_S = before
