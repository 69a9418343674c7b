"""How many calls may be under way, and how fast new ones may start: per worker, and per provider over all workers."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable

from service.config.settings import ProviderSettings

MINUTE_S = 60.0
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
        """How many are held or waited for."""
        return self.in_use + sum(not turn.done() for turn in self._waiting)

    @property
    def held(self) -> int:
        """How many may be in use before the next change of the size."""
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
    """A rate that may not be exceeded, as a bucket that fills by `per_minute` a minute; None is no limit."""

    def __init__(self, per_minute: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = None if per_minute is None else per_minute / MINUTE_S
        self._clock = clock
        self._at = clock()
        self._level = 0.0
        self.sharers = 1

    def take(self, amount: float) -> float:
        """Takes `amount` out of the bucket; the seconds to wait until that is covered."""
        if self._per_second is None:
            return 0.0
        rate = self._per_second / self.sharers
        now = self._clock()
        self._level = min(self._level + (now - self._at) * rate, max(rate * _BURST_S, 1.0))
        self._at = now
        self._level -= amount
        return max(-self._level / rate, 0.0)


class ProviderLimits:
    """What one worker may do at one provider."""

    def __init__(self, settings: ProviderSettings, starved: Callable[[], None]) -> None:
        self.most = settings.max_concurrency
        self.slots = Slots(0, starved)
        self.leased = 0  # what the store has down as ours
        self.requests = Pace(settings.requests_per_minute)
        self.tokens = Pace(settings.tokens_per_minute)

    def share(self, granted: int, sharers: int) -> None:
        """Takes over what this worker was granted of the provider's calls in flight, and of its rates."""
        self.slots.resize(granted)
        self.requests.sharers = self.tokens.sharers = max(sharers, 1)


class CallLimits:
    """One worker's limits. `starved` is set when a call waits for slots that might be leased."""

    def __init__(self, most_calls: int, providers: dict[str, ProviderSettings]) -> None:
        self.starved = asyncio.Event()
        self.draining = asyncio.Event()
        self.calls = Slots(most_calls)
        self.providers = {
            name: ProviderLimits(settings, self.starved.set)
            for name, settings in providers.items()
            if settings.kind != "control"
        }

    def call(self, provider: str, tokens: int) -> "Place":
        """Holds a place for one call of about `tokens` tokens. The control baselines call nobody."""
        return Place(self, self.providers.get(provider), tokens)

    def spent(self, provider: str, tokens: int) -> None:
        """Corrects the estimate that a call started with, by `tokens` more or less."""
        if limits := self.providers.get(provider):
            limits.tokens.take(tokens)

    async def paced(self, limits: ProviderLimits, tokens: int) -> None:
        """Waits until the provider's rates allow a call, or until the worker drains."""
        wait_s = max(limits.requests.take(1), limits.tokens.take(tokens))
        if wait_s > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):  # wait_for of Python 3.11 can swallow a cancellation
                    await self.draining.wait()


class Place:
    """A place for one call, while the block lasts. A class, since a generator here costs as much as the waiting."""

    def __init__(self, limits: CallLimits, provider: ProviderLimits | None, tokens: int) -> None:
        self._limits = limits
        self._provider = provider
        self._tokens = tokens

    async def __aenter__(self) -> None:
        if self._provider is None:
            return
        await self._provider.slots.acquire()
        try:
            await self._limits.paced(self._provider, self._tokens)
            await self._limits.calls.acquire()
        except BaseException:
            self._provider.slots.release()
            raise

    async def __aexit__(self, *_: object) -> None:
        if self._provider is not None:
            self._limits.calls.release()
            self._provider.slots.release()
