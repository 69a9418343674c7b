"""A sweep finds the jobs that nobody works on, and mends counts, whatever the cause."""

from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from service.agreement.recording import record_judgments
from service.store import jobs, keys, sweeping
from service.store.callbacks import note_callback_end
from service.store.connection import Script
from service.store.sweeping import Swept, sweep
from tests.store.made import committed, finished

KEEP_S = 3600
ENTRY = "judge_chunk:{}:{}"


async def queue(redis: Redis) -> set[str]:
    return {each.decode() for each in await redis.zrange(keys.QUEUE, 0, -1)}


async def test_a_job_in_good_order_is_left_alone(redis: Redis) -> None:
    record = await committed(redis, 5)
    await record_judgments(redis, [finished(record, position) for position in (0, 1, 4)], keep_s=KEEP_S)
    before = await redis.dump(keys.QUEUE), await redis.hgetall(keys.job(record.id))  # type: ignore[misc]
    assert await sweep(redis, keep_s=KEEP_S) == Swept()
    assert (await redis.dump(keys.QUEUE), await redis.hgetall(keys.job(record.id))) == before  # type: ignore[misc]
    assert await redis.zrange(keys.OPEN_JOBS, 0, -1) == [record.id.encode()]
    await record_judgments(redis, [finished(record, position) for position in (2, 3)], keep_s=KEEP_S)
    assert await redis.zcard(keys.OPEN_JOBS) == 0


async def test_chunks_that_lost_their_place_in_the_queue_get_one(redis: Redis) -> None:
    record = await committed(redis, 6)  # chunks of two
    await record_judgments(redis, [finished(record, position) for position in (0, 1, 2)], keep_s=KEEP_S)
    await redis.delete(keys.QUEUE, *await redis.keys("arq:*"))
    assert await sweep(redis, keep_s=KEEP_S) == Swept(requeued=2)
    assert await queue(redis) == {ENTRY.format(record.id, 1), ENTRY.format(record.id, 2)}
    assert len(await redis.keys("arq:job:*")) == 2
    assert await sweep(redis, keep_s=KEEP_S) == Swept()


async def test_chunks_that_wait_for_their_turn_are_not_queued_before_it(redis: Redis) -> None:
    record = await committed(redis, 2 * (jobs.AHEAD + 3))
    assert len(await queue(redis)) == jobs.AHEAD
    assert await sweep(redis, keep_s=KEEP_S) == Swept()
    done = [finished(record, position) for position in range(2 * jobs.AHEAD)]
    await record_judgments(redis, done, keep_s=KEEP_S)
    await redis.delete(keys.QUEUE)  # and nobody has let the next ones in
    assert await sweep(redis, keep_s=KEEP_S) == Swept(requeued=1)
    assert await queue(redis) == {ENTRY.format(record.id, jobs.AHEAD)}


async def test_many_jobs_are_looked_at_together_and_each_is_mended(redis: Redis) -> None:
    records = [await committed(redis, 4) for _ in range(5)]
    await record_judgments(redis, [finished(records[1], position) for position in range(4)], keep_s=KEEP_S)
    await redis.delete(keys.QUEUE, *await redis.keys("arq:*"))
    calls = sweeping._MOST_CHUNKS
    assert [len(few) for few in sweeping._parted([sized(calls - 1), sized(1), sized(1), sized(2 * calls)])] == [2, 1, 1]
    assert await sweep(redis, keep_s=KEEP_S) == Swept(requeued=8)
    expected = {ENTRY.format(each.id, chunk) for each in records if each is not records[1] for chunk in (0, 1)}
    assert await queue(redis) == expected


def sized(chunks: int) -> sweeping._OpenJob:
    return sweeping._OpenJob(id="job", judges=[msgspec.Raw(b"{}")], items=chunks, chunk_items=1)


async def test_wrong_counts_are_counted_anew_and_a_job_that_is_done_ends(redis: Redis) -> None:
    record = await committed(redis, 3)
    await record_judgments(redis, [finished(record, position) for position in range(3)], keep_s=KEEP_S)
    good = await redis.hgetall(keys.job(record.id))  # type: ignore[misc]
    await redis.hdel(keys.job(record.id), "scored", "finished_at", "cost_nano")  # type: ignore[misc]
    await redis.hset(keys.job(record.id), "failed", "7")  # type: ignore[misc]
    assert await sweep(redis, keep_s=KEEP_S) == Swept(recounted=1, closed=1)
    found = await jobs.load_job(redis, record.id)
    assert found is not None
    assert (found[1].status, found[1].counts.scored, found[1].counts.pending) == ("completed", 3, 0)
    now = await redis.hgetall(keys.job(record.id))  # type: ignore[misc]
    assert {name: now.get(name, b"0") for name in good if name != b"finished_at"} == {
        name: value for name, value in good.items() if name != b"finished_at"
    }
    assert await redis.zcard(keys.OPEN_JOBS) == 0


async def test_a_job_that_ends_by_itself_while_a_sweep_looks_at_it_is_no_repair(
    redis: Redis, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = await committed(redis, 1)
    look = sweeping._sweep_jobs

    async def ends_before(*args: Any) -> Any:
        await record_judgments(redis, [finished(record, 0)], keep_s=KEEP_S)
        return await look(*args)

    monkeypatch.setattr(sweeping, "_sweep_jobs", ends_before)
    assert await sweep(redis, keep_s=KEEP_S) == Swept()
    assert caplog.messages == []


async def test_a_job_that_can_not_end_for_an_unreadable_judgment_is_no_repair_each_time(
    redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    record = await committed(redis, 1)
    await redis.hset(keys.chunk_results(record.id, 0), "0", '{"of": "a newer version"}')  # type: ignore[misc]
    for _ in range(2):
        assert await sweep(redis, keep_s=KEEP_S) == Swept()
    assert [f"a judgment of job {record.id} can't be read" in each for each in caplog.messages] == [True]


async def test_a_callback_that_lost_its_place_in_the_queue_is_queued_again_until_it_is_delivered(redis: Redis) -> None:
    record = await committed(redis, 1, callback_url="https://hooks.example/")
    assert await sweep(redis, keep_s=KEEP_S) == Swept()
    await record_judgments(redis, [finished(record, 0)], keep_s=KEEP_S)
    assert await sweep(redis, keep_s=KEEP_S) == Swept()
    entry = f"call_back:{record.id}"
    arq_job = await redis.get(f"arq:job:{entry}")
    for status in (None, "pending", "delivered"):
        if status:
            await note_callback_end(redis, record.id, status, None)
        await redis.delete(keys.QUEUE, f"arq:job:{entry}")
        is_over = status == "delivered"
        assert await sweep(redis, keep_s=KEEP_S) == Swept(callbacks=int(not is_over))
        assert await queue(redis) == (set() if is_over else {entry})
        assert await redis.get(f"arq:job:{entry}") == (None if is_over else arq_job)
    assert await redis.zcard(keys.CALLBACKS) == 0


async def test_a_callback_of_a_job_that_has_expired_is_forgotten(redis: Redis) -> None:
    await redis.zadd(keys.CALLBACKS, {"job_gone": 0})
    assert await sweep(redis, keep_s=KEEP_S) == Swept()
    assert await redis.zcard(keys.CALLBACKS) == 0


@pytest.mark.parametrize("wrong", [b"-3", b"999", None])
async def test_the_number_of_pending_judgments_is_added_up_anew(redis: Redis, wrong: bytes | None) -> None:
    record = await committed(redis, 5)
    await committed(redis, 4, purpose="battle")
    await record_judgments(redis, [finished(record, 0)], keep_s=KEEP_S)
    if wrong is None:
        await redis.delete(keys.PENDING)
    else:
        await redis.set(keys.PENDING, wrong)
    assert await sweep(redis, keep_s=KEEP_S) == Swept(pending=1)
    assert await jobs.count_pending(redis) == 8


async def test_indexes_are_filled_in(redis: Redis) -> None:
    """As for jobs of a version that had no index of open jobs, and for one that is in no list."""
    old, unlisted = await committed(redis, 1), await committed(redis, 1)
    await redis.zrem(keys.OPEN_JOBS, old.id)
    await redis.zrem(keys.JOBS, unlisted.id)
    await redis.zadd(keys.OPEN_JOBS, {"job_gone": 0})
    assert await sweep(redis, keep_s=KEEP_S) == Swept()
    both = {old.id.encode(), unlisted.id.encode()}
    assert set(await redis.zrange(keys.OPEN_JOBS, 0, -1)) == both
    assert set(await redis.zrange(keys.JOBS, 0, -1)) == both


async def test_a_sweep_lists_no_job_that_is_in_no_list(redis: Redis) -> None:
    for purpose in ("battle", "anchor"):
        await committed(redis, 1, purpose=purpose, owner="ann")
    await sweep(redis, keep_s=KEEP_S)
    assert await redis.zcard(keys.JOBS) == await redis.zcard(keys.owned(keys.JOBS, "ann")) == 0


async def test_a_job_of_a_newer_version_is_left_alone(redis: Redis) -> None:
    other, record = await committed(redis, 2), await committed(redis, 2)
    await redis.hset(keys.job(other.id), "record", '{"of": "a newer version"}')  # type: ignore[misc]
    await redis.delete(keys.QUEUE)
    assert await sweep(redis, keep_s=KEEP_S) == Swept(requeued=1)
    assert await queue(redis) == {ENTRY.format(record.id, 0)}


async def test_counts_are_not_replaced_if_a_judgment_is_stored_meanwhile(redis: Redis) -> None:
    record = await committed(redis, 2)
    await record_judgments(redis, [finished(record, 0)], keep_s=KEEP_S)
    args = [keys.job_results(record.id), 1, 0, "scored", 0]
    assert await Script("recount_job")(redis, [keys.job(record.id)], args) == 0
    assert await redis.hget(keys.job(record.id), "scored") == b"1"  # type: ignore[misc]
