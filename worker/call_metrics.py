"""Counts of calls to providers, added to the store's counters once a second."""

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Iterator
from contextvars import ContextVar

from redis.asyncio import Redis

from service.store import counters
from service.store.counters import Increment, WaitingCounts, increment, observe
from service.store.errors import StoreError

_log = logging.getLogger(__name__)

_EVERY_S = 1.0

_untold = ContextVar("untold", default=False)


@contextlib.contextmanager
def untold_calls() -> Iterator[None]:
    """Nothing that the block does is counted: counts of a battle's calls would tell its models."""
    token = _untold.set(True)
    try:
        yield
    finally:
        _untold.reset(token)


def are_untold() -> bool:
    """Returns whether the calls at hand are not counted."""
    return _untold.get()


class CallMetrics:
    """The counts since the last flush. Up to a second of them is lost if the worker is killed."""

    def __init__(self, redis: Redis) -> None:
        self._waiting = WaitingCounts(redis)
        self._seconds: defaultdict[tuple[str, str, str], list[float]] = defaultdict(list)

    def on_call(self, provider: str, model: str, status: str, seconds: float) -> None:
        """Counts one HTTP call that ended."""
        if not are_untold():
            self._seconds[provider, model, status].append(seconds)

    def on_retry(self, model: str, calls: int) -> None:
        """Counts calls that were tried again."""
        self._add([increment(counters.PROVIDER_RETRIES, model.partition("/")[0], model, by=calls)])

    def on_limited(self, provider: str, seconds: float) -> None:
        """Counts the time for which a call waited for a provider's limit."""
        self._add([increment(counters.PROVIDER_LIMITED, provider, by=seconds)])

    def _add(self, increments: list[Increment]) -> None:
        if not are_untold():
            self._waiting.add(increments)

    async def flush(self) -> None:
        """Adds the counts to the store's. Raises StoreError if it can't; the counts are then kept for the next time."""
        for (provider, model, status), observed in self._seconds.items():
            for seconds in observed:
                self._waiting.add(
                    observe(counters.PROVIDER_SECONDS, provider, f"{provider}/{model}", status, value=seconds)
                )
        self._seconds.clear()
        await self._waiting.flush()

    async def keep_flushing(self) -> None:
        """Runs for ever: flushes once a second."""
        while True:
            await asyncio.sleep(_EVERY_S)
            try:
                await self.flush()
            except StoreError as error:
                _log.warning("measurements wait to be stored: %s", error)
