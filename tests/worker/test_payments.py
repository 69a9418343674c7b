"""The money for a call is what it may cost when it is sent, not when it began to wait."""

import asyncio

import msgspec

from service.config.settings import PriceSettings, load_settings
from service.contracts.items import Item
from service.contracts.judges import Judge, Method, Parameters
from service.costs import Prices
from service.judging.questions import Message
from tests.worker.test_limits import OpenGate, limits_of
from worker.call_costs import CallEstimate, CallEstimates
from worker.payments import Payment
from worker.providers.base import Completion, ModelRequest

MODEL = "openai/m"
TOKEN = 1_000_000  # nano-dollars; texts are free


class Gate(OpenGate):
    """A budget of this worker alone."""

    has_budget = True

    def __init__(self, left: int) -> None:
        self.left = left
        self.charged = 0
        self.settled = asyncio.Event()

    async def reserve(self, amount: int) -> None:
        while not await self.take(amount):
            self.settled.clear()
            await self.settled.wait()

    async def take(self, amount: int) -> bool:
        if amount > self.left:
            return False
        self.left -= amount
        return True

    def settle(self, amount: int, spent: int, *, is_known: bool) -> None:
        self.left += amount - spent
        self.charged += 0 if is_known else spent
        self.settled.set()

    def may_try_again(self) -> bool:
        return True

    async def until_sure(self) -> None:
        return


class Growing:
    """The estimates of calls to a model whose limit of output tokens grows."""

    def __init__(self) -> None:
        self.limit = 10
        prices = {MODEL: PriceSettings(input=0.0, output=1000.0)}
        settings = msgspec.structs.replace(load_settings(None, {}), prices=prices)
        self._estimates = CallEstimates(Prices(settings), lambda model, asked: self.limit)

    def call(self) -> CallEstimate:
        request = ModelRequest(
            model="m",
            messages=(Message("user", "x"),),
            schema=None,
            parameters=Parameters(max_output_tokens=10),
            judge=Judge(criterion="wit", method=Method.RATING, instructions="Is it funny?"),
            item=Item(output="x"),
        )
        return self._estimates.of(MODEL, request)


def answer(tokens_out: int | None) -> Completion:
    return Completion(text="4", source="text", finish_reason="stop", input_tokens=1, output_tokens=tokens_out)


async def test_what_a_call_did_not_cost_comes_back() -> None:
    gate, model = Gate(100 * TOKEN), Growing()
    payment = Payment(gate, model.call())
    await payment.reserve()
    assert await payment.top_up()
    assert gate.left == 90 * TOKEN
    payment.answered(answer(3))
    payment.end()
    assert (gate.left, gate.charged) == (97 * TOKEN, 0)


async def test_a_call_without_an_answer_costs_nothing_and_one_without_a_count_all_of_it() -> None:
    gate, model = Gate(100 * TOKEN), Growing()
    for reply in (None, answer(None)):
        payment = Payment(gate, model.call())
        await payment.reserve()
        if reply is not None:
            payment.answered(reply)
        payment.end()
    assert (gate.left, gate.charged) == (90 * TOKEN, 10 * TOKEN)


async def test_a_call_that_may_cost_more_by_now_reserves_the_difference() -> None:
    gate, model = Gate(100 * TOKEN), Growing()
    payment = Payment(gate, model.call())
    await payment.reserve()
    model.limit = 40
    assert await payment.top_up()
    assert gate.left == 60 * TOKEN
    payment.end()
    assert gate.left == 100 * TOKEN


async def test_a_call_whose_difference_is_not_there_gives_everything_back_and_waits_outside_its_place() -> None:
    gate, model, limits = Gate(45 * TOKEN), Growing(), limits_of()
    limits.providers["openai"].share(1, 1)
    first, second = Payment(gate, model.call()), Payment(gate, model.call())
    made: list[int] = []

    async def call(payment: Payment) -> None:
        async with limits.call("openai", 1, gate, money=payment):
            made.append(gate.left)
            payment.answered(answer(5))
        payment.end()

    async with asyncio.timeout(60), limits.call("openai", 1, gate, money=first):
        waiting = asyncio.create_task(call(second))
        await asyncio.sleep(0)  # it has reserved money, and waits for the only place
        assert gate.left == 25 * TOKEN
        model.limit = 40
    for _ in range(5):
        await asyncio.sleep(0)  # the place is free: the call needs 40 tokens now, and 35 are there
    assert (made, gate.left, limits.providers["openai"].slots.in_use) == ([], 35 * TOKEN, 0)
    first.answered(answer(0))
    first.end()
    async with asyncio.timeout(60):
        await waiting
    assert (made, gate.left) == ([5 * TOKEN], 40 * TOKEN)
