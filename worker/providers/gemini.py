"""Gemini's generateContent."""

from itertools import chain, repeat
from typing import Any
from urllib.parse import quote

import msgspec

from service.contracts.model_lists import ListedModel
from service.contracts.outcomes import Reason
from service.judging.logprobs import Token, make_token
from service.judging.reading.refusing import finish_reason_of
from worker.providers.base import Completion, Message, ModelRequest
from worker.providers.capabilities import Learnt
from worker.providers.envelopes import (
    arguments_of,
    looks_like_object,
    object_of,
    objects_of,
    text_of,
    text_or_none,
    token_count,
    total_tokens,
)
from worker.providers.event_streams import events_of, is_event_stream
from worker.providers.failures import UNREADABLE
from worker.providers.model_listings import listed_models
from worker.providers.registry import wire_format
from worker.providers.remote import TEXT

_RESPONSE_JSON_SCHEMA = "response_json_schema"  # from Gemini 2.5 on
_RESPONSE_SCHEMA = "response_schema"  # the older way: a subset of OpenAPI 3.0

_BLOCKED = "blocked"  # the finish reason of a prompt that was blocked for a reason without a name
_STREAM_CUT = "incomplete_stream"  # the finish reason of a stream without an end


class _Parts(msgspec.Struct, omit_defaults=True):
    parts: list[dict[str, str]]
    role: str | None = None


class _Config(msgspec.Struct, omit_defaults=True, rename="camel"):
    max_output_tokens: int
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    response_mime_type: str | None = None
    response_json_schema: dict[str, Any] | None = None
    response_schema: dict[str, Any] | None = None
    response_logprobs: bool | None = None
    logprobs: int | None = None


class _Body(msgspec.Struct, omit_defaults=True, rename="camel"):
    contents: list[_Parts]
    generation_config: _Config
    system_instruction: _Parts | None = None


class _Candidate(msgspec.Struct, rename="camel"):
    content: Any = None
    finish_reason: Any = None
    logprobs_result: msgspec.Raw = msgspec.Raw()


class _Alternative(msgspec.Struct, rename="camel"):
    token: str = ""  # proto3's JSON leaves out what is empty or 0
    log_probability: float = 0.0


class _Alternatives(msgspec.Struct):
    candidates: list[_Alternative] = []


class _Logprobs(msgspec.Struct, rename="camel"):
    chosen_candidates: list[_Alternative] = []
    top_candidates: list[_Alternatives] = []


class _Reply(msgspec.Struct, rename="camel"):
    candidates: list[_Candidate] | None = None
    prompt_feedback: Any = None
    usage_metadata: Any = None
    model_version: Any = None


_NO_ALTERNATIVES = _Alternatives()
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Reply)
_logprobs_decoder = msgspec.json.Decoder(_Logprobs)


@wire_format("gemini")
class GeminiFormat:
    """See `WireFormat`."""

    modes = (_RESPONSE_JSON_SCHEMA, _RESPONSE_SCHEMA, TEXT)
    effort_path = ("generationConfig", "thinkingConfig", "thinkingLevel")
    models_path = "/v1beta/models?pageSize=1000"  # without dates of shutdown, as of November 2026

    def headers(self, api_key: str | None) -> dict[str, str]:
        return {"x-goog-api-key": api_key} if api_key else {}

    def path(self, model: str) -> str:
        return f"/v1beta/models/{quote(model, safe='')}:generateContent"

    def encode(self, request: ModelRequest, mode: str, learnt: Learnt) -> bytes:
        first, *others = request.messages
        has_system = first.role == "system"
        turns = others if has_system else request.messages
        body = _Body(
            [_Parts([{"text": each.content}], _role(each)) for each in turns],
            _config(request, mode, learnt),
            _Parts([{"text": first.content}]) if has_system else None,
        )
        return _encoder.encode(body)

    def decode(self, body: bytes, mode: str) -> Completion:
        reply = _streamed(body) if _is_streamed(body) else _decoder.decode(body)
        blocked = _block_reason(object_of(reply.prompt_feedback))
        if not (reply.candidates or blocked or reply.usage_metadata):
            raise msgspec.ValidationError("neither a candidate nor a reason nor usage")
        candidate = reply.candidates[0] if reply.candidates else _Candidate(finish_reason=blocked)
        parts = objects_of(object_of(candidate.content).get("parts"))
        text = text_of([part for part in parts if "text" in part])
        calls = [object_of(part.get("functionCall")).get("args") for part in parts]
        arguments = next((arguments_of(each) for each in calls if each), "")
        in_schema = mode != TEXT and looks_like_object(text)
        usage = object_of(reply.usage_metadata)
        return Completion(
            text=arguments or text,
            source="tool" if arguments else "schema" if in_schema else "text",
            finish_reason=text_or_none(candidate.finish_reason),
            input_tokens=token_count(usage.get("promptTokenCount")),
            output_tokens=_all_output_tokens(usage),
            tokens=_tokens(candidate.logprobs_result),
            served_model=text_or_none(reply.model_version),
        )

    def read_models(self, body: bytes) -> list[ListedModel]:
        listed = listed_models(body, lists=("models",), names=("name",), dates=())
        return [ListedModel(each.name.removeprefix("models/"), each.retires_at) for each in listed]


def _role(message: Message) -> str:
    return "model" if message.role == "assistant" else "user"


def _config(request: ModelRequest, mode: str, learnt: Learnt) -> _Config:
    parameters = request.parameters
    config = _Config(
        parameters.max_output_tokens,
        temperature=parameters.temperature,
        top_p=parameters.top_p,
        seed=parameters.seed,
    )
    if request.schema is not None and mode != TEXT:
        config.response_mime_type = "application/json"
        if mode == _RESPONSE_JSON_SCHEMA:
            config.response_json_schema = request.schema
        else:
            config.response_schema = openapi_schema(request.schema)
    if request.logprobs:
        config.response_logprobs, config.logprobs = True, learnt.top_logprobs
    return config


_OPENAPI_KEYS = {"type", "format", "description", "required", "minimum", "maximum", "minItems", "maxItems"}


def openapi_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """What responseSchema takes of a JSON schema; keeps the order of properties, which it would sort."""
    kept = {key: value for key, value in schema.items() if key in _OPENAPI_KEYS}
    if "enum" in schema and schema.get("type") == "string":
        kept["enum"] = schema["enum"]
    if "items" in schema:
        kept["items"] = openapi_schema(schema["items"])
    if "anyOf" in schema:
        kept["anyOf"] = [openapi_schema(each) for each in schema["anyOf"]]
    if "properties" in schema:
        kept["properties"] = {name: openapi_schema(each) for name, each in schema["properties"].items()}
        kept["propertyOrdering"] = list(schema["properties"])
    return kept


def _tokens(result: msgspec.Raw) -> tuple[Token, ...] | None:
    """None if there are none, or none that can be read."""
    try:
        logprobs = _logprobs_decoder.decode(result)
    except UNREADABLE:  # which does not make the answer itself unreadable
        return None
    tops = chain(logprobs.top_candidates, repeat(_NO_ALTERNATIVES))
    tokens = (
        make_token(
            chosen.token, chosen.log_probability, ((each.token, each.log_probability) for each in top.candidates)
        )
        for chosen, top in zip(logprobs.chosen_candidates, tops, strict=False)
    )
    return tuple(tokens) or None


def _block_reason(feedback: dict[str, Any]) -> str | None:
    """Returns why the prompt was blocked, in a word that says so: OTHER does not."""
    reason = text_or_none(feedback.get("blockReason"))
    if reason is None or reason == "BLOCK_REASON_UNSPECIFIED":
        return None
    return reason if finish_reason_of(reason) is Reason.REFUSED else _BLOCKED


def _all_output_tokens(usage: dict[str, Any]) -> int | None:
    """Returns the tokens of answer and thoughts: these are billed as output, and are not among the candidates'."""
    if token_count(usage.get("candidatesTokenCount")) is None:
        return token_count(usage.get("thoughtsTokenCount"))
    return total_tokens(usage.get("candidatesTokenCount"), usage.get("thoughtsTokenCount"))


def _is_streamed(body: bytes) -> bool:
    """Returns whether the answer comes in pieces: as events, or as a list of replies."""
    return is_event_stream(body) or body.lstrip()[:1] == b"["


def _streamed(body: bytes) -> _Reply:
    """Returns the reply that the pieces of a stream add up to. Raises ValidationError if one of them is an error."""
    events = events_of(body) if is_event_stream(body) else msgspec.json.decode(body, type=list[dict[str, Any]])
    if not events or any("error" in each for each in events):
        raise msgspec.ValidationError("an error in a stream")
    pieces = [_decoder.decode(msgspec.json.encode(each)) for each in events]
    candidates = [each.candidates[0] for each in pieces if each.candidates]
    parts = [part for each in candidates for part in objects_of(object_of(each.content).get("parts"))]
    finish = [each.finish_reason for each in candidates if each.finish_reason]
    feedback, usage, version = (
        next((value for each in reversed(pieces) if (value := getattr(each, name)) is not None), None)
        for name in ("prompt_feedback", "usage_metadata", "model_version")
    )
    whole = _Candidate({"parts": parts}, finish[-1] if finish else _STREAM_CUT)
    return _Reply([whole] if candidates else None, feedback, usage, version)
