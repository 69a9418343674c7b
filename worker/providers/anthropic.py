"""Anthropic's messages."""

from collections.abc import Sequence
from typing import Any

import msgspec

from service.contracts.model_lists import ListedModel
from worker.providers.base import Completion, Message, ModelRequest
from worker.providers.capabilities import Learnt
from worker.providers.envelopes import (
    first_of,
    looks_like_object,
    object_of,
    text_of,
    text_or_none,
    token_count,
    total_tokens,
    without_nothing,
)
from worker.providers.event_streams import Event, events_of, is_event_stream
from worker.providers.model_listings import listed_models
from worker.providers.registry import wire_format
from worker.providers.remote import TEXT

TOOL = "tool"  # the schema is the input of a tool that the model is made to call
OUTPUT_FORMAT = "output_format"  # the models that refuse that, from Fable 5.1 and Opus 5.5 (2026) on, have this
VERSION = "2023-06-01"  # the next, 2026-10-21, refuses temperature and top_p whatever the model
_TOOL_NAME = "give_verdict"

MIN_CACHED_CHARS = 3000  # about 750 tokens: no model caches less than 1,024, and some no less than 4,096
_CACHE_CONTROL = {"type": "ephemeral"}
_INPUT_TOKENS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
_STREAM_CUT = "incomplete_stream"  # the stop reason of a stream without an end


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
    stream: bool | None = None
    system: str | list[_Text] | None = None
    temperature: float | None = None
    top_p: float | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: dict[str, Any] | None = None
    output_config: dict[str, Any] | None = None


class _Block(msgspec.Struct):
    type: str = "text"
    text: Any = None
    input: msgspec.Raw = msgspec.Raw()


class _Reply(msgspec.Struct):
    content: list[_Block] | str | None
    stop_reason: Any = None
    usage: Any = None
    model: Any = None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Reply)


@wire_format("anthropic")
class AnthropicFormat:
    """See `WireFormat`. There is no seed in this API, and there are no logprobs."""

    modes = (TOOL, OUTPUT_FORMAT, TEXT)
    effort_path = ("output_config", "effort")
    models_path = "/v1/models?limit=1000"

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
            stream=None if "stream" in learnt.rejected else False,
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
        reply = _streamed(events_of(body)) if is_event_stream(body) else _decoder.decode(body)
        if reply.content is None and reply.stop_reason is None:
            raise msgspec.ValidationError("neither content nor a reason to stop")
        blocks = [_Block("text", reply.content)] if isinstance(reply.content, str) else reply.content or []
        inputs = (without_nothing(_input_of(block)) for block in blocks if block.type == "tool_use")
        verdict = next(filter(None, inputs), "")
        text = "".join(text_of(block.text) for block in blocks if block.type == "text")
        is_json = mode == OUTPUT_FORMAT and looks_like_object(text)
        usage = object_of(reply.usage)
        return Completion(
            text=verdict or text,
            source="tool" if verdict else "schema" if is_json else "text",
            finish_reason=text_or_none(reply.stop_reason),
            input_tokens=total_tokens(*(usage.get(name) for name in _INPUT_TOKENS)),
            output_tokens=token_count(usage.get("output_tokens")),
            served_model=text_or_none(reply.model),
        )

    def read_models(self, body: bytes) -> list[ListedModel]:
        return listed_models(body, lists=("data",), names=("id",), dates=("retires_at",))


def _turns(system: Message | None, turns: Sequence[Message]) -> list[_Turn]:
    """The turns after the system message. What the first has in common with other items' is to be cached."""
    first, *others = turns
    # The cached prefix begins with the system message, and no call with another one can share it.
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


def _input_of(block: _Block) -> str:
    """Returns the input of a tool call as JSON, which some proxies give as a text that holds it."""
    raw = bytes(block.input)
    return msgspec.json.decode(raw, type=str) if raw.startswith(b'"') else raw.decode()


def _streamed(events: list[Event]) -> _Reply:
    """Returns the message that the events of a stream add up to. Raises ValidationError if one of them is an error."""
    if not events or first_of(events, "error") is not None:
        raise msgspec.ValidationError("an error in a stream")
    deltas = [object_of(event.get("delta")) for event in events if event.get("type") == "content_block_delta"]
    text = "".join(text_of(each.get("text")) for each in deltas if each.get("type") == "text_delta")
    verdict = "".join(text_of(each.get("partial_json")) for each in deltas)
    blocks = [_Block("text", text)]
    if verdict:
        blocks.append(_Block("tool_use", input=msgspec.Raw(verdict.encode())))
    return _Reply(
        blocks,
        stop_reason=first_of(events, "delta", "stop_reason") or _STREAM_CUT,
        usage=object_of(first_of(events, "message", "usage")) | object_of(first_of(events[::-1], "usage")),
        model=first_of(events, "message", "model"),
    )
