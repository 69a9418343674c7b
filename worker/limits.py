"""Limits on calls under way and on their rate: for each worker, and for each provider over all workers."""

import asyncio
import contextlib
import math
import random
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from service.config.settings import ProviderSettings
from service.contracts.outcomes import Reason
from service.store.clock import seconds
from service.store.provider_limits import ProviderStop
from worker.breakers import Breaker, BreakerReporter
from worker.pace import Pace
from worker.places import CallPlaces, Slots
from worker.providers.base import ProviderError
from worker.retrying import Retrying
from worker.tries import NextStep, Tries
from worker.turns import Turns

PATIENCE_S = 2.0  # an item that would wait longer for its turn goes back to the queue, if that costs nothing
LONGEST_ABSENCE_S = 5.0  # else nobody would be there when the provider takes calls sooner than expected
_LONGEST_PAUSE_S = 30.0  # as long an absence as the provider asks for, up to this: a limit may end before its time
STOP_AFTER = 2  # refusals for good, one after the other: a single one may be about one call
FIRST_CALLS = 16  # in flight to a provider that has not answered yet: its own limit may be far below the setting
MOMENT_S = 0.2  # the longest wait after a single refusal, if no wait was asked for
_TRIAL_SPARE_S = 10.0  # beyond its time limit, for a call that tries whether a provider works again


class ItemGate(Protocol):
    """The gate through which an item's calls pass. See `worker.running_jobs.JobGate`."""

    @property
    def job_id(self) -> str:
        """The job of the item: jobs take turns."""
        ...

    @property
    def left_s(self) -> float:
        """The seconds for which the item may wait for its turn."""
        ...

    def check(self) -> None:
        """Raises NotStarted if the item has not started and must not start."""
        ...

    def open(self) -> None:
        """Starts the item: a vote that was paid for is served, or a call begins. Raises NotStarted as `check` does."""
        ...

    def begin_call(self) -> None:
        """Opens the gate for a call. Raises NotStarted as `check` does."""
        ...

    def undo_call(self) -> None:
        """Says that the call cost nothing: the provider refused it."""
        ...

    def put_off(self, seconds: float) -> None:
        """Raises NotStarted, so that the item comes back later, unless a call of it was paid for or is under way."""
        ...


class CallMoney(Protocol):
    """The money for one call. See `worker.payments.Payment`."""

    async def reserve(self) -> None:
        """Waits until the money is reserved, unless it is already. Raises ProviderError (budget) if it never fits."""
        ...

    async def top_up(self) -> bool:
        """Reserves what the call may cost more by now. Returns False, with nothing reserved, if that is not there."""
        ...


class ProviderLimits:
    """The limits of one worker's calls to the provider of a name."""

    def __init__(self, name: str, settings: ProviderSettings, starved: Callable[[], None]) -> None:
        self.name = name
        self.most = settings.max_concurrency
        self.slots = Slots(0, starved)
        self.leased = 0  # as the store has it
        self._granted = 0
        self._window = FIRST_CALLS
        self.requests = Pace(settings.requests_per_minute)
        self.tokens = Pace(settings.tokens_per_minute)
        self.turns = Turns()

    def share(self, granted: int, sharers: int) -> None:
        """Takes over this worker's share of the provider's calls in flight, and of its rates."""
        self._granted = granted
        self.slots.resize(min(granted, self._window))
        self.requests.sharers = self.tokens.sharers = self.turns.sharers = max(sharers, 1)

    def widen(self) -> None:
        """Notes an answer: more calls may be in flight, up to this worker's share (slow start, RFC 5681)."""
        if self._window < self.most:
            self._window += 1
            self.slots.resize(min(self._granted, self._window))

    @property
    def is_free(self) -> bool:
        """Whether neither a rate nor a limit of the provider's own can hold a call up."""
        return self.turns.is_free and self.requests.is_endless and self.tokens.is_endless

    @property
    def expected_s(self) -> float:
        """The seconds for which one more call, of many tokens or of few, would have to wait for its turn, about."""
        # If calls of many tokens had to wait until more of them are saved up, those of few would always come first.
        return max(self.requests.wait_for(1), self.tokens.wait_for(1), self.turns.expected_s)

    def give_back(self, tokens: int) -> None:
        """Gives back what a call took that is not made."""
        self.requests.take(-1)
        self.tokens.take(-tokens)


class Reporter(BreakerReporter, Protocol):
    """Tells the other workers of a provider's limits and failures. See `worker.shared_limits`."""

    async def refused(self, provider: str, turns: Turns, error: ProviderError, began: float) -> None:
        """A call that began at `began` (monotonic) was refused because there were too many."""
        ...

    async def stopped(self, provider: str, turns: Turns, error: ProviderError) -> None:
        """The provider refuses every call."""
        ...

    async def answered(self, provider: str, turns: Turns) -> None:
        """The provider answers again, after it was in doubt whether it takes any call."""
        ...


OnWait = Callable[[str, float], None]  # provider, seconds


class CallLimits:
    """One worker's limits. `starved` is set when a call waits for slots that might be leased.

    `reporter` shares the providers' own limits with other workers; without one, a refusal is an error like another.
    `on_wait` is told of each wait for a rate or a limit of a provider's own, in a worker or out of it.
    """

    def __init__(
        self,
        most_calls: int,
        providers: dict[str, ProviderSettings],
        reporter: Reporter | None = None,
        on_wait: OnWait = lambda provider, seconds: None,
    ) -> None:
        self.starved = asyncio.Event()
        self.draining = asyncio.Event()
        self.providers = {
            name: ProviderLimits(name, settings, self.starved.set)
            for name, settings in providers.items()
            if settings.kind != "control"
        }
        self.calls = CallPlaces(most_calls, list(self.providers))
        self._trial_s = {name: each.timeout_seconds + _TRIAL_SPARE_S for name, each in providers.items()}
        self._breakers: dict[str, Breaker] = {}
        self._reporter = reporter
        self._on_wait = on_wait

    def call(
        self,
        provider: str,
        tokens: int,
        gate: ItemGate,
        model: str = "",
        tries: Tries | None = None,
        money: CallMoney | None = None,
    ) -> "CallPlace":
        """Holds a place for one call of about `tokens` tokens. The control baselines call nobody, and cost nothing.

        `model` is the "provider/model" that is called, and `tries` are the failed calls before. A call that has to be
        paid waits for its `money` before it waits for its place.
        """
        limits, breaker = self.providers.get(provider), self.breaker(model)
        return CallPlace(self, provider, limits, tokens, gate, breaker, tries or _no_tries(), money)

    def breaker(self, model: str) -> Breaker | None:
        """Returns the breaker of a "provider/model"; None if its provider has no limits here."""
        provider = model.partition("/")[0]
        if model not in self._breakers and provider in self.providers:
            self._breakers[model] = Breaker(model, self._trial_s[provider], self._reporter)
        return self._breakers.get(model)

    def blocked_models(self) -> list[str]:
        """Returns the models whose items would be put off now, for an open breaker or a limit of their provider."""
        return [
            model
            for model, breaker in self._breakers.items()
            if breaker.wait_s > PATIENCE_S or self.providers[model.partition("/")[0]].turns.pause_s > PATIENCE_S
        ]

    async def next_step(self, model: str, error: ProviderError, tries: Tries) -> NextStep:
        """Returns the step after a failure that was counted. An item that has to wait opens the model's breaker."""
        breaker = self._breakers.get(model) if self._reporter is not None else None
        step = tries.next_step(error, math.inf if breaker is None else breaker.proved_at, seconds())
        if breaker is not None and step is NextStep.WAIT:
            await breaker.open(error)
        return step

    def spent(self, provider: str, tokens: int) -> None:
        """Corrects the estimate that a call started with, by `tokens` more or less."""
        if limits := self.providers.get(provider):
            limits.tokens.take(tokens)

    async def refused(self, provider: str, error: ProviderError, began: float, refusals: int, gate: ItemGate) -> bool:
        """Notes an error for all workers. Returns whether the call has to wait for its turn, and then be made again.

        `began` is when the call did, on the monotonic clock, and `refusals` how often it was refused before. A single
        refusal among answers, with no wait asked for, is no limit: only this call waits, for a moment.
        """
        limits = self.providers.get(provider)
        if limits is None or self._reporter is None:
            return False
        if error.stops_calls:
            limits.turns.doubts += 1
            if limits.turns.doubts >= STOP_AFTER:
                await self._reporter.stopped(provider, limits.turns, error)
            return False
        if error.is_limit and error.retry_after is None and not limits.turns.refusals.show_a_limit:
            await self._moment(refusals, gate)
        elif error.is_limit or (error.retryable and error.retry_after):
            await self._reporter.refused(provider, limits.turns, error, began)
        return error.is_limit

    async def _moment(self, refusals: int, gate: ItemGate) -> None:
        """Waits for a moment, longer after each refusal of the same call, or until the worker drains."""
        longest = min(MOMENT_S * 2.0 ** min(refusals, 5), gate.left_s)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(longest * (1 + random.random()) / 2):
                await self.draining.wait()

    async def answered(self, provider: str) -> None:
        """Notes an answer: the provider takes calls."""
        limits = self.providers.get(provider)
        if limits is None:
            return
        limits.widen()
        if limits.turns.doubts:
            limits.turns.doubts = 0
            if self._reporter is not None:
                await self._reporter.answered(provider, limits.turns)

    async def turn(self, limits: ProviderLimits, tokens: int, gate: ItemGate) -> None:
        """Waits until the provider's rates allow a call, or until the worker drains.

        Raises ProviderError if that takes longer than the item may wait, and NotStarted if the item is put off.
        """
        if limits.is_free:
            return
        self.put_off(limits, gate)
        wait_s = max(limits.requests.take(1), limits.tokens.take(tokens))
        try:
            if wait_s > 0:
                await self._waited(limits, gate, self._pause(wait_s, gate))
            await self.own_turn(limits, gate)
        except BaseException:
            limits.give_back(tokens)
            raise

    async def _pause(self, wait_s: float, gate: ItemGate) -> None:
        """Waits, unless the worker drains. Raises NotStarted once the item may not start any more."""
        ends = time.monotonic() + wait_s
        while (left_s := ends - time.monotonic()) > 0 and not self.draining.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left_s, PATIENCE_S)):  # 3.11's wait_for can swallow a cancellation
                    await self.draining.wait()
            gate.check()

    async def own_turn(self, limits: ProviderLimits, gate: ItemGate) -> None:
        """Waits until the provider's own limit allows a call. Raises as `turn` does."""
        if not limits.turns.is_limited:
            return
        self._put_off(limits, gate, limits.turns.expected_s)
        await self._waited(limits, gate, limits.turns.take(lambda: self._put_off_at_change(limits, gate)))

    async def _waited(self, limits: ProviderLimits, gate: ItemGate, turn: Awaitable[None]) -> None:
        """Waits for a turn, as long as the item may. Raises ProviderError if that is not long enough."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(gate.left_s):
                await turn
        except TimeoutError as error:
            message = f"{limits.name} limits calls, and this one had no turn before the job's deadline"
            raise _uncalled(ProviderError(message, reason=Reason.RATE_LIMITED, retryable=False)) from error
        finally:
            self._on_wait(limits.name, time.monotonic() - began)

    def look_again(self, job_id: str) -> None:
        """Has the items of a job that wait for a place look whether they still may start."""
        self.calls.wake(job_id)
        for each in self.providers.values():
            each.slots.wake(job_id)

    def drain(self) -> None:
        """Lets items that wait for their turn go back to the queue, if that costs nothing."""
        self.draining.set()
        for each in self.providers.values():
            each.turns.wake()
        for breaker in self._breakers.values():
            breaker.wake()

    def _put_off_at_change(self, limits: ProviderLimits, gate: ItemGate) -> None:
        """As `put_off`, for an item that waits already: only a pause or the drain is news to it."""
        self._put_off(limits, gate, limits.turns.expected_s if self.draining.is_set() else limits.turns.pause_s)

    def put_off(self, limits: ProviderLimits, gate: ItemGate) -> None:
        """Raises NotStarted if the item had better come back later than wait here, where others could be at work."""
        if not limits.is_free:
            self._put_off(limits, gate, limits.expected_s)

    def _put_off(self, limits: ProviderLimits, gate: ItemGate, expected_s: float, *, is_limit: bool = True) -> None:
        if expected_s > PATIENCE_S or (expected_s and self.draining.is_set()):
            absence_s = min(expected_s, max(limits.turns.pause_s, LONGEST_ABSENCE_S), _LONGEST_PAUSE_S, gate.left_s)
            try:
                gate.put_off(absence_s)
            except Exception:
                if is_limit:
                    self._on_wait(limits.name, absence_s)
                raise

    async def enter(self, limits: ProviderLimits, breaker: Breaker, gate: ItemGate, tries: Tries) -> bool:
        """Waits while the model's breaker is open. Returns whether this call tries. Raises as `own_turn` does."""

        def put_off(wait_s: float) -> None:
            if not tries.has_begun or self.draining.is_set():
                self._put_off(limits, gate, wait_s, is_limit=False)

        return await breaker.enter(gate, tries, put_off)


class CallPlace:
    """A place for one call, while the block lasts. A class, since a generator here costs as much as the waiting."""

    def __init__(
        self,
        limits: CallLimits,
        name: str,
        provider: ProviderLimits | None,
        tokens: int,
        gate: ItemGate,
        breaker: Breaker | None,
        tries: Tries,
        money: CallMoney | None,
    ) -> None:
        self._limits = limits
        self._name = name
        self._provider = provider
        self._tokens = tokens
        self._gate = gate
        self._breaker = breaker
        self._before = tries
        self._money = money
        self._is_probe = False  # of the provider, whose key or quota is in doubt
        self._tries = False  # whether the model's provider works again
        self._number = 0
        self._began = 0.0  # Unix seconds

    async def __aenter__(self) -> None:
        if self._provider is None:
            self._gate.begin_call()
            return
        if self._begins_at_once(self._provider):
            return
        while True:
            if self._money is not None:
                await self._money.reserve()
            if self._breaker is not None:
                self._tries = await self._limits.enter(self._provider, self._breaker, self._gate, self._before)
            try:
                if await self._take_places(self._provider) and await self._may_begin(self._provider):
                    self._begin(self._provider)
                    return
            except BaseException:
                await self._end_trial()
                raise
            await self._end_trial()

    def _begins_at_once(self, provider: ProviderLimits) -> bool:
        """Returns whether the call has begun: nothing held it up, and both places were free."""
        is_open = self._breaker is not None and self._breaker.is_open
        if self._money is not None or is_open or provider.turns.doubts or not provider.is_free:
            return False
        if not provider.slots.take():
            return False
        if not self._limits.calls.take(self._name):
            provider.slots.release()
            return False
        self._begin(provider)
        return True

    async def _may_begin(self, provider: ProviderLimits) -> bool:
        """Returns whether the call may begin now, else gives its places back: nobody waits for money in a place."""
        may_begin = False
        try:
            if await self._is_paid():
                # The breaker may have opened, or a pause begun, while this call waited for its places and its money.
                is_let_through = self._breaker is None or self._tries or self._breaker.lets_through(self._before)
                may_begin = is_let_through and not provider.turns.pause_s
        finally:
            if not may_begin:
                self._release(provider)
        return may_begin

    async def _is_paid(self) -> bool:
        return self._money is None or await self._money.top_up()

    async def _take_places(self, provider: ProviderLimits) -> bool:
        """Returns False, with no place taken, if the call may cost more by now than is there: a turn would be lost."""
        turns = provider.turns
        self._limits.put_off(provider, self._gate)
        self._is_probe = bool(turns.doubts) and await turns.probe()
        try:
            _refuse(turns.stopped)
            await provider.slots.acquire(self._gate.job_id, self._gate.check)
        except BaseException:
            self._end_probe()
            raise
        has_places = False
        try:
            if not await self._is_paid():
                return False
            await self._limits.turn(provider, self._tokens, self._gate)
            await self._limits.calls.acquire(self._name, self._gate.job_id, self._gate.check)
            while turns.pause_s:  # which began while this call waited for its place
                self._limits.calls.release(self._name)
                await self._limits.own_turn(provider, self._gate)
                await self._limits.calls.acquire(self._name, self._gate.job_id, self._gate.check)
            has_places = True
        finally:
            if not has_places:
                provider.slots.release()
                self._end_probe()
        return True

    def _begin(self, provider: ProviderLimits) -> None:
        try:
            _refuse(provider.turns.stopped)
            self._gate.begin_call()
        except BaseException:
            self._release(provider)
            raise
        self._number = provider.turns.begin_call()
        self._began = seconds()
        if not self._tries:
            self._before.has_begun = True

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if self._provider is not None:
            self._note(self._provider.turns, error)
            self._release(self._provider)
        if self._breaker is not None:
            await self._breaker.ended(error, item=id(self._gate), began=self._began, tried=self._tries)

    async def _end_trial(self) -> None:
        """Lets another call try: this one was not made."""
        if self._breaker is not None and self._tries:
            self._tries = False
            await self._breaker.drop_trial()

    def _note(self, turns: Turns, error: BaseException | None) -> None:
        """Notes how the call ended. Holds all calls if it met a limit, until the workers agree how to go on."""
        is_limit = isinstance(error, ProviderError) and error.is_limit
        is_announced = isinstance(error, ProviderError) and error.retry_after is not None
        turns.end_call(self._number, refused=is_limit, announced=is_announced, answered=error is None)
        if is_limit and (is_announced or turns.refusals.show_a_limit):
            turns.hold()

    def _release(self, provider: ProviderLimits) -> None:
        self._limits.calls.release(self._name)
        provider.slots.release()
        self._end_probe()

    def _end_probe(self) -> None:
        if self._is_probe and self._provider is not None:
            self._is_probe = False
            self._provider.turns.end_probe()


def _no_tries() -> Tries:
    return Tries(Retrying())


def _refuse(stop: ProviderStop | None) -> None:
    """Raises the error with which a provider refuses every call, without calling it."""
    if stop is not None:
        raise _uncalled(ProviderError(stop.message, reason=stop.reason, retryable=False))


def _uncalled(error: ProviderError) -> ProviderError:
    error.attempts = error.faults = 0
    return error
