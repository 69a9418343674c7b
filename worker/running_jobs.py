"""The jobs at work in this worker: whether an item may start, and the watch for cancellations and spent budgets."""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime

from redis.asyncio import Redis

from service.contracts.outcomes import Outcome, Reason
from service.store import clock, jobs
from service.store.changes import JobState
from service.store.errors import StoreError
from service.store.finishing import spent_today
from service.store.jobs import Claim
from worker.asking import NotStarted

_log = logging.getLogger(__name__)

_LOOK_S = 1.0  # how often cancelled jobs and spent budgets are looked for


class RunningJob:
    """The state of one job while this worker judges chunks of it."""

    def __init__(self, claim: Claim) -> None:
        self.record = claim.record
        self.cancelled = claim.cancelled
        self.spent_usd = claim.spent_usd
        self.owner_is_spent = False

    def update(self, state: JobState) -> None:
        """Takes over the newer state: a job stays cancelled, and spends only more."""
        self.cancelled = self.cancelled or state.cancelled
        self.spent_usd = max(self.spent_usd, state.spent_usd)

    @property
    def left_s(self) -> float:
        """The seconds until the job's deadline, 0 if it is over."""
        over_s = (clock.now() - self.record.created_at).total_seconds()
        return max(self.record.deadline_s - over_s, 0.0)

    def check(self) -> None:
        """Raises NotStarted if no further item of the job may start."""
        if self.cancelled:
            raise NotStarted(Outcome.CANCELLED)
        budget = self.record.budget_usd
        if self.owner_is_spent or (budget is not None and self.spent_usd >= budget):
            raise NotStarted(Outcome.FAILED, Reason.BUDGET)
        if not self.left_s:
            raise NotStarted(Outcome.FAILED, Reason.RATE_LIMITED)


class RunningJobs:
    """All jobs at work in this worker, and whether it drains. `owner_budgets` are US dollars a day by key name."""

    def __init__(self, redis: Redis, owner_budgets: Mapping[str, float | None]) -> None:
        self._redis = redis
        self._owner_budgets = owner_budgets
        self._jobs: dict[str, RunningJob] = {}
        self._chunks: Counter[str] = Counter()
        self.is_draining = False

    @contextlib.contextmanager
    def chunk(self, claim: Claim) -> Iterator[RunningJob]:
        """Keeps the job of a claimed chunk among the running ones while the block lasts."""
        job_id = claim.record.id
        running = self._jobs.setdefault(job_id, RunningJob(claim))
        running.update(JobState(claim.cancelled, claim.spent_usd))
        self._chunks[job_id] += 1
        try:
            yield running
        finally:
            self._chunks[job_id] -= 1
            if not self._chunks[job_id]:
                del self._chunks[job_id]
                self._jobs.pop(job_id, None)

    async def keep_looking(self) -> None:
        """Runs for ever: looks for jobs that were cancelled and for budgets that were spent meanwhile."""
        while True:
            await asyncio.sleep(_LOOK_S)
            if not self._jobs:
                continue
            try:
                await self._look()
            except StoreError as error:
                _log.warning("jobs can't be looked at: %s", error)

    async def _look(self) -> None:
        cancelled = await jobs.cancelled_jobs(self._redis, list(self._jobs))
        owners = {each.record.owner for each in self._jobs.values()}
        spent = {
            owner: await spent_today(self._redis, owner) >= budget
            for owner in owners
            if owner is not None and (budget := self._owner_budgets.get(owner)) is not None
        }
        for job_id, running in self._jobs.items():
            running.cancelled = running.cancelled or cancelled.get(job_id, False)
            running.owner_is_spent = spent.get(running.record.owner or "", False)


class JobGate:
    """Lets one item start, unless its job was cancelled, its budget is spent or this worker drains."""

    def __init__(self, running: RunningJob, jobs: RunningJobs) -> None:
        self._running = running
        self._jobs = jobs
        self._calls = 0  # under way or paid for
        self._not_before: float | None = None
        self.began: datetime | None = None

    @property
    def left_s(self) -> float:
        """See `worker.limits.ItemGate`."""
        return self._running.left_s

    def check(self) -> None:
        """See `worker.limits.ItemGate`."""
        if self._not_before is not None:
            raise NotStarted(None, not_before=self._not_before)
        if self.began is None:
            self._running.check()
            if self._jobs.is_draining:
                raise NotStarted(None)

    def open(self) -> None:
        """See `worker.limits.ItemGate`."""
        self.check()
        self.began = self.began or clock.now()

    def begin_call(self) -> None:
        """See `worker.limits.ItemGate`."""
        self.open()
        self._calls += 1

    def undo_call(self) -> None:
        """See `worker.limits.ItemGate`."""
        self._calls -= 1

    def put_off(self, seconds: float) -> None:
        """See `worker.limits.ItemGate`."""
        if not self._calls:
            self._not_before = time.monotonic() + seconds
            self.began = None
            self.check()
