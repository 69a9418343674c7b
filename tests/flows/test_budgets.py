"""Budgets: never exceeded, whatever the number of workers, and used up to the last call that fits."""

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from service.config.settings import KeySettings, PriceSettings
from service.store import clock, keys
from service.store.changes import NANO
from tests.api.test_access import bearer, key
from tests.flows.conftest import FAST, Judged, Row, Serve
from tests.flows.faults import GOOD, items
from tests.flows.fleet import fleet_of
from tests.polling import until
from tests.stubs.model_server import Answer, ModelServer
from tests.stubs.wire_formats import Reply

MODEL = "openai/m"
PRICES = {MODEL: PriceSettings(input=1.0, output=10.0)}
COST = 1000 * 1e-6 + 100 * 1e-5  # of each answer below: 0.002 USD; its reservation is at most some 0.013 USD
ANSWER = Reply(text=GOOD, input_tokens=1000, output_tokens=100, delay=0.02)
SMALL: Row = {"max_output_tokens": 200}


@pytest.mark.parametrize("workers", [1, 3])
async def test_a_jobs_budget_is_used_up_and_not_exceeded(serve: Serve, workers: int) -> None:
    async with ModelServer("openai", lambda body: ANSWER) as model:
        judged: Judged = await serve(openai=model, workers=workers, changes={"prices": PRICES})
        job = await judged.judge(items(100), models=[MODEL], parameters=SMALL, budget_usd=30 * COST + 0.002)
        metrics = await judged.metrics()
    assert metrics["judged_queue_wait_seconds_count"] == metrics["judged_judgment_seconds_count"] == model.calls
    outcomes = Counter((each["outcome"], each["reason"]) for each in job["judgments"])
    assert set(outcomes) == {("scored", None), ("failed", "budget")}
    assert 25 <= outcomes["scored", None] == model.calls <= 31
    assert 30 * COST + 0.002 >= job["usage"]["cost_usd"] == pytest.approx(model.calls * COST)
    words = [each["votes"][0]["error"] for each in job["judgments"] if each["outcome"] == "failed"]
    assert all("the budget has less than that left" in each for each in words)


async def test_a_budget_that_all_items_fit_in_fails_none_though_few_fit_at_once(serve: Serve) -> None:
    async with ModelServer("openai", lambda body: ANSWER) as model:
        judged: Judged = await serve(openai=model, workers=2, changes={"prices": PRICES})
        job = await judged.judge(items(40), models=[MODEL], parameters=SMALL, budget_usd=40 * COST + 0.02)
    assert (job["counts"]["scored"], model.calls) == (40, 40)


async def test_re_asks_are_paid_from_the_budget_too(serve: Serve) -> None:
    unreadable = Reply(text="no verdict", input_tokens=1000, output_tokens=100)
    async with ModelServer("openai", lambda body: unreadable) as model:
        judged: Judged = await serve(openai=model, changes={"prices": PRICES})
        job = await judged.judge(items(30), models=[MODEL], parameters=SMALL, budget_usd=20 * COST)
    assert 20 * COST >= job["usage"]["cost_usd"] == pytest.approx(model.calls * COST)
    assert "budget" in {each["reason"] for each in job["judgments"]}


async def test_a_provider_that_does_not_count_tokens_uses_the_budget_up(serve: Serve) -> None:
    body = {"choices": [{"message": {"content": GOOD}, "finish_reason": "stop"}]}
    async with ModelServer("openai", lambda _: Reply(body=body)) as model:
        judged: Judged = await serve(openai=model, changes={"prices": PRICES})
        job = await judged.judge(items(60), models=[MODEL], parameters=SMALL, budget_usd=0.05)
    assert 0 < model.calls == job["counts"]["scored"] < 30
    assert job["counts"]["failed"] == 60 - model.calls


async def test_failed_calls_give_their_money_back(serve: Serve) -> None:
    replies = iter([Reply(status=500, body={"error": {"message": "no"}})] * 2)
    async with ModelServer("openai", lambda body: next(replies, ANSWER)) as model:
        judged: Judged = await serve(openai=model, retrying=FAST, changes={"prices": PRICES})
        job = await judged.judge(items(1), models=[MODEL], parameters=SMALL, budget_usd=0.015)
    assert (job["counts"]["scored"], model.calls) == (1, 3)


def counting(most_tokens: Callable[[Row], tuple[int, int]], **reply: Any) -> Answer:
    """Answers each question well, and counts tokens as told, from the request's body."""

    def answer(body: Row) -> Reply:
        tokens_in, tokens_out = most_tokens(body)
        return Reply(text=GOOD, input_tokens=tokens_in, output_tokens=tokens_out, delay=0.05, **reply)

    return answer


def letters(body: Row) -> int:
    """The letters of a prompt: four times as many as the tokens by our estimate."""
    return sum(len(each["content"]) for each in body["messages"])


def limit(body: Row) -> int:
    """The limit of output tokens that was sent."""
    return int(body.get("max_tokens") or body["max_completion_tokens"])


@pytest.mark.parametrize(
    "answer",
    [
        counting(lambda body: (letters(body), 50)),
        counting(lambda body: (letters(body) // 4, limit(body))),
        counting(lambda body: (letters(body), limit(body)), finish_reason="length"),
    ],
    ids=["four times the estimate", "the whole limit of output", "cut off at limits that grow"],
)
async def test_two_worker_processes_never_overspend_whatever_the_provider_counts(
    tmp_path: Path, answer: Answer
) -> None:
    budget = 0.03
    async with (
        ModelServer("openai", answer) as model,
        fleet_of(tmp_path, model, max_concurrency=4) as fleet,  # most calls wait for a place, with money reserved
    ):
        for _ in range(2):
            await fleet.worker()
        job_id = await fleet.judged.submit(
            items(90), models=["openai/gpt-4.1-mini"], parameters={"max_output_tokens": 200}, budget_usd=budget
        )
        job = await fleet.over(job_id)
    outcomes = Counter((each["outcome"], each["reason"]) for each in job["judgments"])
    assert outcomes.total() == 90
    assert outcomes["failed", "budget"] > 0
    assert 0.8 * budget <= job["usage"]["cost_usd"] <= budget + 1e-6


def keyed(text: str, budget: float) -> KeySettings:
    return key(text, "submit", "read", budget=budget)


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_keys_day_is_not_exceeded_by_jobs_side_by_side(serve: Serve, redis: Redis, workers: int) -> None:
    text = "bot-secret"
    async with ModelServer("openai", lambda body: ANSWER) as model:
        changes = {"prices": PRICES, "keys": (keyed(text, 30 * COST),)}
        judged: Judged = await serve(openai=model, workers=workers, changes=changes)
        judged.client.headers.update(bearer(text))
        order = {"models": [MODEL], "parameters": SMALL}
        first, second = await asyncio.gather(*(judged.submit(items(40), **order, cache=False) for _ in range(2)))
        done = [await judged.job(each, wait=60) for each in (first, second)]
        assert sum(each["counts"]["scored"] for each in done) == model.calls
        spent = int(await redis.get(keys.spend("bot", clock.today())) or 0) / NANO
    assert 24 * COST <= spent <= 30 * COST
    assert spent == pytest.approx(model.calls * COST)


async def test_money_that_a_worker_no_longer_needs_goes_back(serve: Serve, redis: Redis) -> None:
    text = "bot-secret"
    async with ModelServer("openai", lambda body: ANSWER) as model:
        changes = {"prices": PRICES, "keys": (keyed(text, 10.0),)}
        judged: Judged = await serve(openai=model, changes=changes)
        judged.client.headers.update(bearer(text))
        await judged.judge(items(3), models=[MODEL])
        leases = keys.spend_leases("bot", clock.today())

        async def is_back() -> bool:
            return not await redis.exists(leases)

        await until(is_back, "the money")


async def test_a_repeat_gives_its_job_though_the_budget_is_spent(serve: Serve, redis: Redis) -> None:
    text = "bot-secret"
    judged: Judged = await serve(changes={"keys": (keyed(text, 1.0),)})
    order = {"judge": "helpfulness", "items": items(1)}
    headers = bearer(text) | {"Idempotency-Key": "k"}
    first = await judged.client.post("/v1/jobs", json=order, headers=headers)
    await redis.set(keys.spend("bot", clock.today()), NANO)
    again = await judged.client.post("/v1/jobs", json=order, headers=headers)
    other = await judged.client.post("/v1/jobs", json=order, headers=bearer(text) | {"Idempotency-Key": "l"})
    assert (again.status_code, again.json()["id"], other.status_code) == (202, first.json()["id"], 429)


async def test_a_model_without_a_price_is_refused_for_a_key_with_a_budget(serve: Serve) -> None:
    text = "bot-secret"
    async with ModelServer("openai", lambda body: ANSWER) as model:
        judged: Judged = await serve(openai=model, changes={"keys": (keyed(text, 1.0),)})
        order = {"judge": "helpfulness", "items": items(1), "models": ["openai/unheard-of"]}
        response = await judged.client.post("/v1/jobs", json=order, headers=bearer(text))
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/models")
    assert "the key bot has a budget" in msgspec.json.encode(response.json()).decode()
