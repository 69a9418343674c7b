"""When a call to a provider may begin: a worker's view of the limits that the provider puts on all workers' calls.

The provider's own limit is met when it refuses a call. From then on nobody calls it before the wait that it asked for
is over (without one, all workers back off together), and calls begin one by one at the rate that the answers so far
show.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from service.store.provider_limits import ProviderLimit, ProviderStop

FREE_RATE = 1000.0  # calls per second of one worker; a limit that allows more is none
SPAN_S = 60.0  # how far back answers are counted to tell the rate that a provider takes: most limits are per minute
_HOLD_S = 1.0  # the longest time in which the workers agree on a limit; until then no call begins
_MOMENT_S = 0.01  # answers that come together are counted together: there may be 100,000 in a minute
_IDLE_S = 1.0  # a longer time without any call says nothing of the rate
_LIMIT_AT = 5  # refusals without an answer between them: fewer are accidents, which any provider has
_ANSWER_WEIGHT = 2  # refusals that one answer outweighs
_OTHERS_EACH = 5  # the least other calls for each single refusal

Clock = Callable[[], float]


class AnswerCount:
    """The answers that came since the last pause, within SPAN_S, while there was something to ask."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._answered: deque[tuple[float, int]] = deque()  # times, each with the answers of the moment that began then
        self._running = 0
        self._since = clock()
        self._idle_since = -_IDLE_S

    def begin(self) -> None:
        """A call begins."""
        now = self._clock()
        if not self._running and now - self._idle_since >= _IDLE_S:
            self.restart()
        self._running += 1

    def end(self, *, answered: bool) -> None:
        """A call ended, with an answer or without one."""
        self._running -= 1
        self._idle_since = now = self._clock()
        if answered:
            began, answers = now, 0
            if self._answered and now - self._answered[-1][0] < _MOMENT_S:
                began, answers = self._answered.pop()
            self._answered.append((began, answers + 1))
            while self._answered[0][0] < now - SPAN_S:
                self._answered.popleft()

    def restart(self, after_s: float = 0.0) -> None:
        """Forgets the answers so far, and counts those from so many seconds on."""
        self._since = self._clock() + after_s
        self._answered.clear()

    def counted(self) -> tuple[int, float]:
        """Returns the number of answers, and the seconds in which they came."""
        now = self._clock()
        since = max(self._since, now - SPAN_S)
        return sum(answers for began, answers in self._answered if began >= since), max(now - since, 0.0)


class Refusals:
    """Tells a limit that was not announced from single refusals among answers.

    A provider whose limit is met refuses one call after the other. Refusals often come before the answers to calls that
    began with them, so those are awaited. If the provider never answered and no other call is under way, one refusal
    counts as a limit.
    """

    def __init__(self) -> None:
        self.show_a_limit = False
        self._begun = 0
        self._under_way: set[int] = set()
        self._has_answered = False
        self._in_a_row = 0
        self._first = 0  # the first call of those refused in a row

    def begin(self) -> int:
        """A call begins. Returns its number."""
        self._begun += 1
        self._under_way.add(self._begun)
        return self._begun

    def end(self, call: int, *, refused: bool, answered: bool) -> None:
        """A call ended. `refused` if the provider did not say for how long it refuses calls."""
        self._under_way.discard(call)
        if refused:
            self._refused(call)
        elif answered:
            self._has_answered = True
            if call >= self._first:  # an earlier one may have been answered before the limit was met
                self._in_a_row = max(self._in_a_row - _ANSWER_WEIGHT, 0)

    def _refused(self, call: int) -> None:
        self._first = min(self._first, call) if self._in_a_row else call
        self._in_a_row += 1
        awaited = sum(each > self._first for each in self._under_way)
        one_is_enough = not self._has_answered and not self._under_way
        self.show_a_limit = one_is_enough or self._in_a_row >= _LIMIT_AT + awaited


class Sample:
    """The calls that began since the last pause.

    A provider whose limit is met refuses nearly all calls from then on. If it refuses single ones among answers, slower
    calls would not help. Calls under way count as answers until they end: each refusal is looked at.
    """

    def __init__(self) -> None:
        self._was_paused = False
        self._first = 0  # its first call
        self._calls = self._refusals = self._failures = 0

    def pause(self) -> None:
        """No call begins for a while: the next one is the first of another sample."""
        self._was_paused = True

    def begin(self, call: int) -> None:
        """A call begins."""
        if self._was_paused:
            self._was_paused = False
            self._first, self._calls, self._refusals, self._failures = call, 0, 0, 0
        self._calls += 1

    def end(self, call: int, *, refused: bool, answered: bool) -> None:
        """A call ended."""
        if call >= self._first:
            self._refusals += refused
            self._failures += not (refused or answered)

    @property
    def is_single(self) -> bool:
        """Whether the refusals so far are single ones among answers."""
        others = self._calls - self._refusals - self._failures
        return others >= _OTHERS_EACH * max(self._refusals, 1)


class Turns:
    """The turns of one worker's calls to one provider. First come, first served."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._limit: ProviderLimit | None = None
        self._limit_at = 0.0
        self._next_at = 0.0
        self._held_until = 0.0
        self._order = asyncio.Lock()
        self._changed = asyncio.Event()
        self._stop: ProviderStop | None = None
        self._stopped_until = 0.0
        self._probe = asyncio.Lock()
        self.answers = AnswerCount(clock)
        self.refusals = Refusals()
        self.sample = Sample()
        self.sharers = 1
        self.waiting = 0
        self.doubts = 0  # calls that were refused for good, since the last answer

    @property
    def is_free(self) -> bool:
        """Whether the provider has put no limit on calls: the rest of this class need not be asked."""
        return self._limit is None and not self._held_until

    @property
    def pause_s(self) -> float:
        """The seconds for which nobody may call, 0 if anybody may."""
        if self.is_free:
            return 0.0
        until = self._held_until
        if self._limit is not None:
            until = max(until, self._limit_at + self._limit.pause_s)
        return max(until - self._clock(), 0.0)

    @property
    def expected_s(self) -> float:
        """The seconds that one more call would have to wait, about."""
        if self._limit is None or self._rate() is None:
            return self.pause_s
        start_s = max(self.pause_s, self._next_at - self._clock())
        over_s = self._clock() - self._limit_at - self._limit.pause_s + start_s
        return start_s + self._limit.span_of(self.waiting * max(self.sharers, 1), max(over_s, 0.0))

    @property
    def is_limited(self) -> bool:
        """Whether a call has to ask for its turn."""
        return self._rate() is not None or self.pause_s > 0

    def begin_call(self) -> int:
        """A call begins. Returns its number."""
        number = self.refusals.begin()
        self.answers.begin()
        self.sample.begin(number)
        return number

    def end_call(self, number: int, *, refused: bool, announced: bool, answered: bool) -> None:
        """A call ended. `refused` if there were too many, `announced` if the provider said for how long."""
        self.answers.end(answered=answered)
        self.sample.end(number, refused=refused, answered=answered)
        self.refusals.end(number, refused=refused and not announced, answered=answered)

    def hold(self) -> None:
        """Lets no call begin until `limit` tells how all workers go on: a call was refused a moment ago."""
        self._held_until = self._clock() + _HOLD_S
        self.sample.pause()

    def limit(self, limit: ProviderLimit | None) -> None:
        """Takes over the limit that all workers keep."""
        if limit is not None and limit.pause_s > 0:
            self.answers.restart(limit.pause_s)
            self.sample.pause()
        self._limit, self._limit_at, self._held_until = limit, self._clock(), 0.0
        self.wake()

    def wake(self) -> None:
        """Makes the call whose turn is next look again."""
        self._changed.set()

    def pause(self, seconds: float) -> None:
        """Makes at least this worker wait, if the store can't tell the others."""
        known = self._limit or ProviderLimit(0.0, 1.0, 0.0, 1.0)
        self.limit(known._replace(pause_s=max(seconds, self.pause_s)))

    def stop(self, stop: ProviderStop | None, seconds: float) -> None:
        """Takes over that the provider refuses every call, for so many seconds; None if it does not any more."""
        if stop is not None:
            self.doubts = max(self.doubts, 1)
            self._stopped_until = self._clock() + seconds
        self._stop = stop

    @property
    def stopped(self) -> ProviderStop | None:
        """Why nobody may call at all; None if anybody may."""
        return self._stop if self._stop is not None and self._clock() < self._stopped_until else None

    async def take(self, give_up: Callable[[], None] = lambda: None) -> None:
        """Waits until a call may begin. `give_up` is called at each change, and may raise to end the waiting."""
        if not self.is_limited:
            return
        self.waiting += 1
        try:
            async with self._order:
                await self._wait(give_up)
                rate, now = self._rate(), self._clock()
                if rate is not None:  # a turn taken late does not delay those behind it
                    self._next_at = max(self._next_at + 1 / rate, now)
        finally:
            self.waiting -= 1

    async def _wait(self, give_up: Callable[[], None]) -> None:
        while (left := max(self.pause_s, self._next_at - self._clock())) > 0 and self.is_limited:
            give_up()
            self._changed.clear()
            try:
                async with asyncio.timeout(left):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def probe(self) -> bool:
        """While it is in doubt whether the provider takes any call, lets one call at a time begin.

        Returns whether the caller is that one: it must call `end_probe`.
        """
        if not self.doubts:
            return False
        await self._probe.acquire()
        if self.doubts and self.stopped is None:
            return True
        self._probe.release()
        return False

    def end_probe(self) -> None:
        """Lets the next one begin."""
        self._probe.release()

    def _rate(self) -> float | None:
        """Returns the calls per second that this worker may begin now; None if there is no limit."""
        if self._limit is None:
            return None
        over_s = self._clock() - self._limit_at - self._limit.pause_s
        rate = self._limit.rate_after(max(over_s, 0.0)) / max(self.sharers, 1)
        return rate if over_s < 0 or rate < FREE_RATE else None
