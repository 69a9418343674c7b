"""Shares the limits that providers put on calls among all workers, through the store."""

import asyncio
import contextlib
import logging
import time

from redis.asyncio import Redis

from service.store import keys, provider_limits
from service.store.errors import StoreError
from service.store.provider_limits import ProviderStop, Refusal
from service.store.signals import Signals
from worker.limits import CallLimits
from worker.providers.base import ProviderError
from worker.retrying import Retrying
from worker.turns import Turns

_log = logging.getLogger(__name__)

STOP_S = 60.0  # how long nobody calls a provider with a bad key or a spent quota; then one call tries
_LOOK_S = 1.0
_STORE_AWAY_WAIT_S = 1.0
_LEAST_WAIT_S = 0.02  # a shorter wait is none


class SharedLimits:
    """Tells the other workers of a provider's limits. Without a wait asked for, `retrying` says how to back off."""

    def __init__(self, redis: Redis, retrying: Retrying) -> None:
        self._redis = redis
        self._retrying = retrying

    async def refused(self, provider: str, turns: Turns, error: ProviderError, began: float) -> None:
        """See `worker.limits.Reporter`."""
        answers, span_s = turns.answers.counted()
        refusal = Refusal(
            began_ago_s=time.monotonic() - began,
            wait_s=None if error.retry_after is None else max(error.retry_after, _LEAST_WAIT_S),
            answers=answers * max(turns.sharers, 1),
            span_s=span_s,
            first_wait_s=self._retrying.base,
            longest_wait_s=self._retrying.longest_wait,
        )
        try:
            turns.limit(await provider_limits.note_refusal(self._redis, provider, refusal))
        except StoreError as failure:
            _log.warning("%s limits calls, and other workers can't be told: %s", provider, failure)
            turns.pause(refusal.wait_s or _STORE_AWAY_WAIT_S)

    async def stopped(self, provider: str, turns: Turns, error: ProviderError) -> None:
        """See `worker.limits.Reporter`."""
        stop = ProviderStop(error.reason, str(error))
        turns.stop(stop, STOP_S)
        _log.error("%s refuses every call, none is made for %g s: %s", provider, STOP_S, error)
        with contextlib.suppress(StoreError):
            await provider_limits.stop_calls(self._redis, provider, stop, STOP_S)

    async def answered(self, provider: str, turns: Turns) -> None:
        """See `worker.limits.Reporter`."""
        turns.stop(None, 0.0)
        with contextlib.suppress(StoreError):
            await provider_limits.allow_calls(self._redis, provider)


async def keep_sharing(redis: Redis, signals: Signals, limits: CallLimits) -> None:
    """Runs for ever: takes over the limits that other workers met, at once when they tell and once a second."""
    told = asyncio.Event()
    names = list(limits.providers)
    async with signals.subscribed(keys.PROVIDER_LIMITS, told):
        while names:
            told.clear()
            try:
                await _take_over(redis, names, limits)
            except StoreError as error:
                _log.warning("the limits of providers can't be read: %s", error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await told.wait()


async def _take_over(redis: Redis, names: list[str], limits: CallLimits) -> None:
    for name, state in (await provider_limits.load_limits(redis, names)).items():
        turns = limits.providers[name].turns
        turns.limit(state.limit)
        if state.stop is not None or turns.stopped is not None:
            turns.stop(state.stop, state.stop_s)
