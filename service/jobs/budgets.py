"""Daily budgets of API keys."""

from redis.asyncio import Redis

from service.config.settings import KeySettings
from service.contracts.refusals import Kind, Refused
from service.jobs.intake import Caller
from service.store import clock
from service.store.finishing import spent_today
from service.store.idempotency import known_request


async def check_budget(redis: Redis, key: KeySettings | None, caller: Caller | None = None) -> None:
    """Raises Refused (budget-spent) if a key has spent its budget of this UTC day, with the seconds until the next.

    A `caller` that repeats a request with its Idempotency-Key is let through: it gets the job of that request.
    """
    if key is None or key.budget_usd_per_day is None:
        return
    digest = None if caller is None else caller.idempotency_key
    if caller is not None and digest is not None and await known_request(redis, caller.owner, digest):
        return
    if await spent_today(redis, key.name) >= key.budget_usd_per_day:
        detail = f"the key {key.name} has spent its budget of {key.budget_usd_per_day:g} USD for today"
        raise Refused(Kind.BUDGET_SPENT, detail=detail, retry_after_s=clock.seconds_left_today())
