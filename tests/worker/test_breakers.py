"""A model's breaker opens on failures that are its provider's, and lets single calls try again."""

import asyncio
from datetime import UTC, datetime

import pytest

from service.contracts.outcomes import Reason
from service.store.breakers import BreakerState, Move
from worker.breakers import CERTAIN, LIKELY, Breaker
from worker.providers.base import ProviderError
from worker.retrying import Retrying
from worker.tries import Tries


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Shared:
    """The state that the workers share; `may_try` answers the next probe."""

    def __init__(self) -> None:
        self.moves: list[Move] = []
        self.may_try = False

    async def move(self, breaker: Breaker, move: Move, error: ProviderError | None) -> bool:
        self.moves.append(move)
        if move in ("open", "failed"):
            breaker.update(BreakerState(datetime.now(UTC), 60.0, Reason.PROVIDER_ERROR, str(error)))
        elif move == "answered":
            breaker.update(None)
        return move == "probe" and self.may_try


class Item:
    left_s = 100.0


def failure(status: int | None = 503, reason: Reason = Reason.PROVIDER_ERROR) -> ProviderError:
    return ProviderError("down", reason=reason, retryable=True, status=status)


HUNG = failure(None, Reason.TIMEOUT)


def made() -> tuple[Breaker, Shared, Clock]:
    shared, clock = Shared(), Clock()
    return Breaker("openai/m", 70.0, shared, clock), shared, clock


async def fail(breaker: Breaker, error: BaseException | None, item: int = 0, began: float = 1000.0) -> None:
    await breaker.ended(error, item=item, began=began, tried=False)


def fresh() -> Tries:
    return Tries(Retrying())


@pytest.mark.parametrize("error", [failure(502), failure(503), failure(529), failure(None)])
async def test_it_opens_soon_if_the_provider_is_away(error: ProviderError) -> None:
    breaker, shared, _ = made()
    for item in range(CERTAIN - 1):
        await fail(breaker, error, item)
    assert not breaker.is_open
    await fail(breaker, error, 1)
    assert breaker.is_open
    assert shared.moves == ["open"]


@pytest.mark.parametrize("error", [failure(500), failure(503), failure(None), HUNG])
async def test_a_row_of_one_item_alone_does_not_open_it(error: ProviderError) -> None:
    breaker, _, _ = made()
    for _ in range(2 * LIKELY):
        await fail(breaker, error)
    assert not breaker.is_open
    await fail(breaker, error, item=1)
    assert breaker.is_open


async def test_an_item_that_has_to_wait_opens_it_until_any_answer() -> None:
    breaker, shared, clock = made()
    await breaker.open(failure(500))
    await breaker.open(failure(500))
    assert breaker.is_open
    clock.now += 1
    await fail(breaker, None, began=990.0)
    assert not breaker.is_open
    assert shared.moves == ["open", "answered"]


async def test_an_answer_to_a_call_from_before_the_failures_leaves_it_open() -> None:
    breaker, shared, clock = await opened()
    clock.now += 1
    await fail(breaker, None, began=999.0)
    assert breaker.is_open
    await fail(breaker, None, began=1000.5)
    assert not breaker.is_open
    assert (breaker.proved_at, shared.moves) == (1000.5, ["open", "answered"])


async def test_an_answer_closes_it_if_its_call_began_after_the_first_that_failed() -> None:
    breaker, _, clock = made()
    clock.now += 1
    for item in range(CERTAIN):
        await fail(breaker, failure(), item, began=1000.0 + 0.1 * item)
    await fail(breaker, None, began=1000.0)
    assert breaker.is_open
    await fail(breaker, None, began=1000.05)
    assert not breaker.is_open


async def test_others_try_before_an_item_that_has_failed_four_times() -> None:
    breaker, shared, clock = await opened()
    clock.now += 60
    shared.may_try = True
    spent = Tries(Retrying(outage=1000.0), faults=4, failed_at=1000.0, has_begun=True)
    waiting = asyncio.create_task(breaker.enter(Item(), spent, lambda wait_s: None))
    await asyncio.sleep(0)
    assert shared.moves == ["open"]
    assert await breaker.enter(Item(), fresh(), lambda wait_s: None) is True
    clock.now += 0.5
    breaker.wake()
    assert await asyncio.wait_for(waiting, 30) is True


async def test_one_item_that_waited_and_others_that_failed_keep_it_open_after_an_old_answer() -> None:
    breaker, _, _ = made()
    await breaker.open(failure(500))
    for item in range(LIKELY):
        await fail(breaker, failure(500), item)
    await fail(breaker, None, began=999.0)
    assert breaker.is_open


async def test_answers_in_between_keep_it_closed() -> None:
    breaker, _, clock = made()
    for item in range(50):
        await fail(breaker, failure(), item, clock.now)
        await fail(breaker, failure(), item, clock.now)
        clock.now += 1
        await fail(breaker, None, item, clock.now)
        clock.now += 1
    assert not breaker.is_open


async def test_a_call_that_hung_while_others_were_answered_does_not_count() -> None:
    breaker, _, clock = made()
    clock.now += 60
    await fail(breaker, None, began=1030.0)
    for item in range(20):
        await fail(breaker, HUNG, item, began=1000.0)
    assert not breaker.is_open


async def opened() -> tuple[Breaker, Shared, Clock]:
    breaker, shared, clock = made()
    for item in range(CERTAIN):
        await fail(breaker, failure(), item)
    return breaker, shared, clock


async def test_items_are_put_off_while_it_is_open_and_one_call_tries_after_the_wait() -> None:
    breaker, shared, clock = await opened()
    asked: list[float] = []

    def put_off(wait_s: float) -> None:
        asked.append(wait_s)
        raise InterruptedError

    with pytest.raises(InterruptedError):
        await breaker.enter(Item(), fresh(), put_off)
    assert asked == [60.0]
    clock.now += 60
    shared.may_try = True
    assert await breaker.enter(Item(), fresh(), put_off) is True
    await breaker.ended(None, item=1, began=clock.now, tried=True)
    assert await breaker.enter(Item(), fresh(), put_off) is False
    assert shared.moves == ["open", "probe", "answered"]


async def test_a_trial_that_fails_keeps_it_open_and_one_that_was_not_made_says_nothing() -> None:
    breaker, shared, clock = await opened()
    await breaker.ended(failure(), item=1, began=clock.now, tried=True)
    await breaker.ended(asyncio.CancelledError(), item=1, began=clock.now, tried=True)
    assert breaker.is_open
    assert shared.moves == ["open", "failed", "dropped"]


async def test_those_that_wait_go_on_once_it_closes() -> None:
    breaker, _, _ = await opened()
    waiting = asyncio.create_task(breaker.enter(Item(), fresh(), lambda wait_s: None))
    await asyncio.sleep(0)
    assert not waiting.done()
    breaker.update(None)
    assert await asyncio.wait_for(waiting, 30) is False


async def test_an_item_past_its_deadline_fails_in_the_providers_words() -> None:
    class Late:
        left_s = 0.0

    breaker, _, _ = await opened()
    with pytest.raises(ProviderError, match=r"^down \(openai/m has been failing since .* UTC") as raised:
        await breaker.enter(Late(), fresh(), lambda wait_s: None)
    assert (raised.value.retryable, raised.value.attempts) == (False, 0)


async def test_an_item_that_has_begun_makes_its_own_tries_and_waits_until_the_outage_is_long() -> None:
    breaker, _, clock = await opened()
    tries = Tries(Retrying(attempts=4, outage=0.05), faults=3, failed_at=clock.now, has_begun=True)
    assert breaker.lets_through(tries)
    assert await breaker.enter(Item(), tries, lambda wait_s: None) is False
    tries.faults = 4
    assert not breaker.lets_through(tries)
    waiting = asyncio.create_task(breaker.enter(Item(), tries, lambda wait_s: None))
    await asyncio.sleep(0)
    assert not waiting.done()
    clock.now += 0.05
    assert await asyncio.wait_for(waiting, 30) is False
    assert breaker.is_open
    assert breaker.lets_through(tries)
    assert not breaker.lets_through(fresh())
