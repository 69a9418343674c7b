"""Equal items wait for each other's votes, and never for ever: neither within a job, nor over jobs and workers."""

import asyncio

import pytest

from tests.flows.conftest import FAST, Judged, Row, Serve
from tests.flows.faults import GOOD, UNREADABLE
from tests.stubs.model_server import ModelServer
from tests.stubs.wire_formats import Reply

MODELS = ["openai/gpt-4.1-mini", "openai/gpt-4.1"]
PAIR = {"input": "q", "outputs": ["one", "other"]}
LIMIT_S = 40.0


def equal(count: int) -> list[Row]:
    return [{**PAIR, "id": f"i-{index}"} for index in range(count)]


@pytest.mark.parametrize("workers", [1, 2])
async def test_equal_pairs_end_although_no_answer_can_be_read(serve: Serve, workers: int) -> None:
    async with ModelServer("openai", lambda body: Reply(text=UNREADABLE, delay=0.01)) as model:
        judged: Judged = await serve(openai=model, workers=workers, retrying=FAST)
        jobs = await asyncio.gather(
            *(judged.judge(equal(30), judge="preference", models=MODELS[: n % 2 + 1], wait=LIMIT_S) for n in range(4))
        )
    assert [job["counts"]["unscored"] for job in jobs] == [30] * 4


async def test_equal_single_jobs_end_and_keep_no_place_from_others(serve: Serve) -> None:
    """The first one's call takes long: the others wait for it, and another job is done meanwhile."""
    hung = Reply(text=GOOD, delay=4.0)
    async with ModelServer("openai", lambda body: hung if "the same" in str(body) else GOOD) as model:
        judged: Judged = await serve(openai=model, changes={}, retrying=FAST)
        same = [{"id": f"s-{index}", "input": "q", "output": "the same"} for index in range(60)]
        ids = [await judged.submit([item], models=MODELS[:1]) for item in same]
        await asyncio.sleep(1.5)
        began = asyncio.get_running_loop().time()
        other = await judged.judge([{"id": "other", "input": "q", "output": "of its own"}], models=MODELS[:1])
        took_s = asyncio.get_running_loop().time() - began
        jobs = [await judged.job(each, wait=LIMIT_S) for each in ids]
    assert other["counts"]["scored"] == 1
    assert took_s < 4.0  # the time of the call that the others wait for
    assert [job["counts"]["scored"] for job in jobs] == [1] * 60
    assert model.calls == 2


async def test_equal_items_end_if_the_provider_refuses_in_between(serve: Serve) -> None:
    """An item that is put off leaves its leases to the others at once, although its chunk goes on."""
    answers = iter([Reply(status=429, headers={"retry-after": "3"}, body={"error": {"message": "slow down"}})])
    async with ModelServer("openai", lambda body: next(answers, GOOD)) as model:
        judged: Judged = await serve(openai=model)
        items = [{"id": f"i-{index}", "input": "q", "output": "text"} for index in range(30)]
        job = await judged.judge(items, models=MODELS[:1], wait=LIMIT_S)
    assert job["counts"]["scored"] == 30
    assert model.calls == 2
