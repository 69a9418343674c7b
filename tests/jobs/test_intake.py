"""Items are staged as they arrive; a refusal leaves nothing behind."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
from redis.asyncio import Redis

from service.config.settings import Settings
from service.contracts.decoding import Batch, numbered
from service.contracts.items import Item
from service.contracts.jobs import JobOrder
from service.contracts.refusals import Fault, Refused
from service.jobs import EVERYTHING, Caller, JobIntake, existing_job, resolve_judges
from service.store import keys
from service.store.errors import IdempotencyConflictError
from tests.api.test_access import key
from tests.jobs.conftest import CALLER, GOOD


async def intake_of(redis: Redis, settings: Settings, caller: Caller = CALLER) -> JobIntake:
    order = JobOrder(judge="helpfulness")
    return JobIntake(redis, settings, order, await resolve_judges(redis, settings, order), caller)


async def test_a_job_is_there_once_it_is_committed(redis: Redis, settings: Settings) -> None:
    intake = await intake_of(redis, settings)
    await intake.take(numbered([GOOD] * 120))
    taken = await intake.commit("fingerprint")
    record, job = await existing_job(redis, taken.record.id, EVERYTHING)
    assert (record.owner, record.items, job.counts.pending) == (None, 120, 120)
    assert not taken.is_repeat


async def test_a_refusal_names_each_place_and_leaves_nothing(redis: Redis, settings: Settings) -> None:
    intake = await intake_of(redis, settings)
    items = [*[GOOD] * 3000, Item(input="alone")]
    with pytest.raises(Refused) as refused:
        await intake.take(numbered(items))
    assert [fault.pointer for fault in refused.value.faults] == ["/items/3000/output"]
    assert not [key async for key in redis.scan_iter(f"{keys.PREFIX}*{intake.job_id}*")]


async def test_an_upload_that_breaks_off_leaves_no_task(redis: Redis, settings: Settings) -> None:
    async def broken_off() -> AsyncIterator[Batch[Item]]:
        async for batch in numbered([GOOD] * 3000):
            yield batch
        raise ConnectionError("the client is gone")

    intake = await intake_of(redis, settings)
    with pytest.raises(ConnectionError):
        await intake.take(broken_off())
    assert asyncio.all_tasks() == {asyncio.current_task()}
    await intake.discard()
    assert not [key async for key in redis.scan_iter(f"{keys.PREFIX}*{intake.job_id}*")]


async def test_the_pointer_to_an_item_is_the_callers(redis: Redis, settings: Settings) -> None:
    intake = await intake_of(redis, settings)
    with pytest.raises(Refused) as refused:
        await intake.take(numbered([Item(input="alone")]), lambda _: "/item")
    assert [fault.pointer for fault in refused.value.faults] == ["/item/output"]


async def test_a_repeat_returns_the_first_job_and_another_request_conflicts(redis: Redis, settings: Settings) -> None:
    caller = Caller("somebody", "digest")
    records = []
    for _ in range(2):
        intake = await intake_of(redis, settings, caller)
        await intake.take(numbered([GOOD]))
        records.append(await intake.commit("fingerprint"))
    assert [each.is_repeat for each in records] == [False, True]
    assert records[0].record == records[1].record
    intake = await intake_of(redis, settings, caller)
    await intake.take(numbered([GOOD]))
    with pytest.raises(IdempotencyConflictError):
        await intake.commit("another fingerprint")


async def test_a_callback_goes_to_public_and_to_listed_hosts_alone(redis: Redis, settings: Settings) -> None:
    order = JobOrder(judge="helpfulness", callback_url="https://10.0.0.7/done")
    server = msgspec.structs.replace(settings.server, callback_hosts=("listed.example",))
    keyed = msgspec.structs.replace(settings, keys=(key("secret", "submit"),), server=server)
    intake = JobIntake(redis, keyed, order, await resolve_judges(redis, keyed, order), CALLER)
    with pytest.raises(Refused) as refused:
        await intake.take(numbered([GOOD]))
    detail = "the host '10.0.0.7' is not public, and not listed in server.callback_hosts"
    assert refused.value.faults == [Fault("/callback_url", detail)]
