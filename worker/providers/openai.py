"""OpenAI's chat completions, as OpenAI and every server that calls itself compatible speak them."""

from typing import Any

import msgspec

from service.contracts.model_lists import ListedModel
from service.judging.logprobs import Token, make_token
from worker.providers.base import Completion, ModelRequest
from worker.providers.capabilities import Learnt
from worker.providers.envelopes import (
    arguments_of,
    first_of,
    looks_like_object,
    object_of,
    objects_of,
    text_of,
    text_or_none,
    token_count,
    without_nothing,
)
from worker.providers.event_streams import Event, events_of, is_event_stream
from worker.providers.failures import UNREADABLE
from worker.providers.model_listings import listed_models
from worker.providers.registry import wire_format
from worker.providers.remote import TEXT

_JSON_SCHEMA = "json_schema"
_JSON_OBJECT_SCHEMA = "json_object_schema"  # llama-cpp-python's way
_SHUTDOWN_DATES = ("shutdown_date", "expiration_date")  # OpenAI's name of it (2026), and OpenRouter's
_STREAM_CUT = "incomplete_stream"  # the finish reason of a stream without an end


class _Turn(msgspec.Struct):
    role: str
    content: str


class _Body(msgspec.Struct, omit_defaults=True):
    model: str
    messages: list[_Turn]
    stream: bool | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    response_format: dict[str, Any] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None


class _Choice(msgspec.Struct):
    message: Any = None
    finish_reason: Any = None
    logprobs: msgspec.Raw = msgspec.Raw()
    error: Any = None
    text: Any = None  # the older API's place of the answer


class _Alternative(msgspec.Struct):
    token: str
    logprob: float


class _Position(_Alternative):
    top_logprobs: list[_Alternative] | None = None


class _Logprobs(msgspec.Struct):
    content: list[_Position] | None = None


class _Reply(msgspec.Struct):
    """Servers fill in the fields of type Any in many ways, and none of those makes the answer unreadable."""

    choices: list[_Choice] | None
    usage: Any = None
    model: Any = None
    error: Any = None
    base_resp: Any = None  # MiniMax's place of an error


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Reply)
_logprobs_decoder = msgspec.json.Decoder(_Logprobs)


@wire_format("openai")
class OpenAIFormat:
    """See `WireFormat`."""

    modes = (_JSON_SCHEMA, _JSON_OBJECT_SCHEMA, TEXT)
    effort_path = ("reasoning_effort",)
    models_path = "/models"

    def headers(self, api_key: str | None) -> dict[str, str]:
        return {"authorization": f"Bearer {api_key}"} if api_key else {}

    def path(self, model: str) -> str:
        return "/chat/completions"

    def encode(self, request: ModelRequest, mode: str, learnt: Learnt) -> bytes:
        parameters = request.parameters
        body = _Body(
            request.model,
            [_Turn(each.role, each.content) for each in request.messages],
            stream=None if "stream" in learnt.rejected else False,  # some servers stream unless told not to
            temperature=parameters.temperature,
            top_p=parameters.top_p,
            seed=parameters.seed,
            response_format=_response_format(request.schema, mode),
        )
        limit_name = learnt.limit_name
        if limit_name is not None:
            setattr(body, limit_name, parameters.max_output_tokens)
        if request.logprobs:
            body.logprobs, body.top_logprobs = True, learnt.top_logprobs
        return _encoder.encode(body)

    def decode(self, body: bytes, mode: str) -> Completion:
        reply = _streamed(events_of(body), body) if is_event_stream(body) else _decoder.decode(body)
        choice = reply.choices[0] if reply.choices else _Choice()
        message = object_of(choice.message)
        text = text_of(message.get("content")) or text_of(choice.text)
        arguments, refusal = _tool_arguments(message), _refusal(message)
        error = reply.error or object_of(reply.base_resp).get("status_code")
        if choice.error or (error and not (text or arguments or refusal)):
            raise msgspec.ValidationError("an error in place of an answer")
        if not (reply.choices or reply.usage):
            raise msgspec.ValidationError("neither a choice nor usage")
        usage = object_of(reply.usage)
        # A server that does not know response_format ignores it, and the model answers as it likes.
        in_schema = mode != TEXT and looks_like_object(text)
        return Completion(
            text=refusal or arguments or text,
            source="tool" if arguments and not refusal else "schema" if in_schema else "text",
            finish_reason="refusal" if refusal else text_or_none(choice.finish_reason),
            input_tokens=token_count(usage.get("prompt_tokens")),
            output_tokens=token_count(usage.get("completion_tokens")),
            tokens=_tokens(choice.logprobs),
            served_model=text_or_none(reply.model),
        )

    def read_models(self, body: bytes) -> list[ListedModel]:
        return listed_models(body, lists=("data", "models"), names=("id", "name"), dates=_SHUTDOWN_DATES)


def _response_format(schema: dict[str, Any] | None, mode: str) -> dict[str, Any] | None:
    if schema is None or mode == TEXT:
        return None
    if mode == _JSON_OBJECT_SCHEMA:
        return {"type": "json_object", "schema": schema}
    return {"type": "json_schema", "json_schema": {"name": "verdict", "strict": True, "schema": schema}}


def _refusal(message: dict[str, Any]) -> str:
    """Returns the model's words for declining, from their own field or from a part of the content."""
    own, content = message.get("refusal"), message.get("content")
    if isinstance(own, str):
        return own
    return "".join([text_of(each.get("refusal")) for each in objects_of(content)]) if content else ""


def _tool_arguments(message: dict[str, Any]) -> str:
    """Returns the arguments of the first tool call: some proxies ask for the schema as a tool."""
    if not (message.get("tool_calls") or message.get("function_call")):
        return ""
    calls = [object_of(each.get("function")) for each in objects_of(message.get("tool_calls"))]
    calls.append(object_of(message.get("function_call")))
    return next((text for each in calls if (text := without_nothing(arguments_of(each.get("arguments"))))), "")


def _streamed(events: list[Event], body: bytes) -> _Reply:
    """Returns the answer that the chunks of a stream add up to. Raises ValidationError if one of them is an error."""
    if first_of(events, "error") is not None:
        raise msgspec.ValidationError("an error in a stream")
    choices = [each for event in events for each in objects_of(event.get("choices"))[:1] if _is_first(each)]
    if not choices:
        raise msgspec.ValidationError("a stream without an answer")
    finish = next((each["finish_reason"] for each in reversed(choices) if each.get("finish_reason")), None)
    has_ended = finish is not None or body.rstrip().endswith(b"[DONE]")
    return _Reply(
        [_Choice(_joined(choices), finish if has_ended else _STREAM_CUT, error=first_of(choices, "error"))],
        usage=first_of(events[::-1], "usage"),
        model=first_of(events, "model"),
    )


def _is_first(choice: Event) -> bool:
    return str(choice.get("index") or 0) == "0"


def _joined(choices: list[Event]) -> dict[str, Any]:
    """Returns the message that the deltas add up to; a whole message in a chunk counts as one delta."""
    deltas = [object_of(each.get("delta") or each.get("message") or {"content": each.get("text")}) for each in choices]
    calls = [object_of(call.get("function")) for each in deltas for call in objects_of(each.get("tool_calls"))]
    calls += [object_of(each.get("function_call")) for each in deltas]
    refusal = "".join(text_of(each.get("refusal")) for each in deltas)
    arguments = "".join(arguments_of(each.get("arguments")) for each in calls)
    return {
        "content": "".join(text_of(each.get("content")) for each in deltas),
        "refusal": refusal or None,
        "function_call": {"arguments": arguments},
    }


def _tokens(logprobs: msgspec.Raw) -> tuple[Token, ...] | None:
    """None if there are none, or if they have an older form that some servers still send."""
    if not logprobs:
        return None
    try:
        content = _logprobs_decoder.decode(logprobs).content or []
    except UNREADABLE:  # which does not make the answer itself unreadable
        return None
    tokens = (
        make_token(each.token, each.logprob, ((other.token, other.logprob) for other in each.top_logprobs or ()))
        for each in content
    )
    return tuple(tokens) or None
