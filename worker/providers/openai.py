"""OpenAI's chat completions, as OpenAI and every server that calls itself compatible speak them."""

from typing import Any

import msgspec

from service.judging.logprobs import Token, make_token
from worker.providers.base import Completion, ModelRequest
from worker.providers.capabilities import Learnt
from worker.providers.failures import UNREADABLE, Failure, read_failure
from worker.providers.http import HttpReply
from worker.providers.registry import wire_format
from worker.providers.remote import TEXT

JSON_SCHEMA = "json_schema"
JSON_OBJECT_SCHEMA = "json_object_schema"  # llama-cpp-python's way


class _Turn(msgspec.Struct):
    role: str
    content: str


class _Body(msgspec.Struct, omit_defaults=True):
    model: str
    messages: list[_Turn]
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    response_format: dict[str, Any] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None


class _Part(msgspec.Struct):
    text: str | None = None
    refusal: str | None = None


class _Message(msgspec.Struct):
    content: str | list[_Part] | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None
    logprobs: msgspec.Raw = msgspec.Raw()


class _Alternative(msgspec.Struct):
    token: str
    logprob: float


class _Position(_Alternative):
    top_logprobs: list[_Alternative] | None = None


class _Logprobs(msgspec.Struct):
    content: list[_Position] | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Reply(msgspec.Struct):
    choices: list[_Choice] | None
    usage: _Usage | None = None
    error: Any = None


_NO_USAGE = _Usage()
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Reply)
_logprobs_decoder = msgspec.json.Decoder(_Logprobs)


@wire_format("openai")
class OpenAIFormat:
    """See `WireFormat`."""

    modes = (JSON_SCHEMA, JSON_OBJECT_SCHEMA, TEXT)
    effort_path = ("reasoning_effort",)

    def headers(self, api_key: str | None) -> dict[str, str]:
        return {"authorization": f"Bearer {api_key}"} if api_key else {}

    def path(self, model: str) -> str:
        return "/chat/completions"

    def encode(self, request: ModelRequest, mode: str, learnt: Learnt) -> bytes:
        parameters = request.parameters
        body = _Body(
            request.model,
            [_Turn(each.role, each.content) for each in request.messages],
            temperature=parameters.temperature,
            top_p=parameters.top_p,
            seed=parameters.seed,
            response_format=_response_format(request.schema, mode),
        )
        # Every server knows the old name; OpenAI's reasoning models want the new one.
        if learnt.max_completion_tokens:
            body.max_completion_tokens = parameters.max_output_tokens
        else:
            body.max_tokens = parameters.max_output_tokens
        if request.logprobs:
            body.logprobs, body.top_logprobs = True, learnt.top_logprobs
        return _encoder.encode(body)

    def decode(self, body: bytes, mode: str) -> Completion:
        reply = _decoder.decode(body)
        if not reply.choices and reply.error is not None:
            raise msgspec.ValidationError("an error in place of choices")
        choice = reply.choices[0] if reply.choices else _Choice(_Message())
        text, refusal = _text_and_refusal(choice.message)
        usage = reply.usage or _NO_USAGE
        return Completion(
            text=refusal or text,
            # A server that does not know the field ignores it, and the model answers as it likes.
            source="schema" if mode != TEXT and text.lstrip().startswith("{") else "text",
            finish_reason="refusal" if refusal else choice.finish_reason,
            input_tokens=usage.prompt_tokens,
            output_tokens=usage.completion_tokens,
            tokens=_tokens(choice.logprobs),
        )

    def read_failure(self, reply: HttpReply) -> Failure | Completion:
        failure = read_failure(*reply)
        if not _is_filtered(failure):
            return failure
        return Completion(text="", source="text", finish_reason="content_filter", input_tokens=None, output_tokens=None)


def _response_format(schema: dict[str, Any] | None, mode: str) -> dict[str, Any] | None:
    if schema is None or mode == TEXT:
        return None
    if mode == JSON_OBJECT_SCHEMA:
        return {"type": "json_object", "schema": schema}
    return {"type": "json_schema", "json_schema": {"name": "verdict", "strict": True, "schema": schema}}


def _text_and_refusal(message: _Message) -> tuple[str, str]:
    content, refusal = message.content, message.refusal or ""
    if isinstance(content, list):
        refusal = refusal or "".join(part.refusal or "" for part in content)
        content = "".join(part.text or "" for part in content)
    return content or "", refusal


def _tokens(logprobs: msgspec.Raw) -> tuple[Token, ...] | None:
    """None where there are none, and in the older shapes that some servers still answer with."""
    try:
        content = _logprobs_decoder.decode(logprobs).content or []
    except UNREADABLE:  # which does not make the answer itself unreadable
        return None
    tokens = (
        make_token(each.token, each.logprob, ((other.token, other.logprob) for other in each.top_logprobs or ()))
        for each in content
    )
    return tuple(tokens) or None


def _is_filtered(failure: Failure) -> bool:
    # Azure's own code, and what LiteLLM makes of it.
    codes = {"content_filter", "content_policy_violation", "responsibleaipolicyviolation"}
    return bool(failure.codes & codes) or "ContentPolicyViolationError" in failure.message
