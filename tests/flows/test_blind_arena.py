"""Before the vote, nothing that can be read tells which models a battle has; afterwards they are counted."""

import re
from typing import Any

import httpx
from redis.asyncio import Redis

from service.app import openapi_document
from tests.flows.conftest import Judged, Serve
from tests.flows.test_arena import ITEM, MUTE, STRONG, WEAK, begun, by_model, shown, voted
from tests.polling import until
from tests.stubs.model_server import ModelServer

NAMES = ("strong", "weak", "mute", "61111", "72222", "83333")


async def everything_readable(client: httpx.AsyncClient, battle_id: str, jobs: list[str]) -> dict[str, str]:
    """The body of every GET of the API by its path, with ids that the caller knows or may have guessed."""
    values = {
        "battle_id": [battle_id],
        "job_id": jobs,
        "benchmark_id": [job.replace("job_", "bench_") for job in jobs],
        "item_id": ["t-1"],
        "criterion": ["helpfulness"],
        "judge": ["helpfulness"],
        "reference": ["helpfulness"],
        "version": ["1"],
        "name": ["helpfulness"],
    }
    bodies = {}
    for path, item in openapi_document()["paths"].items():
        names = re.findall(r"\{(\w+)\}", path)
        if "get" not in item or path.endswith("/events"):
            continue
        for value in values[names[0]] if names else [""]:
            url = path.replace(f"{{{names[0]}}}", value) if names else path
            url = re.sub(r"\{version\}", "1", url)
            required = {
                p["name"] for p in item["get"].get("parameters", []) if p["in"] == "query" and p.get("required")
            }
            query = {name: {"judge": "helpfulness", "criterion": "helpfulness"}.get(name, "x") for name in required}
            bodies[url] = (await client.get(url, params=query)).text
    return bodies


async def test_nothing_tells_the_models_before_the_vote(serve: Serve, redis: Redis) -> None:
    async with ModelServer("openai", by_model) as server:
        judged: Judged = await serve(openai=server)
        battle = await begun(judged, models=[STRONG, WEAK, MUTE])
        battle = await shown(judged, battle["id"])
        assert battle["status"] == "open"
        jobs = [key.decode().split(":")[2] async for key in redis.scan_iter("judged:job:*:results:0")]
        await _flushed(judged)
        for path, body in (await everything_readable(judged.client, battle["id"], jobs)).items():
            # The explanations are the evaluations themselves.
            assert [name for name in NAMES if name in body] == [], (path, body[:2000])
        before = _judgments(await judged.metrics())
        await voted(judged, battle["id"], "tie")
        counted = await judged.metrics()
        assert _judgments(counted) == before | {STRONG: 1.0, WEAK: 1.0} | _redrawn(counted)
        assert counted['judged_tokens_total{direction="input",model="openai/strong"}'] == 61111.0
        await voted(judged, battle["id"], "A", voter="bob")
        assert _judgments(await judged.metrics()) == _judgments(counted)


async def test_an_explanation_that_names_its_model_is_shown_after_the_vote(serve: Serve) -> None:
    """As those of baselines do. Neither is shown then: one alone would tell which it is."""
    judged: Judged = await serve()
    battle = await begun(judged, models=["control/length", "control/overlap"])
    battle = await shown(judged, battle["id"])
    assert battle["status"] == "open"
    assert [each["explanation"] for each in battle["evaluations"].values()] == [None, None]
    assert "control" not in str(battle)
    page = (await judged.client.get(f"/arena/battles/{battle['id']}")).text
    assert "not a language model" not in page
    revealed = await voted(judged, battle["id"], "tie")
    for side, model in revealed["models"].items():
        assert f"Baseline {model}" in revealed["evaluations"][side]["explanation"]


async def test_a_failed_battle_is_counted_once(serve: Serve) -> None:
    async with ModelServer("openai", by_model) as server:
        judged: Judged = await serve(openai=server)
        battle = await begun(judged, models=[STRONG, MUTE])
        for _ in range(2):
            assert (await shown(judged, battle["id"]))["status"] == "failed"
        assert _judgments(await judged.metrics()) == {STRONG: 1.0, MUTE: 1.0}


def _judgments(metrics: dict[str, float]) -> dict[str, float]:
    found = {}
    for series, value in metrics.items():
        if series.startswith("judged_judgments_total{"):
            found[re.search(r'model="([^"]*)"', series).group(1)] = value  # type: ignore[union-attr]
    return found


def _redrawn(metrics: dict[str, float]) -> dict[str, Any]:
    """The mute model, if it was drawn at first."""
    return {MUTE: 1.0} if MUTE in _judgments(metrics) else {}


async def _flushed(judged: Judged) -> None:
    """Waits until the worker has flushed counts of calls: those of a job that is no battle are there then."""
    await judged.judge([{"output": "x"}], models=["control/length"])
    await judged.judge([ITEM | {"id": "t-2"}], models=["control/overlap"])

    async def is_counted() -> bool:
        return any("control" in series for series in await judged.metrics())

    await until(is_counted, "the counts")
