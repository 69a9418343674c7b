"""The jobs at work in this worker: whether an item may start, and the watch for cancellations and spent budgets."""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import datetime

from redis.asyncio import Redis

from service.contracts.jobs import JobRecord
from service.contracts.outcomes import Outcome, Reason
from service.store import clock, jobs
from service.store.budgets import Budget, MoneyLease, lease_money
from service.store.changes import NANO, JobState
from service.store.errors import StoreError, StoreUnavailableError
from service.store.finishing import spent_today
from service.store.jobs import Claim
from service.store.queue_leases import Hold
from worker.asking import InDoubt, NotStarted
from worker.providers.base import ProviderError
from worker.purses import Purse

_log = logging.getLogger(__name__)

_LOOK_S = 1.0  # how often cancelled jobs and spent budgets are looked for
_AWAY_S = 0.2  # how often to look whether the store is back


class RunningJob:
    """The state of one job while this worker judges chunks of it."""

    def __init__(self, claim: Claim) -> None:
        self.record = claim.record
        self.cancelled = claim.cancelled
        self.spent_usd = claim.spent_usd
        self.owner_is_spent = False
        self.is_ended = False
        self.is_gone = False  # from the store: lost, or about to be there again
        self._ends_at = self.record.created_at.timestamp() + self.record.deadline_s

    def update(self, state: JobState) -> None:
        """Takes over the newer state: a job stays cancelled, and spends only more."""
        self.cancelled = self.cancelled or state.cancelled
        self.spent_usd = max(self.spent_usd, state.spent_usd)

    @property
    def left_s(self) -> float:
        """The seconds until the job's deadline, 0 if it is over."""
        return max(self._ends_at - clock.seconds(), 0.0)

    def check(self) -> None:
        """Raises NotStarted if no further item of the job may start."""
        if self.is_gone:
            raise NotStarted(None)
        if self.cancelled:
            raise NotStarted(Outcome.CANCELLED)
        budget = self.record.budget_usd
        if self.owner_is_spent or (budget is not None and self.spent_usd >= budget):
            raise NotStarted(Outcome.FAILED, Reason.BUDGET)
        if not self.left_s:
            raise NotStarted(Outcome.FAILED, Reason.RATE_LIMITED)


class RunningJobs:
    """All jobs at work in this worker, and whether it drains. `owner_budgets` are US dollars a day by key name."""

    def __init__(self, redis: Redis, owner_budgets: Mapping[str, float | None], worker_id: str = "") -> None:
        self._redis = redis
        self._worker_id = worker_id
        self._purses: dict[Budget, Purse] = {}
        self._owner_budgets = owner_budgets
        self._jobs: dict[str, RunningJob] = {}
        self._chunks: Counter[str] = Counter()
        self.is_draining = False
        self.on_stopped: Callable[[str], None] = lambda job_id: None  # told of a job of which no item may start now

    def set_budgets(self, owner_budgets: Mapping[str, float | None]) -> None:
        """Takes other daily budgets of keys, for the calls from now on."""
        self._owner_budgets = owner_budgets

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

    def purses(self, record: JobRecord) -> list[Purse]:
        """Returns the purses from which the calls of a job are paid: those of its own budget and of its key's."""
        budgets = []
        if record.budget_usd is not None:
            budgets.append(Budget(record.budget_usd, job_id=record.id))
        per_day = self._owner_budgets.get(record.owner or "")
        if per_day is not None:
            budgets.append(Budget(per_day, owner=record.owner, day=clock.today()))
        return [self._purse(budget) for budget in budgets]

    def _purse(self, budget: Budget) -> Purse:
        if budget not in self._purses:

            async def lease(held: int, unstored: int, least: int, wanted: int, charged: int) -> MoneyLease:
                return await lease_money(
                    self._redis,
                    self._worker_id,
                    budget,
                    held=held,
                    unstored=unstored,
                    least=least,
                    wanted=wanted,
                    charged=charged,
                )

            self._purses[budget] = Purse(lease)
        return self._purses[budget]

    async def _give_back_money(self) -> None:
        for budget, purse in list(self._purses.items()):
            await purse.give_back()
            if purse.is_idle and budget.job_id not in self._jobs:
                del self._purses[budget]

    async def keep_looking(self) -> None:
        """Runs for ever: looks for jobs that were cancelled or lost and for budgets that were spent meanwhile.

        Gives back the money that no call wants.
        """
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                await self._give_back_money()
                if self._jobs:
                    await self._look()
            except StoreError as error:
                _log.warning("jobs can't be looked at: %s", error)

    async def _look(self) -> None:
        stopped = await jobs.stopped_jobs(self._redis, list(self._jobs))
        owners = {each.record.owner for each in self._jobs.values()}
        spent = {
            owner: await spent_today(self._redis, owner) >= budget
            for owner in owners
            if owner is not None and (budget := self._owner_budgets.get(owner)) is not None
        }
        for job_id, running in self._jobs.items():
            state = stopped.get(job_id)
            if state == "gone" and not running.is_gone:
                _log.error("%s is no longer in the store: no call is made for it, answers under way are lost", job_id)
            running.is_gone = state == "gone"
            running.cancelled = running.cancelled or state == "cancelled"
            running.owner_is_spent = spent.get(running.record.owner or "", False)
            if running.cancelled or running.is_gone or running.owner_is_spent:
                self.on_stopped(job_id)


class JobGate:
    """Lets an item start unless its job was cancelled, its budget is spent, or this worker drains or lost its chunk.

    While the store is away, it is doubtful whether the worker still has its chunk. An item with calls that are paid for
    waits then: what it has would be lost with it.
    """

    def __init__(self, running: RunningJob, jobs: RunningJobs, hold: Callable[[], Hold] = lambda: "sure") -> None:
        """`hold` returns whether this worker still has the item's chunk."""
        self.running = running
        self._hold = hold
        self._jobs = jobs
        self._calls = 0  # under way or paid for
        self._purses: list[Purse] | None = None
        self._spent = 0  # known costs of calls, in nano-dollars
        self._is_storing = False
        self._not_before: float | None = None
        self.began: datetime | None = None

    @property
    def record(self) -> JobRecord:
        """The job of the item."""
        return self.running.record

    @property
    def job_id(self) -> str:
        """See `worker.limits.ItemGate`."""
        return self.running.record.id

    @property
    def left_s(self) -> float:
        """See `worker.limits.ItemGate`."""
        return self.running.left_s

    def check(self) -> None:
        """See `worker.limits.ItemGate`."""
        if self.began is None:
            self.running.check()  # first: of a cancelled job nothing is put off
        elif self.running.cancelled and not self._calls:  # all of them failed
            raise NotStarted(Outcome.CANCELLED)
        if self._not_before is not None:
            raise NotStarted(None, not_before=self._not_before)
        if self.began is None and self._jobs.is_draining:
            raise NotStarted(None)
        hold = self._hold()
        if hold == "lost" or (hold == "doubtful" and not self._calls):
            # An item that has begun too: its calls would be repeated by the chunk's new worker. And all of its votes.
            self._not_before = time.monotonic()
            raise NotStarted(None)

    def open(self) -> None:
        """See `worker.limits.ItemGate`."""
        self.check()
        self.began = self.began or clock.now()

    def begin_call(self) -> None:
        """See `worker.limits.ItemGate`."""
        self.open()
        if self._hold() == "doubtful":
            raise InDoubt
        self._calls += 1

    def undo_call(self) -> None:
        """See `worker.limits.ItemGate`."""
        self._calls -= 1

    @property
    def has_budget(self) -> bool:
        """See `worker.payments.PayingGate`."""
        if self._purses is None:
            self._purses = self._jobs.purses(self.running.record)
            for purse in self._purses:
                purse.users += 1
        return bool(self._purses)

    async def reserve(self, amount: int) -> None:
        """See `worker.payments.PayingGate`. Raises NotStarted as `check` does."""
        if not await self._from_all(amount, lambda purse: purse.reserve(amount, self.left_s, self.check)):
            raise _over_budget(amount)

    async def take(self, amount: int) -> bool:
        """See `worker.payments.PayingGate`."""
        return await self._from_all(amount, lambda purse: purse.take(amount))

    async def _from_all(self, amount: int, take: Callable[[Purse], Awaitable[bool]]) -> bool:
        """Takes an amount from every purse. Returns False, with nothing taken, if one has not that much."""
        taken: list[Purse] = []
        is_whole = False
        try:
            for purse in self._purses or ():
                if not await self._once_there(purse, take):
                    return False
                taken.append(purse)
            is_whole = True
        finally:
            if not is_whole:
                for purse in taken:
                    purse.settle(amount, 0)
        return True

    async def _once_there(self, purse: Purse, take: Callable[[Purse], Awaitable[bool]]) -> bool:
        """Takes from a purse, once the store is there: other votes of the item may be paid for."""
        while True:
            try:
                return await take(purse)
            except StoreUnavailableError as error:
                _log.warning("a call waits for its budget: %s", error)
                await asyncio.sleep(_AWAY_S)
                self.check()

    async def until_sure(self) -> None:
        """See `worker.payments.PayingGate`."""
        while self._hold() == "doubtful":
            self.check()
            await asyncio.sleep(_AWAY_S)

    def settle(self, amount: int, spent: int, *, is_known: bool) -> None:
        """See `worker.payments.PayingGate`."""
        for purse in self._purses or ():
            purse.settle(amount, spent)
            if not is_known:
                purse.hand_over(spent)
                purse.charge(spent)
        self._spent += spent if is_known else 0

    def may_try_again(self) -> bool:
        """See `worker.payments.PayingGate`: not if the job was cancelled."""
        self.check()
        return not self.running.cancelled

    def begin_storing(self) -> None:
        """Says that the item's judgment is about to be stored, with the costs of its calls."""
        self._is_storing = True
        for purse in self._purses or ():
            purse.hand_over(self._spent)

    def end(self, *, stored: bool) -> None:
        """Hands the costs of the item's calls over to the store, with the judgment or without it."""
        if not self._is_storing:
            self.begin_storing()
        for purse in self._purses or ():
            (purse.store if stored else purse.charge)(self._spent)
            purse.users -= 1
        self._purses, self._spent = None, 0

    def put_off(self, seconds: float) -> None:
        """See `worker.limits.ItemGate`."""
        if not self._calls:
            self._not_before = time.monotonic() + seconds
            self.began = None
            self.check()


def _over_budget(amount: int) -> ProviderError:
    message = f"a call may cost up to {amount / NANO:.6f} USD, and the budget has less than that left"
    error = ProviderError(message, reason=Reason.BUDGET, retryable=False)
    error.attempts = error.faults = 0
    return error
