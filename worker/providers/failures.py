"""The meaning of a provider's error reply: read once for all wire formats, since proxies wrap one in another."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Any
from urllib.parse import quote, quote_plus

import msgspec

from service.contracts.outcomes import Reason
from worker.providers.base import Completion, ProviderError
from worker.providers.envelopes import object_of, objects_of
from worker.providers.event_streams import Event, events_of, is_event_stream
from worker.providers.http import HttpReply
from worker.providers.waits import wait_in_details, wait_in_headers, wait_in_words

MAX_MESSAGE_CHARS = 500
_MOST_READ_CHARS = 10_000  # of an error's words; a body may have 8 MB, which take half a minute to search
MIN_SECRET_CHARS = 4  # a shorter "key" is a placeholder, and cutting it out would garble the message
_LEAST_SECRET_WORD = 8  # characters; a shorter word of a header, such as "Bearer", is none

LONGEST_WAIT_S = 3600.0  # kept if more is asked for: what a server says by mistake must not end its calls for good
_NOTED_WAIT_S = 60.0  # one that the error tells

LOADING_SECONDS = 5.0  # llama.cpp's server says 503 "Loading model" with no Retry-After, for some seconds
_LOADING = re.compile(r"loading model", re.I)

UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)  # the errors of decoding a hostile body


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's error reply. `codes` are all its own names for the error, in lower case.

    `parameter` is the request's parameter that the provider complains of, `retry_after` a wait in seconds.
    """

    status: int
    message: str
    codes: frozenset[str] = frozenset()
    parameter: str | None = None
    retry_after: float | None = None


class Cause(Enum):
    """The subject of an error; OTHER if there is only the status to go by."""

    FILTER = auto()  # the prompt or the answer was withheld for its content
    QUOTA = auto()  # used up for longer than a call can wait
    LIMIT = auto()  # too many calls or tokens for now
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
        "arrearage",  # Alibaba
        "exceeded_current_quota_error",  # Moonshot
    },
    Cause.LIMIT: {
        "rate_limit_exceeded",
        "rate_limit_error",
        "rate_limit_reached_error",
        "ratelimitexceeded",
        "userratelimitexceeded",
        "ratelimiterror",
        "too_many_requests",
        "throttlingexception",
        "throttling",
        "resource_exhausted",
    },
    Cause.AUTH: {
        "invalid_api_key",
        "api_key_invalid",
        "authentication_error",
        "permission_error",
        "unauthenticated",
        "permission_denied",
        "accessdeniedexception",
    },
    Cause.NO_MODEL: {"model_not_found", "not_found_error", "notfounderror", "not_found"},
    Cause.TOO_LONG: {"context_length_exceeded", "exceed_context_size_error", "request_too_large"},
}
_FILTER_CODE = re.compile(  # content_filter (Azure), data_inspection_failed (Alibaba), new_sensitive (MiniMax)
    r"content_?(filter|polic|block|moderat|violat|safety)|responsible_?ai|data_?inspection|moderation|guardrail|"
    r"prohibited_?content|sensitive(?!_case)"
)
_STATUSES = {
    401: Cause.AUTH,
    402: Cause.QUOTA,
    403: Cause.AUTH,
    413: Cause.TOO_LONG,
    429: Cause.LIMIT,
    446: Cause.FILTER,  # Portkey: a guardrail has denied the request
    451: Cause.FILTER,
}
_WORDS = {
    Cause.FILTER: re.compile(
        r"ContentPolicyViolation|content (management|filtering) policy|content filter|safety system|"
        r"DataInspectionFailed|inappropriate content|content exists risk|(content|prompt|input) audit|"
        r"violat\w+ (\S+ ){0,3}(usage|use|content|moderation|guardrail|safety|AI) (polic|guideline|practice|rule)|"
        r"blocked by (\S+ )?(content|safety|moderation|guardrail)|"
        r"guardrail\w* (\S+ ){0,4}(triggered|failed|intervened)|"
        r"\b(content|prompt|input|request|message|output|response|text) (was |has been |is )?(flagged|blocked)|"
        r"sensitive (words?|content|material|topics?)\b|flagged by (\S+ )?moderation|敏感|违规|不安全",
        re.I,
    ),
    Cause.QUOTA: re.compile(r"credit balance is too low|insufficient (credit|balance|funds)", re.I),
    Cause.LIMIT: re.compile(r"rate.?limit(ed| exceeded| reached)|too many requests|throttl(ed|ing)", re.I),
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
_OF_ACCOUNT = re.compile(r"\b(account|organi[sz]ation|subscription|api.?key)\b", re.I)  # which a policy may close
_REFUSING = (400, 403, 422)  # the statuses under which a filter refuses; a 5xx may quote a policy by the way


def cause_of(failure: Failure) -> Cause:
    """Returns the cause by the provider's code, else by the status, else by the words if the status says little."""
    for cause, codes in _CODES.items():
        if failure.codes & codes:
            return cause
    if any(_FILTER_CODE.search(code) for code in failure.codes) or _tells_of_filter(failure):
        return Cause.FILTER
    if failure.status == 403 and _WORDS[Cause.LIMIT].search(failure.message):
        return Cause.LIMIT
    if failure.status in _STATUSES:
        return _STATUSES[failure.status]
    if failure.status != 408:
        for cause, words in _WORDS.items():
            if cause is not Cause.FILTER and words.search(failure.message):
                return cause
    return Cause.OTHER


def _tells_of_filter(failure: Failure) -> bool:
    if failure.status not in _REFUSING or _WORDS[Cause.FILTER].search(failure.message) is None:
        return False
    return failure.status != 403 or _OF_ACCOUNT.search(failure.message) is None


def is_retryable(failure: Failure) -> bool:
    """Returns whether the same request may succeed later."""
    cause = cause_of(failure)
    if cause is Cause.LIMIT:
        return True
    passing = failure.status in (408, 409, 425) or (failure.status >= 500 and failure.status != 501)
    return passing and cause is Cause.OTHER


def to_error(failure: Failure, provider: str, secrets: Iterable[str]) -> ProviderError:
    """Returns the error to raise. The provider's message is kept, cut to MAX_MESSAGE_CHARS, without its keys."""
    message = without_secrets(failure.message, secrets)[:MAX_MESSAGE_CHARS]
    cause = cause_of(failure)
    wait = failure.retry_after or 0.0
    note = f" (asks for a wait; it gets {wait:g} s)" if wait >= _NOTED_WAIT_S else ""
    return ProviderError(
        f"{provider} answered {failure.status}: {message}{note}",
        reason=_reason(failure, cause),
        retryable=is_retryable(failure),
        status=failure.status,
        retry_after=failure.retry_after,
        is_limit=cause is Cause.LIMIT,
        stops_calls=cause in (Cause.AUTH, Cause.QUOTA),
    )


def _reason(failure: Failure, cause: Cause) -> Reason:
    if cause is Cause.AUTH:
        return Reason.AUTH
    # A spent quota is the provider's limit; `budget` is only ours.
    if cause in (Cause.QUOTA, Cause.LIMIT):
        return Reason.RATE_LIMITED
    return Reason.TIMEOUT if failure.status in (408, 504) else Reason.PROVIDER_ERROR


_KEY_LIKE = re.compile(r"\b(sk-|AIza|gsk_|xai-|hf_)[\w-]{8,}|(?<=Bearer )\S+")


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """Returns the text without the secrets, and without anything that looks like a key."""
    for secret in secrets:
        if len(secret) >= MIN_SECRET_CHARS:
            text = text.replace(secret, "[key]")
    return _KEY_LIKE.sub("[key]", text)


def spellings_of(secrets: Iterable[str]) -> list[str]:
    """Returns the secrets as a reply may quote them, the longest first: as they are, in an address, or one word."""
    found = set()
    for secret in secrets:
        words = [each for each in secret.split() if len(each) >= _LEAST_SECRET_WORD]
        for text in (secret, *words):
            found |= {text, quote(text), quote(text, safe=""), quote_plus(text)}
    return sorted(found, key=lambda each: (-len(each), each))


def filtered_or_failed(reply: HttpReply) -> Failure | Completion:
    """Returns the failure that a reply tells of, or an answer that says that a content filter withheld it."""
    failure = read_failure(*reply)
    if cause_of(failure) is not Cause.FILTER:
        return failure
    return Completion(text="", source="text", finish_reason="content_filter", input_tokens=None, output_tokens=None)


def read_failure(status: int, headers: Mapping[str, str], body: bytes) -> Failure:
    """Returns the failure in one of the usual shapes of an error; a body of another shape is the message itself."""
    if 300 <= status < 400:
        target = headers.get("location", "nowhere")
        return Failure(status=status, message=f"a redirect to {target}; base_url should be the final address")
    error = error_object(body) or {}
    details = objects_of(error.get("details"))
    codes = _codes(error, details)
    parameter = error.get("param")
    message = (_message(error) or body.decode("utf-8", "replace").strip())[:_MOST_READ_CHARS]
    failure = Failure(
        status=_true_status(status, codes),
        message=message,
        codes=codes,
        parameter=parameter if isinstance(parameter, str) and parameter else None,
    )
    return msgspec.structs.replace(failure, retry_after=_wait(failure, headers, details))


def _wait(failure: Failure, headers: Mapping[str, str], details: Iterable[Mapping[str, Any]]) -> float | None:
    """Returns the wait that the provider asks for in its details, its headers or, after a passing error, its words,
    at most LONGEST_WAIT_S.
    """
    asked = wait_in_details(details)
    if asked is None and is_wait_readable(failure):
        asked = wait_in_headers(headers, datetime.now(UTC))
        asked = wait_in_words(failure.message) if asked is None else asked
    if asked is None and failure.status == 503 and _LOADING.match(failure.message):
        asked = LOADING_SECONDS
    return None if asked is None else min(asked, LONGEST_WAIT_S)


def is_wait_readable(failure: Failure) -> bool:
    """Returns whether a wait in headers or words is one to keep: not in a refusal that no wait mends."""
    return is_retryable(failure) or failure.status == 429


def _codes(error: Mapping[str, Any], details: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Returns all names of the error in lower case, and `quota_per_day` if a QuotaFailure is of a daily quota."""
    named = [error.get(key) for key in ("code", "type", "status", "error_type", "__type")]
    named.append(object_of(error.get("innererror")).get("code"))
    named += [each.get("reason") for each in details]
    violations = [violation for each in details for violation in objects_of(each.get("violations"))]
    if any("PerDay" in str(violation.get("quotaId")) for violation in violations):
        named.append("quota_per_day")
    return frozenset(str(each).lower().rpartition("#")[2] for each in named if each is not None)


def error_object(body: bytes) -> dict[str, Any] | None:
    """Returns the error in a body: under `error`, in a list, in a choice, in a stream's event, or the body itself."""
    try:
        content = events_of(body) if is_event_stream(body) else msgspec.json.decode(body)
    except UNREADABLE:
        return None
    if isinstance(content, list):
        content = next((each for each in objects_of(content) if _error_in(each)), content[0] if content else None)
    if not isinstance(content, dict):
        return None
    error = _error_in(content) or _minimax_error(content)
    if error is not None:
        return error
    return content if {"message", "detail"} & content.keys() else None


def _error_in(content: Event) -> dict[str, Any] | None:
    """Returns the error under `error`, or in the first choice that has one."""
    error = content.get("error")
    if isinstance(error, dict):
        return error
    if isinstance(error, str):
        return {**content, "message": error}
    in_choices = (each["error"] for each in objects_of(content.get("choices")) if each.get("error"))
    error = next(in_choices, None)
    return {"message": error} if isinstance(error, str) else error if isinstance(error, dict) else None


def _minimax_error(content: Event) -> dict[str, Any] | None:
    """Returns the error in MiniMax's envelope, which comes with HTTP 200 and has the reason in its words."""
    envelope = object_of(content.get("base_resp"))
    words = envelope.get("status_msg")
    return {"message": words, "code": words} if envelope.get("status_code") and isinstance(words, str) else None


def _message(error: dict[str, Any]) -> str:
    message = error.get("message") or error.get("detail") or ""
    return message if isinstance(message, str) else msgspec.json.encode(message).decode()


_STATUS_OF_CODE = {
    "invalid_request_error": 400,
    "timeout_error": 504,
    "overloaded_error": 529,
    **dict.fromkeys(_CODES[Cause.LIMIT], 429),
}


def _true_status(status: int, codes: frozenset[str]) -> int:
    """Returns the body's status if a proxy sends an error with HTTP 200; 500 if the body does not say."""
    if status >= 400:
        return status
    for code in codes:
        if code.isdecimal() and 400 <= int(code) < 600:
            return int(code)
    return next((_STATUS_OF_CODE[code] for code in codes if code in _STATUS_OF_CODE), 500)
