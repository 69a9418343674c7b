"""Budgets: the money that jobs and keys may still spend, leased to workers before they make calls."""

from typing import NamedTuple

from redis.asyncio import Redis

from service.store import keys
from service.store.changes import NANO
from service.store.connection import Script

_KEPT_S = 2 * 24 * 3600  # as long as the spending of a day

_lease_money = Script("outages", "lease_money")


class Budget(NamedTuple):
    """A budget of so many US dollars: of the job with this id, or of the key `owner` on a UTC day."""

    usd: float
    job_id: str | None = None
    owner: str | None = None
    day: str | None = None

    @property
    def _keys(self) -> tuple[str, str, str]:
        """The leases, the hash or string with the amount spent, and its field."""
        if self.job_id is not None:
            return keys.job_leases(self.job_id), keys.job(self.job_id), "cost_nano"
        return keys.spend_leases(self.owner or "", self.day or ""), keys.spend(self.owner or "", self.day or ""), ""


class MoneyLease(NamedTuple):
    """Nano-dollars: those granted to the worker, and the most that a call could have if none else was under way.

    `possible` never rises, so a call that may cost more than that will never fit.
    """

    granted: int
    possible: int


async def lease_money(
    redis: Redis,
    worker_id: str,
    budget: Budget,
    *,
    held: int,
    least: int,
    wanted: int,
    unstored: int = 0,
    charged: int = 0,
) -> MoneyLease:
    """Leases up to `wanted` nano-dollars of a budget to a worker that holds `held` of them, and no fewer than `least`.

    If there are fewer, none are granted. The amount held replaces the worker's earlier lease; `unstored` of it are
    spent by calls whose judgments are surely not stored. `charged` was spent, and is in no judgment's cost. The leases
    of workers without a heartbeat count for nothing.
    """
    leases, spent, field = budget._keys
    granted, possible = await _lease_money(
        redis,
        [leases, keys.WORKERS, spent, keys.OUTAGE],
        [worker_id, round(budget.usd * NANO), held, unstored, least, wanted, field, charged, _KEPT_S],
    )
    return MoneyLease(int(granted), int(possible))
