"""Every form in which a provider says when to come back."""

from datetime import UTC, datetime

import pytest

from service.contracts.outcomes import Reason
from worker.providers.failures import Cause, cause_of, is_retryable, read_failure, to_error
from worker.providers.waits import wait_in_details, wait_in_headers, wait_in_words

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "1m20s"}, 80.0),
        ({"retry-after": "Sun, 01 Mar 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "6m0s"}, 360.0),
        (
            {
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": "120ms",
                "x-ratelimit-remaining-tokens": "9000",
                "x-ratelimit-reset-tokens": "40s",
            },
            0.12,
        ),
        ({"x-ratelimit-reset-tokens": "7.66s"}, 7.66),
        ({"x-ratelimit-reset": str(NOW.timestamp() + 12)}, 12.0),
        ({"x-ratelimit-reset": str(int((NOW.timestamp() + 12) * 1000))}, 12.0),
        ({"ratelimit-reset": "9"}, 9.0),
        ({"ratelimit": "limit=100, remaining=0, reset=30"}, 30.0),
        ({"ratelimit": '"default";r=0;t=45'}, 45.0),
        ({"anthropic-ratelimit-requests-reset": "2026-03-01T12:00:20Z"}, 20.0),
        (
            {
                "anthropic-ratelimit-requests-remaining": "3",
                "anthropic-ratelimit-requests-reset": "2026-03-01T12:00:01Z",
                "anthropic-ratelimit-input-tokens-remaining": "0",
                "anthropic-ratelimit-input-tokens-reset": "2026-03-01T12:00:15Z",
            },
            15.0,
        ),
        ({"retry-after": "soon", "x-ratelimit-limit-requests": "60"}, None),
        ({"x-ratelimit-reset-requests": "tomorrow"}, None),
    ],
)
def test_headers_are_read(headers: dict[str, str], wait: float | None) -> None:
    assert wait_in_headers(headers, NOW) == (None if wait is None else pytest.approx(wait))


@pytest.mark.parametrize(
    ("message", "wait"),
    [
        ("Rate limit reached. Please try again in 7.5s. Visit our site.", 7.5),
        ("Please try again in 1m20s.", 80.0),
        ("Please try again in 20ms.", 0.02),
        ("please try again in 20 ms", 0.02),
        ("Please retry after 12 seconds.", 12.0),
        ("Please retry in 38.2s.", 38.2),
        ("Try again in 2 minutes and 5 seconds", 125.0),
        ("Wait 1 hour before trying again", 3600.0),
        ("Your limit resets in 1h0m3s", 3603.0),
        ("Limit 3 requests per minute, used 3. Slow down.", None),
        ("try again later", None),
        ("Try again. You used 5000 tokens.", None),
    ],
)
def test_words_are_read(message: str, wait: float | None) -> None:
    assert wait_in_words(message) == (None if wait is None else pytest.approx(wait))


@pytest.mark.parametrize(
    ("details", "wait"),
    [
        ([{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "12.5s"}], 12.5),
        ([{"retryDelay": {"seconds": 3, "nanos": 500_000_000}}], 3.5),
        ([{"retryDelay": "soon"}, {"retryDelay": "2s"}], 2.0),
        ([{"violations": []}], None),
    ],
)
def test_googles_details_are_read(details: list[dict[str, object]], wait: float | None) -> None:
    assert wait_in_details(details) == wait


def test_retry_info_counts_under_any_wire_format() -> None:
    body = b'{"error": {"code": 429, "message": "Quota", "details": [{"retryDelay": "4s"}]}}'
    assert read_failure(429, {}, body).retry_after == 4


def test_words_ask_for_a_wait_only_if_the_error_may_pass() -> None:
    body = b'{"error": {"message": "Invalid image. Try again in 5 minutes with another."}}'
    assert read_failure(400, {}, body).retry_after is None
    assert read_failure(503, {}, body).retry_after == 300


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (429, b'{"error": {"message": "no"}}'),
        (403, b'{"error": {"message": "Rate Limit Exceeded", "errors": [], "code": 403}}'),
        (403, b'{"error": {"message": "no", "type": "userRateLimitExceeded"}}'),
        (400, b'{"__type": "com.amazon.coral.service#ThrottlingException", "message": "Too many tokens, wait"}'),
        (503, b'{"message": "Request was throttled."}'),
    ],
)
def test_a_limit_is_known_under_any_status(status: int, error: bytes) -> None:
    failure = read_failure(status, {}, error)
    assert (cause_of(failure), is_retryable(failure)) == (Cause.LIMIT, True)
    raised = to_error(failure, "stub", [])
    assert (raised.reason, raised.is_limit, raised.stops_calls) == (Reason.RATE_LIMITED, True, False)
