"""What a provider's error reply means: read once for all wire formats, since proxies wrap one in another."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from math import isfinite
from typing import Any

import msgspec

from service.contracts.outcomes import Reason
from worker.providers.base import ProviderError

MAX_MESSAGE_CHARS = 500
MIN_SECRET_CHARS = 4  # a shorter "key" is a placeholder, and cutting it out would garble the message

LOADING_SECONDS = 5.0  # llama.cpp's server says 503 "Loading model" with no Retry-After, for some seconds
_LOADING = re.compile(r"loading model", re.I)

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)  # what decoding a hostile body raises


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's error reply. `codes` are all its own names for the error, in lower case."""

    status: int
    message: str
    codes: frozenset[str] = frozenset()
    parameter: str | None = None  # the request's parameter that it complains of
    retry_after: float | None = None  # seconds


class Cause(Enum):
    """What an error is clearly about; OTHER where only the status is left to go by."""

    QUOTA = auto()  # used up for longer than a retry can wait
    AUTH = auto()
    NO_MODEL = auto()
    TOO_LONG = auto()
    OTHER = auto()


_CODES = {
    Cause.QUOTA: {
        "insufficient_quota",
        "billing_hard_limit_reached",
        "billing_not_active",
        "billing_error",
        "quota_per_day",
    },
    Cause.AUTH: {
        "invalid_api_key",
        "api_key_invalid",
        "authentication_error",
        "permission_error",
        "unauthenticated",
        "permission_denied",
    },
    Cause.NO_MODEL: {"model_not_found", "not_found_error", "notfounderror", "not_found"},
    Cause.TOO_LONG: {"context_length_exceeded", "exceed_context_size_error", "request_too_large"},
}
_STATUSES = {401: Cause.AUTH, 402: Cause.QUOTA, 403: Cause.AUTH, 413: Cause.TOO_LONG}
_WORDS = {
    Cause.QUOTA: re.compile(r"credit balance is too low|insufficient (credit|balance|funds)", re.I),
    Cause.AUTH: re.compile(
        r"(invalid|incorrect|missing|expired)\W.{0,20}api.?key|"
        r"api.?key.{0,20}\W(invalid|incorrect|missing|expired|not valid|not found)",
        re.I,
    ),
    Cause.NO_MODEL: re.compile(r"\bmodel\b.{0,200}(not found|does not exist)|unknown model", re.I),
    Cause.TOO_LONG: re.compile(
        r"context (length|window|size)|(prompt|input) is too long|token count.{0,80}exceed", re.I
    ),
}


def cause_of(failure: Failure) -> Cause:
    """By the provider's code, else by the status, else by the message where the status says little."""
    for cause, codes in _CODES.items():
        if failure.codes & codes:
            return cause
    if failure.status in _STATUSES:
        return _STATUSES[failure.status]
    if failure.status not in (408, 429):
        for cause, words in _WORDS.items():
            if words.search(failure.message):
                return cause
    return Cause.OTHER


def is_retryable(failure: Failure) -> bool:
    """Whether the same request may succeed later."""
    passing = failure.status in (408, 409, 425, 429) or failure.status >= 500
    return passing and cause_of(failure) is Cause.OTHER


def to_error(failure: Failure, provider: str, secret: str | None) -> ProviderError:
    """The error to raise. The provider's message is kept, cut to MAX_MESSAGE_CHARS, with no key in it."""
    message = without_secrets(failure.message, secret)[:MAX_MESSAGE_CHARS]
    return ProviderError(
        f"{provider} answered {failure.status}: {message}",
        reason=_reason(failure),
        retryable=is_retryable(failure),
        status=failure.status,
        retry_after=failure.retry_after,
    )


def _reason(failure: Failure) -> Reason:
    cause = cause_of(failure)
    if cause is Cause.AUTH:
        return Reason.AUTH
    # A quota used up is the provider's limit; `budget` is ours alone.
    if cause is Cause.QUOTA or failure.status == 429:
        return Reason.RATE_LIMITED
    return Reason.TIMEOUT if failure.status in (408, 504) else Reason.PROVIDER_ERROR


_KEY_LIKE = re.compile(r"\b(sk-|AIza|gsk_|xai-|hf_)[\w-]{8,}|(?<=Bearer )\S+")


def without_secrets(text: str, secret: str | None) -> str:
    """The text without the key, and without anything that looks like one."""
    if secret and len(secret) >= MIN_SECRET_CHARS:
        text = text.replace(secret, "[key]")
    return _KEY_LIKE.sub("[key]", text)


def read_failure(status: int, headers: Mapping[str, str], body: bytes) -> Failure:
    """What the usual shapes of an error say; a body that is none of them is the message."""
    if 300 <= status < 400:
        where = headers.get("location", "nowhere")
        return Failure(status=status, message=f"a redirect to {where}; base_url should be the final address")
    error = error_object(body) or {}
    named = [error.get(key) for key in ("code", "type", "status", "error_type")]
    inner = error.get("innererror")
    named.append(inner.get("code") if isinstance(inner, dict) else None)
    codes = frozenset(str(each).lower() for each in named if each is not None)
    parameter = error.get("param")
    message = _message(error) or body.decode("utf-8", "replace").strip()
    asked = retry_after(headers, datetime.now(UTC))
    if asked is None and status == 503 and _LOADING.match(message):
        asked = LOADING_SECONDS
    return Failure(
        status=_true_status(status, codes),
        message=message,
        codes=codes,
        parameter=parameter if isinstance(parameter, str) else None,
        retry_after=asked,
    )


def error_object(body: bytes) -> dict[str, Any] | None:
    """The error in a body: under `error` (also in a list), or the body itself as vLLM and FastAPI have it."""
    try:
        content = msgspec.json.decode(body)
    except UNREADABLE:
        return None
    if isinstance(content, list) and content:
        content = content[0]
    if not isinstance(content, dict):
        return None
    error = content.get("error")
    if isinstance(error, dict):
        return error
    if isinstance(error, str):
        return {**content, "message": error}
    return content if {"message", "detail"} & content.keys() else None


def _message(error: dict[str, Any]) -> str:
    message = error.get("message") or error.get("detail") or ""
    return message if isinstance(message, str) else msgspec.json.encode(message).decode()


_STATUS_OF_CODE = {
    "invalid_request_error": 400,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "resource_exhausted": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}


def _true_status(status: int, codes: frozenset[str]) -> int:
    """The body's, where a proxy sends an error with HTTP 200; 500 where the body does not say."""
    if status >= 400:
        return status
    for code in codes:
        if code.isdecimal() and 400 <= int(code) < 600:
            return int(code)
    return next((_STATUS_OF_CODE[code] for code in codes if code in _STATUS_OF_CODE), 500)


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """The wait that the headers ask for in seconds, 0 or more; None where they ask for none."""
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("retry-after", "")
    seconds = _number(text)
    return seconds if seconds is not None else _until(text, now)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return max(0.0, number) if isfinite(number) else None


def _until(text: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
