"""Jobs are found by their ids, except those of battles."""

import pytest
from redis.asyncio import Redis

from service.config.settings import Settings
from service.contracts.jobs import INLINE_JUDGMENTS
from service.contracts.refusals import Kind, Refused
from service.jobs import EVERYTHING, existing_job, job_with_judgments
from tests.jobs.conftest import submitted


async def test_an_unknown_job_is_not_found(redis: Redis) -> None:
    with pytest.raises(Refused, match="there is no job job_x") as refused:
        await existing_job(redis, "job_x", EVERYTHING)
    assert refused.value.kind is Kind.NOT_FOUND


async def test_the_job_of_a_battle_is_not_found(redis: Redis, settings: Settings) -> None:
    record = await submitted(redis, settings, purpose="battle")
    with pytest.raises(Refused, match=f"there is no job {record.id}"):
        await existing_job(redis, record.id, EVERYTHING)


async def test_only_small_jobs_include_their_judgments(redis: Redis, settings: Settings) -> None:
    small = await submitted(redis, settings, items=INLINE_JUDGMENTS)
    assert (await job_with_judgments(redis, *await existing_job(redis, small.id, EVERYTHING))).judgments == []
    large = await existing_job(redis, (await submitted(redis, settings, items=INLINE_JUDGMENTS + 1)).id, EVERYTHING)
    assert await job_with_judgments(redis, *large) == large[1]
