"""Shares the limits that providers put on calls among all workers, through the store."""

import asyncio
import contextlib
import logging
import time

from redis.asyncio import Redis

from service.store import keys, provider_limits
from service.store.breakers import BreakerWaits, Move, load_breakers, move_breaker
from service.store.errors import StoreError
from service.store.provider_limits import ProviderStop, Refusal
from service.store.signals import Signals
from worker.breakers import Breaker
from worker.limits import CallLimits
from worker.providers.base import ProviderError
from worker.retrying import Retrying
from worker.turns import Turns

_log = logging.getLogger(__name__)

STOP_S = 60.0  # how long nobody calls a provider with a bad key or a spent quota; then one call tries
LONGEST_OPEN_S = 30.0  # between two calls that try whether a model's provider works again
_OPEN_BASES = 2  # the first such wait, in times of the first wait before a retry
_LOOK_S = 1.0
_UNLIMITED_LOOK_S = 3.0  # while there is no limit: others tell of a new one at once
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
            is_single=error.retry_after is not None and turns.sample.is_single,
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

    async def move(self, breaker: Breaker, move: Move, error: ProviderError | None) -> bool:
        """See `worker.breakers.BreakerReporter`. Without the store, this worker alone waits, or calls again."""
        waits = BreakerWaits(_OPEN_BASES * self._retrying.base, LONGEST_OPEN_S, breaker.trial_s)
        failure = None if error is None else ProviderStop(error.reason, str(error))
        try:
            state, may_try = await move_breaker(self._redis, breaker.model, move, waits, failure)
        except StoreError as away:
            _log.warning("the breaker of %s can't be moved: %s", breaker.model, away)
            known = breaker.state
            breaker.update(None if known is None or move == "answered" else known._replace(wait_s=_STORE_AWAY_WAIT_S))
            return False
        if state is not None and move == "open":
            _log.error("%s fails, single calls try again: %s", breaker.model, state.words)
        elif state is None and breaker.state is not None:
            _log.info("%s answers again", breaker.model)
        breaker.update(state)
        return may_try

    async def answered(self, provider: str, turns: Turns) -> None:
        """See `worker.limits.Reporter`."""
        turns.stop(None, 0.0)
        with contextlib.suppress(StoreError):
            await provider_limits.allow_calls(self._redis, provider)


async def keep_sharing(redis: Redis, signals: Signals, limits: CallLimits) -> None:
    """Runs for ever: takes over the limits that other workers met, at once when they tell and every few seconds."""
    told = asyncio.Event()
    names = list(limits.providers)
    async with signals.subscribed(keys.PROVIDER_LIMITS, told):
        while names:
            told.clear()
            is_any = True
            try:
                is_any = await _take_over(redis, names, limits)
                for model, state in (await load_breakers(redis)).items():
                    is_any = is_any or state is not None
                    if breaker := limits.breaker(model):
                        breaker.update(state)
            except StoreError as error:
                _log.warning("the limits of providers can't be read: %s", error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S if is_any else _UNLIMITED_LOOK_S):
                    await told.wait()


async def _take_over(redis: Redis, names: list[str], limits: CallLimits) -> bool:
    """Takes over the limits of providers. Returns whether there is any."""
    is_any = False
    for name, state in (await provider_limits.load_limits(redis, names)).items():
        turns = limits.providers[name].turns
        turns.limit(state.limit)
        if state.stop is not None or turns.stopped is not None:
            turns.stop(state.stop, state.stop_s)
        is_any = is_any or not turns.is_free or bool(turns.doubts)
    return is_any
