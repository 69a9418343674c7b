"""Jobs without HTTP, on a real store."""

import pytest
from redis.asyncio import Redis

from service.config.settings import Settings
from service.contracts.decoding import numbered
from service.contracts.items import Item
from service.contracts.jobs import JobOrder, JobRecord, Purpose
from service.jobs import Caller, JobIntake, resolve_judges
from tests.flows.conftest import settings_for

GOOD = Item(input="a question", output="an answer")
CALLER = Caller(None, None)


@pytest.fixture
def settings(store_url: str) -> Settings:
    """The usual settings: no keys, no provider but `control`."""
    return settings_for(store_url, {})


async def submitted(redis: Redis, settings: Settings, items: int = 1, purpose: Purpose = "judging") -> JobRecord:
    """A job of so many items that no worker has started."""
    order = JobOrder(judge="helpfulness")
    intake = JobIntake(redis, settings, order, await resolve_judges(redis, settings, order), CALLER, purpose)
    await intake.take(numbered([GOOD] * items))
    return (await intake.commit("fingerprint")).record
