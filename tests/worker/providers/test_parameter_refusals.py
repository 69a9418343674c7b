from typing import Any

import pytest

from service.contracts.judges import Parameters
from tests.stubs.model_server import VERDICT, Answer
from tests.stubs.wire_formats import Reply
from tests.worker.providers.stubbed import request, stubbed
from worker.providers.base import ProviderError
from worker.providers.capabilities import Capabilities, Learnt


def unsupported(parameter: str, message: str, **names: Any) -> Answer:
    def reply(body: dict[str, Any]) -> str | Reply:
        if parameter not in str(body):
            return VERDICT
        return Reply(status=400, body={"error": {"message": message, **names}})

    return reply


@pytest.mark.parametrize(
    ("kind", "parameter", "message", "names"),
    [
        (
            "openai",
            "'temperature'",
            "Unsupported value: 'temperature' does not support 0. Only the default (1) value is supported.",
            {"param": "temperature", "code": "unsupported_value"},
        ),
        (
            "openai",
            "'temperature'",
            "Unsupported parameter: this is not supported with this model.",
            {"param": "temperature", "code": "unsupported_parameter"},
        ),
        ("openai", "'seed'", "Unrecognized request argument supplied: seed", {}),
        ("anthropic", "'temperature'", "`temperature` is deprecated for this model.", {}),
        ("anthropic", "'top_p'", "`temperature` and `top_p` cannot both be specified for this model.", {}),
        ("gemini", "'seed'", 'Invalid JSON payload received. Unknown name "seed": Cannot find field.', {}),
        ("gemini", "'topP'", "topP is not supported for this model", {}),
        ("openai", "'temperature'", "invalid temperature: this model takes 1 and nothing else", {}),
        ("openai", "'temperature'", "temperature must be greater than 0", {}),
        ("openai", "'temperature'", "temperature must be greater than 0 and less than or equal to 1", {}),
        ("openai", "'temperature'", "Value error: temperature (0.0) has to be in the range (0, 1)", {}),
        ("anthropic", "'temperature'", "`temperature` may only be set to 1 when thinking is enabled.", {}),
        ("openai", "'temperature'", "Unsupported value", {"param": "temperature"}),
        ("openai", "'top_p'", "This model does not support the parameter top-p", {}),
        ("openai", "'seed'", "Malformed input request: #: extraneous key [seed] is not permitted", {}),
        ("openai", "'seed'", '[{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs"}]', {}),
        ("openai", "'stream'", "Unrecognized request argument supplied: stream", {}),
        ("openai", "'seed'", "seed: this deployment has no such thing", {}),
        ("openai", "'temperature'", "the temperature (0.0) cannot be less than 0.01", {}),
        ("openai", "'temperature'", "temperature is unsupported here", {"param": ""}),
        ("openai", "'max_tokens'", "unknown field `max_tokens`, expected one of model, messages", {}),
        ("openai", "'max_tokens'", "Le paramètre max_tokens n'est pas accepté par ce modèle", {}),
        ("openai", "'max_tokens'", "不支持参数 max_tokens", {}),
    ],
)
async def test_a_parameter_that_is_refused_is_left_out_from_then_on(
    kind: Any, parameter: str, message: str, names: dict[str, Any]
) -> None:
    parameters = Parameters(temperature=0, top_p=0.9, seed=1)
    async with stubbed(kind, unsupported(parameter, message, **names)) as (provider, server):
        first = await provider.complete(request(parameters=parameters))
        second = await provider.complete(request(parameters=parameters))
    assert [first.attempts, second.attempts] == [2, 1]
    assert first.source in ("schema", "tool")
    assert parameter not in str(server.requests[2].body)
    others = {"'temperature'", "'top_p'", "'topP'", "'seed'"} - {parameter}
    kept = [each for each in others if each in str(server.requests[0].body)]
    assert all(each in str(server.requests[1].body) for each in kept)


@pytest.mark.parametrize("status", [403, 501])
async def test_a_parameter_may_be_refused_under_an_unusual_status(status: int) -> None:
    def reply(body: dict[str, Any]) -> str | Reply:
        if "temperature" not in body:
            return VERDICT
        return Reply(status=status, body={"error": {"message": "temperature is not implemented, not allowed to you"}})

    async with stubbed("openai", reply) as (provider, server):
        assert (await provider.complete(request())).text == VERDICT
    assert server.calls == 2


async def test_the_parameters_of_sampling_may_be_refused_together() -> None:
    answer = unsupported("'temperature'", "this model samples in one way: sampling parameters are fixed")
    async with stubbed("openai", answer) as (provider, server):
        await provider.complete(request())
    assert server.calls == 2


@pytest.mark.parametrize("message", ["this model does not think", 'thinking is "off" or absent', "no reasoning here"])
async def test_the_effort_may_be_refused_by_its_subject(message: str) -> None:
    def reply(body: dict[str, Any]) -> str | Reply:
        refusal = Reply(status=400, body={"error": {"message": message}})
        return refusal if "reasoning_effort" in body else VERDICT

    async with stubbed("openai", reply) as (provider, server):
        await provider.complete(request(parameters=Parameters(reasoning_effort="low")))
    assert "temperature" in server.requests[1].body


async def test_every_refusal_of_a_reasoning_model_is_learnt_in_one_answer() -> None:
    def reply(body: dict[str, Any]) -> str | Reply:
        for name in ("max_tokens", "temperature", "top_p", "logprobs"):
            if name in body:
                hint = " Use 'max_completion_tokens' instead." if name == "max_tokens" else ""
                message = f"Unsupported parameter: '{name}' is not supported with this model.{hint}"
                return Reply(status=400, body={"error": {"message": message, "param": name}})
        return VERDICT

    capabilities = Capabilities()
    parameters = Parameters(max_output_tokens=99, top_p=0.5)
    async with stubbed("openai", reply, capabilities=capabilities) as (provider, server):
        completion = await provider.complete(request(parameters=parameters, logprobs=True))
    assert (completion.attempts, completion.tokens) == (5, None)
    assert server.requests[-1].body["max_completion_tokens"] == 99
    assert capabilities.get("stub", "some-model") == Learnt(
        max_completion_tokens=True, rejected=frozenset({"temperature", "top_p"}), top_logprobs=0
    )


@pytest.mark.parametrize(
    "message",
    [
        "temperature: Input should be less than or equal to 1",
        "Invalid 'max_output_tokens': integer below minimum value.",
    ],
)
async def test_a_value_out_of_range_is_the_callers_error_and_not_learnt(message: str) -> None:
    capabilities = Capabilities()
    reply = Reply(status=400, body={"error": {"message": message, "param": "temperature"}})
    async with stubbed("openai", lambda body: reply, capabilities=capabilities) as (provider, server):
        with pytest.raises(ProviderError):
            await provider.complete(request(schema=None))
    assert server.calls == 1
    assert capabilities.get("stub", "some-model") == Learnt()


@pytest.mark.parametrize("kind", ["openai", "anthropic", "gemini"])
@pytest.mark.parametrize("status", [400, 422])
async def test_a_value_that_the_caller_puts_out_of_range_is_an_error(kind: Any, status: int) -> None:
    parameters = Parameters(temperature=1.5)
    message = "temperature must be between 0 and 1"
    async with stubbed(kind, lambda body: Reply(status=status, body={"error": {"message": message}})) as (provider, _):
        with pytest.raises(ProviderError, match="between 0 and 1"):
            await provider.complete(request(parameters=parameters, schema=None))


async def test_the_limits_old_name_is_taken_up_again_if_the_new_one_is_refused() -> None:
    def reply(body: dict[str, Any]) -> str | Reply:
        if "max_completion_tokens" not in body:
            return VERDICT
        return Reply(status=422, body={"detail": [{"loc": ["body", "max_completion_tokens"], "msg": "Extra inputs"}]})

    capabilities = Capabilities()
    capabilities.load({("stub", "some-model"): Learnt(max_completion_tokens=True)})
    async with stubbed("openai", reply, capabilities=capabilities) as (provider, server):
        completions = [await provider.complete(request()) for _ in range(2)]
    assert [each.attempts for each in completions] == [2, 1]
    assert server.requests[-1].body["max_tokens"] == 1024


@pytest.mark.parametrize("kind", ["openai", "gemini"])
@pytest.mark.parametrize(
    "message",
    [
        "System role not supported",
        "Developer instruction is not enabled for models/small",
        "Conversation roles must alternate user/assistant/user/assistant/...",
        "messages.0.role: expected one of user, assistant",
    ],
)
async def test_a_system_message_that_is_refused_goes_into_the_first_turn(kind: Any, message: str) -> None:
    def reply(body: dict[str, Any]) -> str | Reply:
        has_system = "systemInstruction" in body or "'system'" in str(body)
        return Reply(status=400, body={"error": {"message": message}}) if has_system else VERDICT

    async with stubbed(kind, reply) as (provider, server):
        completions = [await provider.complete(request()) for _ in range(2)]
    assert [(each.attempts, each.source) for each in completions] == [(2, "schema"), (1, "schema")]
    assert "You are a judge.\\n\\nJudge “this”." in str(server.requests[-1].body)


TOO_LARGE = {
    "openai": "max_tokens is too large: 9000. This model supports at most 4096 completion tokens.",
    "anthropic": "max_tokens: 9000 > 4096, which is the maximum allowed number of output tokens for some-model",
    "gemini": "a maxOutputTokens value of 9000 but the supported range is from 1 (inclusive) to 4096 (inclusive)",
}


@pytest.mark.parametrize("kind", ["openai", "anthropic", "gemini"])
async def test_a_limit_that_the_model_does_not_allow_is_lowered_and_remembered(kind: Any) -> None:
    def limit_of(body: dict[str, Any]) -> int:
        return int(body.get("generationConfig", body).get("maxOutputTokens") or body["max_tokens"])

    def reply(body: dict[str, Any]) -> str | Reply:
        too_large = Reply(status=400, body={"error": {"message": TOO_LARGE[kind]}})
        return too_large if limit_of(body) > 4096 else VERDICT

    async with stubbed(kind, reply) as (provider, server):
        for _ in range(2):
            await provider.complete(request(parameters=Parameters(max_output_tokens=9000)))
        await provider.complete(request())
    assert [limit_of(each.body) for each in server.requests] == [9000, 4096, 4096, 1024]


async def test_a_limit_is_lowered_whatever_the_words() -> None:
    def reply(body: dict[str, Any]) -> str | Reply:
        too_large = Reply(status=400, body={"error": {"message": "参数 max_tokens 超出取值范围 [1, 4096]"}})
        return too_large if body["max_tokens"] > 4096 else VERDICT

    async with stubbed("openai", reply) as (provider, server):
        await provider.complete(request(parameters=Parameters(max_output_tokens=9000)))
    assert [each.body["max_tokens"] for each in server.requests] == [9000, 4096]


@pytest.mark.parametrize(
    "message",
    [
        "This model's maximum context length is 2048 tokens. However, you requested 2748 tokens "
        "(1724 in the messages, 1024 in the completion).",
        "'max_tokens' is too large: 1024. This model's maximum context length is 2048 tokens and your request has "
        "1724 input tokens (1024 > 2048 - 1724).",
    ],
)
async def test_an_answer_gets_the_room_that_its_prompt_leaves(message: str) -> None:
    def reply(body: dict[str, Any]) -> str | Reply:
        return Reply(status=400, body={"error": {"message": message}}) if body["max_tokens"] > 324 else VERDICT

    capabilities = Capabilities()
    async with stubbed("openai", reply, capabilities=capabilities) as (provider, server):
        await provider.complete(request())
    assert [each.body["max_tokens"] for each in server.requests] == [1024, 324]
    assert capabilities.get("stub", "some-model") == Learnt()


@pytest.mark.parametrize("kind", ["openai", "anthropic", "gemini"])
async def test_an_answer_that_is_cut_off_gets_twice_the_room_the_next_time(kind: Any) -> None:
    cut = {"openai": "length", "anthropic": "max_tokens", "gemini": "MAX_TOKENS"}[kind]
    async with stubbed(kind, lambda body: Reply(text="It is", finish_reason=cut)) as (provider, server):
        found = [(await provider.complete(request())).cut_off_at for _ in range(5)]
    assert found == [1024, 2048, 4096, 8192, 8192]
    assert [str(limit) in str(each.body) for limit, each in zip(found, server.requests, strict=True)] == [True] * 5
