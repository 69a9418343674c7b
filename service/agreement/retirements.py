"""When the models of a judge will be shut down: figures of a model say nothing about the one that replaces it."""

from datetime import datetime

from redis.asyncio import Redis

from service.agreement.series import Series
from service.agreement.series_names import PANEL, is_baseline, split_series, token_of
from service.contracts.model_lists import retirement_of
from service.store import agreement_counters, clock
from service.store.models import load_model_lists

USED_MS = 30 * 24 * 3600 * 1000  # a model that has judged within this time is in use


async def used_models(redis: Redis) -> list[str]:
    """Returns the models that judged in the last 30 days, by name."""
    found = await agreement_counters.series_since(redis, clock.now_ms() - USED_MS)
    models = {split_series(series).model for _, series in found}
    return sorted(each for each in models if each != PANEL and not is_baseline(each))


async def retires_at(redis: Redis, mine: Series) -> datetime | None:
    """Returns when the model of a series will be shut down, of a panel the first of its models; None if unknown."""
    lists = await load_model_lists(redis)
    if not lists:
        return None
    if mine.model != PANEL:
        return retirement_of(mine.model, lists, {mine.model: mine.served})
    found = await agreement_counters.series_since(redis, clock.now_ms() - USED_MS)
    words = [split_series(series) for _, series in found]
    dates = [
        retirement_of(each.model, lists, {each.model: each.served})
        for each in words
        if each.token == token_of(mine.judge) and each.model != PANEL
    ]
    return min((date for date in dates if date is not None), default=None)
