from functools import partial
from typing import Any

import msgspec
import pytest

from service.contracts.judges import Parameters
from service.contracts.outcomes import Reason
from tests.stubs.model_server import VERDICT
from tests.stubs.wire_formats import Reply, render
from tests.worker.providers import official
from tests.worker.providers.stubbed import KEY, SCHEMA, completion_of, failure_of, request, stubbed
from worker.providers.base import Message, ProviderError

complete = partial(completion_of, "anthropic")


async def error_of(status: int, kind: str, message: str = "no") -> ProviderError:
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}
    official.anthropic_types().ErrorResponse.model_validate(body)
    return await failure_of("anthropic", Reply(status=status, body=body), schema=None)


async def test_a_request_is_what_the_official_sdk_would_send() -> None:
    parameters = Parameters(temperature=0.5, max_output_tokens=99, top_p=0.9, seed=7)
    async with stubbed("anthropic") as (provider, server):
        await provider.complete(request(parameters=parameters))
    (sent,) = server.requests
    official.anthropic_request().validate_python(sent.body)
    assert sent.body.keys() <= official.anthropic_parameters()
    assert sent.path == "/v1/messages"
    assert (sent.headers["x-api-key"], sent.headers["anthropic-version"]) == (KEY, "2023-06-01")
    assert sent.body == {
        "model": "some-model",
        "max_tokens": 99,
        "stream": False,
        "messages": [{"role": "user", "content": "Judge “this”."}],
        "system": "You are a judge.",
        "temperature": 0.5,
        "top_p": 0.9,
        "tools": [{"name": "give_verdict", "description": "Gives the verdict.", "input_schema": SCHEMA}],
        "tool_choice": {"type": "tool", "name": "give_verdict", "disable_parallel_tool_use": True},
    }


async def test_a_request_may_have_no_system_message_and_earlier_turns() -> None:
    turns = (Message("user", "a"), Message("assistant", "b"), Message("user", "c"))
    async with stubbed("anthropic") as (provider, server):
        await provider.complete(request(messages=turns, schema=None))
    (sent,) = server.requests
    official.anthropic_request().validate_python(sent.body)
    assert [each["role"] for each in sent.body["messages"]] == ["user", "assistant", "user"]
    assert sent.body.keys() == {"model", "max_tokens", "messages", "stream", "temperature"}


@pytest.mark.parametrize("text", [VERDICT, "prose"])
def test_the_stub_answers_as_the_official_sdk_reads(text: str) -> None:
    body = render("anthropic", Reply(text=text), {"model": "m", "tool_choice": {"name": "give_verdict"}})
    official.anthropic_types().Message.model_validate_json(body, strict=True)


async def test_the_input_of_the_tool_is_the_answer() -> None:
    completion = await complete(Reply(text=VERDICT))
    assert msgspec.json.decode(completion.text) == msgspec.json.decode(VERDICT)
    assert (completion.source, completion.finish_reason) == ("tool", "tool_use")
    assert (completion.input_tokens, completion.output_tokens) == (11, 7)


async def test_a_model_that_can_not_be_made_to_call_a_tool_gets_an_output_format() -> None:
    def reply(body: dict[str, Any]) -> str | Reply:
        if "tool_choice" not in body:
            return VERDICT
        message = "tool_choice forces tool use is not compatible with this model"
        error = {"type": "invalid_request_error", "message": message}
        return Reply(status=400, body={"type": "error", "error": error})

    async with stubbed("anthropic", reply) as (provider, server):
        completion = await provider.complete(request())
    sent = server.requests[-1].body
    official.anthropic_request().validate_python(sent)
    assert sent["output_config"] == {"format": {"type": "json_schema", "schema": SCHEMA}}
    assert (completion.text, completion.source, completion.attempts) == (VERDICT, "schema", 2)


async def test_a_text_is_taken_where_the_tool_was_not_called() -> None:
    completion = await complete(Reply(text="Score: 4"))
    assert (completion.text, completion.source, completion.finish_reason) == ("Score: 4", "text", "end_turn")


def with_content(*blocks: dict[str, Any], stop_reason: str = "end_turn") -> Reply:
    return Reply(body={"content": blocks, "stop_reason": stop_reason})


@pytest.mark.parametrize(
    ("reply", "text", "finish_reason"),
    [
        (
            with_content({"type": "thinking", "thinking": "2?"}, {"type": "text", "text": "4"}),
            "4",
            "end_turn",
        ),
        (with_content({"type": "text", "text": "a"}, {"type": "text", "text": "b"}), "ab", "end_turn"),
        (with_content({"type": "text", "text": "I can"}, stop_reason="max_tokens"), "I can", "max_tokens"),
        (with_content(stop_reason="refusal"), "", "refusal"),
        (with_content(), "", "end_turn"),
    ],
)
async def test_every_shape_of_an_answer_is_read(reply: Reply, text: str, finish_reason: str) -> None:
    completion = await complete(reply, schema=None)
    assert (completion.text, completion.finish_reason) == (text, finish_reason)


async def test_cached_tokens_are_input_tokens() -> None:
    usage = {"input_tokens": 5, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20}
    completion = await complete(Reply(body={"content": [], "usage": usage}))
    assert (completion.input_tokens, completion.output_tokens) == (125, None)


@pytest.mark.parametrize("body", [b"<html>", {"hello": "world"}, {"content": None}])
async def test_a_body_that_is_no_answer_may_pass(body: Any) -> None:
    with pytest.raises(ProviderError) as caught:
        await complete(Reply(body=body))
    assert (caught.value.reason, caught.value.retryable) == (Reason.PROVIDER_ERROR, True)


@pytest.mark.parametrize(
    ("status", "kind", "message", "reason", "retryable"),
    [
        (529, "overloaded_error", "Overloaded", Reason.PROVIDER_ERROR, True),
        (500, "api_error", "Internal", Reason.PROVIDER_ERROR, True),
        (504, "timeout_error", "Too slow", Reason.TIMEOUT, True),
        (429, "rate_limit_error", "Slow down", Reason.RATE_LIMITED, True),
        (200, "overloaded_error", "Overloaded", Reason.PROVIDER_ERROR, True),
        (200, "rate_limit_error", "Slow down", Reason.RATE_LIMITED, True),
        (401, "authentication_error", "invalid x-api-key", Reason.AUTH, False),
        (403, "permission_error", "Not yours", Reason.AUTH, False),
        (402, "billing_error", "Pay first", Reason.RATE_LIMITED, False),
        (403, "billing_error", "Pay first", Reason.RATE_LIMITED, False),
        (400, "invalid_request_error", "Your credit balance is too low", Reason.RATE_LIMITED, False),
        (400, "invalid_request_error", "prompt is too long: 9 tokens > 8", Reason.PROVIDER_ERROR, False),
        (404, "not_found_error", "model: claude-0", Reason.PROVIDER_ERROR, False),
    ],
)
async def test_errors_are_told_apart(status: int, kind: str, message: str, reason: Reason, retryable: bool) -> None:
    error = await error_of(status, kind, message)
    assert (error.reason, error.retryable) == (reason, retryable)
    assert message in str(error)
