"""Jobs are taken in whole or not at all, begun chunk by chunk, cancelled and listed."""

import asyncio

import msgspec
import pytest
from redis.asyncio import Redis

from service.agreement.recording import record_judgments
from service.contracts.items import Item
from service.contracts.jobs import JobRecord
from service.contracts.outcomes import JobStatus
from service.store import jobs, keys
from service.store.errors import IdempotencyConflictError, QueueFullError, StagingExpiredError, UnreadableRecordError
from service.store.idempotency import Idempotency
from service.store.installations import installation_secret
from service.store.jobs import JobFilter
from service.store.sweeping import sweep
from tests.store.made import committed, finished, record_of, staged

KEEP_S = 1000


async def test_a_job_is_queued_chunk_by_chunk(redis: Redis) -> None:
    record = await committed(redis, 5)
    assert record.chunks == 3
    queued = await redis.zrange(keys.QUEUE, 0, -1)
    assert queued == [f"judge_chunk:{record.id}:{chunk}".encode() for chunk in range(3)]
    found = await jobs.load_job(redis, record.id)
    assert found is not None
    assert found[0] == record
    assert found[1].status is JobStatus.QUEUED
    assert await jobs.count_pending(redis) == 5


async def test_staged_items_go_away_until_their_job_is_committed(redis: Redis) -> None:
    record = record_of(3)
    await staged(redis, record)
    assert 0 < await redis.ttl(keys.chunk_items(record.id, 1)) <= 3600
    await jobs.commit_job(redis, record, None, 1)
    assert await redis.ttl(keys.chunk_items(record.id, 1)) == -1


async def test_a_chunk_with_items_of_a_newer_version_counts_as_not_tried(redis: Redis) -> None:
    record = await committed(redis, 1)
    known = jobs.encoded_chunk([Item(id="a", output="text")])
    newer = msgspec.msgpack.encode([{"id": "a", "output": "text", "pictures": []}])
    await redis.set(keys.chunk_items(record.id, 0), newer)
    for _ in range(12):
        with pytest.raises(UnreadableRecordError, match=f"job {record.id} can't be read by this version"):
            await jobs.claim_chunk(redis, record.id, 0, keep_s=KEEP_S)
    await redis.set(keys.chunk_items(record.id, 0), known)
    claim = await jobs.claim_chunk(redis, record.id, 0, keep_s=KEEP_S)
    assert claim is not None
    assert (claim.tries, claim.items[0].output) == (1, "text")


async def test_what_is_discarded_leaves_nothing(redis: Redis) -> None:
    await installation_secret(redis)
    before = set(await redis.keys("*"))
    record = record_of(3)
    await staged(redis, record)
    await jobs.discard_job(redis, record.id, 2)
    await jobs.discard_job(redis, record.id, 0)
    assert set(await redis.keys("*")) == before


async def test_a_commit_that_is_sent_again_makes_no_second_job(redis: Redis) -> None:
    record = await committed(redis, 3)
    await jobs.claim_chunk(redis, record.id, 0, keep_s=KEEP_S)
    assert await jobs.commit_job(redis, record, None, 1) == record.id
    assert await jobs.count_pending(redis) == 3
    assert await redis.zcard(keys.QUEUE) == 2


async def test_an_upload_that_took_too_long_makes_no_job(redis: Redis) -> None:
    record = record_of(3)
    await staged(redis, record)
    await redis.delete(keys.chunk_items(record.id, 0))
    with pytest.raises(StagingExpiredError):
        await jobs.commit_job(redis, record, Idempotency("me", "k", "f"), 1)
    assert await jobs.load_job(redis, record.id) is None
    assert (await redis.zcard(keys.QUEUE), await jobs.count_pending(redis)) == (0, 0)
    assert not await redis.exists(keys.idempotency("me", "k"))


async def test_the_same_request_gets_the_job_that_it_made_before(redis: Redis) -> None:
    records = [record_of(1) for _ in range(6)]
    for record in records:
        await staged(redis, record)
    same = Idempotency("me", "k", "fingerprint")
    ids = await asyncio.gather(*(jobs.commit_job(redis, record, same, 24) for record in records[:4]))
    assert len(set(ids)) == 1
    assert await redis.zcard(keys.JOBS) == 1
    assert 0 < await redis.ttl(keys.idempotency("me", "k")) <= 24 * 3600
    with pytest.raises(IdempotencyConflictError):
        await jobs.commit_job(redis, records[4], Idempotency("me", "k", "another"), 24)
    assert await jobs.commit_job(redis, records[5], Idempotency("you", "k", "another"), 24) == records[5].id


async def test_no_more_judgments_wait_than_the_bound_however_many_are_sent_at_once(redis: Redis) -> None:
    records = [record_of(2) for _ in range(9)]
    for record in records:
        await staged(redis, record)
    sent = (jobs.commit_job(redis, record, None, 1, 7) for record in records)
    answers = await asyncio.gather(*sent, return_exceptions=True)
    assert sum(isinstance(each, QueueFullError) and each.pending == 6 for each in answers) == 6
    assert (await jobs.count_pending(redis), await redis.zcard(keys.JOBS)) == (6, 3)


async def test_a_repeated_request_gets_its_job_although_the_queue_is_full(redis: Redis) -> None:
    first, again = record_of(2), record_of(2)
    await staged(redis, first)
    same = Idempotency("me", "k", "fingerprint")
    assert await jobs.commit_job(redis, first, same, 1, 2) == first.id
    assert await jobs.commit_job(redis, again, same, 1, 2) == first.id


async def test_a_claim_has_the_items_and_what_is_done(redis: Redis) -> None:
    record = await committed(redis, 4)
    first = await jobs.claim_chunk(redis, record.id, 1, keep_s=KEEP_S)
    assert first is not None
    assert ([each.id for each in first.items], first.done, first.tries) == (["t-2", "t-3"], frozenset(), 1)
    await record_judgments(redis, [finished(record, 3)], keep_s=KEEP_S)
    again = await jobs.claim_chunk(redis, record.id, 1, keep_s=KEEP_S)
    assert again is not None
    assert (again.done, again.tries, again.spent_usd, again.cancelled) == (frozenset({3}), 2, 0.001, False)
    await jobs.give_back_chunk(redis, record.id, 1)
    third = await jobs.claim_chunk(redis, record.id, 1, keep_s=KEEP_S)
    assert third is not None
    assert third.tries == 2


async def test_the_first_claim_starts_the_job_and_later_ones_leave_its_time(redis: Redis) -> None:
    record = await committed(redis, 4)
    first = await jobs.claim_chunk(redis, record.id, 0, keep_s=KEEP_S)
    started = await redis.hget(keys.job(record.id), "started_at")  # type: ignore[misc]
    await asyncio.sleep(0.002)
    await jobs.give_back_chunk(redis, record.id, 0)  # put off, as behind an open breaker
    later = [await jobs.claim_chunk(redis, record.id, each, keep_s=KEEP_S) for each in (0, 1)]
    assert [each is not None and each.starts_job for each in (first, *later)] == [True, False, False]
    assert await redis.hget(keys.job(record.id), "started_at") == started  # type: ignore[misc]
    found = await jobs.load_job(redis, record.id)
    assert found is not None
    assert found[1].status is JobStatus.RUNNING


async def test_a_job_that_is_gone_or_whose_items_are_can_not_be_claimed(redis: Redis) -> None:
    assert await jobs.claim_chunk(redis, "job_gone", 0, keep_s=KEEP_S) is None
    record = await committed(redis, 1)
    await redis.delete(keys.chunk_items(record.id, 0))
    assert await jobs.claim_chunk(redis, record.id, 0, keep_s=KEEP_S) is None


async def test_an_id_is_changed_when_an_earlier_job_had_it_for_another_content(redis: Redis) -> None:
    async def changed(output: str) -> list[bool]:
        record = record_of(2)
        await staged(redis, record, [Item(id="a", output=output), Item(output=output)])
        await jobs.commit_job(redis, record, None, 1)
        claim, again = [await jobs.claim_chunk(redis, record.id, 0, keep_s=KEEP_S) for _ in range(2)]
        assert claim is not None
        assert again is not None
        assert again.changed == claim.changed  # a chunk that is begun again says the same
        return claim.changed

    assert [await changed(each) for each in ("one", "one", "two", "two", "one")] == [
        [False, False],
        [False, False],
        [True, False],
        [False, False],
        [True, False],
    ]


async def test_cancelling_tells_which_chunks_nobody_began(redis: Redis) -> None:
    record = await committed(redis, 6)
    await jobs.claim_chunk(redis, record.id, 1, keep_s=KEEP_S)
    assert await jobs.stopped_jobs(redis, [record.id, "job_gone"]) == {"job_gone": "gone"}
    assert await jobs.mark_cancelled(redis, record.id) == [0, 2]
    assert await jobs.stopped_jobs(redis, [record.id]) == {record.id: "cancelled"}
    claim = await jobs.claim_chunk(redis, record.id, 0, keep_s=KEEP_S)
    assert claim is not None
    assert claim.cancelled


async def test_jobs_are_listed_newest_first_and_expired_ones_drop_out(redis: Redis) -> None:
    records = [await committed(redis, 1) for _ in range(4)]
    await redis.delete(keys.job(records[2].id))
    page, cursor = await jobs.list_jobs(redis, before=None, limit=2)
    assert [job.id for job in page] == [records[3].id]
    assert cursor == records[2].id
    page, cursor = await jobs.list_jobs(redis, before=cursor, limit=2)
    assert ([job.id for job in page], cursor) == ([records[1].id, records[0].id], None)
    assert await redis.zcard(keys.JOBS) == 3


async def test_the_jobs_of_a_key_are_found_among_any_number_of_others(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_MOST_LOOKED_AT", 4)
    few = [await committed(redis, 1, owner="few") for _ in range(3)]
    await committed(redis, 1, owner="few", purpose="battle")
    await committed(redis, 1, owner="few", purpose="anchor")
    for _ in range(10):
        await committed(redis, 1, owner="many")
    await committed(redis, 1)
    await sweep(redis, keep_s=KEEP_S)
    wanted = JobFilter(owner="few")
    page, cursor = await jobs.list_jobs(redis, before=None, limit=2, wanted=wanted)
    assert ([job.id for job in page], cursor) == ([few[2].id, few[1].id], few[1].id)
    page, cursor = await jobs.list_jobs(redis, before=cursor, limit=2, wanted=wanted)
    assert ([job.id for job in page], cursor) == ([few[0].id], None)
    page, _ = await jobs.list_jobs(redis, before=None, limit=20)
    assert len(page) == 14
    assert await jobs.list_jobs(redis, before=None, limit=2, wanted=JobFilter(owner="nobody")) == ([], None)


async def test_the_jobs_of_earlier_versions_come_into_their_owners_lists(redis: Redis) -> None:
    records = [await committed(redis, 1, owner=owner) for owner in ("ann", "bob", None)]
    await redis.delete(keys.owned(keys.JOBS, "ann"), keys.owned(keys.JOBS, "bob"))
    await redis.zrem(keys.OPEN_JOBS, *(each.id for each in records))
    wanted = JobFilter(owner="ann")
    for _ in range(2):
        page, _ = await jobs.list_jobs(redis, before=None, limit=5, wanted=wanted)
        assert [job.id for job in page] == [records[0].id]
        await sweep(redis, keep_s=KEEP_S)
    assert await redis.zrange(keys.owned(keys.JOBS, "ann"), 0, -1) == [records[0].id.encode()]


async def benchmark(redis: Redis, owner: str) -> JobRecord:
    """A benchmark's job that was taken in."""
    record = record_of(1, owner=owner, purpose="benchmark")
    await staged(redis, record)
    await redis.hset(keys.job_benchmark(record.id), "order", "{}")  # type: ignore[misc]
    await jobs.commit_job(redis, record, None, 1)
    return record


async def test_an_owners_benchmarks_are_found_among_those_of_others_and_of_earlier_versions(redis: Redis) -> None:
    records = [await benchmark(redis, owner) for owner in ("ann", "bob", "ann")]
    await redis.delete(keys.owned(keys.BENCHMARKS, "ann"))
    await redis.set(keys.OWNERS_LISTED, "1")  # the jobs were listed by a version that had no lists of benchmarks
    wanted = JobFilter(owner="ann")
    for _ in range(2):
        page, _ = await jobs.list_jobs(redis, before=None, limit=5, wanted=wanted, index=keys.BENCHMARKS)
        assert [job.id for job in page] == [records[2].id, records[0].id]
        await sweep(redis, keep_s=KEEP_S)
    assert await redis.zcard(keys.owned(keys.BENCHMARKS, "ann")) == 2
    assert await redis.zcard(keys.owned(keys.BENCHMARKS, "bob")) == 1


async def test_a_list_that_nobody_reads_keeps_no_jobs_that_have_expired(redis: Redis) -> None:
    records = [await committed(redis, 1, owner="ann") for _ in range(10)]
    for each in records[1:]:
        await redis.delete(keys.job(each.id))
    for _ in range(9):
        await redis.delete(keys.job(records[0].id))
        await committed(redis, 1, owner="ann")
    for key in (keys.JOBS, keys.owned(keys.JOBS, "ann")):
        assert await redis.zcard(key) == 9


def test_a_chunk_holds_about_fifty_judgments() -> None:
    assert [jobs.items_per_chunk(judges) for judges in (1, 2, 20, 500)] == [50, 25, 2, 1]
