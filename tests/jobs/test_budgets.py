"""A key that has spent its budget of the day is refused until the next day."""

import msgspec
import pytest
from redis.asyncio import Redis

from service.contracts.refusals import Kind, Refused
from service.jobs import check_budget
from service.store import clock, keys
from service.store.changes import NANO
from tests.api.test_access import key


async def test_without_a_key_or_a_budget_nothing_is_refused(redis: Redis) -> None:
    await check_budget(redis, None)
    await check_budget(redis, key("secret", "submit"))


async def test_a_spent_budget_is_refused_until_midnight(redis: Redis) -> None:
    limited = msgspec.structs.replace(key("secret", "submit"), name="bot", budget_usd_per_day=2.5)
    await redis.set(keys.spend("bot", clock.today()), int(2.49 * NANO))
    await check_budget(redis, limited)
    await redis.set(keys.spend("bot", clock.today()), int(2.5 * NANO))
    with pytest.raises(Refused, match=r"the key bot has spent its budget of 2[.]5 USD for today") as refused:
        await check_budget(redis, limited)
    assert refused.value.kind is Kind.BUDGET_SPENT
    assert refused.value.retry_after_s is not None
    assert 0 < refused.value.retry_after_s <= 24 * 3600
