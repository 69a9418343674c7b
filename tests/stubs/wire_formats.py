"""The bodies that the three model APIs answer with, as their official SDKs read them."""

import math
from typing import Any, Literal

import msgspec

Kind = Literal["openai", "anthropic", "gemini"]


class Reply(msgspec.Struct, kw_only=True):
    """What a stub answers: `text` in the wire format of its kind, or `body` as it is, and how it travels."""

    text: str | None = None
    finish_reason: str | None = None  # None: the one with which the API says that all went well
    refusal: str | None = None  # OpenAI only
    # The answer's tokens, each with the probabilities of what could have stood there; a token that is not among
    # them has what they leave of 1. Sent where they are asked for, in the formats that have them.
    logprobs: list[tuple[str, dict[str, float]]] | None = None
    input_tokens: int = 11
    output_tokens: int = 7

    status: int = 200
    headers: dict[str, str] = {}
    body: Any = None  # bytes as they are, anything else as JSON

    delay: float = 0.0  # seconds before the first byte
    drip: float | None = None  # seconds between any two bytes of the body
    hang: bool = False  # never answers
    reset: bool = False  # cuts the connection in the middle of the body


def render(kind: Kind, reply: Reply, request: dict[str, Any]) -> bytes:
    """The body on the wire."""
    if isinstance(reply.body, bytes):
        return reply.body
    return msgspec.json.encode(reply.body if reply.body is not None else _BODIES[kind](reply, request))


def _openai(reply: Reply, request: dict[str, Any]) -> dict[str, Any]:
    message = {"role": "assistant", "content": reply.text, "refusal": reply.refusal}
    choice = {
        "index": 0,
        "message": message,
        "finish_reason": reply.finish_reason or "stop",
        "logprobs": _openai_logprobs(reply.logprobs, request.get("top_logprobs", 0))
        if reply.logprobs is not None and request.get("logprobs")
        else None,
    }
    usage = {
        "prompt_tokens": reply.input_tokens,
        "completion_tokens": reply.output_tokens,
        "total_tokens": reply.input_tokens + reply.output_tokens,
    }
    return {
        "id": "chatcmpl-stub",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": request.get("model", "stub"),
        "choices": [choice],
        "usage": usage,
    }


def _openai_logprobs(tokens: list[tuple[str, dict[str, float]]], most: int) -> dict[str, Any]:
    def entry(text: str, logprob: float) -> dict[str, Any]:
        return {"token": text, "logprob": logprob, "bytes": list(text.encode())}

    content = [
        entry(text, drawn) | {"top_logprobs": [entry(*each) for each in top]}
        for text, drawn, top in _ranked(tokens, most)
    ]
    return {"content": content, "refusal": None}


def _ranked(tokens: list[tuple[str, dict[str, float]]], most: int) -> list[tuple[str, float, list[tuple[str, float]]]]:
    """Each token with its logprob and its likeliest alternatives, at most `most`, likeliest first."""
    return [
        (
            text,
            _log(alternatives.get(text, 1 - math.fsum(alternatives.values()))),
            [
                (each, _log(alternatives[each]))
                for each in sorted(alternatives, key=lambda each: -alternatives[each])[:most]
            ],
        )
        for text, alternatives in tokens
    ]


def _log(probability: float) -> float:
    return math.log(probability) if probability > 0 else -9999.0  # as OpenAI writes it


def _anthropic(reply: Reply, request: dict[str, Any]) -> dict[str, Any]:
    text = reply.text or ""
    as_tool = "tool_choice" in request and text.startswith("{")
    if as_tool:
        name = request["tool_choice"]["name"]
        block = {"type": "tool_use", "id": "toolu_stub", "name": name, "input": msgspec.json.decode(text)}
    else:
        block = {"type": "text", "text": text, "citations": None}
    return {
        "id": "msg_stub",
        "type": "message",
        "role": "assistant",
        "model": request.get("model", "stub"),
        "content": [block],
        "stop_reason": reply.finish_reason or ("tool_use" if as_tool else "end_turn"),
        "stop_sequence": None,
        "usage": {"input_tokens": reply.input_tokens, "output_tokens": reply.output_tokens},
    }


def _gemini(reply: Reply, request: dict[str, Any]) -> dict[str, Any]:
    candidate = {
        "content": {"role": "model", "parts": [{"text": reply.text or ""}]},
        "finishReason": reply.finish_reason or "STOP",
        "index": 0,
    }
    config = request.get("generationConfig", {})
    if reply.logprobs is not None and config.get("responseLogprobs"):
        candidate["logprobsResult"] = _gemini_logprobs(reply.logprobs, config.get("logprobs", 0))
    usage = {
        "promptTokenCount": reply.input_tokens,
        "candidatesTokenCount": reply.output_tokens,
        "totalTokenCount": reply.input_tokens + reply.output_tokens,
    }
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "stub", "responseId": "stub"}


def _gemini_logprobs(tokens: list[tuple[str, dict[str, float]]], most: int) -> dict[str, Any]:
    def entry(text: str, logprob: float) -> dict[str, Any]:
        return {"token": text, "tokenId": 1, "logProbability": logprob}

    ranked = _ranked(tokens, most)
    return {
        "chosenCandidates": [entry(text, drawn) for text, drawn, _ in ranked],
        "topCandidates": [{"candidates": [entry(*each) for each in top]} for _, _, top in ranked],
    }


_BODIES = {"openai": _openai, "anthropic": _anthropic, "gemini": _gemini}
