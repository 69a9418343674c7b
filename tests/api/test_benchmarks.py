"""`POST /v1/benchmarks`: what it refuses, what it expects to cost, and what it stores."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from redis.asyncio import Redis

from service.config.settings import ProviderSettings, Settings
from service.store import keys
from tests.api.conftest import client_of, pointers, problem_of
from tests.flows.conftest import Row

WIT: Row = {"criterion": "wit", "method": "rating", "instructions": "Is it funny?"}
ORDER: Row = {"dataset": "d", "judges": [WIT], "models": ["control/length"]}
ITEMS = [{"output": f"text {n}", "human": {"wit": [1 + n % 5], "odd": [7], "words": ["good"]}} for n in range(10)]


@pytest.fixture
async def stocked(redis: Redis, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """An API with a dataset, and OpenAI configured."""
    openai = ProviderSettings(kind="openai", base_url="http://127.0.0.1:1/v1")
    async with client_of(msgspec.structs.replace(settings, providers={"openai": openai})) as api:
        response = await api.put("/v1/datasets/d", json={"items": ITEMS})
        assert response.status_code == 201, response.text
        yield api


async def begun(api: httpx.AsyncClient, **changes: Any) -> Row:
    response = await api.post("/v1/benchmarks", json=ORDER | changes)
    assert response.status_code == 202, response.text
    benchmark: Row = response.json()
    return benchmark


async def jobs_in(redis: Redis) -> list[bytes]:
    return [key async for key in redis.scan_iter(f"{keys.PREFIX}job:*")]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"dataset": "none"}, ["/dataset"]),
        ({"judges": ["nobody"]}, ["/judges/0"]),
        ({"judges": [WIT, "helpfulness"]}, ["/judges/1"]),
        ({"judges": [WIT, WIT]}, ["/judges/1"]),
        ({"judges": [WIT | {"criterion": "odd"}]}, ["/judges/0"]),
        ({"judges": [WIT | {"criterion": "words"}]}, ["/judges/0"]),
        ({"judges": [WIT, WIT | {"method": "ranking"}]}, ["/judges/1"]),
        ({"judges": [WIT | {"method": "category", "choices": [{"label": "a"}, {"label": "b"}]}]}, ["/judges/0"]),
        ({"judges": [WIT | {"scale": {"min": 3, "max": 1}}]}, ["/judges/0/scale/max"]),
        ({"judges": [WIT | {"models": ["nobody/m"]}], "models": None}, ["/judges/0/models/0"]),
        ({"models": ["control/length", "nobody/m"]}, ["/models/1"]),
        ({"models": ["control/length", "control/length"]}, ["/models/1"]),
        ({"sort": "sensitivity"}, ["/sort"]),
        ({"sort": "nonsense"}, ["/sort"]),
        (
            {"judges": [WIT | {"template": "{{item.reference}} {{item.output}}"}]},
            [f"/items/{n}/reference" for n in range(10)],
        ),
    ],
)
async def test_what_is_impossible_is_told_with_its_place_and_leaves_nothing(
    stocked: httpx.AsyncClient, redis: Redis, changes: Row, expected: list[str]
) -> None:
    response = await stocked.post("/v1/benchmarks", json=ORDER | changes)
    assert pointers(response, 422, "impossible") == expected
    assert await jobs_in(redis) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"judges": []}, ["/judges"]),
        ({"models": []}, ["/models"]),
        ({"epsilon": 1}, ["/epsilon"]),
        ({"budget_usd": 0}, ["/budget_usd"]),
        ({"surprise": 1}, ["/surprise"]),
        ({"judges": [{"criterion": "wit"}]}, ["/judges/0/method", "/judges/0/instructions"]),
    ],
)
async def test_what_does_not_fit_is_told_with_its_place(
    stocked: httpx.AsyncClient, changes: Row, expected: list[str]
) -> None:
    assert pointers(await stocked.post("/v1/benchmarks", json=ORDER | changes)) == expected


async def test_items_that_a_judge_can_t_judge_are_told(stocked: httpx.AsyncClient, redis: Redis) -> None:
    items = [{"output": "x", "human": {"better": ["A"]}}, {"outputs": ["x", "y"], "human": {"better": ["B"]}}]
    await stocked.put("/v1/datasets/d", json={"items": items})
    judge = {"criterion": "better", "method": "pairwise", "instructions": "Which?"}
    response = await stocked.post("/v1/benchmarks", json=ORDER | {"judges": [judge]})
    assert pointers(response, 422, "impossible") == ["/items/0/outputs"]
    assert await jobs_in(redis) == []


async def test_the_job_has_a_row_for_each_judge_and_model(stocked: httpx.AsyncClient) -> None:
    other = WIT | {"instructions": "Is it very funny?", "models": ["openai/gpt-4.1", "control/length"]}
    benchmark = await begun(stocked, judges=[WIT, other], models=None)
    assert benchmark["progress"] == {"done": 0, "total": 10 * (2 + 3)}
    job = (await stocked.get(f"/v1/jobs/{benchmark['job_id']}")).json()
    assert len(job["judge"]) == 5
    without = await begun(stocked, judges=[WIT, other], models=None, controls=False)
    assert without["progress"]["total"] == 10 * (1 + 2)


async def test_the_cost_is_estimated_from_prices(stocked: httpx.AsyncClient) -> None:
    """gpt-4.1 is ten times as dear as gpt-4.1-mini's tenth: two samples cost twice, two models their sum."""
    one = (await begun(stocked, models=["openai/gpt-4.1"]))["estimated_cost_usd"]
    mini = (await begun(stocked, models=["openai/gpt-4.1-mini"]))["estimated_cost_usd"]
    both = (await begun(stocked, models=["openai/gpt-4.1", "openai/gpt-4.1-mini"]))["estimated_cost_usd"]
    twice = (await begun(stocked, models=["openai/gpt-4.1"], judges=[WIT | {"samples": 2}]))["estimated_cost_usd"]
    assert 0 < mini < one < 0.1
    assert both == pytest.approx(one + mini)
    assert twice == pytest.approx(2 * one)
    assert (await begun(stocked))["estimated_cost_usd"] == 0
    assert (await begun(stocked, models=["openai/no-such-model"]))["estimated_cost_usd"] is None


async def test_an_estimate_begins_nothing(stocked: httpx.AsyncClient, redis: Redis) -> None:
    order = ORDER | {"models": ["openai/gpt-4.1"], "budget_usd": 1e-6}
    response = await stocked.post("/v1/benchmarks/estimate", json=order)
    assert response.status_code == 200, response.text
    assert await jobs_in(redis) == []
    told, real = response.json(), await begun(stocked, models=["openai/gpt-4.1"])
    assert told["judgments"] == real["progress"]["total"] == 30
    assert told["estimated_cost_usd"] == real["estimated_cost_usd"]
    assert told["warning"].startswith("budget_usd is 1e-06")
    refused = await stocked.post("/v1/benchmarks/estimate", json=order | {"judges": ["nobody"]})
    assert pointers(refused, 422, "impossible") == ["/judges/0"]


async def test_a_budget_below_the_estimate_is_warned_of(stocked: httpx.AsyncClient) -> None:
    benchmark = await begun(stocked, models=["openai/gpt-4.1"], budget_usd=1e-6)
    assert "budget_usd is 1e-06" in benchmark["warning"]
    assert (await begun(stocked, models=["openai/gpt-4.1"], budget_usd=100))["warning"] is None
    shown = (await stocked.get(f"/v1/benchmarks/{benchmark['id']}")).json()
    assert (shown["warning"], shown["leaderboard"], shown["status"]) == (benchmark["warning"], [], "queued")
    assert shown["estimated_cost_usd"] == benchmark["estimated_cost_usd"]


async def test_a_repeat_is_the_first_one_again(stocked: httpx.AsyncClient, redis: Redis) -> None:
    headers = {"Idempotency-Key": "k"}
    first = await stocked.post("/v1/benchmarks", json=ORDER, headers=headers)
    before = sorted(await jobs_in(redis))
    again = await stocked.post("/v1/benchmarks", json=ORDER, headers=headers)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (202, "true")
    assert again.json() == first.json()
    assert sorted(await jobs_in(redis)) == before
    other = await stocked.post("/v1/benchmarks", json=ORDER | {"epsilon": 0.1}, headers=headers)
    problem_of(other, 409, "idempotency-conflict")
    assert sorted(await jobs_in(redis)) == before


async def test_a_repeat_is_the_first_one_again_although_its_dataset_is_gone(stocked: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k"}
    first = await stocked.post("/v1/benchmarks", json=ORDER, headers=headers)
    assert (await stocked.delete(f"/v1/datasets/{ORDER['dataset']}")).status_code == 204
    again = await stocked.post("/v1/benchmarks", json=ORDER, headers=headers)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (202, "true")
    assert again.json() == first.json()
    assert pointers(await stocked.post("/v1/benchmarks", json=ORDER), 422, "impossible") == ["/dataset"]


async def test_what_is_stored_lives_as_long_as_its_job(stocked: httpx.AsyncClient, redis: Redis) -> None:
    benchmark = await begun(stocked)
    beside = keys.job_benchmark(benchmark["job_id"])
    assert await redis.ttl(beside) == -1
    await stocked.delete(f"/v1/benchmarks/{benchmark['id']}")
    assert 0 < await redis.ttl(beside) <= await redis.ttl(keys.job(benchmark["job_id"]))
    fields = await redis.hkeys(beside)  # type: ignore[misc]
    assert sorted(fields) == [b"leaderboard", b"order"]
    await redis.delete(keys.job(benchmark["job_id"]))
    assert (await stocked.get("/v1/benchmarks")).json()["benchmarks"] == []
    problem_of(await stocked.get(f"/v1/benchmarks/{benchmark['id']}"), 404, "not-found")


@pytest.mark.parametrize("name", ["bench_nope", "nope", "job_nope"])
async def test_what_is_no_benchmark_is_404(stocked: httpx.AsyncClient, name: str) -> None:
    problem_of(await stocked.get(f"/v1/benchmarks/{name}"), 404, "not-found")
    problem_of(await stocked.delete(f"/v1/benchmarks/{name}"), 404, "not-found")


async def test_an_ordinary_job_is_no_benchmark(stocked: httpx.AsyncClient) -> None:
    job = (await stocked.post("/v1/jobs", json={"judge": WIT, "items": [{"output": "x"}]})).json()
    problem_of(await stocked.get(f"/v1/benchmarks/{job['id'].replace('job_', 'bench_')}"), 404, "not-found")


async def test_rows_are_bounded(stocked: httpx.AsyncClient) -> None:
    judges = [WIT | {"instructions": f"Variant {n}."} for n in range(20)]
    models = [f"openai/m{n}" for n in range(20)]
    response = await stocked.post("/v1/benchmarks", json=ORDER | {"judges": judges, "models": models})
    assert pointers(response, 422, "impossible") == ["/judges"]
    assert json.loads(response.content)["detail"] == "/judges: 440 pairs of a judge and a model: at most 200"
