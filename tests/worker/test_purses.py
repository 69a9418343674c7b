"""Money is reserved before calls, and leased from the store for many calls at once."""

import asyncio

import pytest

from service.store.budgets import MoneyLease
from service.store.errors import StoreUnavailableError
from worker import purses
from worker.purses import Purse


class Store:
    """A budget that this worker shares with others, who hold `others` and have spent `spent` of it."""

    def __init__(self, budget: int, others: int = 0) -> None:
        self.budget = budget
        self.others = others
        self.spent = 0
        self.held = 0
        self.charged = 0
        self.asked = 0
        self.is_away = False

    async def lease(self, held: int, unstored: int, least: int, wanted: int, charged: int) -> MoneyLease:
        self.asked += 1
        if self.is_away:
            raise StoreUnavailableError
        self.charged += charged
        rest = self.budget - self.charged - self.spent
        free = rest - self.others - held
        granted = min(wanted, free) if free >= least else 0
        self.held = held + granted
        return MoneyLease(granted, rest - unstored)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purses, "_LOOK_S", 0.01)


async def test_many_calls_need_one_lease() -> None:
    store = Store(10_000)
    purse = Purse(store.lease)
    for _ in range(purses.CALLS_AT_ONCE):
        assert await purse.reserve(10, 1)
    assert (store.asked, store.held) == (1, 500)


async def test_no_more_is_reserved_than_there_is_and_what_a_call_did_not_cost_comes_back() -> None:
    store = Store(25)
    purse = Purse(store.lease)
    assert await purse.reserve(10, 1)
    assert await purse.reserve(10, 1)
    waiting = asyncio.create_task(purse.reserve(10, 5))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    purse.settle(10, 2)
    assert await waiting
    purse.settle(10, 2)
    purse.settle(10, 2)
    assert await purse.reserve(19, 1)
    purse.settle(19, 19)
    assert not await purse.reserve(1, 1)


async def test_it_waits_while_others_may_give_some_back() -> None:
    store = Store(10, others=5)
    purse = Purse(store.lease)
    waiting = asyncio.create_task(purse.reserve(10, 5))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    store.others = 0
    assert await waiting
    store = Store(10, others=5)
    assert not await Purse(store.lease).reserve(10, 0.05)


async def test_costs_are_held_until_the_store_has_them() -> None:
    store = Store(30)
    purse = Purse(store.lease)
    assert await purse.reserve(10, 1)
    purse.settle(10, 7)
    await purse.give_back()
    await purse.give_back()
    assert store.held == 7
    purse.hand_over(7)
    purse.store(7)
    store.spent += 7
    assert await purse.reserve(23, 1)
    assert not await purse.reserve(1, 0)


async def test_a_cost_that_no_judgment_has_is_told_to_the_store() -> None:
    store = Store(30)
    purse = Purse(store.lease)
    assert await purse.reserve(10, 1)
    purse.settle(10, 10)
    purse.hand_over(10)
    purse.charge(10)
    await purse.give_back()
    assert store.charged == 10
    await purse.give_back()
    assert (store.charged, store.held, purse.is_idle) == (10, 0, True)


async def test_a_free_call_needs_no_money() -> None:
    store = Store(0)
    assert await Purse(store.lease).reserve(0, 1)
    assert store.asked == 0


async def test_of_calls_that_will_never_fit_all_fail_after_one_look() -> None:
    store = Store(9)
    purse = Purse(store.lease)
    assert await asyncio.gather(*(purse.reserve(10, 60) for _ in range(100))) == [False] * 100
    assert store.asked == 1
    assert await purse.reserve(9, 1)


async def test_a_call_that_may_still_fit_does_not_fail_while_the_store_counts_a_cost_twice() -> None:
    store = Store(10)
    purse = Purse(store.lease)
    assert await purse.reserve(10, 1)
    purse.settle(10, 10)
    purse.hand_over(10)
    store.budget, store.spent = 20, 10  # stored, and not yet noted here
    waiting = asyncio.create_task(purse.reserve(10, 60))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    purse.store(10)
    assert await waiting


async def test_no_call_waits_for_money_that_was_spent_by_items_that_wait_for_money_themselves() -> None:
    store = Store(25)
    purse = Purse(store.lease)
    for _ in range(2):
        assert await purse.reserve(10, 1)
    for _ in range(2):
        purse.settle(10, 8)
    assert not await purse.reserve(10, 60)


async def test_a_worker_whose_call_waits_keeps_nothing_from_the_others() -> None:
    store = Store(25)
    purse = Purse(store.lease)
    assert await purse.reserve(20, 1)
    waiting = asyncio.create_task(purse.reserve(15, 60))
    await asyncio.sleep(0.05)
    assert store.held == 20
    purse.settle(20, 10)
    assert await waiting
    assert store.held == 25


async def test_money_is_taken_or_not_at_once() -> None:
    store = Store(25)
    purse = Purse(store.lease)
    assert await purse.take(20)
    assert not await purse.take(10)
    purse.settle(20, 5)
    assert await purse.take(10)


async def test_the_store_is_told_again_if_it_was_away() -> None:
    store = Store(10)
    purse = Purse(store.lease)
    assert await purse.reserve(10, 1)
    purse.settle(10, 0)
    await purse.give_back()
    store.is_away = True
    with pytest.raises(StoreUnavailableError):
        await purse.give_back()
    assert (store.held, purse.is_idle) == (10, False)
    store.is_away = False
    await purse.give_back()
    assert (store.held, purse.is_idle) == (0, True)
