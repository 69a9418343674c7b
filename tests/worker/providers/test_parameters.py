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
    others = {"'temperature'", "'top_p'", "'topP'", "'seed'"} - {parameter}
    kept = [each for each in others if each in str(server.requests[0].body)]
    assert all(each in str(server.requests[1].body) for each in kept)


async def test_every_refusal_of_a_reasoning_model_is_learnt_in_one_answer() -> None:
    def reply(body: dict[str, Any]) -> str | Reply:
        for name in ("max_tokens", "temperature", "top_p"):
            if name in body:
                hint = " Use 'max_completion_tokens' instead." if name == "max_tokens" else ""
                message = f"Unsupported parameter: '{name}' is not supported with this model.{hint}"
                return Reply(status=400, body={"error": {"message": message, "param": name}})
        return VERDICT

    capabilities = Capabilities()
    parameters = Parameters(max_output_tokens=99, top_p=0.5)
    async with stubbed("openai", reply, capabilities=capabilities) as (provider, server):
        completion = await provider.complete(request(parameters=parameters))
    assert completion.attempts == 4
    assert server.requests[-1].body["max_completion_tokens"] == 99
    assert capabilities.get("stub", "some-model") == Learnt(
        max_completion_tokens=True, rejected=frozenset({"temperature", "top_p"})
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
