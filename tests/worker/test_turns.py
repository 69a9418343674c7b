"""The turns of one worker's calls to a provider that limits them."""

import asyncio

import pytest

from service.config.settings import ProviderSettings
from service.contracts.outcomes import Reason
from service.store.provider_limits import ProviderLimit, ProviderStop
from tests.worker.test_limits import OpenGate, turn
from tests.worker.test_pace import Clock
from worker.limits import PATIENCE_S, CallLimits
from worker.places import CallPlaces
from worker.providers.base import ProviderError
from worker.turns import SPAN_S, AnswerCount, Refusals, Sample, Turns

FAST = ProviderLimit(pause_s=0.0, rate=100.0, goal=100.0, double_s=1.0)


def test_answers_are_counted_since_the_last_pause() -> None:
    clock = Clock()
    count = AnswerCount(clock)
    for _ in range(3):
        count.begin()
        clock.now += 0.5
        count.end(answered=True)
    count.begin()
    count.end(answered=False)
    assert count.counted() == (3, 1.5)
    count.restart(2.0)
    clock.now += 2.5
    assert count.counted() == (0, 0.5)


def test_a_time_without_calls_says_nothing_of_the_rate() -> None:
    clock = Clock()
    count = AnswerCount(clock)
    count.begin()
    count.end(answered=True)
    clock.now += 30
    count.begin()
    clock.now += 1
    count.end(answered=True)
    assert count.counted() == (1, 1.0)


def test_only_the_last_minute_counts() -> None:
    clock = Clock()
    count = AnswerCount(clock)
    for _ in range(200):
        count.begin()
        clock.now += 0.5
        count.end(answered=True)
    assert count.counted() == (121, SPAN_S)


def test_answers_that_come_together_are_counted_one_by_one() -> None:
    clock = Clock()
    count = AnswerCount(clock)
    for _ in range(1_000):
        clock.now += 0.001
        count.begin()
        count.end(answered=True)
    assert count.counted()[0] == 1_000
    clock.now += SPAN_S - 0.5
    assert count.counted()[0] == pytest.approx(500, abs=10)


async def test_without_a_limit_nobody_waits() -> None:
    turns = Turns()
    assert (turns.is_limited, turns.expected_s) == (False, 0.0)
    await asyncio.wait_for(turns.take(), 30)


async def test_calls_begin_one_by_one_at_the_rate() -> None:
    turns = Turns()
    turns.limit(FAST)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.gather(*(turns.take() for _ in range(11)))
    assert 0.09 <= loop.time() - began < 1


async def test_a_pause_that_others_met_holds_those_that_wait() -> None:
    turns = Turns()
    turns.limit(FAST)
    waiting = [asyncio.create_task(turns.take()) for _ in range(5)]
    turns.limit(FAST._replace(pause_s=60.0))
    await turn()
    assert sum(not each.done() for each in waiting) >= 4
    turns.limit(None)
    await asyncio.wait_for(asyncio.gather(*waiting), 30)


def test_a_limit_that_allows_more_than_enough_is_none() -> None:
    clock = Clock()
    turns = Turns(clock)
    turns.limit(FAST)
    assert turns.is_limited
    clock.now += 600
    assert not turns.is_limited


def test_the_expected_wait_is_the_pause_and_those_that_wait() -> None:
    turns = Turns(Clock())
    turns.limit(FAST._replace(pause_s=3.0))
    turns.waiting = 200
    assert turns.expected_s == pytest.approx(5.0, abs=0.05)
    turns.sharers = 2
    assert turns.expected_s == pytest.approx(7.0, abs=0.1)


def test_a_stop_is_over_after_its_time_and_leaves_a_doubt() -> None:
    clock = Clock()
    turns = Turns(clock)
    turns.stop(ProviderStop(Reason.AUTH, "no"), 60)
    assert turns.stopped is not None
    clock.now += 60
    assert turns.stopped is None
    assert turns.doubts == 1


async def test_in_doubt_one_call_at_a_time_begins() -> None:
    turns = Turns()
    turns.doubts = 1
    assert await turns.probe()
    other = asyncio.create_task(turns.probe())
    await turn()
    assert not other.done()
    turns.doubts = 0
    turns.end_probe()
    assert await other is False


class PutOff(OpenGate):
    def put_off(self, seconds: float) -> None:
        raise InterruptedError(f"{seconds:.0f}")


def limits_with(limit: ProviderLimit, waits: list[float] | None = None) -> CallLimits:
    settings = ProviderSettings(kind="openai", base_url="http://127.0.0.1:9")
    on_wait = (lambda provider, seconds: None) if waits is None else (lambda provider, seconds: waits.append(seconds))
    limits = CallLimits(8, {"openai": settings}, on_wait=on_wait)
    limits.providers["openai"].share(8, 1)
    limits.providers["openai"].turns.limit(limit)
    return limits


async def test_an_item_that_would_wait_long_is_put_off_and_holds_no_place() -> None:
    waits: list[float] = []
    limits = limits_with(FAST._replace(pause_s=PATIENCE_S + 30), waits)
    with pytest.raises(InterruptedError, match="30"):
        async with limits.call("openai", 1, PutOff()):
            pass
    assert (limits.providers["openai"].slots.in_use, limits.calls.in_use) == (0, 0)
    assert waits == [30]  # for which it is away


async def test_a_wait_for_a_limit_counts_also_if_the_call_is_given_up() -> None:
    waits: list[float] = []
    limits = limits_with(FAST._replace(pause_s=PATIENCE_S / 2), waits)

    async def call() -> None:
        async with limits.call("openai", 1, OpenGate()):
            pass

    calls = [asyncio.create_task(call()) for _ in range(3)]
    await asyncio.sleep(0.1)
    for each in calls:
        each.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    assert len(waits) == 3
    assert min(waits) > 0.09


async def test_a_worker_that_drains_puts_off_those_that_wait() -> None:
    limits = limits_with(FAST._replace(pause_s=PATIENCE_S / 2))

    async def call() -> None:
        async with limits.call("openai", 1, PutOff()):
            pass

    calls = [asyncio.create_task(call()) for _ in range(3)]
    await turn()
    assert not any(each.done() for each in calls)
    limits.drain()
    found = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), PATIENCE_S / 4)
    assert {type(each) for each in found} == {InterruptedError}


async def test_a_wait_for_a_rate_beyond_the_deadline_is_an_error_without_a_call() -> None:
    class Late(OpenGate):
        left_s = 0.05

    settings = ProviderSettings(kind="openai", base_url="http://127.0.0.1:9", requests_per_minute=1)
    limits = CallLimits(8, {"openai": settings})
    provider = limits.providers["openai"]
    provider.share(8, 1)
    with pytest.raises(ProviderError, match="deadline") as caught:
        async with limits.call("openai", 1, Late()):
            pass
    assert (caught.value.attempts, provider.slots.in_use, provider.requests.wait_for(1) <= 60) == (0, 0, True)


async def test_a_wait_beyond_the_deadline_is_an_error_without_a_call() -> None:
    class Late(OpenGate):
        left_s = 0.05

    limits = limits_with(FAST._replace(pause_s=30.0))
    with pytest.raises(ProviderError, match="deadline") as caught:
        async with limits.call("openai", 1, Late()):
            pass
    assert (caught.value.reason, caught.value.attempts) == (Reason.RATE_LIMITED, 0)
    assert limits.providers["openai"].slots.in_use == 0


async def test_a_stopped_provider_is_not_called_and_its_words_are_said() -> None:
    limits = limits_with(FAST)
    limits.providers["openai"].turns.stop(ProviderStop(Reason.AUTH, "openai answered 401: no"), 60)
    for _ in range(3):
        with pytest.raises(ProviderError, match="openai answered 401: no") as caught:
            async with limits.call("openai", 1, OpenGate()):
                pass
        assert (caught.value.reason, caught.value.retryable, caught.value.attempts) == (Reason.AUTH, False, 0)
    assert limits.providers["openai"].slots.in_use == 0


async def test_one_provider_does_not_take_all_places() -> None:
    places = CallPlaces(8, ["one", "two"])
    waiting = [asyncio.create_task(places.acquire("one")) for _ in range(20)]
    await turn()
    assert places.in_use == 7
    await asyncio.wait_for(places.acquire("two"), 30)
    assert places.in_use == 8
    places.release("two")
    places.release("one")
    await turn()
    assert (places.in_use, sum(each.done() for each in waiting)) == (7, 8)
    for each in waiting:
        each.cancel()


async def test_a_single_provider_takes_all_places() -> None:
    places = CallPlaces(3, ["one"])
    for _ in range(3):
        await asyncio.wait_for(places.acquire("one"), 30)
    assert places.in_use == 3


def shown(outcomes: str) -> bool:
    """Whether calls one after the other that are answered (A) or refused (R) show a limit at the end."""
    refusals = Refusals()
    for each in outcomes:
        refusals.end(refusals.begin(), refused=each == "R", answered=each == "A")
    return refusals.show_a_limit


@pytest.mark.parametrize(
    ("outcomes", "is_limit"),
    [
        ("R", True),  # nothing but this refusal is known of the provider
        ("AR", False),
        ("ARRRR", False),
        ("ARRRRR", True),
        ("ARRRRARR", False),
        ("ARRRRARRRR" + "A" * 10 + "R", False),
        ("A" + "RRA" * 50, False),
    ],
)
def test_single_refusals_among_answers_are_no_limit(outcomes: str, is_limit: bool) -> None:
    assert shown(outcomes) == is_limit


def test_calls_that_began_with_the_refused_ones_may_still_be_answered() -> None:
    refusals = Refusals()
    calls = [refusals.begin() for _ in range(16)]
    for call in calls[:5]:
        refusals.end(call, refused=True, answered=False)
    assert not refusals.show_a_limit
    for call in calls[5:]:
        refusals.end(call, refused=True, answered=False)
    assert refusals.show_a_limit


def test_answers_to_calls_from_before_the_refusals_say_nothing_of_the_limit() -> None:
    refusals = Refusals()
    refusals.end(refusals.begin(), refused=False, answered=True)
    early = [refusals.begin() for _ in range(20)]
    for call in early:
        refusals.end(refusals.begin(), refused=True, answered=False)
        refusals.end(call, refused=False, answered=True)
    assert refusals.show_a_limit


def sampled(*samples: str) -> bool:
    """Whether refusals are single ones, after calls that were answered (A), refused (R), failed (F) or still run (_).

    All calls of a sample begin at once; a pause is before each sample but the first.
    """
    sample, number = Sample(), 0
    for outcomes in samples:
        calls = range(number, number + len(outcomes))
        number += len(outcomes)
        for call in calls:
            sample.begin(call)
        for call, outcome in zip(calls, outcomes, strict=True):
            if outcome != "_":
                sample.end(call, refused=outcome == "R", answered=outcome == "A")
        if outcomes is not samples[-1]:
            sample.pause()
    return sample.is_single


@pytest.mark.parametrize(
    ("samples", "is_single"),
    [
        (("R",), False),
        (("AAAAR",), False),
        (("AAAAAR",), True),
        (("R_____",), True),  # the others may still be answered
        (("RR" + "_" * 9,), False),
        (("RR" + "A" * 5 + "_" * 5,), True),
        (("RAAAAAFFFFF",), True),
        (("RAAAFFFFFFF",), False),
        (("A" * 20 + "R", "AR"), False),
        (("A" * 20 + "R", "AAAAAR"), True),
    ],
)
def test_refusals_are_single_ones_if_most_other_calls_since_the_pause_are_answered(
    samples: tuple[str, ...], is_single: bool
) -> None:
    assert sampled(*samples) == is_single


def test_calls_from_before_a_pause_are_not_in_the_sample() -> None:
    sample = Sample()
    for call in range(20):
        sample.begin(call)
    sample.pause()
    for call in range(20, 26):
        sample.begin(call)
    for call in range(20):
        sample.end(call, refused=True, answered=False)
    sample.end(20, refused=True, answered=False)
    assert sample.is_single
