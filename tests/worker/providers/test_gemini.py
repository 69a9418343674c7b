from functools import partial
from typing import Any

import pytest

from service.contracts.judges import Parameters
from service.contracts.outcomes import Reason
from tests.stubs.model_server import VERDICT
from tests.stubs.wire_formats import Reply, render
from tests.worker.providers import official
from tests.worker.providers.stubbed import KEY, SCHEMA, completion_of, failure_of, request, stubbed
from worker.providers.base import Completion, Message
from worker.providers.gemini import openapi_schema

complete = partial(completion_of, "gemini")
error_of = partial(failure_of, "gemini", schema=None)


def failing(code: int, status: str, *details: dict[str, Any], message: str = "no", **reply: Any) -> Reply:
    body = {"error": {"code": code, "message": message, "status": status, "details": details}}
    return Reply(status=code, body=body, **reply)


async def test_a_request_is_what_the_official_sdk_would_send() -> None:
    parameters = Parameters(temperature=0.5, max_output_tokens=99, top_p=0.9, seed=7)
    turns = (Message("system", "s"), Message("user", "a"), Message("assistant", "b"), Message("user", "c"))
    async with stubbed("gemini") as (provider, server):
        await provider.complete(request(parameters=parameters, messages=turns))
    (sent,) = server.requests
    official.gemini_types().GenerationConfig.model_validate(sent.body["generationConfig"])
    for content in [sent.body["systemInstruction"], *sent.body["contents"]]:
        official.gemini_types().Content.model_validate(content)
    assert (sent.path, sent.headers["x-goog-api-key"]) == ("/v1beta/models/some-model:generateContent", KEY)
    assert sent.body == {
        "contents": [
            {"role": "user", "parts": [{"text": "a"}]},
            {"role": "model", "parts": [{"text": "b"}]},
            {"role": "user", "parts": [{"text": "c"}]},
        ],
        "systemInstruction": {"parts": [{"text": "s"}]},
        "generationConfig": {
            "maxOutputTokens": 99,
            "temperature": 0.5,
            "topP": 0.9,
            "seed": 7,
            "responseMimeType": "application/json",
            "responseJsonSchema": SCHEMA,
        },
    }


async def test_no_schema_is_asked_for_as_text() -> None:
    async with stubbed("gemini") as (provider, server):
        completion = await provider.complete(request(schema=None))
    assert server.requests[0].body["generationConfig"] == {"maxOutputTokens": 1024, "temperature": 0}
    assert completion.source == "text"


async def test_a_models_name_can_not_leave_its_place_in_the_path() -> None:
    async with stubbed("gemini") as (provider, server):
        await provider.complete(request(model="../x?key=1"))
    assert server.requests[0].path == "/v1beta/models/..%2Fx%3Fkey%3D1:generateContent"


def test_an_openapi_schema_keeps_the_order_and_drops_what_is_unknown_there() -> None:
    schema = {
        "type": "object",
        "properties": {
            "why": {"type": "string", "title": "Why"},
            "score": {"type": "integer", "enum": [1, 2]},
            "label": {"type": "string", "enum": ["a", "b"]},
            "ranking": {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "string"}]}},
        },
        "required": ["why"],
        "additionalProperties": False,
    }
    converted = openapi_schema(schema)
    official.gemini_types().Schema.model_validate(converted)
    assert converted == {
        "type": "object",
        "required": ["why"],
        "properties": {
            "why": {"type": "string"},
            "score": {"type": "integer"},
            "label": {"type": "string", "enum": ["a", "b"]},
            "ranking": {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "string"}]}},
        },
        "propertyOrdering": ["why", "score", "label", "ranking"],
    }


def test_the_stub_answers_as_the_official_sdk_reads() -> None:
    body = render("gemini", Reply(text="hello", finish_reason="MAX_TOKENS"), {})
    assert official.gemini_types().GenerateContentResponse.model_validate_json(body).text == "hello"


async def test_an_answer_is_read() -> None:
    assert await complete(Reply(text=VERDICT)) == Completion(
        text=VERDICT, source="schema", finish_reason="STOP", input_tokens=11, output_tokens=7, served_model="stub"
    )


def with_parts(*parts: dict[str, Any], finish: str = "STOP") -> Reply:
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": finish}
    return Reply(body={"candidates": [candidate]})


@pytest.mark.parametrize(
    ("reply", "text", "finish_reason"),
    [
        (with_parts({"text": "Hmm, 2?", "thought": True}, {"text": "4"}), "4", "STOP"),
        (with_parts({"text": "a"}, {"text": "b"}), "ab", "STOP"),
        (with_parts({"text": "cut"}, finish="MAX_TOKENS"), "cut", "MAX_TOKENS"),
        (Reply(body={"candidates": [{"finishReason": "SAFETY"}]}), "", "SAFETY"),
        (Reply(body={"candidates": [{"content": {}, "finishReason": "MAX_TOKENS"}]}), "", "MAX_TOKENS"),
        (Reply(body={"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}), "", "PROHIBITED_CONTENT"),
        (Reply(body={"candidates": [], "usageMetadata": {"promptTokenCount": 3}}), "", None),
    ],
)
async def test_every_shape_of_an_answer_is_read(reply: Reply, text: str, finish_reason: str | None) -> None:
    official.gemini_types().GenerateContentResponse.model_validate(reply.body)
    completion = await complete(reply)
    assert (completion.text, completion.finish_reason) == (text, finish_reason)


async def test_thoughts_are_output_tokens() -> None:
    usage = {"promptTokenCount": 9, "candidatesTokenCount": 5, "thoughtsTokenCount": 100}
    completion = await complete(Reply(body={"candidates": [], "usageMetadata": usage}))
    assert (completion.input_tokens, completion.output_tokens) == (9, 105)


@pytest.mark.parametrize("body", [b"<html>", b"{}", {"hello": "world"}])
async def test_a_body_that_is_no_answer_may_pass(body: Any) -> None:
    error = await error_of(Reply(body=body))
    assert (error.reason, error.retryable) == (Reason.PROVIDER_ERROR, True)


def violation(quota: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": quota}]}


def wait(delay: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


INVALID_KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
PER_MINUTE = violation("GenerateRequestsPerMinutePerProjectPerModel-FreeTier")
PER_DAY = violation("GenerateRequestsPerDayPerProjectPerModel-FreeTier")
# Said of every quota, a minute's too.
QUOTA_WORDS = "You exceeded your current quota, please check your plan and billing details."


@pytest.mark.parametrize(
    ("reply", "reason", "retryable", "retry_after"),
    [
        (failing(400, "INVALID_ARGUMENT", INVALID_KEY, message="No."), Reason.AUTH, False, None),
        (failing(400, "INVALID_ARGUMENT", message="API key not valid."), Reason.AUTH, False, None),
        (failing(400, "INVALID_ARGUMENT"), Reason.PROVIDER_ERROR, False, None),
        (failing(403, "PERMISSION_DENIED"), Reason.AUTH, False, None),
        (failing(404, "NOT_FOUND"), Reason.PROVIDER_ERROR, False, None),
        (failing(429, "RESOURCE_EXHAUSTED", message=QUOTA_WORDS), Reason.RATE_LIMITED, True, None),
        (failing(429, "RESOURCE_EXHAUSTED", PER_MINUTE, wait("12s")), Reason.RATE_LIMITED, True, 12.0),
        (failing(429, "RESOURCE_EXHAUSTED", wait("0.25s")), Reason.RATE_LIMITED, True, 0.25),
        (failing(429, "RESOURCE_EXHAUSTED", wait("soon")), Reason.RATE_LIMITED, True, None),
        (failing(429, "RESOURCE_EXHAUSTED", headers={"retry-after": "3"}), Reason.RATE_LIMITED, True, 3.0),
        (failing(429, "RESOURCE_EXHAUSTED", PER_DAY, wait("40s")), Reason.RATE_LIMITED, False, 40.0),
        (failing(500, "INTERNAL"), Reason.PROVIDER_ERROR, True, None),
        (failing(503, "UNAVAILABLE"), Reason.PROVIDER_ERROR, True, None),
        (failing(504, "DEADLINE_EXCEEDED"), Reason.TIMEOUT, True, None),
    ],
)
async def test_errors_are_told_apart(reply: Reply, reason: Reason, retryable: bool, retry_after: float | None) -> None:
    error = await error_of(reply)
    assert (error.reason, error.retryable, error.retry_after) == (reason, retryable, retry_after)


async def test_an_error_inside_a_list_is_read() -> None:
    error = {"error": {"code": 429, "message": "the words", "status": "RESOURCE_EXHAUSTED"}}
    caught = await error_of(Reply(status=429, body=[error]))
    assert "the words" in str(caught)
