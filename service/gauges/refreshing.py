"""The periodic refresh of the gauges, which the API runs: it has loaded the statistics anyway, and workers need not."""

import asyncio
import contextlib

from redis.asyncio import Redis

from service.config.settings import Settings
from service.gauges.refresher import Refresher
from service.store.errors import StoreUnavailableError
from service.store.periods import claim_present_period, forgiving, left_s

_TASK = "gauges"


async def keep_refreshing(redis: Redis, settings: Settings) -> None:
    """Runs for ever: refreshes the gauges once in `worker.refresh_seconds`, over all processes that do so."""
    every_s = settings.worker.refresh_seconds
    refresher = Refresher(redis, settings.default_models)

    async def refresh_if_due() -> None:
        with contextlib.suppress(StoreUnavailableError):  # whoever watches the store tells of that
            if await claim_present_period(redis, _TASK, every_s):
                await refresher.refresh()

    refresh = forgiving(_TASK, refresh_if_due)
    while True:
        await refresh()
        await asyncio.sleep(left_s(every_s))
