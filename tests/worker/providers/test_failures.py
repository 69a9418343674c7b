"""What an error reply asks for, and whether it is a filter's."""

from typing import Any

import msgspec
import pytest

from service.contracts.outcomes import Reason
from tests.stubs.wire_formats import Reply
from tests.worker.providers.stubbed import request, stubbed
from worker.providers.base import ProviderError
from worker.providers.failures import (
    LOADING_SECONDS,
    LONGEST_WAIT_S,
    is_retryable,
    read_failure,
    spellings_of,
    to_error,
)

LOADING = b'{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}'


def test_a_model_that_is_being_loaded_is_given_some_seconds() -> None:
    failure = read_failure(503, {}, LOADING)
    assert (failure.retry_after, is_retryable(failure)) == (LOADING_SECONDS, True)


def test_a_wait_that_the_server_itself_asks_for_comes_first() -> None:
    assert read_failure(503, {"retry-after": "1"}, LOADING).retry_after == 1


def test_other_errors_ask_for_no_wait() -> None:
    assert read_failure(503, {}, b"busy").retry_after is None
    assert read_failure(500, {}, LOADING).retry_after is None


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"error": {"message": "This content exists risk", "code": "invalid_request_error"}}),
        (403, {"code": "not permitted", "error": "The content violates the usage guidelines: SAFETY_CHECK"}),
        (403, {"error": {"code": 403, "message": "This model is moderated and your input was flagged"}}),
        (400, {"error": {"code": "1301", "message": "输入内容可能包含敏感内容"}}),
        (400, {"error": {"message": "The request violates a guardrail policy"}}),
        (422, {"error": {"message": "Input guardrail was triggered"}}),
        (400, {"error": {"message": "It contains sensitive words and was not sent on"}}),
        (446, {"error": {"message": "checks failed", "type": "hooks_failed"}}),
        (451, {"error": {"message": "not available"}}),
        (400, {"error": {"message": "refused", "code": "output_guardrail_triggered"}}),
        (200, {"choices": None, "base_resp": {"status_code": 1026, "status_msg": "input new_sensitive"}}),
    ],
)
async def test_a_filter_is_known_by_its_words(status: int, body: dict[str, Any]) -> None:
    async with stubbed("openai", lambda _: Reply(status=status, body=body)) as (provider, server):
        completion = await provider.complete(request())
    assert (completion.text, completion.finish_reason, server.calls) == ("", "content_filter", 1)


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (403, {"error": {"message": "Your account was blocked for violating our usage policies"}}, Reason.AUTH),
        (400, {"error": {"message": "names are case-sensitive"}}, Reason.PROVIDER_ERROR),
        (200, {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}, Reason.RATE_LIMITED),
        (501, {"error": {"message": "not implemented"}}, Reason.PROVIDER_ERROR),
    ],
)
async def test_other_refusals_are_no_filter_s_and_do_not_pass(
    status: int, body: dict[str, Any], reason: Reason
) -> None:
    async with stubbed("openai", lambda _: Reply(status=status, body=body)) as (provider, _):
        with pytest.raises(ProviderError) as caught:
            await provider.complete(request())
    assert (caught.value.reason, caught.value.retryable) == (reason, False)


def test_a_secret_is_known_in_an_address_and_by_its_words() -> None:
    assert spellings_of(["Token k/3+longer"]) == [
        *("Token%20k%2F3%2Blonger", "Token%20k/3%2Blonger", "Token+k%2F3%2Blonger", "Token k/3+longer"),
        *("k%2F3%2Blonger", "k/3%2Blonger", "k/3+longer"),
    ]


async def test_a_header_that_is_no_text_hides_no_wait() -> None:
    reply = Reply(status=429, headers={"x-city": "K\u00f6ln", "retry-after": "7"}, body={"error": {"message": "slow"}})
    async with stubbed("openai", lambda _: reply) as (provider, _):
        with pytest.raises(ProviderError) as caught:
            await provider.complete(request())
    assert caught.value.retry_after == 7


def _wait_of(**headers: str) -> float | None:
    return read_failure(429, {name.replace("_", "-"): text for name, text in headers.items()}, b"slow").retry_after


@pytest.mark.parametrize(
    "asked",
    [
        *("99999999999999999999999", "1e308", "9999-12-31T23:59:59-23:59", "Fri, 31 Dec 9999 23:59:59 GMT", "30 days"),
        "1796100000000000",  # microseconds since 1970, by mistake
    ],
)
def test_no_wait_ends_the_calls_for_good(asked: str) -> None:
    """One such answer stopped the provider for all workers until its key in the store was removed by hand."""
    assert _wait_of(retry_after=asked) == LONGEST_WAIT_S


@pytest.mark.parametrize("asked", ["Wed, 21 Oct 99999999999 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:00 +99999999999999"])
def test_a_date_that_is_none_asks_for_no_wait(asked: str) -> None:
    assert _wait_of(retry_after=asked) is None


@pytest.mark.parametrize(
    "error",
    [
        {"message": f"try again in {'9' * 400} s"},
        {"message": "slow", "details": [{"retryDelay": f"{'9' * 400}s"}]},
        {"message": "slow", "details": [{"retryDelay": {"seconds": 10**300}}]},
    ],
)
def test_a_wait_without_bounds_has_one_wherever_it_stands(error: dict[str, Any]) -> None:
    assert read_failure(429, {}, msgspec.json.encode({"error": error})).retry_after == LONGEST_WAIT_S


def test_a_long_wait_is_told() -> None:
    told = {wait: str(to_error(read_failure(429, {"retry-after": wait}, b"slow"), "p", ())) for wait in ("5", "9e9")}
    assert told == {"5": "p answered 429: slow", "9e9": "p answered 429: slow (asks for a wait; it gets 3600 s)"}


@pytest.mark.parametrize("error", [{"message": "model " * 10**6}, {"message": ["model "] * 10**6}, "model " * 10**6])
def test_of_a_very_long_error_the_beginning_is_read(error: Any) -> None:
    """To search 8 MB took half a minute, in which the worker did nothing else and lost its leases."""
    assert len(read_failure(400, {}, msgspec.json.encode({"error": error})).message) <= 10_000
