"""Keeps this worker's share of each provider's calls in flight up to date."""

import asyncio
import contextlib
import logging
import time

from redis.asyncio import Redis

from service.store import workers
from service.store.errors import StoreError
from worker.limits import CallLimits, ProviderLimits

_log = logging.getLogger(__name__)

_EVERY_S = 1.0
_APART_S = 0.005  # between two requests for slots: those that start together ask together
_SPARE = 8  # asked for beyond what is needed now, so that a rising load need not wait for the next lease


async def keep_leasing(redis: Redis, worker_id: str, limits: CallLimits) -> None:
    """Runs for ever. The last shares stay in force while Redis is away."""
    while True:
        limits.starved.clear()
        asked_at = time.monotonic()
        for name, provider in limits.providers.items():
            try:
                await _lease(redis, worker_id, name, provider)
            except StoreError as error:
                _log.warning("the share of %s can't be renewed: %s", name, error)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_EVERY_S):  # wait_for of Python 3.11 can swallow a cancellation
                await _starved(limits, asked_at + _APART_S)


async def _lease(redis: Redis, worker_id: str, name: str, provider: ProviderLimits) -> None:
    slots = provider.slots
    while slots.wanted or provider.leased:
        wanted = min(2 * slots.wanted + _SPARE, provider.most) if slots.wanted else 0
        held = slots.held
        granted, sharers = await workers.lease_slots(
            redis, name, worker_id, wanted=wanted, held=held, limit=provider.most
        )
        provider.leased = max(granted, held)
        provider.share(granted, sharers)
        if slots.held >= held:
            return  # else slots were given back, and the store must know at once: others may wait for them


async def _starved(limits: CallLimits, not_before: float) -> None:
    """Returns when a call waits although this worker has not all of the provider's slots."""
    while True:
        await limits.starved.wait()
        if any(
            each.slots.wanted > each.slots.size and each.slots.size < each.most for each in limits.providers.values()
        ):
            await asyncio.sleep(max(not_before - time.monotonic(), 0.0))
            return
        limits.starved.clear()
