"""Whether an item whose call failed is tried again, waits for its provider, or fails."""

import asyncio

import pytest

from service.contracts.outcomes import Reason
from worker.providers.base import ProviderError
from worker.retrying import Retrying
from worker.tries import NextStep, Tries, is_of_provider

RETRYING = Retrying(attempts=4, outage=12.0)


def failure(status: int | None = 503, reason: Reason = Reason.PROVIDER_ERROR) -> ProviderError:
    return ProviderError("down", reason=reason, retryable=True, status=status)


def failed(*began: float, has_begun: bool = True) -> Tries:
    """The tries of an item whose calls began at these times."""
    tries = Tries(RETRYING, has_begun=has_begun)
    for each in began:
        tries.count(failure(), each)
    return tries


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (failure(500), True),
        (failure(None), True),
        (failure(None, Reason.TIMEOUT), True),
        (failure(408, Reason.TIMEOUT), True),
        (failure(200), False),
        (ProviderError("no", reason=Reason.PROVIDER_ERROR, retryable=False, status=400), False),
        (ProviderError("no", reason=Reason.RATE_LIMITED, retryable=True, status=429, is_limit=True), False),
        (ProviderError("no", reason=Reason.AUTH, retryable=False, status=401, stops_calls=True), False),
        (asyncio.CancelledError(), False),
        (None, False),
    ],
)
def test_the_failures_that_are_the_providers(error: BaseException | None, expected: bool) -> None:
    assert is_of_provider(error) == expected


@pytest.mark.parametrize(
    ("began", "now", "expected"),
    [
        ((100.0,), 100.1, NextStep.TRY),
        ((100.0, 101.0, 102.0), 102.1, NextStep.TRY),
        ((100.0, 101.0, 102.0, 103.0), 103.1, NextStep.WAIT),
        ((100.0, 101.0, 102.0, 103.0, 107.0), 111.9, NextStep.WAIT),
        ((100.0, 101.0, 102.0, 103.0, 107.0, 112.0), 112.0, NextStep.FAIL),
        ((100.0, 160.0), 220.0, NextStep.TRY),  # it hangs for a minute each time
        ((100.0, 160.0, 220.0, 280.0), 340.0, NextStep.FAIL),
    ],
)
def test_an_item_that_has_begun_fails_after_its_tries_and_not_before_the_outage_is_long(
    began: tuple[float, ...], now: float, expected: NextStep
) -> None:
    assert failed(*began).next_step(failure(), proved_at=0.0, now=now) is expected


@pytest.mark.parametrize(
    ("began", "now", "expected"),
    [
        ((100.0,), 100.1, NextStep.WAIT),
        ((100.0, 130.0, 160.0), 160.1, NextStep.WAIT),
        ((100.0, 101.0, 103.0, 107.0), 107.1, NextStep.WAIT),
        ((100.0, 130.0, 160.0, 190.0), 190.1, NextStep.FAIL),
    ],
)
def test_an_item_that_tried_for_all_goes_back_unless_the_same_holds(
    began: tuple[float, ...], now: float, expected: NextStep
) -> None:
    assert failed(*began, has_begun=False).next_step(failure(), proved_at=0.0, now=now) is expected


@pytest.mark.parametrize(
    ("proved_at", "expected"),
    [(99.9, NextStep.WAIT), (100.0, NextStep.WAIT), (100.1, NextStep.FAIL)],
)
def test_an_item_fails_at_once_if_a_later_call_of_the_model_was_answered(proved_at: float, expected: NextStep) -> None:
    tries = failed(100.0, 100.5, 101.0, 102.0)
    assert tries.next_step(failure(), proved_at=proved_at, now=102.1) is expected


def test_a_failure_that_is_not_the_providers_waits_for_nothing() -> None:
    no_json = failure(200)
    assert failed(100.0).next_step(no_json, proved_at=0.0, now=100.1) is NextStep.TRY
    assert failed(100.0, 101.0, 102.0, 103.0).next_step(no_json, proved_at=0.0, now=103.1) is NextStep.FAIL


def test_a_call_counts_all_its_faults_and_an_answer_starts_anew() -> None:
    tries, twice = failed(100.0), failure(500)
    twice.faults = 2
    tries.count(twice, 101.0)
    assert (tries.faults, tries.failed_at) == (3, 100.0)
    tries.answered()
    assert (tries.faults, tries.failed_at) == (0, None)


def test_how_long_a_call_waits_for_an_open_breaker() -> None:
    assert failed(100.0, has_begun=False).patience_s(now=500.0) is None
    assert failed(100.0, 101.0).patience_s(now=102.0) == 0
    spent = failed(100.0, 101.0, 102.0, 103.0)
    assert (spent.patience_s(now=103.0), spent.patience_s(now=113.0)) == (9.0, 0)
