"""Providers that limit calls or refuse them all: items wait for their turn, and nothing is lost."""

import asyncio
import time
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from redis.asyncio import Redis

from service.store import keys, provider_limits
from tests.flows.conftest import FAST, Judged, Row, Serve
from tests.flows.faults import GOOD, MODELS, items
from tests.flows.test_faults import metrics_with
from tests.polling import until
from tests.stubs.model_server import Answer, ModelServer
from tests.stubs.wire_formats import Reply
from worker import limits, shared_limits
from worker.retrying import Retrying

MODEL = MODELS["openai"]


class Window:
    """A provider that takes `most` calls in each window of `seconds`, and refuses the others as `refuse` says."""

    def __init__(self, most: int, seconds: float, refuse: Callable[[float], Reply]) -> None:
        self._most = most
        self._seconds = seconds
        self._refuse = refuse
        self._began = 0.0
        self._taken = 0
        self.refused = 0

    def __call__(self, body: Row) -> str | Reply:
        now = time.monotonic()
        if now - self._began >= self._seconds:
            self._began, self._taken = now, 0
        if self._taken < self._most:
            self._taken += 1
            return GOOD
        self.refused += 1
        return self._refuse(self._seconds - (now - self._began))


def with_header(left: float) -> Reply:
    return Reply(status=429, headers={"retry-after": f"{left:.3f}"}, body={"error": {"message": "slow down"}})


def in_words(left: float) -> Reply:
    return Reply(status=429, body={"error": {"message": f"Limit reached. Please try again in {left * 1000:.0f}ms."}})


def without_hint(left: float) -> Reply:
    return Reply(status=429, body={"error": {"message": "slow down"}})


@pytest.mark.parametrize("refuse", [with_header, in_words])
@pytest.mark.parametrize("workers", [1, 2])
async def test_a_job_larger_than_the_limit_is_scored_whole(
    serve: Serve, refuse: Callable[[float], Reply], workers: int
) -> None:
    window = Window(20, 0.5, refuse)
    async with ModelServer("openai", window) as model:
        judged: Judged = await serve(openai=model, workers=workers)
        job = await judged.judge(items(100), models=[MODEL], wait=150)
    assert (job["counts"]["scored"], job["counts"]["failed"]) == (100, 0)
    assert model.calls <= 200
    metrics = await metrics_with(judged, "judged_provider_limited_seconds_total", 0.1)
    assert metrics['judged_provider_limited_seconds_total{provider="openai"}'] > 0.1


async def test_a_call_of_many_seconds_worth_of_tokens_is_made(serve: Serve) -> None:
    async with ModelServer("openai", lambda body: GOOD) as model:
        judged: Judged = await serve(openai=model, provider={"tokens_per_minute": 6000}, workers=2)
        job = await judged.judge(items(2), models=[MODEL])
    assert (job["counts"]["scored"], model.calls) == (2, 2)


async def test_the_time_that_items_wait_out_of_a_worker_is_told(serve: Serve) -> None:
    pause_s = limits.PATIENCE_S + 1.5
    until_s = 0.0

    def reply(body: Row) -> str | Reply:
        nonlocal until_s
        until_s = until_s or time.monotonic() + pause_s
        left = until_s - time.monotonic()
        return with_header(left) if left > 0 else GOOD

    async with ModelServer("openai", reply) as model:
        judged: Judged = await serve(openai=model)
        began = time.monotonic()
        job = await judged.judge(items(40), models=[MODEL], wait=60)
        took_s = time.monotonic() - began
        assert job["counts"]["scored"] == 40
        metrics = await metrics_with(judged, "judged_provider_limited_seconds_total", 40 * pause_s * 0.8)
    assert metrics['judged_provider_limited_seconds_total{provider="openai"}'] < 40 * took_s


async def test_a_limit_without_a_hint_is_found_by_backing_off_together(serve: Serve) -> None:
    async with ModelServer("openai", Window(20, 1.0, without_hint)) as model:
        judged: Judged = await serve(openai=model, retrying=Retrying(base=0.1, cap=1.0), workers=2)
        job = await judged.judge(items(100), models=[MODEL], wait=150)
    assert (job["counts"]["scored"], job["counts"]["failed"]) == (100, 0)
    assert model.calls <= 400  # some 175 on a machine with nothing else to do; a busy one meets the window late


async def test_single_refusals_among_answers_slow_nothing_down(serve: Serve, redis: Redis) -> None:
    calls = count(1)

    def reply(body: Row) -> Reply:
        return without_hint(0) if next(calls) % 10 == 0 else Reply(text=GOOD, delay=0.02)

    async with ModelServer("openai", reply) as model:
        judged: Judged = await serve(openai=model)
        job = await judged.judge(items(300), models=[MODEL], wait=40)
        assert (job["counts"]["scored"], model.calls) == (300, 333)
        limits = await provider_limits.load_limits(redis, ["openai"])
    assert limits["openai"].limit is None


async def test_single_refusals_that_ask_for_a_wait_make_all_wait_and_lose_no_item(serve: Serve) -> None:
    calls = count(1)

    def reply(body: Row) -> Reply:
        return with_header(0.1) if next(calls) % 10 == 0 else Reply(text=GOOD, delay=0.02)

    async with ModelServer("openai", reply) as model:
        judged: Judged = await serve(openai=model, workers=2)
        job = await judged.judge(items(200), models=[MODEL], wait=60)
        assert (job["counts"]["scored"], model.calls) == (200, 222)
        metrics = await metrics_with(judged, "judged_provider_limited_seconds_total", 0.1)
    assert metrics['judged_provider_limited_seconds_total{provider="openai"}'] > 0.1


async def test_another_provider_is_not_delayed_and_no_place_is_held(serve: Serve) -> None:
    refuse = Reply(status=429, headers={"retry-after": "120"}, body={"error": {"message": "come back later"}})
    async with ModelServer("openai", lambda body: refuse) as limited, ModelServer("openai", lambda body: GOOD) as free:
        judged: Judged = await serve(limited=limited, free=free, changes={"worker": {"max_calls": 8}})
        waiting = await judged.submit(items(600), models=["limited/m"])
        await asyncio.sleep(0)
        job = await judged.judge(items(40), models=["free/m"], wait=40)
        assert job["counts"]["scored"] == 40
        stopped = await judged.job(waiting)
        assert (stopped["counts"]["pending"], stopped["counts"]["failed"]) == (600, 0)
        [paused] = stopped["paused_providers"]
        assert paused["provider"] == "limited"
        assert 60 < paused["retry_in_seconds"] <= 120
        assert "limited has refused calls" in (await judged.client.get(f"/jobs/{waiting}")).text
        assert "paused_providers" not in job
        assert limited.calls <= 16
        await judged.client.delete(f"/v1/jobs/{waiting}")


async def test_a_provider_that_hangs_takes_none_of_the_others_places(serve: Serve) -> None:
    async with (
        ModelServer("openai", lambda body: Reply(hang=True)) as hanging,
        ModelServer("openai", lambda body: GOOD) as free,
    ):
        judged: Judged = await serve(
            hanging=hanging, free=free, changes={"worker": {"max_calls": 8, "shutdown_seconds": 1}}
        )
        await judged.submit(items(40), models=["hanging/m"])
        await until(lambda: hanging.running >= 6, "calls that hang")
        job = await judged.judge(items(20), models=["free/m"], wait=40)
        assert job["counts"]["scored"] == 20


async def test_jobs_that_hang_leave_another_provider_its_places(serve: Serve) -> None:
    async with (
        ModelServer("openai", lambda body: Reply(hang=True)) as hanging,
        ModelServer("openai", lambda body: GOOD) as free,
    ):
        changes = {"worker": {"max_calls": 16, "shutdown_seconds": 1}}
        judged: Judged = await serve(hanging=hanging, free=free, changes=changes)
        for index in range(40):
            await judged.submit([{"id": f"h-{index}", "output": "x"}], models=["hanging/m"])
        await judged.submit(items(400), models=["hanging/m"])
        job = await judged.judge(items(20), models=["free/m"], wait=40)
        assert job["counts"]["scored"] == 20


async def test_single_jobs_are_at_work_together_up_to_the_calls_in_flight(serve: Serve) -> None:
    async with ModelServer("openai", lambda body: GOOD) as model:
        judged: Judged = await serve(openai=model)
        await judged.judge(items(60), models=[MODEL])  # so that the calls in flight have grown
        model.reply, model.peak = (lambda body: Reply(text=GOOD, delay=1.5)), 0
        alone = [judged.submit([each], models=[MODEL], cache=False) for each in items(60)]
        for job in await asyncio.gather(*alone):
            await judged.job(job, wait=40)
    assert model.peak > 24


async def test_a_single_job_does_not_wait_for_a_large_one(serve: Serve) -> None:
    async with ModelServer("openai", lambda body: Reply(text=GOOD, delay=0.05)) as model:
        judged: Judged = await serve(
            openai=model, provider={"max_concurrency": 4}, changes={"worker": {"max_calls": 8}}
        )
        large = await judged.submit(items(2000), models=[MODEL])
        job = await judged.judge([{"id": "small", "output": "x"}], models=[MODEL], wait=40)
        counts = (await judged.job(large))["counts"]
        await judged.client.delete(f"/v1/jobs/{large}")
    assert (job["counts"]["scored"], counts["pending"] > 1500) == (1, True)


async def test_an_item_waits_no_longer_than_the_jobs_deadline(serve: Serve) -> None:
    refuse = Reply(status=429, headers={"retry-after": "0.2"}, body={"error": {"message": "come back later"}})
    async with ModelServer("openai", lambda body: refuse) as model:
        judged: Judged = await serve(openai=model)
        job = await judged.judge(items(3), models=[MODEL], deadline_s=1)
    assert (job["status"], job["counts"]["failed"]) == ("completed_with_errors", 3)
    assert {each["reason"] for each in job["judgments"]} == {"rate_limited"}


BAD_KEY = Reply(
    status=401, body={"error": {"message": "Incorrect API key: it was revoked.", "code": "invalid_api_key"}}
)
SPENT = Reply(status=429, body={"error": {"message": "You exceeded your quota.", "code": "insufficient_quota"}})


@pytest.mark.parametrize(
    ("reply", "reason", "words"), [(BAD_KEY, "auth", "it was revoked"), (SPENT, "rate_limited", "exceeded your quota")]
)
async def test_a_provider_that_refuses_for_good_is_not_called_again_for_a_while(
    serve: Serve, reply: Reply, reason: str, words: str
) -> None:
    async with ModelServer("openai", lambda body: reply) as model:
        judged: Judged = await serve(openai=model, retrying=FAST, provider={"max_concurrency": 4}, workers=2)
        job = await judged.judge(items(300), models=[MODEL])
        assert job["counts"]["failed"] == 300
        assert model.calls <= 8
        assert {each["reason"] for each in job["judgments"]} == {reason}
        assert all(words in vote["error"] for each in job["judgments"] for vote in each["votes"])
        later = await judged.judge(items(1), models=[MODEL], cache=False)
    assert words in later["judgments"][0]["votes"][0]["error"]
    assert model.calls <= 8


async def test_after_a_while_single_calls_try_again(
    serve: Serve, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_limits, "STOP_S", 0.2)
    async with ModelServer("openai", lambda body: BAD_KEY) as model:
        judged: Judged = await serve(openai=model, retrying=FAST)
        await judged.judge(items(limits.STOP_AFTER), models=[MODEL])

        async def is_over() -> bool:
            return not await redis.exists(keys.provider_stop("openai"))

        await until(is_over, "the end of the stop")
        model.reply = lambda body: Reply(text=GOOD, delay=0.01)
        job = await judged.judge(items(20), models=[MODEL])
    assert job["counts"]["scored"] == 20


def outage(status: int) -> Answer:
    return lambda body: Reply(status=status, body={"error": {"message": "Internal error"}})


@pytest.mark.parametrize("status", [500, 503])
async def test_an_outage_costs_single_calls_loses_no_item_and_teaches_nothing(serve: Serve, status: int) -> None:
    async with ModelServer("openai", outage(status)) as model:
        patient = Retrying(base=FAST.base, cap=FAST.cap)
        judged: Judged = await serve(openai=model, retrying=patient, workers=2)
        job_id = await judged.submit(items(120), models=[MODEL])

        async def is_open() -> bool:
            return "failing_models" in await judged.job(job_id)

        await until(is_open, "the open breaker")
        await asyncio.sleep(0.5)
        assert model.calls <= 150  # of 480: four for each item in flight as it began, and some that tried
        [failing] = (await judged.client.get("/readyz")).json()["failing_models"]
        assert (failing["model"], "Internal error" in failing["error"]) == (MODEL, True)
        series = f'judged_provider_breaker_open{{model="{MODEL}",provider="openai"}}'
        assert (await judged.metrics())[series] == 1
        model.reply = lambda body: GOOD
        job = await judged.job(job_id, wait=40)
        votes = [vote for each in await judged.judgments(job_id) for vote in each["votes"]]
        assert job["counts"]["scored"] == 120
        assert "failing_models" not in job
        assert (await judged.metrics())[series] == 0
        assert sum(vote["attempts"] for vote in votes) == model.calls
        assert model.requests[-1].body["response_format"]["type"] == "json_schema"


async def test_an_outage_past_the_deadline_fails_in_the_providers_words(serve: Serve) -> None:
    async with ModelServer("openai", outage(503)) as model:
        judged: Judged = await serve(openai=model, retrying=FAST)
        job = await judged.judge(items(60), models=[MODEL], deadline_s=1.5)
    assert (job["counts"]["failed"], {each["reason"] for each in job["judgments"]}) == (60, {"provider_error"})
    assert all("Internal error" in vote["error"] for each in job["judgments"] for vote in each["votes"])
    assert model.calls <= 100  # of 240: five for each item in flight as it began, and some that tried


@pytest.mark.parametrize("count", [1, 3])
async def test_a_small_job_ends_soon_although_its_provider_fails_for_ever(serve: Serve, count: int) -> None:
    async with ModelServer("openai", outage(500)) as model:
        judged: Judged = await serve(openai=model, retrying=FAST)
        job_id = await judged.submit(items(count), models=[MODEL])

        async def is_open_or_ended() -> bool:  # on a busy machine, tries may be so far apart that it ends before
            is_open = bool((await judged.client.get("/readyz")).json().get("failing_models"))
            return is_open or (await judged.job(job_id))["counts"]["pending"] == 0

        await until(is_open_or_ended, "the open breaker")
        job = await judged.job(job_id, wait=40)
    assert (job["status"], job["counts"]["failed"]) == ("completed_with_errors", count)
    votes = [vote for each in job["judgments"] for vote in each["votes"]]
    assert {(vote["outcome"], vote["reason"]) for vote in votes} == {("failed", "provider_error")}
    assert min(vote["attempts"] for vote in votes) >= 4
    assert sum(vote["attempts"] for vote in votes) == model.calls


async def test_an_outage_that_is_shorter_than_the_patience_loses_nothing(serve: Serve) -> None:
    began = time.monotonic()

    def reply(body: Row) -> str | Reply:
        return outage(503)(body) if time.monotonic() - began < 2 else GOOD

    async with ModelServer("openai", reply) as model:
        judged: Judged = await serve(openai=model, retrying=Retrying(base=0.01, cap=0.02, outage=3.0))
        began = time.monotonic()
        job = await judged.judge(items(60), models=[MODEL])
    assert (job["status"], job["counts"]["scored"]) == ("completed", 60)


async def test_an_item_that_its_provider_fails_on_while_it_answers_others_fails_at_once(serve: Serve) -> None:
    def reply(body: Row) -> str | Reply:
        return outage(500)(body) if "answer 7." in str(body) else GOOD

    async with ModelServer("openai", reply) as model:
        judged: Judged = await serve(openai=model, retrying=FAST)
        job = await judged.judge(items(20), models=[MODEL])
    assert (job["counts"]["scored"], job["counts"]["failed"], model.calls) == (19, 1, 23)
    [failed] = [each for each in job["judgments"] if each["outcome"] == "failed"]
    assert failed["votes"][0]["attempts"] == 4


async def test_failures_of_equal_items_run_side_by_side(serve: Serve) -> None:
    refuse = Reply(status=400, body={"error": {"message": "no"}}, delay=0.2)
    equal = [{"id": f"t-{index}", "input": "q", "output": "the same"} for index in range(30)]
    async with ModelServer("openai", lambda body: refuse) as model:
        judged: Judged = await serve(openai=model, retrying=FAST)
        job = await judged.judge(equal, models=[MODEL], wait=40)
    assert (job["counts"]["failed"], model.peak > 10) == (30, True)


async def test_an_answer_that_is_cut_off_is_asked_for_with_more_room(serve: Serve) -> None:
    def reply(body: Row) -> str | Reply:
        return GOOD if body["max_tokens"] >= 4096 else Reply(text="It is", finish_reason="length")

    async with ModelServer("openai", reply) as model:
        judged: Judged = await serve(openai=model)
        judge = {"criterion": "wit", "method": "rating", "instructions": "Is it funny?", "reasks": 0}
        first = await judged.judge(items(1), judge=judge, models=[MODEL])
        second = await judged.judge(items(2)[1:], judge=judge, models=[MODEL])
    votes = [job["judgments"][0]["votes"][0] for job in (first, second)]
    assert [(vote["score"], vote["asks"]) for vote in votes] == [(4, 3), (4, 1)]
    assert [each.body["max_tokens"] for each in model.requests] == [1024, 2048, 4096, 4096]


@pytest.mark.parametrize("text", ["It is", ""])
async def test_an_answer_gets_eight_times_the_room_and_no_more(serve: Serve, text: str) -> None:
    async with ModelServer("openai", lambda body: Reply(text=text, finish_reason="length")) as model:
        judged: Judged = await serve(openai=model)
        job = await judged.judge(items(1), models=[MODEL])
    vote = job["judgments"][0]["votes"][0]
    assert (vote["outcome"], vote["reason"], vote["asks"]) == ("unscored", "truncated", 4)
    assert [each.body["max_tokens"] for each in model.requests] == [1024, 2048, 4096, 8192]


LONG: list[Row] = [{"id": "long", "input": "q", "output": "many words " * 3000}]


@pytest.mark.parametrize(("counted", "outcome"), [(2050, "unscored"), (9000, "scored"), (0, "scored")])
async def test_a_prompt_that_the_provider_cut_gives_no_score(serve: Serve, counted: int, outcome: str) -> None:
    async with ModelServer("openai", lambda body: Reply(text=GOOD, input_tokens=counted)) as model:
        judged: Judged = await serve(openai=model)
        judgment = (await judged.judge(LONG, models=[MODEL]))["judgments"][0]
    is_cut = outcome == "unscored"
    assert (judgment["outcome"], judgment["reason"]) == (outcome, "context_cut" if is_cut else None)
    assert ("context_cut" in judgment["flags"]) == is_cut
    assert (judgment["score"], model.calls) == (None if is_cut else 4, 1)


def served_by(name: str, text: str = GOOD) -> Answer:
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return lambda body: Reply(body={"model": name, "choices": [choice]})


async def test_the_model_that_answered_is_in_the_vote(serve: Serve) -> None:
    async with ModelServer("openai", served_by("gpt-x-2026-01-01")) as model:
        judged: Judged = await serve(openai=model)
        job = await judged.judge(items(1), models=[MODEL])
        control = await judged.judge(items(1), models=["control/length"])
    assert job["judgments"][0]["votes"][0]["served_model"] == "gpt-x-2026-01-01"
    assert control["judgments"][0]["votes"][0]["served_model"] is None


async def test_votes_of_a_model_that_answers_no_longer_are_not_served(serve: Serve) -> None:
    async with ModelServer("openai", served_by("one")) as model:
        judged: Judged = await serve(openai=model)
        await judged.judge(items(2), models=[MODEL])
        assert (await judged.judge(items(2), models=[MODEL]))["judgments"][0]["cached"]
        model.reply = served_by("two")
        await judged.judge(items(3)[2:], models=[MODEL])
        job = await judged.judge(items(2), models=[MODEL])
        assert [each["votes"][0]["served_model"] for each in job["judgments"]] == ["two", "two"]
        assert model.calls == 5
        again = await judged.judge(items(3), models=[MODEL])
        assert [each["cached"] for each in again["judgments"]] == [True] * 3
        metrics: dict[str, Any] = await judged.metrics()
    assert metrics[f'judged_served_model_changes_total{{model="{MODEL}"}}'] == 1


async def test_an_error_inside_a_choice_is_tried_again_and_never_a_score(serve: Serve) -> None:
    choice = {"message": {"content": "Score: 2"}, "finish_reason": "error", "error": {"code": 502, "message": "Lost"}}
    replies = [Reply(body={"choices": [choice]})]

    async with ModelServer("openai", lambda body: replies.pop() if replies else GOOD) as model:
        judged: Judged = await serve(openai=model, retrying=FAST)
        job = await judged.judge(items(1), models=[MODEL])
        assert (job["judgments"][0]["score"], model.calls) == (4, 2)
        model.reply = lambda body: Reply(body={"choices": [choice]})
        failed = await judged.judge(items(2)[1:], models=[MODEL])
    assert (failed["status"], failed["judgments"][0]["reason"]) == ("completed_with_errors", "provider_error")
    assert "Lost" in failed["judgments"][0]["votes"][0]["error"]
