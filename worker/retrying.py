"""Decides whether and when to call again. No other layer repeats a call that a server may have begun."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import msgspec

from worker.providers.base import Completion, ProviderError

LEAST_ATTEMPTS = 3  # the minimum number of calls if the error is temporary


class Retrying(msgspec.Struct, frozen=True, kw_only=True):
    """The schedule. A wait is drawn from 0 to `base * 2**n`, at most `cap`, after the n-th retry (from 0).

    A provider that asks for a wait gets it, up to `longest_wait`; one that asks for more than `hopeless` will answer
    none of our tries, and is not tried again. All in seconds. Calls that are refused because there are too many wait
    for their turn (`limits.py`), and are no tries. If its provider fails for all, an item does not fail
    before its first failed call is `outage` ago (`tries.py`).
    """

    attempts: int = 4
    base: float = 0.5
    cap: float = 20.0
    longest_wait: float = 60.0
    hopeless: float = 600.0
    outage: float = 12.0

    def __post_init__(self) -> None:
        if self.attempts < LEAST_ATTEMPTS:
            raise ValueError(f"attempts must be {LEAST_ATTEMPTS} or more, not {self.attempts}")

    def wait_before(self, attempt: int, error: ProviderError, random: Callable[[], float]) -> float | None:
        """Returns the wait before the given attempt, the second being 2, after `error`; None to give up."""
        asked = error.retry_after
        if not error.retryable or attempt > self.attempts or (asked or 0.0) > self.hopeless:
            return None
        jittered = random() * min(self.cap, self.base * 2.0 ** (attempt - 2))
        # On top of what was asked for, so that hundreds of callers told the same do not come back as one.
        return jittered if asked is None else min(asked, self.longest_wait) + jittered


class Answered(NamedTuple):
    """A completion, and the number of calls that it took in all."""

    completion: Completion
    attempts: int


async def with_retries(
    call: Callable[[], Awaitable[Completion]],
    *,
    retrying: Retrying = Retrying(),  # noqa: B008  (frozen)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    random: Callable[[], float] = random.random,
    may_go_on: Callable[[], bool] = lambda: True,
    faults: int = 0,
) -> Answered:
    """Returns the answer of the first call that has one. Raises the last error if the schedule ends, or `may_go_on`
    returns False.

    Both count every call. Of the schedule, one call uses up as many tries as it had faults; `faults` came before.
    """
    calls = 0
    attempt = 1 + faults
    while True:
        try:
            completion = await call()
        except ProviderError as error:
            calls += error.attempts
            error.attempts = calls
            attempt += max(error.faults, 1)
            wait = retrying.wait_before(attempt, error, random)
            if wait is None or not may_go_on():
                raise
            await sleep(wait)
            if not may_go_on():
                raise
        else:
            return Answered(completion, calls + completion.attempts)
