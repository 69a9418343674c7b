"""Limits on calls under way and on their rate: for each worker, and for each provider over all workers."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from service.config.settings import ProviderSettings
from service.contracts.outcomes import Reason
from service.store.provider_limits import ProviderStop
from worker.providers.base import ProviderError
from worker.turns import Turns

MINUTE_S = 60.0
PATIENCE_S = 2.0  # an item that would wait longer for its turn goes back to the queue, if that costs nothing
LONGEST_ABSENCE_S = 5.0  # else nobody would be there when the provider takes calls sooner than expected
STOP_AFTER = 2  # refusals for good, one after the other: a single one may be about one call
FIRST_CALLS = 16  # in flight to a provider that has not answered yet: its own limit may be far below the setting
_BURST_S = 1.0  # a rate may be used up to a second's worth ahead


class Slots:
    """A semaphore whose size can change while it is held. First come, first served."""

    def __init__(self, size: int, starved: Callable[[], None] = lambda: None) -> None:
        self.size = size
        self.in_use = 0
        self._starved = starved
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def wanted(self) -> int:
        """The number of slots that are held or waited for."""
        return self.in_use + sum(not turn.done() for turn in self._waiting)

    @property
    def held(self) -> int:
        """The number of slots that may be in use before the next change of the size."""
        return max(self.size, self.in_use)

    async def acquire(self) -> None:
        if self.in_use < self.size and not self._waiting:
            self.in_use += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._starved()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()
            raise

    def release(self) -> None:
        self.in_use -= 1
        self._hand_on()

    def resize(self, size: int) -> None:
        self.size = size
        self._hand_on()

    def _hand_on(self) -> None:
        while self._waiting and self.in_use < self.size:
            turn = self._waiting.popleft()
            if not turn.done():
                self.in_use += 1
                turn.set_result(None)


class Pace:
    """A rate that may not be exceeded: a bucket that fills by `per_minute` a minute. None is no limit."""

    def __init__(self, per_minute: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = None if per_minute is None else per_minute / MINUTE_S
        self._clock = clock
        self._at = clock()
        self._level = 0.0
        self.sharers = 1

    def take(self, amount: float) -> float:
        """Takes `amount` out of the bucket. Returns the seconds to wait until that is covered."""
        wait_s = self.wait_for(amount)
        self._level -= amount
        return wait_s

    def wait_for(self, amount: float) -> float:
        """Returns the seconds to wait until `amount` could be taken."""
        if self._per_second is None:
            return 0.0
        rate = self._per_second / self.sharers
        now = self._clock()
        self._level = min(self._level + (now - self._at) * rate, max(rate * _BURST_S, 1.0))
        self._at = now
        return max((amount - self._level) / rate, 0.0)


class ItemGate(Protocol):
    """The gate through which an item's calls pass. See `worker.running_jobs.JobGate`."""

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


class ProviderLimits:
    """The limits of one worker's calls to one provider."""

    def __init__(self, settings: ProviderSettings, starved: Callable[[], None]) -> None:
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

    def expected_s(self, tokens: int) -> float:
        """Returns the seconds for which a call of `tokens` tokens would have to wait for its turn, about."""
        return max(self.requests.wait_for(1), self.tokens.wait_for(tokens), self.turns.expected_s)


class Reporter(Protocol):
    """Tells the other workers of a provider's limits. See `worker.shared_limits`."""

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
    `on_wait` is told of each wait for a provider's own limit.
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
            name: ProviderLimits(settings, self.starved.set)
            for name, settings in providers.items()
            if settings.kind != "control"
        }
        self.calls = CallPlaces(most_calls, list(self.providers))
        self._reporter = reporter
        self._on_wait = on_wait

    def call(self, provider: str, tokens: int, gate: ItemGate) -> "CallPlace":
        """Holds a place for one call of about `tokens` tokens. The control baselines call nobody."""
        return CallPlace(self, provider, self.providers.get(provider), tokens, gate)

    def spent(self, provider: str, tokens: int) -> None:
        """Corrects the estimate that a call started with, by `tokens` more or less."""
        if limits := self.providers.get(provider):
            limits.tokens.take(tokens)

    async def refused(self, provider: str, error: ProviderError, began: float) -> bool:
        """Notes an error for all workers. Returns whether the call has to wait for its turn, and then be made again.

        `began` is when the call did, on the monotonic clock.
        """
        limits = self.providers.get(provider)
        if limits is None or self._reporter is None:
            return False
        if error.stops_calls:
            limits.turns.doubts += 1
            if limits.turns.doubts >= STOP_AFTER:
                await self._reporter.stopped(provider, limits.turns, error)
            return False
        if error.is_limit or (error.retryable and error.retry_after):
            await self._reporter.refused(provider, limits.turns, error, began)
        return error.is_limit

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

    async def turn(self, provider: str, limits: ProviderLimits, tokens: int, gate: ItemGate) -> None:
        """Waits until the provider's rates allow a call, or until the worker drains.

        Raises ProviderError if that takes longer than the item may wait, and NotStarted if the item is put off.
        """
        self.put_off(limits, tokens, gate)
        wait_s = max(limits.requests.take(1), limits.tokens.take(tokens))
        if wait_s > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):  # wait_for of Python 3.11 can swallow a cancellation
                    await self.draining.wait()
        await self.own_turn(provider, limits, gate)

    async def own_turn(self, provider: str, limits: ProviderLimits, gate: ItemGate) -> None:
        """Waits until the provider's own limit allows a call. Raises as `turn` does."""
        if not limits.turns.is_limited:
            return
        self.put_off(limits, 0, gate)
        try:
            async with asyncio.timeout(gate.left_s):
                self._on_wait(provider, await limits.turns.take(lambda: self._put_off_at_change(limits, gate)))
        except TimeoutError as error:
            message = f"{provider} limits calls, and this one had no turn before the job's deadline"
            raise _uncalled(ProviderError(message, reason=Reason.RATE_LIMITED, retryable=False)) from error

    def drain(self) -> None:
        """Lets items that wait for their turn go back to the queue, if that costs nothing."""
        self.draining.set()
        for each in self.providers.values():
            each.turns.wake()

    def _put_off_at_change(self, limits: ProviderLimits, gate: ItemGate) -> None:
        """As `put_off`, for an item that waits already: only a pause or the drain is news to it."""
        self._put_off(limits, gate, limits.turns.expected_s if self.draining.is_set() else limits.turns.pause_s)

    def put_off(self, limits: ProviderLimits, tokens: int, gate: ItemGate) -> None:
        """Raises NotStarted if the item had better come back later than wait here, where others could be at work."""
        self._put_off(limits, gate, limits.expected_s(tokens))

    def _put_off(self, limits: ProviderLimits, gate: ItemGate, expected_s: float) -> None:
        if expected_s > PATIENCE_S or (expected_s and self.draining.is_set()):
            gate.put_off(min(expected_s, max(limits.turns.pause_s, LONGEST_ABSENCE_S)))


class CallPlaces:
    """The places for calls of one worker. Some are kept for each provider, so that one that hangs takes not all."""

    def __init__(self, size: int, providers: Sequence[str]) -> None:
        self._size = size
        self._kept = max(size // (4 * len(providers)), 1) if 1 < len(providers) <= size else 0
        self._in_use = dict.fromkeys(providers, 0)
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {name: deque() for name in providers}

    @property
    def in_use(self) -> int:
        """The number of places that are held."""
        return sum(self._in_use.values())

    @property
    def wanted(self) -> int:
        """The number of places that are held or waited for."""
        return self.in_use + sum(not turn.done() for waiting in self._waiting.values() for turn in waiting)

    async def acquire(self, provider: str) -> None:
        """Waits for a place; first come, first served among the calls of one provider."""
        if not self._waiting[provider] and self._is_free(provider):
            self._in_use[provider] += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[provider].append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release(provider)
            raise

    def release(self, provider: str) -> None:
        """Gives back a place, to the calls of the provider that has the fewest."""
        self._in_use[provider] -= 1
        for name in sorted(self._waiting, key=self._in_use.__getitem__):
            waiting = self._waiting[name]
            while waiting and self._is_free(name):
                turn = waiting.popleft()
                if not turn.done():
                    self._in_use[name] += 1
                    turn.set_result(None)

    def _is_free(self, provider: str) -> bool:
        """Returns whether the provider may take one more place, with those left that are kept for the others."""
        kept = sum(max(self._kept - used, 0) for name, used in self._in_use.items() if name != provider)
        return self.in_use + kept < self._size


class CallPlace:
    """A place for one call, while the block lasts. A class, since a generator here costs as much as the waiting."""

    def __init__(
        self, limits: CallLimits, name: str, provider: ProviderLimits | None, tokens: int, gate: ItemGate
    ) -> None:
        self._limits = limits
        self._name = name
        self._provider = provider
        self._tokens = tokens
        self._gate = gate
        self._is_probe = False

    async def __aenter__(self) -> None:
        if self._provider is None:
            self._gate.begin_call()
            return
        provider, turns = self._provider, self._provider.turns
        self._limits.put_off(provider, self._tokens, self._gate)
        self._is_probe = bool(turns.doubts) and await turns.probe()
        try:
            _refuse(turns.stopped)
            await provider.slots.acquire()
        except BaseException:
            self._end_probe()
            raise
        try:
            await self._limits.turn(self._name, provider, self._tokens, self._gate)
            await self._limits.calls.acquire(self._name)
            while turns.pause_s:  # which began while this call waited for its place
                self._limits.calls.release(self._name)
                await self._limits.own_turn(self._name, provider, self._gate)
                await self._limits.calls.acquire(self._name)
        except BaseException:
            provider.slots.release()
            self._end_probe()
            raise
        try:
            _refuse(turns.stopped)
            self._gate.begin_call()
        except BaseException:
            self._release(provider)
            raise
        turns.answers.begin()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if self._provider is not None:
            self._provider.turns.answers.end(answered=kind is None)
            if isinstance(error, ProviderError) and error.is_limit:
                self._provider.turns.hold()
            self._release(self._provider)

    def _release(self, provider: ProviderLimits) -> None:
        self._limits.calls.release(self._name)
        provider.slots.release()
        self._end_probe()

    def _end_probe(self) -> None:
        if self._is_probe and self._provider is not None:
            self._is_probe = False
            self._provider.turns.end_probe()


def _refuse(stop: ProviderStop | None) -> None:
    """Raises the error with which a provider refuses every call, without calling it."""
    if stop is not None:
        raise _uncalled(ProviderError(stop.message, reason=stop.reason, retryable=False))


def _uncalled(error: ProviderError) -> ProviderError:
    error.attempts = error.faults = 0
    return error
