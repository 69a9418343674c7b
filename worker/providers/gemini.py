"""Gemini's generateContent."""

from itertools import chain, repeat
from typing import Any
from urllib.parse import quote

import msgspec

from service.judging.logprobs import Token, make_token
from worker.providers.base import Completion, Message, ModelRequest
from worker.providers.capabilities import Learnt
from worker.providers.failures import UNREADABLE, Failure, error_object, read_failure
from worker.providers.http import HttpReply
from worker.providers.registry import wire_format
from worker.providers.remote import TEXT

JSON_SCHEMA = "response_json_schema"  # from Gemini 2.5 on
SCHEMA = "response_schema"  # the older way: a subset of OpenAPI 3.0


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


class _Part(msgspec.Struct):
    text: str | None = None
    thought: bool = False


class _Content(msgspec.Struct):
    parts: list[_Part] = []


class _Candidate(msgspec.Struct, rename="camel"):
    content: _Content | None = None
    finish_reason: str | None = None
    logprobs_result: msgspec.Raw = msgspec.Raw()


class _Alternative(msgspec.Struct, rename="camel"):
    token: str = ""  # proto3's JSON leaves out what is empty or 0
    log_probability: float = 0.0


class _Alternatives(msgspec.Struct):
    candidates: list[_Alternative] = []


class _Logprobs(msgspec.Struct, rename="camel"):
    chosen_candidates: list[_Alternative] = []
    top_candidates: list[_Alternatives] = []


class _Feedback(msgspec.Struct, rename="camel"):
    block_reason: str | None = None


class _Usage(msgspec.Struct, rename="camel"):
    prompt_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None  # billed as output, and not counted among the candidates' tokens


class _Reply(msgspec.Struct, rename="camel"):
    candidates: list[_Candidate] | None = None
    prompt_feedback: _Feedback | None = None
    usage_metadata: _Usage | None = None


_NO_USAGE = _Usage()
_NO_ALTERNATIVES = _Alternatives()
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Reply)
_logprobs_decoder = msgspec.json.Decoder(_Logprobs)


@wire_format("gemini")
class GeminiFormat:
    """See `WireFormat`."""

    modes = (JSON_SCHEMA, SCHEMA, TEXT)
    effort_path = ("generationConfig", "thinkingConfig", "thinkingLevel")

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
        reply = _decoder.decode(body)
        if reply.candidates is None and reply.prompt_feedback is None and reply.usage_metadata is None:
            raise msgspec.ValidationError("neither candidates nor feedback nor usage")
        blocked = reply.prompt_feedback.block_reason if reply.prompt_feedback else None
        candidate = reply.candidates[0] if reply.candidates else _Candidate(finish_reason=blocked)
        parts = candidate.content.parts if candidate.content else []
        text = "".join(part.text or "" for part in parts if not part.thought)
        usage = reply.usage_metadata or _NO_USAGE
        return Completion(
            text=text,
            source="schema" if mode != TEXT and text.lstrip().startswith("{") else "text",
            finish_reason=candidate.finish_reason,
            input_tokens=usage.prompt_token_count,
            output_tokens=_all_output_tokens(usage),
            tokens=_tokens(candidate.logprobs_result),
        )

    def read_failure(self, reply: HttpReply) -> Failure | Completion:
        failure = read_failure(*reply)
        details = (error_object(reply.body) or {}).get("details")
        known = [each for each in details if isinstance(each, dict)] if isinstance(details, list) else []
        delays = [_seconds(each.get("retryDelay")) for each in known]
        return msgspec.structs.replace(
            failure,
            codes=failure.codes | _detail_codes(known),
            retry_after=next((each for each in delays if each is not None), failure.retry_after),
        )


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
        if mode == JSON_SCHEMA:
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
    """None where there are none, or none that can be read."""
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


def _all_output_tokens(usage: _Usage) -> int | None:
    if usage.candidates_token_count is None:
        return usage.thoughts_token_count
    return usage.candidates_token_count + (usage.thoughts_token_count or 0)


def _detail_codes(details: list[dict[str, Any]]) -> set[str]:
    """The reasons in ErrorInfo, and `quota_per_day` where a QuotaFailure is of a daily quota."""
    codes = {str(each["reason"]).lower() for each in details if "reason" in each}
    violations = [v for each in details for v in each.get("violations", []) if isinstance(v, dict)]
    if any("PerDay" in str(violation.get("quotaId")) for violation in violations):
        codes.add("quota_per_day")
    return codes


def _seconds(delay: object) -> float | None:
    """A protobuf Duration as JSON writes it: "12.5s"."""
    try:
        return max(0.0, float(str(delay).removesuffix("s")))
    except ValueError:
        return None
