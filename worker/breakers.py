"""When calls to a model wait because its provider fails: one worker's view of the breakers that all workers share.

A breaker opens after several failures in a row, of several items, that are the provider's own, or if one item has to
wait for its provider. While it is open, no item begins, and one call at a time tries again, after waits that double; an
answer to a call that began after the failures closes it. Items that have begun make their own tries (`tries.py`).
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

from service.contracts.outcomes import Reason
from service.store.breakers import BreakerState, Move
from service.store.clock import seconds
from worker.providers.base import ProviderError
from worker.tries import Tries, is_of_provider
from worker.turns import Clock

CERTAIN = 3  # failures in a row of a provider that can't be reached, or says that it is unavailable
LIKELY = 5  # of one that hangs or has an internal error, which may be due to an item
_UNAVAILABLE = (502, 503, 529)
_LEAST_WAIT_S = 0.02
_OTHERS_FIRST_S = 0.5
_FIRST_WAIT_S = 1.0  # until the store tells how all workers go on


def _is_certain(error: ProviderError) -> bool:
    return error.status in _UNAVAILABLE or (error.status is None and error.reason is not Reason.TIMEOUT)


class BreakerReporter(Protocol):
    """Moves the breaker that all workers share. See `worker.shared_limits`."""

    async def move(self, breaker: "Breaker", move: Move, error: ProviderError | None) -> bool:
        """Returns whether the caller may try now, for the move `probe`; gives the breaker its new state."""
        ...


class WaitingItem(Protocol):
    """The item that waits. See `worker.limits.ItemGate`."""

    @property
    def left_s(self) -> float:
        """The seconds for which the item may wait."""
        ...


class Breaker:
    """The breaker of one model, "provider/model". `trial_s` is the time that a call that tries has."""

    def __init__(self, model: str, trial_s: float, reporter: BreakerReporter | None, clock: Clock = seconds):
        self.model = model
        self.trial_s = trial_s
        self.state: BreakerState | None = None
        self.proved_at = 0.0  # when the newest call began that was answered, in Unix seconds
        self._clock = clock
        self._reporter = reporter
        self._state_at = 0.0
        self._opened_at = 0.0  # here; if its own calls opened it, when the first of those that failed began
        self._is_doubtful = False  # opened by one item alone
        self._in_a_row = 0
        self._row_began = 0.0
        self._failed_items: set[int] = set()
        self._is_asking = False
        self._changed = asyncio.Event()

    @property
    def is_open(self) -> bool:
        return self.state is not None

    @property
    def wait_s(self) -> float:
        """The seconds until a call may try, 0 if one may call now."""
        if self.state is None:
            return 0.0
        return max(self._state_at + self.state.wait_s - self._clock(), 0.0)

    def _wait_s(self, tries: Tries) -> float:
        """Returns the seconds until a call of this item may try for all, later if the item may itself be at fault."""
        if self.state is None:
            return 0.0
        spare_s = _OTHERS_FIRST_S if tries.has_begun else 0.0
        return max(self._state_at + self.state.wait_s + spare_s - self._clock(), 0.0)

    def update(self, state: BreakerState | None) -> None:
        """Takes over the state that all workers share."""
        if self.state is None:
            self._opened_at, self._is_doubtful = self._clock(), False
        elif state is None:
            self._end_row()
        self.state, self._state_at = state, self._clock()
        self._changed.set()

    def wake(self) -> None:
        """Makes those that wait look again."""
        self._changed.set()

    async def enter(self, item: WaitingItem, tries: Tries, put_off: Callable[[float], None]) -> bool:
        """Waits while the breaker is open. Returns whether the call is the one that tries: it must tell how it ended.

        `put_off` is called with the seconds that are still to wait, and may raise to end the waiting. Raises
        ProviderError, in the provider's words, if the item may wait no longer.
        """
        while self.state is not None:
            patience_s = tries.patience_s(self._clock())
            if patience_s == 0.0:
                return False
            if not item.left_s:
                raise self._given_up(self.state)
            if not self._wait_s(tries) and not self._is_asking and await self._may_try():
                return True
            if self.state is None:
                break
            wait_s = max(self._wait_s(tries), _LEAST_WAIT_S)
            put_off(wait_s)
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(wait_s, item.left_s, wait_s if patience_s is None else patience_s)):
                    await self._changed.wait()
        return False

    def lets_through(self, tries: Tries) -> bool:
        """Returns whether a call may be made that does not try for all: the breaker is closed, or the item goes on."""
        return not self.is_open or tries.patience_s(self._clock()) == 0.0

    async def _may_try(self) -> bool:
        self._is_asking = True
        try:
            return self._reporter is not None and await self._reporter.move(self, "probe", None)
        finally:
            self._is_asking = False

    def _given_up(self, state: BreakerState) -> ProviderError:
        since = f" since {state.since:%Y-%m-%d %H:%M:%S} UTC" if state.since else ""
        message = f"{state.words} ({self.model} has been failing{since}, up to the job's deadline)"
        error = ProviderError(message, reason=state.reason, retryable=False)
        error.attempts = error.faults = 0
        return error

    async def open(self, error: ProviderError, since: float | None = None) -> None:
        """Opens it after a failure, unless it is open.

        `since` is when the first call of a row that failed began; None if only one item failed: any answer closes it.
        """
        if since is not None:
            self._is_doubtful = False
        if self.state is None and self._reporter is not None:
            # Open for this worker at once: others of its calls would begin before the store answers.
            self.update(BreakerState(None, _FIRST_WAIT_S, error.reason, str(error)))
            self._is_doubtful = since is None
            self._opened_at = self._opened_at if since is None else since
            await self._reporter.move(self, "open", error)

    async def ended(self, error: BaseException | None, *, item: int, began: float, tried: bool) -> None:
        """Notes how a call ended that began at `began`, in Unix seconds. `item` tells items apart."""
        fails = is_of_provider(error)
        answers = error is None or (isinstance(error, ProviderError) and not fails and error.status is not None)
        if answers:
            self.proved_at = max(self.proved_at, began)
            self._end_row()
        elif fails and began > self.proved_at:  # else a later call was answered
            self._row_began = min(self._row_began, began) if self._in_a_row else began
            self._in_a_row += 1
            self._failed_items.add(item)
        if self._reporter is None:
            return
        if tried or (answers and self._is_closed_by(began)):
            cause = error if isinstance(error, ProviderError) else None
            await self._reporter.move(self, "failed" if fails else "answered" if answers else "dropped", cause)
        elif isinstance(error, ProviderError) and fails and self._shows_outage(error):
            await self.open(error, self._row_began)

    def _is_closed_by(self, began: float) -> bool:
        """Returns whether an answer to a call that began then closes it: calls under way may outlive their provider."""
        return self.is_open and (self._is_doubtful or began > self._opened_at)

    def _end_row(self) -> None:
        self._in_a_row = 0
        self._failed_items.clear()

    async def drop_trial(self) -> None:
        """Lets another call try: the one that was to do so was not made."""
        if self._reporter is not None:
            await self._reporter.move(self, "dropped", None)

    def _shows_outage(self, error: ProviderError) -> bool:
        return len(self._failed_items) > 1 and self._in_a_row >= (CERTAIN if _is_certain(error) else LIKELY)
