"""What the calls of one judge have in common is marked for Anthropic to cache, and the text stays the same."""

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.contracts.judges import Parameters
from service.judging.questions import Message
from tests.stubs.wire_formats import Kind
from tests.worker.providers import official
from tests.worker.providers.stubbed import request, stubbed
from worker.providers.anthropic import MIN_CACHED_CHARS, AnthropicFormat
from worker.providers.capabilities import Learnt

MARK = {"type": "ephemeral"}

SYSTEM = Message("system", "You are a judge.", stable=16)
RULES = "The rules. " * 300  # 3300 characters


def user(rest: str, stable: str = RULES) -> Message:
    return Message("user", stable + rest, stable=len(stable))


async def sent(*messages: Message, kind: Kind = "anthropic", **changes: Any) -> dict[str, Any]:
    async with stubbed(kind) as (provider, server):
        await provider.complete(request(messages=messages, **changes))
    return server.requests[0].body


@pytest.mark.parametrize("schema", [None, request().schema])
async def test_a_long_stable_beginning_is_a_block_to_cache(schema: Any) -> None:
    again = (Message("assistant", "4?"), Message("user", "Again.", stable=6))
    body = await sent(SYSTEM, user("The item."), *again, schema=schema)
    official.anthropic_request().validate_python(body)
    assert body["system"] == "You are a judge."
    assert body["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": RULES, "cache_control": MARK},
                {"type": "text", "text": "The item."},
            ],
        },
        {"role": "assistant", "content": "4?"},
        {"role": "user", "content": "Again."},
    ]


async def test_a_long_system_message_is_a_block_to_cache_too() -> None:
    body = await sent(Message("system", RULES, stable=len(RULES)), user("The item.", "Judge: "))
    official.anthropic_request().validate_python(body)
    assert body["system"] == [{"type": "text", "text": RULES, "cache_control": MARK}]
    # The prefix to cache is the system message and this.
    assert body["messages"][0]["content"][0] == {"type": "text", "text": "Judge: ", "cache_control": MARK}

    body = await sent(Message("system", RULES + "Today.", stable=len(RULES)), user("The item."))
    official.anthropic_request().validate_python(body)
    assert body["system"] == [
        {"type": "text", "text": RULES, "cache_control": MARK},
        {"type": "text", "text": "Today."},
    ]
    assert body["messages"][0]["content"] == RULES + "The item."  # no call can share a prefix that far


async def test_without_a_system_message_the_user_message_is_marked_as_well() -> None:
    body = await sent(user("The item."))
    assert "system" not in body
    assert body["messages"][0]["content"][0]["cache_control"] == MARK


async def test_a_prefix_too_short_to_be_cached_is_sent_plainly() -> None:
    length = MIN_CACHED_CHARS - len(SYSTEM.content)
    body = await sent(SYSTEM, user("The item.", "x" * (length - 1)))
    assert body["messages"][0]["content"] == "x" * (length - 1) + "The item."
    body = await sent(SYSTEM, user("The item.", "x" * length))
    assert [each["text"] for each in body["messages"][0]["content"]] == ["x" * length, "The item."]


@pytest.mark.parametrize("rest", ["", "\n \n"])
async def test_no_block_is_blank(rest: str) -> None:
    body = await sent(SYSTEM, user(rest))
    official.anthropic_request().validate_python(body)
    assert body["messages"][0]["content"] == [{"type": "text", "text": RULES + rest, "cache_control": MARK}]


@given(st.text(max_size=6), st.integers(-2, 8), st.text(max_size=6), st.integers(-2, 8), st.booleans())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_the_text_is_the_same_however_it_is_cut(
    system: str, system_stable: int, content: str, stable: int, is_long: bool
) -> None:
    start = RULES if is_long else ""
    messages = (
        Message("system", start + system, stable=len(start) + system_stable),
        Message("user", start + content, stable=len(start) + stable),
    )
    asked = request(messages=messages, parameters=Parameters())
    body = msgspec.json.decode(AnthropicFormat().encode(asked, "text", Learnt()))
    assert joined(body["system"]) == messages[0].content
    assert joined(body["messages"][0]["content"]) == messages[1].content


def joined(content: str | list[dict[str, Any]]) -> str:
    if isinstance(content, str):
        return content
    assert all(each["text"].strip() for each in content)
    assert [each.get("cache_control") for each in content] == [MARK, None][: len(content)]
    return "".join(each["text"] for each in content)


@pytest.mark.parametrize("kind", ["openai", "gemini"])
async def test_the_others_cache_by_themselves_and_are_told_nothing(kind: Kind) -> None:
    messages = (SYSTEM, user("The item."))
    plain = tuple(Message(each.role, each.content) for each in messages)
    body = await sent(*messages, kind=kind)
    assert body == await sent(*plain, kind=kind)
    assert "stable" not in str(body)
