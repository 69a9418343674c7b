"""Judgments are stored and counted once, however often they are delivered."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import msgspec
import pytest
from redis.asyncio import Redis

from service.agreement import recording
from service.agreement.recording import MOST_JUDGMENTS_OF_AN_ITEM, Finished, Finisher, record_judgments, surplus_refs
from service.contracts.items import Item
from service.contracts.jobs import Job, JobCounts, JobRecord
from service.contracts.outcomes import JobStatus, Outcome, Reason
from service.store import finishing, jobs, judgments, keys
from service.store.changes import JobState, UncountableError
from service.store.connection import connect
from service.store.errors import StoreError
from service.store.finishing import spent_today
from service.store.installations import packs
from service.store.items import load_item
from service.store.sweeping import Swept, sweep
from tests.store.labelled import judge_of, judged, one
from tests.store.made import MODEL, committed, finished, record_of

KEEP_S = 1000


async def job_of(redis: Redis, record: JobRecord) -> Job:
    found = await jobs.load_job(redis, record.id)
    assert found is not None
    return found[1]


async def series(redis: Redis, name: str) -> int:
    stored = await redis.hgetall(keys.COUNTERS)  # type: ignore[misc]
    return sum(int(value) for field, value in stored.items() if field.decode().split("\t")[0] == name)


async def test_a_judgment_delivered_twice_is_stored_and_counted_once(redis: Redis) -> None:
    record = await committed(redis, 3)
    first, again = finished(record, 0), finished(record, 0, outcome=Outcome.FAILED, reason=Reason.TIMEOUT)
    await record_judgments(redis, [first], keep_s=KEEP_S)
    before = await redis.hgetall(keys.COUNTERS)  # type: ignore[misc]
    await record_judgments(redis, [again, first], keep_s=KEEP_S)
    job = await job_of(redis, record)
    assert job.counts == JobCounts(total=3, pending=2, scored=1, unscored=0, failed=0, cancelled=0)
    assert (job.usage.input_tokens, job.usage.output_tokens, job.usage.cost_usd) == (10, 3, 0.001)
    assert await redis.hgetall(keys.COUNTERS) == before  # type: ignore[misc]
    assert await jobs.count_pending(redis) == 2
    page, _ = await judgments.page_of_judgments(redis, record, start=0, limit=10, outcome=None)
    assert [msgspec.json.decode(each)["id"] for each in page] == [first.judgment.id]


async def test_one_delivered_twice_within_a_batch_counts_once(redis: Redis) -> None:
    record = await committed(redis, 2)
    await record_judgments(redis, [finished(record, 0), finished(record, 0)], keep_s=KEEP_S)
    assert (await job_of(redis, record)).counts.scored == 1


async def test_the_last_judgment_ends_the_job_and_starts_its_time_to_live(redis: Redis) -> None:
    record = await committed(redis, 3)
    await record_judgments(redis, [finished(record, 0), finished(record, 1)], keep_s=KEEP_S)
    assert (await job_of(redis, record)).finished_at is None
    assert await redis.ttl(keys.job(record.id)) == -1
    failed = finished(record, 2, outcome=Outcome.FAILED, reason=Reason.TIMEOUT)
    await record_judgments(redis, [failed], keep_s=KEEP_S)
    job = await job_of(redis, record)
    assert job.status is JobStatus.COMPLETED_WITH_ERRORS
    assert job.finished_at is not None
    kept = [
        keys.job(record.id),
        *(of(record.id, chunk) for of in (keys.chunk_items, keys.chunk_results) for chunk in (0, 1)),
    ]
    for key in kept:
        assert 0 < await redis.ttl(key) <= KEEP_S, key


async def test_the_end_of_a_job_queues_its_callback_once(redis: Redis) -> None:
    record = await committed(redis, 1, callback_url="http://127.0.0.1:9/")
    arq_id = f"call_back:{record.id}"
    assert await redis.zscore(keys.QUEUE, arq_id) is None
    await record_judgments(redis, [finished(record, 0)], keep_s=KEEP_S)
    assert await redis.zscore(keys.QUEUE, arq_id) is not None
    assert await redis.exists(keys.ARQ_JOB + arq_id)
    await redis.zrem(keys.QUEUE, arq_id)
    await record_judgments(redis, [finished(record, 0)], keep_s=KEEP_S)
    assert await redis.zscore(keys.QUEUE, arq_id) is None


async def test_judgments_of_a_job_that_is_gone_are_dropped(redis: Redis) -> None:
    record = record_of(1)
    await packs(redis)
    before = await redis.keys("*")
    await record_judgments(redis, [finished(record, 0)], keep_s=KEEP_S)
    assert await redis.keys("*") == before


async def test_each_outcome_is_counted_under_its_name(redis: Redis) -> None:
    record = await committed(redis, 4)
    outcomes = [
        (Outcome.SCORED, None),
        (Outcome.UNSCORED, Reason.NO_SCORE),
        (Outcome.FAILED, Reason.AUTH),
        (Outcome.CANCELLED, None),
    ]
    batch = [finished(record, number, outcome=each, reason=why) for number, (each, why) in enumerate(outcomes)]
    await record_judgments(redis, batch, keep_s=KEEP_S)
    stored = await redis.hgetall(keys.COUNTERS)  # type: ignore[misc]
    for outcome, reason in outcomes:
        assert stored["\t".join(("judgments_total", "wit", "2", MODEL, outcome, reason or "")).encode()] == b"1"
    assert await series(redis, "score_total") == await series(redis, "parsed_total") == 1
    job = await job_of(redis, record)
    assert job.counts == JobCounts(total=4, pending=0, scored=1, unscored=1, failed=1, cancelled=1)
    assert job.status is JobStatus.CANCELLED
    assert await series(redis, "queue_wait_seconds") > 0


async def test_an_unknown_price_makes_the_jobs_cost_unknown(redis: Redis) -> None:
    record = await committed(redis, 2)
    await record_judgments(redis, [finished(record, 0)], keep_s=KEEP_S)
    assert (await job_of(redis, record)).usage.cost_usd == 0.001
    await record_judgments(redis, [finished(record, 1, cost_usd=None)], keep_s=KEEP_S)
    assert (await job_of(redis, record)).usage.cost_usd is None


async def test_costs_add_up_exactly_and_to_their_owner(redis: Redis) -> None:
    record = await committed(redis, 300, chunk_items=50, owner="bot")
    await record_judgments(redis, [finished(record, each, cost_usd=0.0000123) for each in range(300)], keep_s=KEEP_S)
    assert (await job_of(redis, record)).usage.cost_usd == 0.00369
    assert await spent_today(redis, "bot") == 0.00369
    assert await spent_today(redis, "other") == 0
    assert await series(redis, "cost_usd_total") == 300 * 12_300


async def test_the_state_of_each_job_comes_back(redis: Redis) -> None:
    one, other = await committed(redis, 2), await committed(redis, 2)
    await jobs.mark_cancelled(redis, other.id)
    states = await record_judgments(redis, [finished(one, 0), finished(other, 1)], keep_s=KEEP_S)
    assert {job_id: state.cancelled for job_id, state in states.items()} == {one.id: False, other.id: True}
    assert states[one.id].spent_usd == 0.001


async def test_a_finisher_writes_together_what_ends_together(redis: Redis) -> None:
    record = await committed(redis, 600, chunk_items=50)
    finisher = Finisher(redis, keep_s=KEEP_S)
    before = (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
    states = await asyncio.gather(*(finisher.finish(finished(record, each)) for each in range(600)))
    assert len(states) == 600
    assert (await job_of(redis, record)).status is JobStatus.COMPLETED
    assert (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"] - before <= 4


async def test_a_write_comes_the_sooner_the_fewer_judgments_the_one_before_had(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    finisher, timeout = Finisher(redis, keep_s=KEEP_S), asyncio.timeout

    def noted(seconds: float) -> asyncio.Timeout:
        waits.append(seconds)
        return timeout(min(seconds, 0.01))

    record = await committed(redis, 20, chunk_items=50)
    monkeypatch.setattr(recording, "_APART_S", 3600.0)
    monkeypatch.setattr(asyncio, "timeout", noted)
    for batch in (range(1), range(1, 9), range(9, 10)):
        await asyncio.gather(*(finisher.finish(finished(record, each)) for each in batch))
    after_one, after_eight = [each for each in waits if each > 60]  # the others are the store client's
    assert 400 < after_one <= 450
    assert 3500 < after_eight <= 3600


async def test_a_judgment_that_no_other_follows_is_written_at_once(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "_APART_S", 3600.0)
    record, finisher = await committed(redis, 20, chunk_items=50), Finisher(redis, keep_s=KEEP_S)
    await asyncio.gather(*(finisher.finish(finished(record, each)) for each in range(8)))
    early = asyncio.create_task(finisher.finish(finished(record, 8)))
    await asyncio.sleep(0.05)
    assert not early.done()
    async with asyncio.timeout(10):
        await asyncio.gather(early, finisher.finish(finished(record, 9), is_last=True))
    late = asyncio.create_task(finisher.finish(finished(record, 10)))
    await asyncio.sleep(0.05)
    assert not late.done()
    await asyncio.gather(late, finisher.finish(finished(record, 11), is_last=True))


async def test_a_finisher_waits_for_a_store_that_is_away(redis: Redis, store_url: str) -> None:
    record = await committed(redis, 1)
    away = connect(store_url, retries=0, max_connections=1, timeout_s=0.05)
    taken = await away.connection_pool.get_connection()
    finishing = asyncio.create_task(Finisher(away, keep_s=KEEP_S).finish(finished(record, 0)))
    await asyncio.sleep(0.2)
    assert not finishing.done()
    await away.connection_pool.release(taken)
    await asyncio.wait_for(finishing, 30)
    await away.aclose()
    assert (await job_of(redis, record)).status is JobStatus.COMPLETED


async def test_a_finisher_tells_of_what_the_store_refuses_and_goes_on(redis: Redis) -> None:
    bad, good = await committed(redis, 1), await committed(redis, 1)
    await redis.set(keys.chunk_results(bad.id, 0), "in the way")
    finisher = Finisher(redis, keep_s=KEEP_S)
    with pytest.raises(StoreError):
        await finisher.finish(finished(bad, 0))
    await finisher.finish(finished(good, 0))
    assert (await job_of(redis, good)).counts.scored == 1


async def test_places_of_judgments_that_have_expired_leave_their_item(redis: Redis) -> None:
    judge, told = judge_of(), Item(id="t-1", output="text")
    for days in (400, 200, 0):
        await judged(redis, judge, told, [4], ago=timedelta(days=days))
    assert len((await load_item(redis, "t-1")).refs) == 1  # the others ended long before the keep time


async def test_a_new_item_is_counted_in_one_call(redis: Redis) -> None:
    judge = judge_of()
    record = await committed(redis, 40, chunk_items=50, judges=[judge])
    batch = [
        one(record, judge, Item(id=f"n-{n}", output="text"), [4], ago=timedelta(), cached=False)._replace(position=n)
        for n in range(40)
    ]
    before = (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
    await record_judgments(redis, batch, keep_s=KEEP_S)
    assert (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"] - before == 1


def with_tokens(each: Finished, tokens: int) -> Finished:
    usage = msgspec.structs.replace(each.judgment.usage, input_tokens=tokens)
    return each._replace(judgment=msgspec.structs.replace(each.judgment, usage=usage))


@pytest.mark.parametrize("tokens", [9 * 10**18, 10**30, -(10**16)])
async def test_a_judgment_that_cannot_be_counted_harms_no_other(redis: Redis, tokens: int) -> None:
    record = await committed(redis, 4)
    finisher = Finisher(redis, keep_s=KEEP_S)
    batch = [finished(record, position) for position in range(4)]
    batch[1] = with_tokens(batch[1], tokens)
    ended = await asyncio.gather(*map(finisher.finish, batch), return_exceptions=True)
    assert [isinstance(each, UncountableError) for each in ended] == [False, True, False, False]
    job = await job_of(redis, record)
    assert (job.counts.scored, job.counts.pending, job.usage.input_tokens) == (3, 1, 30)
    assert await sweep(redis, keep_s=KEEP_S) == Swept()


async def test_the_texts_of_a_judgment_too_large_to_store_are_cut(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finishing, "MAX_JUDGMENT_BYTES", 20_000)
    record = await committed(redis, 2)
    large = finished(record, 0)
    vote = msgspec.structs.replace(large.judgment.votes[0], raw_text="\x01" * 100_000)
    large = large._replace(judgment=msgspec.structs.replace(large.judgment, votes=[vote], explanation="é" * 9_000))
    await record_judgments(redis, [large, finished(record, 1)], keep_s=KEEP_S)
    page, _ = await judgments.page_of_judgments(redis, record, start=0, limit=10, outcome=None)
    assert [len(each) <= 20_000 for each in page] == [True, True]
    stored = msgspec.json.decode(page[0])
    assert stored["votes"][0]["raw_text"].endswith("\x01 [cut]")
    assert stored["explanation"].endswith("é [cut]")
    assert (await job_of(redis, record)).counts.scored == 2


async def test_large_answers_are_stored_in_several_steps(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    async def recorded(redis: Redis, batch: Sequence[Finished], *, keep_s: int) -> dict[str, JobState]:
        sizes.append(len(batch))
        return await record_judgments(redis, batch, keep_s=keep_s)

    monkeypatch.setattr(recording, "record_judgments", recorded)
    monkeypatch.setattr(recording, "_MAX_CHARACTERS", 2)
    record = await committed(redis, 7)
    finisher = Finisher(redis, keep_s=KEEP_S)
    await asyncio.gather(*(finisher.finish(finished(record, position)) for position in range(7)))
    assert sum(sizes) == 7
    assert max(sizes) <= 2


def test_an_item_has_the_places_of_its_newest_judgments_alone() -> None:
    refs = {f"R\tjob\t0\t{number}": 1000 + number for number in range(MOST_JUDGMENTS_OF_AN_ITEM + 5)}
    oldest = list(refs)[:6]
    assert surplus_refs(refs, 0) == oldest
    assert surplus_refs(refs, 1004) == oldest
    assert surplus_refs(dict(list(refs.items())[:-10]), 0) == []
    assert surplus_refs({"R\tjob\t0\t0": 5, "R\tjob\t0\t1": 3}, 4) == ["R\tjob\t0\t1"]
