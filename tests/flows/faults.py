"""What each kind of API says when it fails, and how the flows ask it."""

from typing import Any

from tests.flows.conftest import Row
from tests.stubs.wire_formats import Kind, Reply

KINDS: tuple[Kind, ...] = ("openai", "anthropic", "gemini")
# Names whose prices are known, so that costs can be checked.
MODELS: dict[str, str] = {
    "openai": "openai/gpt-4.1-mini",
    "anthropic": "anthropic/claude-sonnet-4-5",
    "gemini": "gemini/gemini-2.5-flash",
}
GOOD = '{"explanation": "Fine.", "score": 4}'
UNREADABLE = "I would rather talk about the weather."
KEY = "sk-secret-0123456789abcdef"


def items(count: int) -> list[Row]:
    return [{"id": f"t-{index}", "input": "a question", "output": f"answer {index}."} for index in range(count)]


def turns(kind: Kind, body: Row) -> list[tuple[str, str]]:
    """The conversation in a request, without the system message: (user or model, text)."""
    if kind == "gemini":
        return [(each["role"], each["parts"][0]["text"]) for each in body["contents"]]
    talk = [each for each in body["messages"] if each["role"] != "system"]
    return [("model" if each["role"] == "assistant" else "user", each["content"]) for each in talk]


def asked_about(kind: Kind, body: Row) -> str:
    """The first question in a request."""
    return turns(kind, body)[0][1]


CUT_OFF = {"openai": "length", "anthropic": "max_tokens", "gemini": "MAX_TOKENS"}
FILTERED: dict[str, Reply] = {
    "openai": Reply(text="", finish_reason="content_filter"),
    "anthropic": Reply(text="", finish_reason="refusal"),
    "gemini": Reply(body={"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 11}}),
}
NOTHING: tuple[tuple[Kind, Any], ...] = (
    ("openai", {"choices": [], "usage": {"prompt_tokens": None}}),
    ("gemini", {"candidates": [], "usageMetadata": {"promptTokenCount": None}}),
    ("openai", {"choices": [{"message": {"content": None}, "finish_reason": "stop"}]}),
    ("anthropic", {"content": [], "stop_reason": "end_turn"}),
    ("gemini", {"candidates": [{"finishReason": "STOP"}]}),
    ("gemini", {"candidates": [{"content": {}, "finishReason": "STOP"}]}),
)
NO_ANSWER: tuple[tuple[Kind, Any], ...] = (("openai", {"choices": []}), ("gemini", {"candidates": []}))
BAD_KEY: dict[str, Reply] = {
    "openai": Reply(status=401, body={"error": {"message": f"Incorrect API key: {KEY}", "code": "invalid_api_key"}}),
    "anthropic": Reply(status=401, body={"error": {"type": "authentication_error", "message": f"bad x-api-key {KEY}"}}),
    "gemini": Reply(
        status=400,
        body={
            "error": {
                "code": 400,
                "message": f"API key not valid: {KEY}.",
                "status": "INVALID_ARGUMENT",
                "details": [{"reason": "API_KEY_INVALID"}],
            }
        },
    ),
}
USED_UP: dict[str, Reply] = {
    "openai": Reply(status=429, body={"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}),
    "anthropic": Reply(
        status=400,
        body={"error": {"type": "invalid_request_error", "message": "Your credit balance is too low"}},
    ),
    "gemini": Reply(
        status=429,
        body={
            "error": {
                "code": 429,
                "status": "RESOURCE_EXHAUSTED",
                "message": "Quota exceeded",
                "details": [{"violations": [{"quotaId": "GenerateRequestsPerDay"}]}],
            }
        },
    ),
}
