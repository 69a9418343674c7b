"""A rate of calls or tokens, as a provider's settings limit it."""

import time
from collections.abc import Callable

_MINUTE_S = 60.0
_BURST_S = 1.0  # a rate may be used up to a second's worth ahead


class Pace:
    """A rate that may not be exceeded: a bucket that fills by `per_minute` a minute. None is no limit."""

    def __init__(self, per_minute: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = None if per_minute is None else per_minute / _MINUTE_S
        self._clock = clock
        self._at = clock()
        self._level = 0.0
        self.sharers = 1

    @property
    def is_endless(self) -> bool:
        """Whether there is no limit."""
        return self._per_second is None

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
