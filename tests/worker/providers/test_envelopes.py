"""Answers in odd envelopes, over a real socket, in each of the wire formats."""

from typing import Any

import msgspec
import pytest

from service.contracts.outcomes import Reason
from tests.stubs.model_server import VERDICT
from tests.stubs.wire_formats import Kind, Reply
from tests.worker.providers.stubbed import completion_of, failure_of, request, stubbed

SSE = {"content-type": "text/event-stream"}


def chat(**choice: Any) -> dict[str, Any]:
    return {"model": "served", "choices": [{"index": 0, "finish_reason": "stop", **choice}]}


def says(content: Any, **message: Any) -> dict[str, Any]:
    return chat(message={"role": "assistant", "content": content, **message})


def called(arguments: Any) -> dict[str, Any]:
    return {"id": "t", "type": "function", "function": {"name": "json_tool_call", "arguments": arguments}}


@pytest.mark.parametrize(
    ("body", "text", "source"),
    [
        (says({"explanation": "x", "score": 4}), '{"explanation":"x","score":4}', "schema"),
        (says({"type": "text", "text": VERDICT}), VERDICT, "schema"),
        (says([{"type": "text", "text": {"value": VERDICT}}]), VERDICT, "schema"),
        (says([VERDICT]), VERDICT, "schema"),
        (says([{"type": ["text"], "text": VERDICT}]), VERDICT, "schema"),
        (
            says([{"type": "thinking", "thinking": [{"type": "text", "text": "2?"}]}, {"type": "text", "text": "4"}]),
            "4",
            "text",
        ),
        (says(None, tool_calls=[called(VERDICT)]), VERDICT, "tool"),
        (says("Let me see.", tool_calls=[called(VERDICT)]), VERDICT, "tool"),
        (says(None, tool_calls=[called({"score": 4})]), '{"score":4}', "tool"),
        (says("", function_call={"name": "f", "arguments": VERDICT}), VERDICT, "tool"),
        (says("4", tool_calls=None, function_call=None), "4", "text"),
        (chat(text=VERDICT), VERDICT, "schema"),
    ],
)
async def test_the_verdict_is_found_wherever_an_openai_server_puts_it(body: Any, text: str, source: str) -> None:
    completion = await completion_of("openai", Reply(body=body))
    assert (completion.text, completion.source, completion.served_model) == (text, source, "served")


@pytest.mark.parametrize(
    ("given", "counted"),
    [
        (12, 12),
        (12.0, 12),
        (12.4, 12),
        ("12", 12),
        (-5, None),
        (10**30, None),
        (1e300, None),
        ("many", None),
        (None, None),
        (True, None),
        ([12], None),
    ],
)
@pytest.mark.parametrize("kind", ["openai", "anthropic", "gemini"])
async def test_a_count_of_tokens_is_a_whole_number_or_none(kind: Kind, given: Any, counted: int | None) -> None:
    bodies = {
        "openai": {**says("4"), "usage": {"prompt_tokens": given, "completion_tokens": 7}},
        "anthropic": {"content": [{"type": "text", "text": "4"}], "usage": {"input_tokens": given, "output_tokens": 7}},
        "gemini": {
            "candidates": [{"content": {"parts": [{"text": "4"}]}}],
            "usageMetadata": {"promptTokenCount": given, "candidatesTokenCount": 7},
        },
    }
    completion = await completion_of(kind, Reply(body=bodies[kind]))
    assert (completion.text, completion.input_tokens, completion.output_tokens) == ("4", counted, 7)


@pytest.mark.parametrize("usage", [None, "12", 12, [], {}])
async def test_a_usage_of_another_shape_is_none(usage: Any) -> None:
    completion = await completion_of("openai", Reply(body={**says("4"), "usage": usage}))
    assert (completion.input_tokens, completion.output_tokens) == (None, None)


def chunk(delta: Any, finish: str | None = None, **more: Any) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {"object": "chat.completion.chunk", "model": "served", "choices": [choice], **more}
    return f"data: {msgspec.json.encode(body).decode()}\n\n"


USAGE = 'data: {"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 7}}\n\n'
DONE = "data: [DONE]\n\n"
HALVES = chunk({"role": "assistant", "content": VERDICT[:20]}) + chunk({"content": VERDICT[20:]})


@pytest.mark.parametrize(
    "stream",
    [
        HALVES + chunk({}, "stop") + USAGE + DONE,
        HALVES + chunk({}, "stop") + USAGE,
        (": keep alive\n\n" + HALVES + chunk({}, "stop") + USAGE + DONE).replace("\n", "\r\n"),
        "\ufeff" + HALVES + USAGE + DONE,
        chunk({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": VERDICT[:9]}}]})
        + chunk({"tool_calls": [{"index": 0, "function": {"arguments": VERDICT[9:]}}]}, "tool_calls")
        + USAGE
        + DONE,
    ],
)
@pytest.mark.parametrize("headers", [SSE, {"content-type": "application/json"}])
async def test_a_stream_that_nobody_asked_for_is_read(stream: str, headers: dict[str, str]) -> None:
    completion = await completion_of("openai", Reply(body=stream.encode(), headers=headers))
    assert (completion.text, completion.input_tokens, completion.output_tokens) == (VERDICT, 11, 7)
    assert completion.served_model == "served"


ANTHROPIC_EVENTS: list[dict[str, Any]] = [
    {"type": "message_start", "message": {"model": "served", "usage": {"input_tokens": 11, "output_tokens": 1}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "name": "give_verdict"}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": VERDICT[:9]}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": VERDICT[9:]}},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 7}},
    {"type": "message_stop"},
]
GEMINI_PIECES: list[dict[str, Any]] = [
    {"candidates": [{"content": {"parts": [{"text": VERDICT[:9]}]}}], "modelVersion": "served"},
    {
        "candidates": [{"content": {"parts": [{"text": VERDICT[9:]}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 11, "candidatesTokenCount": 7},
        "modelVersion": "served",
    },
]


def streamed(events: list[dict[str, Any]]) -> bytes:
    return b"".join(b"event: x\ndata: " + msgspec.json.encode(each) + b"\n\n" for each in events)


@pytest.mark.parametrize(
    ("kind", "body", "source"),
    [
        ("anthropic", streamed(ANTHROPIC_EVENTS), "tool"),
        ("gemini", streamed(GEMINI_PIECES), "schema"),
        ("gemini", msgspec.json.encode(GEMINI_PIECES), "schema"),
    ],
)
async def test_the_streams_of_the_other_formats_are_read(kind: Kind, body: bytes, source: str) -> None:
    completion = await completion_of(kind, Reply(body=body, headers=SSE))
    assert (completion.text, completion.source, completion.served_model) == (VERDICT, source, "served")
    assert (completion.input_tokens, completion.output_tokens) == (11, 7)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("openai", HALVES.encode()),
        ("openai", HALVES.encode()[:-30]),
        ("openai", USAGE.encode()),
        ("openai", (HALVES + 'data: {"error": {"message": "went away"}}\n\n' + DONE).encode()),
        ("anthropic", streamed(ANTHROPIC_EVENTS[:4])),
        ("anthropic", streamed([*ANTHROPIC_EVENTS[:4], {"type": "error", "error": {"type": "overloaded_error"}}])),
        ("gemini", streamed(GEMINI_PIECES[:1])),
        ("gemini", msgspec.json.encode([*GEMINI_PIECES[:1], {"error": {"code": 503, "message": "went away"}}])),
    ],
)
async def test_a_stream_without_its_end_is_a_failed_call_that_may_pass(kind: Kind, body: bytes) -> None:
    error = await failure_of(kind, Reply(body=body, headers=SSE))
    assert (error.reason, error.retryable) == (Reason.PROVIDER_ERROR, True)


async def test_the_words_of_an_error_in_a_stream_are_kept() -> None:
    body = (HALVES + 'data: {"error": {"message": "GPU lost", "code": 502}}\n\n').encode()
    assert "answered 502: GPU lost" in str(await failure_of("openai", Reply(body=body)))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            chat(message={"content": ""}, finish_reason="error", error={"code": 502, "message": "Host lost"}),
            "Host lost",
        ),
        (chat(message={"content": VERDICT}, error={"code": 502, "message": "Host lost"}), "Host lost"),
        (chat(message={"content": VERDICT}, error="Host lost"), "Host lost"),
        (chat(message={"content": "Score: 2"}, finish_reason="error"), "error"),
        (chat(message={"content": VERDICT}, finish_reason="network_error"), "network_error"),
        (chat(message={"content": VERDICT}, finish_reason="insufficient_system_resource"), "insufficient"),
        (chat(message={"content": "It starts well.\nScore: 2"}, finish_reason="halted"), "halted"),
        (chat(message={"content": VERDICT[:-5]}, finish_reason="halted"), "halted"),
    ],
)
async def test_an_answer_that_ended_in_an_error_is_a_failed_call_that_may_pass(body: Any, words: str) -> None:
    error = await failure_of("openai", Reply(body=body))
    assert (error.reason, error.retryable) == (Reason.PROVIDER_ERROR, True)
    assert words in str(error)


@pytest.mark.parametrize("word", ["MALFORMED_FUNCTION_CALL", "OTHER", "NEW_KIND_OF_STOP"])
async def test_geminis_broken_endings_are_failed_calls(word: str) -> None:
    candidate = {"content": {"parts": [{"text": "Score: 4"}]}, "finishReason": word}
    assert (await failure_of("gemini", Reply(body={"candidates": [candidate]}))).retryable


@pytest.mark.parametrize("word", ["stop", "eos", "EOS_TOKEN", "end_turn", "tool_calls", "completed", "", None, 0])
async def test_the_words_for_a_good_end_are_known(word: Any) -> None:
    assert (await completion_of("openai", Reply(body=chat(message={"content": "Score: 4"}, finish_reason=word)))).text


async def test_an_unknown_word_is_no_error_after_a_whole_verdict() -> None:
    completion = await completion_of("openai", Reply(body=chat(message={"content": VERDICT}, finish_reason="halted")))
    assert (completion.text, completion.finish_reason) == (VERDICT, "halted")


REFUSING_400 = [
    {"code": "content_policy_violation"},
    {"code": "content_filter", "innererror": {"code": "ResponsibleAIPolicyViolation"}},
    {"innererror": {"code": "ResponsibleAIPolicyViolation"}},
    {"code": "data_inspection_failed", "message": "Input data may contain inappropriate content."},
    {"message": "litellm.ContentPolicyViolationError: the prompt was refused"},
    {"message": "Your request was rejected as a result of our safety system."},
    {"message": "Output blocked by content filtering policy"},
    {"message": "Invalid prompt: it was flagged as potentially violating our usage policy."},
]


@pytest.mark.parametrize("error", REFUSING_400)
@pytest.mark.parametrize("kind", ["openai", "anthropic", "gemini"])
async def test_a_filter_that_refuses_a_prompt_is_an_answer_that_says_so(kind: Kind, error: dict[str, Any]) -> None:
    async with stubbed(kind, lambda body: Reply(status=400, body={"error": {"message": "no", **error}})) as (
        provider,
        server,
    ):
        completion = await provider.complete(request())
    assert (completion.text, completion.finish_reason, server.calls) == ("", "content_filter", 1)


@pytest.mark.parametrize("reason", ["SAFETY", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY", "OTHER", "JAILBREAK"])
async def test_whatever_geminis_prompt_is_blocked_for_it_is_refused(reason: str) -> None:
    body = {"promptFeedback": {"blockReason": reason}, "usageMetadata": {"promptTokenCount": 10}}
    completion = await completion_of("gemini", Reply(body=body))
    assert completion.finish_reason in (reason, "blocked")
    assert (completion.text, completion.input_tokens) == ("", 10)


async def test_a_tools_input_may_be_a_text_that_holds_it() -> None:
    block = {"type": "tool_use", "name": "give_verdict", "input": VERDICT}
    completion = await completion_of("anthropic", Reply(body={"content": [block], "stop_reason": "tool_use"}))
    assert (completion.text, completion.source) == (VERDICT, "tool")


async def test_geminis_function_call_is_a_tool() -> None:
    part = {"functionCall": {"name": "f", "args": {"score": 4}}}
    completion = await completion_of("gemini", Reply(body={"candidates": [{"content": {"parts": [part]}}]}))
    assert (completion.text, completion.source) == ('{"score":4}', "tool")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("openai", says(VERDICT, tool_calls=[called("{}")])),
        ("openai", says([msgspec.json.decode(VERDICT)])),
        ("openai", b"\xef\xbb\xbf" + msgspec.json.encode(says(VERDICT))),
        ("openai", chat(message={"content": VERDICT}, error={})),
        ("anthropic", {"content": [{"type": "tool_use", "input": {}}, {"type": "text", "text": VERDICT}]}),
        ("anthropic", {"content": [{"type": "tool_use", "input": None}, {"text": VERDICT}]}),
    ],
)
async def test_what_says_nothing_does_not_stand_before_the_verdict(kind: Kind, body: Any) -> None:
    completion = await completion_of(kind, Reply(body=body))
    assert msgspec.json.decode(completion.text) == msgspec.json.decode(VERDICT)


async def test_an_error_beside_an_empty_answer_may_pass() -> None:
    error = await failure_of("openai", Reply(body={**says(""), "error": {"message": "Upstream is busy", "code": 503}}))
    assert (error.reason, error.retryable) == (Reason.PROVIDER_ERROR, True)
    assert "Upstream is busy" in str(error)


@pytest.mark.parametrize("word", ["content_filter: PROHIBITED_CONTENT", "MODEL_ARMOR"])
async def test_a_filter_s_word_may_have_its_reason_behind_it(word: str) -> None:
    body = {"choices": [{"message": {"content": ""}, "finish_reason": word}]}
    assert (await completion_of("openai", Reply(body=body))).finish_reason == word


async def test_a_stream_s_other_choices_are_left_out() -> None:
    pieces = [(0, VERDICT[:9]), (1, "x"), (0, VERDICT[9:])]
    chunks = [{"choices": [{"index": index, "delta": {"content": text}}]} for index, text in pieces]
    content = b"".join(b"data: " + msgspec.json.encode(each) + b"\n\n" for each in chunks) + b"data: [DONE]\n\n"
    assert (await completion_of("openai", Reply(body=content, headers=SSE))).text == VERDICT


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (r"half \ud83d", "half \ufffd"),
        (r"\uDE00 half", "\ufffd half"),
        (r"\ud83d\ud83d\ude00", "\ufffd\U0001f600"),
        (r"\\ud83d is no escape, \ud83d is", "\\ud83d is no escape, \ufffd is"),
    ],
)
async def test_half_a_character_does_not_cost_the_answer(written: str, text: str) -> None:
    body = f'{{"choices": [{{"message": {{"content": "{written}"}}, "finish_reason": "stop"}}]}}'
    assert (await completion_of("openai", Reply(body=body.encode()))).text == text
