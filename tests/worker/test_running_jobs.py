"""An item may start unless its job was cancelled, has no budget or time left, or the worker drains."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from service.contracts.outcomes import Outcome, Reason
from service.store import clock, jobs, keys
from service.store.changes import NANO, JobState
from service.store.connection import cancelled
from service.store.jobs import Claim
from service.store.queue_leases import Hold
from tests.polling import until
from tests.store.made import committed, record_of
from tests.store.outages import refused_writes
from worker import running_jobs
from worker.asking import InDoubt, NotStarted
from worker.running_jobs import JobGate, RunningJob, RunningJobs


def claim(*, cancelled: bool = False, spent_usd: float = 0.0, **fields: Any) -> Claim:
    record = record_of(2, **fields)
    return Claim(record, [], [False, False], frozenset(), tries=1, cancelled=cancelled, spent_usd=spent_usd)


def stopped_by(gate: RunningJob | JobGate) -> tuple[Outcome | None, Reason | None] | None:
    """The outcome and the reason with which an item does not start, None if it may."""
    try:
        gate.check()
    except NotStarted as stop:
        return stop.outcome, stop.reason
    return None


@contextlib.asynccontextmanager
async def looking(redis: Redis, budgets: dict[str, float | None]) -> AsyncIterator[RunningJobs]:
    running = RunningJobs(redis, budgets)
    task = asyncio.create_task(running.keep_looking())
    try:
        yield running
    finally:
        await cancelled(task)


@pytest.mark.parametrize(
    ("given", "stopped"),
    [
        (claim(), None),
        (claim(cancelled=True, budget_usd=1.0, spent_usd=2.0), (Outcome.CANCELLED, None)),
        (claim(budget_usd=1.0, spent_usd=0.99), None),
        (claim(budget_usd=1.0, spent_usd=1.0), (Outcome.FAILED, Reason.BUDGET)),
        (claim(spent_usd=1e6), None),
        (claim(created_at=clock.now() - timedelta(days=2)), (Outcome.FAILED, Reason.RATE_LIMITED)),
    ],
)
def test_an_item_starts_unless_its_job_is_over(given: Claim, stopped: object) -> None:
    assert stopped_by(RunningJob(given)) == stopped


def test_an_owner_who_has_spent_the_day_stops_a_job_without_a_budget() -> None:
    running = RunningJob(claim())
    running.owner_is_spent = True
    assert stopped_by(running) == (Outcome.FAILED, Reason.BUDGET)


def test_an_item_of_a_job_that_is_gone_goes_back_and_starts_if_the_job_is_there_again() -> None:
    running = RunningJob(claim())
    running.is_gone = True
    assert stopped_by(running) == (None, None)
    running.is_gone = False
    assert stopped_by(running) is None


def test_the_time_left_falls_to_nothing_and_not_below() -> None:
    started = clock.now() - timedelta(seconds=60)
    assert RunningJob(claim(created_at=started, deadline_s=100.0)).left_s == pytest.approx(40, abs=5)
    assert RunningJob(claim(created_at=started, deadline_s=50.0)).left_s == 0


def test_a_late_answer_of_the_store_takes_nothing_back() -> None:
    running = RunningJob(claim(spent_usd=0.5))
    running.update(JobState(True, 0.7))
    running.update(JobState(False, 0.6))
    assert (running.cancelled, running.spent_usd) == (True, 0.7)


def test_chunks_of_one_job_share_its_state_until_the_last_one_ends(redis: Redis) -> None:
    every = RunningJobs(redis, {})
    first = claim()
    second = first._replace(spent_usd=0.25)
    with every.chunk(first) as one:
        with every.chunk(second) as other:
            assert other is one
            assert one.spent_usd == 0.25
        with every.chunk(second._replace(spent_usd=0.0)) as third:
            assert third is one
    with every.chunk(first) as anew:
        assert anew is not one
        assert anew.spent_usd == 0


def test_an_item_that_has_begun_makes_no_further_call_once_its_chunk_is_lost(redis: Redis) -> None:
    every = RunningJobs(redis, {})
    hold: Hold = "sure"
    with every.chunk(claim()) as running:
        gate = JobGate(running, every, lambda: hold)
        gate.begin_call()
        every.is_draining = True
        gate.begin_call()  # a worker that stops ends what has begun
        hold = "lost"
        with pytest.raises(NotStarted) as stopped:
            gate.begin_call()
    assert stopped.value.outcome is None


async def test_only_an_item_with_paid_calls_waits_while_it_is_doubtful_whether_its_chunk_is_lost(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running_jobs, "_AWAY_S", 0.001)
    every = RunningJobs(redis, {})
    hold: Hold = "sure"
    with every.chunk(claim()) as running:
        paid, new, lost = (JobGate(running, every, lambda: hold) for _ in range(3))
        paid.begin_call()
        lost.begin_call()
        hold = "doubtful"
        assert stopped_by(new) == (None, None)
        for gate in (paid, lost):
            gate.check()
            with pytest.raises(InDoubt):
                gate.begin_call()
        waiting = asyncio.create_task(paid.until_sure())
        await asyncio.sleep(0.05)
        assert not waiting.done()
        hold = "sure"
        await waiting
        paid.begin_call()
        with pytest.raises(NotStarted):
            new.begin_call()  # another vote of its item was told that the item goes back
        hold = "doubtful"
        waiting = asyncio.create_task(lost.until_sure())
        await asyncio.sleep(0.01)
        hold = "lost"
        with contextlib.suppress(NotStarted):  # if it is told before it looks again
            await waiting
        with pytest.raises(NotStarted):
            lost.begin_call()


async def test_a_call_waits_for_its_budget_while_the_store_is_away(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error would end the item, and with it the answers to its other calls."""
    monkeypatch.setattr(running_jobs, "_AWAY_S", 0.01)
    every = RunningJobs(redis, {}, "w")
    record = await committed(redis, 2, budget_usd=1.0)
    claimed = await jobs.claim_chunk(redis, record.id, 0, keep_s=1000)
    assert claimed is not None
    with every.chunk(claimed) as running:
        gate = JobGate(running, every)
        assert gate.has_budget
        async with refused_writes(redis):
            reserving = asyncio.create_task(gate.reserve(1000))
            await asyncio.sleep(0.1)
            assert not reserving.done()
        async with asyncio.timeout(60):
            await reserving
        gate.settle(1000, 0, is_known=True)


def test_a_chunk_that_fails_ends_too(redis: Redis) -> None:
    every, given = RunningJobs(redis, {}), claim()
    with pytest.raises(RuntimeError), every.chunk(given) as failed:
        raise RuntimeError
    with every.chunk(given) as anew:
        assert anew is not failed


async def test_a_cancellation_and_a_spent_day_are_seen_meanwhile(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_jobs, "_LOOK_S", 0.01)
    one, other, free = [await committed(redis, 2, owner=owner) for owner in (None, "ann", "bob")]
    async with looking(redis, {"ann": 2.0, "bob": None}) as every:
        with contextlib.ExitStack() as stack:
            claims = [await jobs.claim_chunk(redis, each.id, 0, keep_s=1000) for each in (one, other, free)]
            of_one, of_other, of_free = [stack.enter_context(every.chunk(each)) for each in claims if each]
            await redis.set(keys.spend("ann", clock.today()), NANO)
            await redis.set(keys.spend("bob", clock.today()), 100 * NANO)
            await jobs.mark_cancelled(redis, one.id)
            await until(lambda: of_one.cancelled, "the cancellation")
            assert (stopped_by(of_other), stopped_by(of_free)) == (None, None)
            await redis.set(keys.spend("ann", clock.today()), 2 * NANO)
            await until(lambda: of_other.owner_is_spent, "the spent day")
            assert (of_other.cancelled, of_free.owner_is_spent) == (False, False)


async def test_a_budget_has_one_purse_while_any_item_may_have_to_pay(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running_jobs, "_LOOK_S", 0.01)
    async with looking(redis, {"ann": 5.0}) as every:
        running = RunningJob(claim(owner="ann"))
        gate = JobGate(running, every)
        assert gate.has_budget
        (purse,) = every.purses(running.record)
        await asyncio.sleep(0.1)  # nothing is reserved: its call waits to be made again
        assert every.purses(running.record) == [purse]
        gate.end(stored=False)
        await until(lambda: every.purses(running.record) != [purse], "the purse to be dropped")


def test_a_worker_that_drains_starts_no_item_and_ends_those_that_began(redis: Redis) -> None:
    every = RunningJobs(redis, {})
    running = RunningJob(claim())
    begun, new = JobGate(running, every), JobGate(running, every)
    begun.open()
    every.is_draining = True
    assert stopped_by(begun) is None
    assert stopped_by(new) == (None, None)
    with pytest.raises(NotStarted):
        new.begin_call()
    assert new.began is None


def test_an_item_that_began_is_finished_though_its_job_was_cancelled(redis: Redis) -> None:
    running = RunningJob(claim())
    gate = JobGate(running, RunningJobs(redis, {}))
    gate.begin_call()
    began = gate.began
    running.cancelled = True
    gate.begin_call()
    assert gate.began == began is not None


def test_an_item_whose_calls_all_failed_ends_with_its_cancelled_job(redis: Redis) -> None:
    running = RunningJob(claim())
    gate = JobGate(running, RunningJobs(redis, {}))
    gate.begin_call()
    gate.begin_call()
    assert gate.may_try_again()
    running.cancelled = True
    gate.undo_call()
    assert not gate.may_try_again()  # the other call may be answered
    gate.undo_call()
    for each in (gate.may_try_again, gate.begin_call):
        with pytest.raises(NotStarted) as order:
            each()
        assert order.value.outcome is Outcome.CANCELLED


def test_an_item_goes_back_to_the_queue_if_no_call_of_it_is_lost(redis: Redis) -> None:
    gate = JobGate(RunningJob(claim()), RunningJobs(redis, {}))
    gate.begin_call()
    gate.put_off(30)  # has no effect: a call is under way or paid for
    assert stopped_by(gate) is None
    gate.undo_call()
    with pytest.raises(NotStarted) as stop:
        gate.put_off(30)
    assert (stop.value.outcome, gate.began) == (None, None)
    assert stop.value.not_before == pytest.approx(time.monotonic() + 30, abs=5)
    for start in (gate.open, gate.begin_call):  # for another vote of the same item
        with pytest.raises(NotStarted):
            start()


@pytest.mark.parametrize("stopped", [(Outcome.CANCELLED, None), None])
def test_an_item_of_a_cancelled_job_is_not_put_off(redis: Redis, stopped: object) -> None:
    given = claim(cancelled=stopped is not None)
    running = RunningJobs(redis, {})
    with running.chunk(given) as job:
        gate = JobGate(job, running)
        with pytest.raises(NotStarted) as order:
            gate.put_off(30)
    assert (order.value.outcome is Outcome.CANCELLED) == (stopped is not None)
    assert (order.value.not_before > time.monotonic()) == (stopped is None)
