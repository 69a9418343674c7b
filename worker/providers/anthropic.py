"""Anthropic's messages."""

from collections.abc import Sequence
from typing import Any

import msgspec

from worker.providers.base import Completion, Message, ModelRequest
from worker.providers.capabilities import Learnt
from worker.providers.failures import Failure, read_failure
from worker.providers.http import HttpReply
from worker.providers.registry import wire_format
from worker.providers.remote import TEXT

TOOL = "tool"  # the schema is the input of a tool that the model is made to call
OUTPUT_FORMAT = "output_format"  # the models that refuse that, from Fable 5.1 and Opus 5.5 (2026) on, have this
VERSION = "2023-06-01"  # the next, 2026-10-21, refuses temperature and top_p whatever the model
_TOOL_NAME = "give_verdict"

MIN_CACHED_CHARS = 3000  # about 750 tokens: no model caches less than 1,024, and some no less than 4,096
_CACHE_CONTROL = {"type": "ephemeral"}


class _Text(msgspec.Struct, omit_defaults=True, tag_field="type", tag="text"):
    text: str
    cache_control: dict[str, str] | None = None


class _Turn(msgspec.Struct):
    role: str
    content: str | list[_Text]


class _Body(msgspec.Struct, omit_defaults=True):
    model: str
    max_tokens: int
    messages: list[_Turn]
    system: str | list[_Text] | None = None
    temperature: float | None = None
    top_p: float | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: dict[str, Any] | None = None
    output_config: dict[str, Any] | None = None


class _Block(msgspec.Struct):
    type: str
    text: str | None = None
    input: msgspec.Raw = msgspec.Raw()


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None


class _Reply(msgspec.Struct):
    content: list[_Block]
    stop_reason: str | None = None
    usage: _Usage | None = None


_NO_USAGE = _Usage()
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Reply)


@wire_format("anthropic")
class AnthropicFormat:
    """See `WireFormat`. There is no seed in this API, and there are no logprobs."""

    modes = (TOOL, OUTPUT_FORMAT, TEXT)
    effort_path = ("output_config", "effort")

    def headers(self, api_key: str | None) -> dict[str, str]:
        return {"anthropic-version": VERSION} | ({"x-api-key": api_key} if api_key else {})

    def path(self, model: str) -> str:
        return "/v1/messages"

    def encode(self, request: ModelRequest, mode: str, learnt: Learnt) -> bytes:
        first, *others = request.messages
        system, turns = (first, others) if first.role == "system" else (None, request.messages)
        body = _Body(
            request.model,
            request.parameters.max_output_tokens,
            _turns(system, turns),
            system=_content(system) if system else None,
            temperature=request.parameters.temperature,
            top_p=request.parameters.top_p,
        )
        if request.schema is not None and mode == TOOL:
            description = "Gives the verdict."
            body.tools = [{"name": _TOOL_NAME, "description": description, "input_schema": request.schema}]
            body.tool_choice = {"type": "tool", "name": _TOOL_NAME, "disable_parallel_tool_use": True}
        elif request.schema is not None and mode == OUTPUT_FORMAT:
            body.output_config = {"format": {"type": "json_schema", "schema": request.schema}}
        return _encoder.encode(body)

    def decode(self, body: bytes, mode: str) -> Completion:
        reply = _decoder.decode(body)
        verdict = next((bytes(block.input) for block in reply.content if block.type == "tool_use"), b"")
        text = "".join(block.text or "" for block in reply.content if block.type == "text")
        is_json = mode == OUTPUT_FORMAT and text.lstrip().startswith("{")
        usage = reply.usage or _NO_USAGE
        return Completion(
            text=verdict.decode() or text,
            source="tool" if verdict else "schema" if is_json else "text",
            finish_reason=reply.stop_reason,
            input_tokens=_all_input_tokens(usage),
            output_tokens=usage.output_tokens,
        )

    def read_failure(self, reply: HttpReply) -> Failure | Completion:
        return read_failure(*reply)


def _turns(system: Message | None, turns: Sequence[Message]) -> list[_Turn]:
    """The turns after the system message. What the first has in common with other items' is to be cached."""
    first, *others = turns
    # The cached prefix begins with the system message, and no other call can share it where that differs.
    cacheable = system is None or system.stable >= len(system.content)
    before = len(system.content) if system else 0
    return [
        _Turn(first.role, _content(first, before) if cacheable else first.content),
        *(_Turn(each.role, each.content) for each in others),
    ]


def _content(message: Message, before: int = 0) -> str | list[_Text]:
    """The text, cut in two after a stable part that is worth caching with the `before` characters ahead of it."""
    stable, rest = message.content[: message.stable], message.content[message.stable :]
    if not stable.strip() or before + len(stable) < MIN_CACHED_CHARS:
        return message.content
    # The API refuses a block without anything but white space.
    if not rest.strip():
        return [_Text(message.content, _CACHE_CONTROL)]
    return [_Text(stable, _CACHE_CONTROL), _Text(rest)]


def _all_input_tokens(usage: _Usage) -> int | None:
    if usage.input_tokens is None:
        return None
    return usage.input_tokens + (usage.cache_creation_input_tokens or 0) + (usage.cache_read_input_tokens or 0)
