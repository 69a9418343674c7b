"""The reasoning effort and the extra fields of a judge in the bodies of calls."""

from typing import Any

import msgspec
import pytest

from service.contracts.judges import Parameters
from tests.stubs.model_server import VERDICT
from tests.stubs.wire_formats import Kind, Reply
from tests.worker.providers.stubbed import request, stubbed
from worker.providers.extra_fields import with_extra_fields


def test_a_field_of_the_body_is_never_replaced_and_objects_are_merged() -> None:
    body = b'{"model": "m", "config": {"temperature": 0, "thinking": {"budget": 1}}}'
    extra: dict[str, Any] = {
        "model": "x",
        "config": {"temperature": 2, "thinking": {"budget": 9, "show": True}, "k": 3},
    }
    assert msgspec.json.decode(with_extra_fields(body, Parameters(extra=extra), ())) == {
        "model": "m",
        "config": {"temperature": 0, "thinking": {"budget": 1, "show": True}, "k": 3},
    }


def test_another_spelling_of_a_field_replaces_it_no_more() -> None:
    body = b'{"generationConfig": {"temperature": 0}, "systemInstruction": {"parts": []}, "max_tokens": 9}'
    extra: dict[str, Any] = {
        "generation_config": {"temperature": 2, "topK": 3},
        "system_instruction": {"parts": ["mine"]},
        "max_completion_tokens": 1,
    }
    assert msgspec.json.decode(with_extra_fields(body, Parameters(extra=extra), ())) == {
        "generationConfig": {"temperature": 0, "topK": 3},
        "systemInstruction": {"parts": []},
        "max_tokens": 9,
    }


def test_without_extra_fields_the_body_stays_as_it_is() -> None:
    assert with_extra_fields(b"anything", Parameters(), ("effort",)) == b"anything"


def test_a_format_without_a_field_for_the_effort_leaves_it_out() -> None:
    assert msgspec.json.decode(with_extra_fields(b"{}", Parameters(reasoning_effort="low"), ())) == {}


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("openai", ["reasoning_effort"]),
        ("anthropic", ["output_config", "effort"]),
        ("gemini", ["generationConfig", "thinkingConfig", "thinkingLevel"]),
    ],
)
async def test_each_vendor_has_the_effort_in_its_own_place(kind: Kind, path: list[str]) -> None:
    bodies: list[Any] = []

    def answer(body: Any) -> str:
        bodies.append(body)
        return VERDICT

    async with stubbed(kind, answer) as (provider, _):
        await provider.complete(request(parameters=Parameters(reasoning_effort="low", extra={"service_tier": "flex"})))
    [found] = bodies
    assert found["service_tier"] == "flex"
    for name in path:
        found = found[name]
    assert found == "low"


async def test_a_model_that_refuses_the_effort_is_asked_without_it() -> None:
    bodies: list[Any] = []

    def answer(body: Any) -> str | Reply:
        bodies.append(body)
        if "reasoning_effort" not in body:
            return VERDICT
        message = "Unsupported parameter: 'reasoning_effort' is not supported with this model."
        return Reply(status=400, body={"error": {"message": message, "param": "reasoning_effort"}})

    async with stubbed("openai", answer) as (provider, _):
        for _ in range(2):
            await provider.complete(request(parameters=Parameters(reasoning_effort="low")))
    assert ["reasoning_effort" in body for body in bodies] == [True, False, False]
