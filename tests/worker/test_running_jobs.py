"""Whether an item may start, be put off, or has to end."""

from datetime import timedelta

import msgspec
import pytest
from redis.asyncio import Redis

from service.contracts.outcomes import Outcome, Reason
from service.store import clock
from service.store.jobs import Claim
from tests.store.made import record_of
from worker.asking import NotStarted
from worker.running_jobs import JobGate, RunningJob, RunningJobs


def job(*, age_s: float = 0.0, cancelled: bool = False, spent_usd: float = 0.0) -> RunningJob:
    record = msgspec.structs.replace(
        record_of(1), created_at=clock.now() - timedelta(seconds=age_s), deadline_s=60.0, budget_usd=1.0
    )
    return RunningJob(Claim(record, [], [], frozenset(), 1, cancelled, spent_usd))


def gate_of(running: RunningJob, redis: Redis) -> JobGate:
    return JobGate(running, RunningJobs(redis, {}))


async def test_an_item_starts_once(redis: Redis) -> None:
    gate = gate_of(job(), redis)
    gate.open()
    began = gate.began
    gate.begin_call()
    assert gate.began == began is not None


@pytest.mark.parametrize(
    ("running", "outcome", "reason"),
    [
        (job(cancelled=True), Outcome.CANCELLED, None),
        (job(spent_usd=1.0), Outcome.FAILED, Reason.BUDGET),
        (job(age_s=61.0), Outcome.FAILED, Reason.RATE_LIMITED),
    ],
)
async def test_an_item_of_a_job_that_is_over_does_not_start(
    redis: Redis, running: RunningJob, outcome: Outcome, reason: Reason | None
) -> None:
    with pytest.raises(NotStarted) as caught:
        gate_of(running, redis).open()
    assert (caught.value.outcome, caught.value.reason) == (outcome, reason)


async def test_an_item_is_put_off_only_if_that_costs_nothing(redis: Redis) -> None:
    gate = gate_of(job(), redis)
    gate.begin_call()
    gate.put_off(9.0)
    gate.undo_call()
    with pytest.raises(NotStarted) as caught:
        gate.put_off(9.0)
    assert (caught.value.outcome, gate.began) == (None, None)
    with pytest.raises(NotStarted):  # another vote of the same item
        gate.begin_call()
