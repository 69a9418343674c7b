from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import Any

import pytest

from service.contracts.judges import Parameters
from service.contracts.outcomes import Reason
from tests.stubs.model_server import VERDICT
from tests.stubs.wire_formats import Reply, render
from tests.worker.providers import official
from tests.worker.providers.stubbed import KEY, SCHEMA, completion_of, failure_of, request, stubbed
from worker.providers.base import Completion, ProviderError

complete = partial(completion_of, "openai")
error_of = partial(failure_of, "openai")


def failing(status: int, headers: dict[str, str] | None = None, **error: Any) -> Reply:
    error = {"message": "no", "type": None, "param": None, "code": None, **error}
    return Reply(status=status, headers=headers or {}, body={"error": error})


async def test_a_request_is_what_the_official_sdk_would_send() -> None:
    parameters = Parameters(temperature=0.5, max_output_tokens=99, top_p=0.9, seed=7)
    async with stubbed("openai") as (provider, server):
        await provider.complete(request(parameters=parameters))
    (sent,) = server.requests
    official.openai_request().validate_python(sent.body)
    assert sent.body.keys() <= official.openai_parameters()
    assert (sent.path, sent.headers["authorization"]) == ("/v1/chat/completions", f"Bearer {KEY}")
    assert sent.body == {
        "model": "some-model",
        "messages": [
            {"role": "system", "content": "You are a judge."},
            {"role": "user", "content": "Judge “this”."},
        ],
        "stream": False,
        "max_tokens": 99,
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 7,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "verdict", "strict": True, "schema": SCHEMA},
        },
    }


async def test_what_is_not_set_is_not_sent() -> None:
    async with stubbed("openai") as (provider, server):
        await provider.complete(request(schema=None, parameters=Parameters(temperature=None)))
    assert server.requests[0].body.keys() == {"model", "messages", "stream", "max_tokens"}


def test_the_stub_answers_as_the_official_sdk_reads() -> None:
    body = render("openai", Reply(text="hello", finish_reason="length"), {"model": "m"})
    completion = official.openai_types().ChatCompletion.model_validate_json(body, strict=True)
    assert completion.choices[0].message.content == "hello"


async def test_an_answer_is_read() -> None:
    assert await complete(Reply(text=VERDICT)) == Completion(
        text=VERDICT, source="schema", finish_reason="stop", input_tokens=11, output_tokens=7, served_model="some-model"
    )


async def test_prose_is_no_schema_though_one_was_asked_for() -> None:
    assert (await complete(Reply(text="I would say 4."))).source == "text"


async def test_no_schema_is_asked_for_as_text() -> None:
    assert (await complete(Reply(text=VERDICT), schema=None)).source == "text"


@pytest.mark.parametrize("reason", ["length", "content_filter"])
async def test_a_finish_reason_is_passed_on(reason: str) -> None:
    completion = await complete(Reply(text='{"explanation": "it', finish_reason=reason))
    assert (completion.text, completion.finish_reason) == ('{"explanation": "it', reason)


def with_message(**message: Any) -> Reply:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    return Reply(body={"choices": [choice]})


@pytest.mark.parametrize(
    ("reply", "text", "finish_reason"),
    [
        (Reply(refusal="I can't."), "I can't.", "refusal"),
        (with_message(content=[{"type": "refusal", "refusal": "No."}]), "No.", "refusal"),
        (with_message(content=[{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]), "ab", "stop"),
        (with_message(content="4", reasoning_content="Hmm, 2?"), "4", "stop"),
        (with_message(content=None), "", "stop"),
        (with_message(), "", "stop"),
    ],
)
async def test_every_shape_of_an_answer_is_read(reply: Reply, text: str, finish_reason: str | None) -> None:
    completion = await complete(reply)
    assert (completion.text, completion.finish_reason) == (text, finish_reason)


async def test_token_counts_that_are_not_given_are_none() -> None:
    completion = await complete(with_message(content="4"))
    assert (completion.input_tokens, completion.output_tokens) == (None, None)


@pytest.mark.parametrize("body", [b"", b"<html>Welcome</html>", b'{"choices": [{"mess', b'"\xff"', b"[" * 100_000])
async def test_a_body_that_is_no_answer_may_pass(body: bytes) -> None:
    error = await error_of(Reply(body=body, headers={"content-type": "text/html"}))
    assert (error.reason, error.retryable, error.status) == (Reason.PROVIDER_ERROR, True, 200)


async def test_json_of_another_kind_is_no_answer() -> None:
    bodies: list[Any] = [{"hello": "world"}, {"choices": []}, {"choices": None}]
    for body in bodies:
        error = await error_of(Reply(body=body))
        assert (error.reason, error.retryable) == (Reason.PROVIDER_ERROR, True)


@pytest.mark.parametrize(
    ("error", "reason", "retryable"),
    [
        ({"code": 502, "message": "Upstream error"}, Reason.PROVIDER_ERROR, True),
        ({"code": 429, "message": "Slow down"}, Reason.RATE_LIMITED, True),
        ({"code": 401, "message": "No"}, Reason.AUTH, False),
        ({"type": "rate_limit_error", "message": "Slow down"}, Reason.RATE_LIMITED, True),
        ({"message": "Something"}, Reason.PROVIDER_ERROR, True),
        ("Something", Reason.PROVIDER_ERROR, True),
    ],
)
async def test_an_error_under_http_200_is_an_error(error: Any, reason: Reason, retryable: bool) -> None:
    caught = await error_of(Reply(body={"choices": [], "error": error}), schema=None)
    assert (caught.reason, caught.retryable) == (reason, retryable)


@pytest.mark.parametrize(
    ("reply", "reason", "retryable"),
    [
        (failing(401, code="invalid_api_key"), Reason.AUTH, False),
        (failing(403), Reason.AUTH, False),
        (failing(400, message="Incorrect API key provided: sk-stub."), Reason.AUTH, False),
        (failing(429, code="rate_limit_exceeded"), Reason.RATE_LIMITED, True),
        (failing(429, code="insufficient_quota", type="insufficient_quota"), Reason.RATE_LIMITED, False),
        (failing(429, code="billing_hard_limit_reached"), Reason.RATE_LIMITED, False),
        (failing(402, message="Insufficient Balance"), Reason.RATE_LIMITED, False),
        (failing(408), Reason.TIMEOUT, True),
        (failing(504), Reason.TIMEOUT, True),
        (failing(409), Reason.PROVIDER_ERROR, True),
        (failing(425), Reason.PROVIDER_ERROR, True),
        (failing(500), Reason.PROVIDER_ERROR, True),
        (failing(503), Reason.PROVIDER_ERROR, True),
        (failing(529), Reason.PROVIDER_ERROR, True),
        (failing(400), Reason.PROVIDER_ERROR, False),
        (failing(404, code="model_not_found"), Reason.PROVIDER_ERROR, False),
        (failing(413), Reason.PROVIDER_ERROR, False),
        (failing(400, code="context_length_exceeded"), Reason.PROVIDER_ERROR, False),
        (failing(500, type="exceed_context_size_error"), Reason.PROVIDER_ERROR, False),  # llama.cpp, 2025
        (Reply(status=302, headers={"location": "https://elsewhere"}), Reason.PROVIDER_ERROR, False),
        (Reply(status=502, body=b"<html>Bad gateway</html>"), Reason.PROVIDER_ERROR, True),
        (Reply(status=500, body=b""), Reason.PROVIDER_ERROR, True),
    ],
)
async def test_errors_are_told_apart(reply: Reply, reason: Reason, retryable: bool) -> None:
    error = await error_of(reply, schema=None)
    assert (error.reason, error.retryable, error.status) == (reason, retryable, reply.status)


@pytest.mark.parametrize(
    "body",
    [
        {"object": "error", "message": "the words", "type": "BadRequestError", "code": 400},  # vLLM to 0.10
        {"error": "the words", "error_type": "validation"},  # TGI
        {"detail": "the words"},  # FastAPI
        {"detail": [{"loc": ["body", "seed"], "msg": "the words"}]},  # Mistral
        b"the words",
    ],
)
async def test_the_servers_words_are_kept_in_whatever_shape_they_come(body: Any) -> None:
    assert "the words" in str(await error_of(Reply(status=400, body=body), schema=None))


async def test_a_key_is_cut_out_of_the_message_and_the_message_cut_short() -> None:
    other = "sk-proj-" + "a" * 40
    message = f"bad key {KEY}, or {other}? Authorization: Bearer {KEY}. " + "x" * 1000
    text = str(await error_of(failing(400, message="x" * 495 + KEY)))
    assert "sk-stub" not in text
    text = str(await error_of(failing(400, message=message)))
    assert KEY not in text
    assert other not in text
    assert "bad key [key], or [key]?" in text
    assert len(text) < 550


async def test_a_prompt_that_is_filtered_is_an_answer_that_says_so() -> None:
    completion = await complete(failing(400, code="content_filter", message="management policy"))
    assert (completion.text, completion.finish_reason) == ("", "content_filter")


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({}, None),
    ],
)
async def test_the_wait_asked_for_is_read(headers: dict[str, str], wait: float | None) -> None:
    assert (await error_of(failing(429, headers))).retry_after == wait


async def test_the_wait_may_be_given_as_a_moment() -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    wait = (await error_of(failing(429, {"retry-after": moment}))).retry_after
    assert wait is not None
    assert 25 < wait <= 30


async def test_each_call_is_reported_once() -> None:
    reported: list[tuple[str, str, str]] = []

    def on_call(provider: str, model: str, status: str, seconds: float) -> None:
        assert seconds > 0
        reported.append((provider, model, status))

    replies = iter([Reply(status=429), Reply(hang=True), Reply(text="x" * 99, reset=True), Reply(text="hello")])
    async with stubbed("openai", lambda body: next(replies), on_call=on_call, timeout_seconds=0.5) as (
        provider,
        _,
    ):
        for _ in range(3):
            with pytest.raises(ProviderError):
                await provider.complete(request())
        await provider.complete(request())
    assert [status for _, _, status in reported] == ["429", "timeout", "error", "200"]
    assert {(provider, model) for provider, model, _ in reported} == {("stub", "some-model")}
