import math
import random
from collections.abc import Awaitable, Callable

import pytest

from service.contracts.outcomes import Reason
from worker.providers.base import Completion, ProviderError
from worker.retrying import Retrying, with_retries

DONE = Completion(text="4", source="text", finish_reason="stop", input_tokens=None, output_tokens=None)


def trouble(*, retryable: bool = True, retry_after: float | None = None, attempts: int = 1) -> ProviderError:
    reason = Reason.RATE_LIMITED
    error = ProviderError("no", reason=reason, retryable=retryable, retry_after=retry_after)
    error.attempts = attempts
    return error


def highest() -> float:
    """As close as random.random() gets to 1."""
    return 1.0


def test_waits_double_up_to_the_cap_and_the_schedule_ends() -> None:
    retrying = Retrying(attempts=8, base=0.5, cap=10)
    waits = [retrying.wait_before(attempt, trouble(), highest) for attempt in range(2, 10)]
    assert waits == [0.5, 1, 2, 4, 8, 10, 10, None]


def test_jitter_is_full() -> None:
    assert Retrying().wait_before(3, trouble(), lambda: 0.0) == 0
    assert Retrying().wait_before(3, trouble(), lambda: 0.25) == 0.25


def test_an_error_that_will_not_pass_is_not_tried_again() -> None:
    assert Retrying().wait_before(2, trouble(retryable=False), highest) is None


def test_a_wait_asked_for_is_kept_with_jitter_on_top() -> None:
    assert Retrying().wait_before(2, trouble(retry_after=7), lambda: 0.0) == 7
    assert Retrying().wait_before(2, trouble(retry_after=7), highest) == 7.5
    assert Retrying().wait_before(2, trouble(retry_after=0), highest) == 0.5


def test_a_wait_asked_for_is_clamped_and_a_hopeless_one_not_waited_for() -> None:
    retrying = Retrying(longest_wait=60, hopeless=600)
    assert retrying.wait_before(2, trouble(retry_after=600), lambda: 0.0) == 60
    assert retrying.wait_before(2, trouble(retry_after=601), lambda: 0.0) is None
    assert retrying.wait_before(2, trouble(retry_after=math.inf), lambda: 0.0) is None


def test_no_schedule_tries_less_often_than_promised() -> None:
    with pytest.raises(ValueError, match="3 or more"):
        Retrying(attempts=2)


class Sleeper:
    def __init__(self) -> None:
        self.waits: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)


def failing_with(*errors: Exception) -> Callable[[], Awaitable[Completion]]:
    """Raises each of the errors, then answers; the answer takes two calls."""
    left = list(errors)

    async def call() -> Completion:
        if left:
            raise left.pop(0)
        return Completion(
            text="4", source="text", finish_reason="stop", input_tokens=None, output_tokens=None, attempts=2
        )

    return call


async def test_an_error_that_passes_leads_to_an_answer_with_all_its_calls_counted() -> None:
    sleeper = Sleeper()
    completion, attempts = await with_retries(
        failing_with(trouble(), trouble(attempts=3)),
        sleep=sleeper,
        random=highest,
    )
    assert completion.text == "4"
    assert attempts == 1 + 3 + 2
    assert sleeper.waits == [0.5, 1]


async def test_an_error_that_stays_is_raised_with_all_calls_counted() -> None:
    sleeper = Sleeper()
    with pytest.raises(ProviderError) as caught:
        await with_retries(failing_with(*(trouble() for _ in range(9))), sleep=sleeper, random=highest)
    assert caught.value.attempts == 4
    assert sleeper.waits == [0.5, 1, 2]


@pytest.mark.parametrize(("looks", "waits"), [([False], []), ([True, False], [0.5])])
async def test_no_call_is_made_again_if_it_may_not_be(looks: list[bool], waits: list[float]) -> None:
    sleeper, answers = Sleeper(), iter(looks)
    with pytest.raises(ProviderError) as caught:
        await with_retries(
            failing_with(trouble(), trouble()), sleep=sleeper, random=highest, may_go_on=lambda: next(answers)
        )
    assert (caught.value.attempts, sleeper.waits) == (1, waits)


async def test_an_error_that_will_not_pass_is_raised_at_once() -> None:
    sleeper = Sleeper()
    with pytest.raises(ProviderError) as caught:
        await with_retries(failing_with(trouble(retryable=False)), sleep=sleeper)
    assert (caught.value.attempts, sleeper.waits) == (1, [])


async def test_an_error_of_another_kind_is_not_ours_to_retry() -> None:
    sleeper = Sleeper()
    with pytest.raises(ZeroDivisionError):
        await with_retries(failing_with(ZeroDivisionError()), sleep=sleeper)
    assert sleeper.waits == []


async def test_the_defaults_need_nothing_from_outside() -> None:
    async def call() -> Completion:
        return DONE

    assert await with_retries(call) == (DONE, 1)


def test_no_wait_is_longer_than_the_schedule_allows() -> None:
    retrying = Retrying(attempts=20)
    draw = random.Random(1).random
    for attempt in range(2, 21):
        wait = retrying.wait_before(attempt, trouble(), draw)
        assert wait is not None
        assert 0 <= wait <= retrying.cap
