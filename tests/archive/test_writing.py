"""One writer at a time; one that was believed dead and goes on can do no harm."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from service.agreement.recording import record_judgments
from service.archive.catalog import load_catalog
from service.archive.maintaining import Maintenance
from service.archive.objects import Objects
from service.archive.reading import ArchiveReader
from service.archive.writing import ArchiveWriter, LeaseLostError, file_path, plan_digest
from service.store import archiving, clock, keys
from service.store.archiving import FilePlan, Part
from service.store.restoring import RestoredItem, restore_items
from tests.store.made import committed, finished

KEEP_S = 1_000


def writer_of(redis: Redis, objects: Objects, name: str) -> ArchiveWriter:
    return ArchiveWriter(redis, objects, name, keep_s=KEEP_S, file_judgments=100)


async def ended_job(redis: Redis, judgments: int = 3) -> str:
    record = await committed(redis, judgments)
    await record_judgments(redis, [finished(record, number) for number in range(judgments)], keep_s=KEEP_S)
    return record.id


async def test_of_two_writers_one_is_refused(redis: Redis, objects: Objects) -> None:
    await archiving.turn_on(redis, 0)
    await writer_of(redis, objects, "one").hold_lease()
    with pytest.raises(LeaseLostError):
        await writer_of(redis, objects, "two").write_due(clock.now_ms())
    await archiving.end_lease(redis, "two")  # not its own
    with pytest.raises(LeaseLostError):
        await writer_of(redis, objects, "two").hold_lease()
    await archiving.end_lease(redis, "one")
    assert await writer_of(redis, objects, "two").write_due(clock.now_ms()) == (0, 0, 0)


@pytest.mark.parametrize("step", ["put_new", "listed"])
@pytest.mark.parametrize("compacts", [False, True])
async def test_a_writer_that_goes_on_after_another_took_over_changes_nothing(
    redis: Redis, objects: Objects, step: str, compacts: bool
) -> None:
    await archiving.turn_on(redis, 0)
    jobs = [await ended_job(redis), await ended_job(redis)]
    slow_objects, held, go_on = Objects(objects._settings), asyncio.Event(), asyncio.Event()
    setattr(slow_objects, step, stopping(getattr(slow_objects, step), held, go_on))
    slow = asyncio.create_task(writer_of(redis, slow_objects, "slow").write_due(clock.now_ms()))
    await held.wait()
    await redis.delete(keys.ARCHIVE_LEASE)  # as its time would
    fast = writer_of(redis, objects, "fast")
    assert (await fast.write_due(clock.now_ms())).judgments == 6
    for job_id in jobs:  # the store has let them go
        for name in [keys.job(job_id), *[keys.chunk_results(job_id, chunk) for chunk in range(2)]]:
            await redis.delete(name)
    if compacts:
        await ended_job(redis)
        await fast.write_due(clock.now_ms())
        await Maintenance(redis, objects, fast).compact(keep_days=0, includes_today=True)
    before = await load_catalog(objects)
    await archiving.end_lease(redis, "fast")
    go_on.set()
    await slow
    assert await load_catalog(objects) == before
    reader = ArchiveReader(objects)
    found = await reader.judgments_of_item(redis, "t-0", None)
    assert len(found) == 3 if compacts else 2
    assert sum(each.rows for each in before.of("judgments")) == (9 if compacts else 6)
    assert await redis.hget(keys.COUNTERS, "archived_jobs_total") == (b"3" if compacts else b"2")  # type: ignore[misc]


def stopping(call: Callable[..., Awaitable[Any]], held: asyncio.Event, go_on: asyncio.Event) -> Any:
    """The call, before which the first time somebody has to go on."""

    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        if not held.is_set():
            held.set()
            await go_on.wait()
        return await call(*args, **kwargs)

    return wrapper


async def test_a_large_job_is_archived_in_parts_and_let_go_after_the_last(redis: Redis, objects: Objects) -> None:
    await archiving.turn_on(redis, 0)
    job_id = await ended_job(redis, 250)
    written = await writer_of(redis, objects, "one").write_due(clock.now_ms())
    assert (written.judgments, written.jobs) == (250, 1)
    assert sorted(each.rows for each in (await load_catalog(objects)).of("judgments")) == [50, 100, 100]
    assert 0 < await redis.ttl(keys.job(job_id)) <= KEEP_S
    assert await redis.zcard(keys.UNARCHIVED) == 0


async def test_old_judgments_leave_the_archive(redis: Redis, objects: Objects) -> None:
    await archiving.turn_on(redis, 0)
    await ended_job(redis)
    writer = writer_of(redis, objects, "one")
    await writer.write_due(clock.now_ms())
    maintenance = Maintenance(redis, objects, writer)
    assert (await maintenance.compact(keep_days=1)).removed == 0
    assert (await maintenance.compact(keep_days=1e-9)).removed == 1
    assert await objects.listed("judgments") == await objects.listed("index") == []


def test_a_plan_has_the_same_name_each_time() -> None:
    plan = FilePlan("2026-11-30", [Part("job_1", 0, 2, True)])
    other = FilePlan("2026-11-30", [Part("job_1", 0, 3, True)])
    assert plan_digest(plan) == plan_digest(FilePlan(*plan)) != plan_digest(other)
    assert file_path("judgments", plan.day, "x") == "judgments/day=2026-11-30/x.parquet"


async def test_restored_items_keep_their_labels_time(redis: Redis) -> None:
    await redis.hset(keys.item("b"), "labelled", "1")  # type: ignore[misc]
    await restore_items(redis, [RestoredItem(name, {}, {"job_1\t0\t0": 5}, ["c"]) for name in "ab"], keep_s=9)
    assert 0 < await redis.ttl(keys.item("a")) <= 9
    assert await redis.ttl(keys.item("b")) == -1


async def test_a_job_that_can_t_be_read_stays_and_harms_no_other(
    redis: Redis, objects: Objects, caplog: pytest.LogCaptureFixture
) -> None:
    await archiving.turn_on(redis, 0)
    newer, other = await ended_job(redis), await ended_job(redis)
    await redis.hset(keys.job(newer), "record", '{"id": 1}')  # type: ignore[misc]
    writer = writer_of(redis, objects, "one")
    for _ in range(2):
        await writer.write_due(clock.now_ms())
    assert await redis.ttl(keys.job(newer)) == -1
    assert await redis.ttl(keys.job(other)) > 0
    assert await redis.zrange(keys.UNARCHIVED, 0, -1) == [newer.encode()]
    assert sum(newer in each.getMessage() for each in caplog.records) == 1
