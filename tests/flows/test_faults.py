"""What a model or its provider can do wrong, through the whole service, in each of the three wire formats."""

import asyncio
import logging
import math
import socket
from collections import Counter
from datetime import datetime
from typing import Any

import msgspec
import pytest

from service.config.settings import Secret
from tests.flows.conftest import FAST, Judged, Row, Serve
from tests.flows.faults import (
    BAD_KEY,
    CUT_OFF,
    FILTERED,
    GOOD,
    KEY,
    KINDS,
    MODELS,
    NO_ANSWER,
    NOTHING,
    UNREADABLE,
    USED_UP,
    asked_about,
    items,
    turns,
)
from tests.stubs.model_server import Answer, ModelServer
from tests.stubs.wire_formats import Kind, Reply

every_kind = pytest.mark.parametrize("kind", KINDS)


async def ask(
    serve: Serve, model: ModelServer, count: int = 1, judge: Any = "helpfulness", provider: Row | None = None
) -> tuple[Judged, Row]:
    """A job of so many items for the stub, with retries that do not wait."""
    judged: Judged = await serve(retrying=FAST, provider=provider, **{model.kind: model})
    job = await judged.judge(items(count), judge=judge, models=[MODELS[model.kind]])
    for judgment in job["judgments"]:
        if judgment["outcome"] != "scored":
            assert judgment["score"] is judgment["label"] is judgment["spread"] is None
            assert all(vote["score"] is None for vote in judgment["votes"] if vote["outcome"] != "scored")
    return judged, job


async def ask_one(serve: Serve, model: ModelServer, **more: Any) -> tuple[Judged, Row, Row]:
    """The job of one item, and its one vote."""
    judged, job = await ask(serve, model, **more)
    return judged, job, job["judgments"][0]["votes"][0]


def in_turn(*replies: str | Reply) -> Answer:
    """Each of them once, then the last one for ever."""
    left = list(replies)
    return lambda body: left.pop(0) if len(left) > 1 else left[0]


@every_kind
async def test_an_unreadable_answer_is_asked_for_twice_more_with_the_reason(serve: Serve, kind: Kind) -> None:
    async with ModelServer(kind, lambda body: UNREADABLE) as model:
        _, job, vote = await ask_one(serve, model)
    assert (job["status"], job["counts"]["unscored"]) == ("completed", 1)
    assert (vote["reason"], vote["asks"], vote["attempts"]) == ("no_score", 3, 3)
    assert vote["raw_text"] == UNREADABLE
    first, second, third = [turns(kind, each.body) for each in model.requests]
    assert [who for who, _ in third] == ["user", "model", "user", "model", "user"]
    assert third[:3] == second
    assert second[:1] == first
    assert second[1] == ("model", UNREADABLE)
    assert second[2][1].startswith("Your answer can't be used: it gave no verdict in the form that was asked for.")
    assert '"score"' in second[2][1]


async def test_a_judge_with_a_template_of_its_own_is_asked_again_in_its_own_form(serve: Serve) -> None:
    template = "Grade this from 1 to 5, as a number alone: {{item.output}}"
    judge = {"criterion": "wit", "method": "rating", "instructions": "Is it funny?", "template": template}
    async with ModelServer("openai", lambda body: UNREADABLE) as model:
        await ask_one(serve, model, judge=judge)
    last = turns("openai", model.requests[-1].body)[-1][1]
    assert last.endswith("Answer again, in the form that was asked for.")
    assert '"score"' not in last


@every_kind
async def test_an_answer_readable_at_the_second_ask_is_scored_and_both_calls_are_paid(serve: Serve, kind: Kind) -> None:
    async with ModelServer(kind, in_turn(Reply(text=UNREADABLE, delay=0.05), Reply(text=GOOD, delay=0.05))) as model:
        judged, job, vote = await ask_one(serve, model)
        metrics = await judged.metrics()
    assert (vote["score"], vote["asks"], vote["attempts"]) == (4, 2, 2)
    assert (vote["input_tokens"], vote["output_tokens"]) == (22, 14)
    assert vote["latency_seconds"] >= 0.1
    assert job["usage"] == {"input_tokens": 22, "output_tokens": 14, "cost_usd": pytest.approx(vote["cost_usd"])}
    assert vote["cost_usd"] > 0
    name = MODELS[kind]
    assert metrics[f'judged_tokens_total{{direction="input",model="{name}"}}'] == 22
    assert metrics[f'judged_tokens_total{{direction="output",model="{name}"}}'] == 14
    assert metrics[f'judged_cost_usd_total{{model="{name}"}}'] == pytest.approx(vote["cost_usd"], abs=1e-9)
    parsed = "tool" if kind == "anthropic" else "schema"
    assert metrics[f'judged_parsed_total{{model="{name}",parsed_from="{parsed}"}}'] == 1


@every_kind
@pytest.mark.parametrize("reasks", [0, 1])
async def test_no_more_is_asked_than_the_judge_allows(serve: Serve, kind: Kind, reasks: int) -> None:
    judge = {"criterion": "wit", "method": "rating", "instructions": "Is it funny?", "reasks": reasks}
    async with ModelServer(kind, lambda body: UNREADABLE) as model:
        _, _, vote = await ask_one(serve, model, judge=judge)
    assert (vote["outcome"], vote["asks"], model.calls) == ("unscored", reasks + 1, reasks + 1)


@every_kind
async def test_an_answer_cut_off_is_unscored_although_a_score_stands_in_it(serve: Serve, kind: Kind) -> None:
    async with ModelServer(kind, lambda body: Reply(text=GOOD, finish_reason=CUT_OFF[kind])) as model:
        _, _, vote = await ask_one(serve, model)
    assert (vote["outcome"], vote["reason"]) == ("unscored", "truncated")
    assert "be brief" in turns(kind, model.requests[1].body)[-1][1]


@every_kind
async def test_a_refusal_in_words_is_unscored_as_refused(serve: Serve, kind: Kind) -> None:
    async with ModelServer(kind, lambda body: "I'm sorry, but I can't help with that request.") as model:
        _, _, vote = await ask_one(serve, model)
    assert (vote["outcome"], vote["reason"], vote["asks"]) == ("unscored", "refused", 3)


async def test_a_refusal_in_openais_own_field_is_unscored_as_refused(serve: Serve) -> None:
    async with ModelServer("openai", lambda body: Reply(refusal="No.")) as model:
        _, _, vote = await ask_one(serve, model)
    assert (vote["outcome"], vote["reason"], vote["raw_text"]) == ("unscored", "refused", "No.")


@every_kind
async def test_a_content_filter_makes_it_refused(serve: Serve, kind: Kind) -> None:
    async with ModelServer(kind, lambda body: FILTERED[kind]) as model:
        _, _, vote = await ask_one(serve, model)
    assert (vote["outcome"], vote["reason"]) == ("unscored", "refused")


@pytest.mark.parametrize(("kind", "body"), NOTHING)
async def test_an_answer_with_nothing_in_it_is_empty(serve: Serve, kind: Kind, body: Row) -> None:
    async with ModelServer(kind, lambda _: Reply(body=body)) as model:
        _, job, vote = await ask_one(serve, model)
    assert (vote["outcome"], vote["reason"], vote["asks"]) == ("unscored", "empty", 3)
    assert job["usage"]["cost_usd"] is None  # nobody said how many tokens it took


@pytest.mark.parametrize(("kind", "body"), NO_ANSWER)
async def test_a_body_without_an_answer_fails_after_at_least_three_calls(serve: Serve, kind: Kind, body: Row) -> None:
    async with ModelServer(kind, lambda _: Reply(body=body)) as model:
        _, _, vote = await ask_one(serve, model)
    assert (vote["outcome"], vote["reason"], vote["asks"]) == ("failed", "provider_error", 1)
    assert vote["attempts"] == model.calls >= 3


@every_kind
async def test_a_body_that_is_no_json_fails_after_at_least_three_calls(serve: Serve, kind: Kind) -> None:
    async with ModelServer(kind, lambda body: Reply(body=b"<html>Bad gateway</html>")) as model:
        _, job, vote = await ask_one(serve, model)
    assert (job["status"], job["counts"]["failed"]) == ("completed_with_errors", 1)
    assert (vote["outcome"], vote["reason"]) == ("failed", "provider_error")
    assert vote["attempts"] == model.calls >= 3
    assert vote["asks"] == 1


@every_kind
async def test_a_rate_limit_is_waited_for_as_long_as_it_asks(serve: Serve, kind: Kind) -> None:
    busy = Reply(status=429, headers={"retry-after": "0.3"}, body={"error": {"message": "slow down"}})
    async with ModelServer(kind, in_turn(busy, GOOD)) as model:
        judged, job, vote = await ask_one(serve, model)
        metrics = await metrics_with(judged, "judged_provider_retries_total")
    assert (job["status"], vote["score"], vote["attempts"], vote["asks"]) == ("completed", 4, 2, 1)
    took = job["judgments"][0]
    assert took["finished_at"] > took["created_at"]
    assert seconds_between(took["created_at"], took["finished_at"]) >= 0.3
    assert metrics[f'judged_provider_retries_total{{model="{MODELS[kind]}",provider="{kind}"}}'] == 1


async def test_a_wait_for_a_call_that_is_not_made_again_is_no_retry(serve: Serve) -> None:
    busy = Reply(status=429, headers={"retry-after": "0.3"}, body={"error": {"message": "slow down"}})
    async with ModelServer("openai", lambda body: busy) as model:
        judged: Judged = await serve(openai=model)
        job = await judged.judge(items(1), models=[MODELS["openai"]], deadline_s=1)
        assert job["judgments"][0]["reason"] == "rate_limited"
        metrics = await metrics_with(judged, "judged_provider_request_seconds_count", model.calls)
        assert total(metrics, "judged_provider_retries_total") == model.calls - 1


async def test_a_call_that_is_made_again_in_another_form_is_a_retry(serve: Serve) -> None:
    refusal = Reply(status=400, body={"error": {"message": "response_format is not supported"}})
    async with ModelServer("openai", lambda body: refusal if "response_format" in body else GOOD) as model:
        judged, _, vote = await ask_one(serve, model)
        assert (vote["score"], vote["attempts"], vote["asks"]) == (4, model.calls, 1)
        metrics = await metrics_with(judged, "judged_provider_retries_total", model.calls - 1)
    assert total(metrics, "judged_provider_retries_total") == model.calls - 1 > 0


@every_kind
async def test_a_quota_used_up_fails_at_once(serve: Serve, kind: Kind) -> None:
    async with ModelServer(kind, lambda body: USED_UP[kind]) as model:
        _, _, vote = await ask_one(serve, model)
    assert (vote["outcome"], vote["reason"], vote["attempts"], model.calls) == ("failed", "rate_limited", 1, 1)


@every_kind
async def test_a_bad_key_fails_at_once_and_is_shown_nowhere(
    serve: Serve, kind: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with ModelServer(kind, lambda body: BAD_KEY[kind]) as model:
        judged, job, vote = await ask_one(serve, model, provider={"api_key": Secret(KEY)})
        shown = (await judged.client.get("/metrics")).text
    assert (vote["outcome"], vote["reason"], vote["attempts"], model.calls) == ("failed", "auth", 1, 1)
    assert KEY in str(model.requests[0].headers)
    assert "[key]" in vote["error"]
    for text in (msgspec.json.encode(job).decode(), shown, caplog.text):
        assert KEY not in text


@every_kind
async def test_a_key_that_the_model_says_itself_is_the_texts_business_and_not_in_the_log(
    serve: Serve, kind: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with ModelServer(kind, lambda body: Reply(status=500, body=f"oops {KEY}".encode())) as model:
        _, job, vote = await ask_one(serve, model, provider={"api_key": Secret(KEY)})
    assert vote["reason"] == "provider_error"
    assert KEY not in msgspec.json.encode(job).decode() + caplog.text


@every_kind
async def test_server_errors_that_pass_lead_to_a_score(serve: Serve, kind: Kind) -> None:
    broken = Reply(status=500, body={"error": {"message": "internal error"}})
    async with ModelServer(kind, in_turn(broken, Reply(status=503, body=b""), GOOD)) as model:
        _, job, vote = await ask_one(serve, model)
    assert (job["status"], vote["score"], vote["attempts"]) == ("completed", 4, 3)


@every_kind
async def test_a_server_that_hangs_fails_as_timeout(serve: Serve, kind: Kind) -> None:
    async with ModelServer(kind, lambda body: Reply(hang=True)) as model:
        _, _, vote = await ask_one(serve, model, provider={"timeout_seconds": 0.1})
    assert (vote["outcome"], vote["reason"]) == ("failed", "timeout")
    assert vote["attempts"] == model.calls >= 3
    assert vote["latency_seconds"] >= 0.3


@every_kind
async def test_a_connection_that_is_cut_once_is_made_again(serve: Serve, kind: Kind) -> None:
    async with ModelServer(kind, in_turn(Reply(text=GOOD, reset=True), GOOD)) as model:
        _, _, vote = await ask_one(serve, model)
    assert (vote["score"], vote["attempts"]) == (4, 2)


@every_kind
async def test_a_server_that_is_not_there_fails_as_provider_error(serve: Serve, kind: Kind) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    _, job, vote = await ask_one(serve, ModelServer(kind, port=port))
    assert (job["status"], vote["outcome"], vote["reason"]) == ("completed_with_errors", "failed", "provider_error")
    assert vote["attempts"] >= 3


@every_kind
async def test_metrics_of_a_mixed_job_add_up(serve: Serve, kind: Kind) -> None:
    replies: dict[str, str | Reply] = {
        "0.": GOOD,
        "1.": UNREADABLE,
        "2.": BAD_KEY[kind],
        "3.": Reply(status=500, body=b"{}"),
        "4.": '{"explanation": "x", "score": 9}',
        "5.": Reply(text="", finish_reason=CUT_OFF[kind]),
    }

    def reply(body: Row) -> str | Reply:
        return next(each for mark, each in replies.items() if f"answer {mark}" in asked_about(kind, body))

    async with ModelServer(kind, reply) as model:
        judged, job = await ask(serve, model, count=6)
        metrics = await metrics_with(judged, "judged_provider_request_seconds_count", model.calls)
        assert not any(math.isnan(value) for value in metrics.values())
        ended = Counter((each["outcome"], each["reason"] or "") for each in job["judgments"])
        assert ended == {
            ("scored", ""): 1,
            ("unscored", "no_score"): 1,
            ("failed", "auth"): 1,
            ("failed", "provider_error"): 1,
            ("unscored", "out_of_range"): 1,
            ("unscored", "truncated"): 1,
        }
        for (outcome, reason), count in ended.items():
            labels = f'judge="helpfulness",model="{MODELS[kind]}",outcome="{outcome}",reason="{reason}",version="1"'
            assert metrics[f"judged_judgments_total{{{labels}}}"] == count
        assert total(metrics, "judged_judgments_total") == 6
        assert total(metrics, "judged_score_total") == total(metrics, "judged_parsed_total") == 1
        votes = [vote for each in job["judgments"] for vote in each["votes"]]
        assert total(metrics, "judged_tokens_total") == sum(
            (vote["input_tokens"] or 0) + (vote["output_tokens"] or 0) for vote in votes
        )
        assert total(metrics, "judged_cost_usd_total") == pytest.approx(sum(v["cost_usd"] or 0 for v in votes))
        assert metrics["judged_judgment_seconds_count"] == metrics["judged_queue_wait_seconds_count"] == 6
        assert metrics["judged_queue_items"] == 0
        assert sum(vote["attempts"] for vote in votes) == model.calls
        repeated = model.calls - sum(vote["asks"] for vote in votes)
        metrics = await metrics_with(judged, "judged_provider_retries_total", repeated)
        assert total(metrics, "judged_provider_retries_total") == repeated > 0


def total(metrics: dict[str, float], name: str) -> float:
    return sum(value for series, value in metrics.items() if series.partition("{")[0] == name)


async def metrics_with(judged: Judged, name: str, least: float = 1) -> dict[str, float]:
    """The metrics once a series has got so far: workers add their counts of calls once a second."""
    for _ in range(300):
        metrics = await judged.metrics()
        if total(metrics, name) >= least:
            return metrics
        await asyncio.sleep(0.02)
    raise AssertionError(f"{name} stays below {least}: {metrics}")


def seconds_between(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
