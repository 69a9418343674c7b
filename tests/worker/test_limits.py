"""The limits that calls wait for."""

import asyncio

import pytest

from service.config.settings import ProviderSettings
from service.contracts.outcomes import Reason
from service.store.provider_limits import ProviderLimit
from tests.polling import until
from worker import limits as limits_module
from worker.asking import NotStarted
from worker.limits import FIRST_CALLS, CallLimits
from worker.providers.base import ProviderError


async def turn() -> None:
    """Lets every task that can go on go on."""
    for _ in range(5):
        await asyncio.sleep(0)


def limits_of(most_calls: int = 10, **section: int) -> CallLimits:
    settings = ProviderSettings(kind="openai", base_url="http://127.0.0.1:9", **section)  # type: ignore[arg-type]
    return CallLimits(most_calls, {"openai": settings, "control": ProviderSettings(kind="control")})


class OpenGate:
    """Lets every item start, and none go back."""

    job_id = "job"
    left_s = 60.0

    def check(self) -> None: ...
    def open(self) -> None: ...
    def begin_call(self) -> None: ...
    def undo_call(self) -> None: ...
    def put_off(self, seconds: float) -> None: ...


async def test_control_baselines_and_unknown_providers_wait_for_nothing() -> None:
    limits = limits_of()
    for provider in ("control", "other"):
        async with asyncio.timeout(60), limits.call(provider, 5, OpenGate()):
            pass
    limits.spent("control", 5)


async def in_call(limits: CallLimits, inside: list[int], leave: asyncio.Event) -> None:
    async with limits.call("openai", 1, OpenGate()):
        inside.append(1)
        try:
            await leave.wait()
        finally:
            inside.pop()


async def calling(limits: CallLimits, count: int) -> tuple[list[int], list["asyncio.Task[None]"], asyncio.Event]:
    inside: list[int] = []
    leave = asyncio.Event()
    tasks = [asyncio.create_task(in_call(limits, inside, leave)) for _ in range(count)]
    await turn()
    return inside, tasks, leave


async def test_no_call_starts_before_its_share_is_granted() -> None:
    limits = limits_of()
    inside, tasks, leave = await calling(limits, 4)
    assert not inside
    assert limits.starved.is_set()
    limits.providers["openai"].share(3, 1)
    await turn()
    assert len(inside) == 3
    leave.set()
    await asyncio.gather(*tasks)
    assert limits.providers["openai"].slots.in_use == 0


async def test_calls_in_flight_grow_with_the_answers_up_to_the_share() -> None:
    limits = limits_of(most_calls=100)
    provider = limits.providers["openai"]
    provider.share(40, 1)
    inside, tasks, leave = await calling(limits, 60)
    assert len(inside) == FIRST_CALLS
    for _ in range(10):
        await limits.answered("openai")
    await turn()
    assert len(inside) == FIRST_CALLS + 10
    for _ in range(100):
        await limits.answered("openai")
    await turn()
    assert len(inside) == 40
    leave.set()
    await asyncio.gather(*tasks)


async def test_after_a_refusal_no_call_begins_before_the_workers_agree() -> None:
    limits = limits_of()
    provider = limits.providers["openai"]
    provider.share(1, 1)
    with pytest.raises(ProviderError):
        async with limits.call("openai", 1, OpenGate()):
            raise ProviderError("slow down", reason=Reason.RATE_LIMITED, retryable=True, is_limit=True)
    inside, tasks, leave = await calling(limits, 1)
    assert not inside
    provider.turns.limit(None)
    await turn()
    assert len(inside) == 1
    leave.set()
    await asyncio.gather(*tasks)


async def test_a_worker_makes_no_more_calls_at_once_than_it_may_over_all_providers() -> None:
    limits = limits_of(most_calls=2)
    limits.providers["openai"].share(10, 1)
    inside, tasks, leave = await calling(limits, 5)
    assert len(inside) == 2
    leave.set()
    await asyncio.gather(*tasks)


@pytest.mark.parametrize(
    ("most_calls", "section", "granted"),
    [(10, {}, 1), (1, {}, 10), (10, {"requests_per_minute": 1}, 10)],
    ids=["for a slot", "for a place in the worker", "for the pace"],
)
async def test_a_call_cancelled_while_it_waits_loses_no_place(
    most_calls: int, section: dict[str, int], granted: int
) -> None:
    limits = limits_of(most_calls, **section)
    limits.providers["openai"].share(granted, 1)
    _, tasks, leave = await calling(limits, 3)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (limits.providers["openai"].slots.in_use, limits.calls.in_use) == (0, 0)
    assert (limits.providers["openai"].slots.wanted, limits.calls.wanted) == (0, 0)
    leave.set()


async def test_a_worker_that_drains_waits_for_no_pace() -> None:
    limits = limits_of(requests_per_minute=1)
    limits.providers["openai"].share(10, 1)
    inside, tasks, leave = await calling(limits, 2)
    assert not inside
    limits.drain()
    await turn()
    await turn()
    leave.set()
    await asyncio.wait_for(asyncio.gather(*tasks), 30)


async def test_waits_for_the_pace_count() -> None:
    waits: list[tuple[str, float]] = []
    settings = ProviderSettings(kind="openai", base_url="http://127.0.0.1:9", requests_per_minute=600)
    limits = CallLimits(10, {"openai": settings}, on_wait=lambda *wait: waits.append(wait))
    limits.providers["openai"].share(10, 1)
    for _ in range(3):
        async with limits.call("openai", 1, OpenGate()):
            pass
    assert [provider for provider, _ in waits] == ["openai"] * len(waits)
    assert sum(seconds for _, seconds in waits) > 0.15


class PuttingOffGate(OpenGate):
    """Lets an item go back if it is to wait, and no item start once it is closed."""

    def __init__(self) -> None:
        self.is_closed = False

    def check(self) -> None:
        if self.is_closed:
            raise NotStarted(None)

    def put_off(self, seconds: float) -> None:
        raise NotStarted(None)


async def test_a_call_of_more_tokens_than_the_pace_saves_up_waits_and_others_go_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits_module, "PATIENCE_S", 0.5)
    limits = limits_of(requests_per_minute=600, tokens_per_minute=600)
    provider, gate = limits.providers["openai"], PuttingOffGate()
    provider.share(10, 1)
    provider.tokens.take(-1000)  # of which a second's worth is saved up
    waiting = asyncio.create_task(limits.call("openai", 36_000, gate).__aenter__())
    await until(lambda: provider.tokens.wait_for(0) > 60, "the call's turn")
    with pytest.raises(NotStarted):
        await limits.call("openai", 1, PuttingOffGate()).__aenter__()
    gate.is_closed = True  # as if its job was cancelled
    with pytest.raises(NotStarted):
        await waiting
    assert (provider.tokens.wait_for(0), provider.requests.wait_for(0), provider.slots.in_use) == (0, 0, 0)


async def test_a_call_of_many_tokens_has_its_turn_as_soon_as_one_of_few() -> None:
    limits = limits_of(tokens_per_minute=60_000)
    provider = limits.providers["openai"]
    provider.share(10, 1)
    provider.tokens.take(1_500)  # a call of few tokens would wait here
    waiting = asyncio.create_task(limits.call("openai", 5_000, PuttingOffGate()).__aenter__())
    await until(lambda: waiting.done() or provider.tokens.wait_for(0) > 4, "the call's turn")
    assert not waiting.done()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_call_that_has_waited_for_a_rate_does_not_go_back_for_those_behind_it() -> None:
    limits = limits_of(requests_per_minute=600, tokens_per_minute=600)
    provider = limits.providers["openai"]
    provider.requests.take(1_000)
    provider.tokens.take(1_000)
    provider.turns.limit(ProviderLimit(pause_s=0.0, rate=100.0, goal=100.0, double_s=1.0))
    async with asyncio.timeout(60):
        await limits.own_turn(provider, PuttingOffGate())


def test_shares_reach_the_pace() -> None:
    limits = limits_of(requests_per_minute=60, tokens_per_minute=600)
    provider = limits.providers["openai"]
    provider.share(5, 3)
    assert (provider.slots.size, provider.requests.sharers, provider.tokens.sharers) == (5, 3, 3)
    provider.share(5, 0)
    assert provider.requests.sharers == 1
