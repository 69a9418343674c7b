"""The same judge version on the same content is not paid for twice."""

import asyncio
from collections.abc import Iterator

from tests.flows.conftest import Judged, Row, Serve
from tests.flows.faults import GOOD
from tests.stubs.model_server import ModelServer
from tests.stubs.wire_formats import Reply

ITEM = {"id": "a", "input": "q", "output": "text"}
MODEL = ["openai/gpt-4.1-mini"]


async def test_a_second_job_is_served_from_the_first(serve: Serve) -> None:
    async with ModelServer("openai", lambda body: GOOD) as model:
        judged: Judged = await serve(openai=model)
        first = (await judged.judge([ITEM], models=MODEL))["judgments"][0]
        renamed = {**ITEM, "id": "b", "metadata": {"x": 1}}
        again = (await judged.judge([renamed], models=MODEL))["judgments"][0]
        assert model.calls == 1
        assert (first["cached"], again["cached"]) == (False, True)
        assert (again["score"], again["item_id"], again["votes"][0]["raw_text"]) == (4, "b", GOOD)
        assert again["usage"] == {"input_tokens": 0, "output_tokens": 0, "cost_usd": 0.0}
        metrics = await judged.metrics()
        spent = metrics['judged_cost_usd_total{model="openai/gpt-4.1-mini"}']
        assert round(spent, 9) == round(first["usage"]["cost_usd"], 9)


async def test_other_content_model_judge_or_parameters_are_asked_for(serve: Serve) -> None:
    async with ModelServer("openai", lambda body: GOOD) as model:
        judged: Judged = await serve(openai=model)
        judge = {"criterion": "c", "method": "rating", "instructions": "Rate."}
        await judged.judge([ITEM], judge=judge, models=MODEL)
        await judged.judge([{**ITEM, "output": "other"}], judge=judge, models=MODEL)
        await judged.judge([ITEM], judge=judge, models=["openai/gpt-4.1"])
        await judged.judge([ITEM], judge={**judge, "instructions": "Rate it."}, models=MODEL)
        await judged.judge([ITEM], judge={**judge, "parameters": {"temperature": 1}}, models=MODEL)
        assert model.calls == 5


async def test_items_that_are_judged_at_the_same_moment_share_one_call(serve: Serve) -> None:
    async with ModelServer("openai", lambda body: Reply(text=GOOD, delay=0.4)) as model:
        judged: Judged = await serve(openai=model, workers=2)
        same = [{**ITEM, "id": f"i-{index}"} for index in range(60)]
        jobs = await asyncio.gather(judged.judge(same, models=MODEL), judged.judge(same, models=MODEL))
        assert model.calls == 1
        judgments = [each for job in jobs for each in job["judgments"]]
        assert len(judgments) == 120
        assert {each["score"] for each in judgments} == {4}
        assert sum(not each["cached"] for each in judgments) == 1


async def test_the_cache_can_be_turned_off(serve: Serve) -> None:
    async with ModelServer("openai", lambda body: GOOD) as model:
        judged: Judged = await serve(openai=model)
        for _ in range(2):
            job = await judged.judge([ITEM], models=MODEL, cache=False)
            assert job["judgments"][0]["cached"] is False
        assert model.calls == 2


async def test_samples_beyond_the_first_are_always_asked_for(serve: Serve) -> None:
    async with ModelServer("openai", lambda body: GOOD) as model:
        judged: Judged = await serve(openai=model)
        judge = {"criterion": "c", "method": "rating", "instructions": "Rate.", "samples": 3}
        await judged.judge([ITEM], judge=judge, models=MODEL)
        job = await judged.judge([ITEM], judge=judge, models=MODEL)
        assert model.calls == 5
        assert [vote["cached"] for vote in job["judgments"][0]["votes"]] == [True, False, False]
        assert job["judgments"][0]["cached"] is False


async def test_failures_and_unreadable_answers_are_not_kept(serve: Serve) -> None:
    refused = Reply(status=401, body={"error": {"message": "no"}})
    answers: Iterator[str | Reply] = iter([refused, "no idea", GOOD])

    async with ModelServer("openai", lambda body: next(answers)) as model:
        judged: Judged = await serve(openai=model)
        judge = {"criterion": "c", "method": "rating", "instructions": "Rate.", "reasks": 0}
        outcomes = [(await judged.judge([ITEM], judge=judge, models=MODEL))["judgments"][0]["outcome"] for _ in "123"]
        assert outcomes == ["failed", "unscored", "scored"]


async def test_one_that_waits_asks_when_the_call_it_waited_for_fails(serve: Serve) -> None:
    refused = Reply(status=401, body={"error": {"message": "no"}}, delay=0.3)
    answers: Iterator[str | Reply] = iter([refused, GOOD])

    async with ModelServer("openai", lambda body: next(answers)) as model:
        judged: Judged = await serve(openai=model)
        twice: list[Row] = [ITEM, {**ITEM, "id": "b"}]
        job = await judged.judge(twice, models=MODEL)
        assert sorted(each["outcome"] for each in job["judgments"]) == ["failed", "scored"]
