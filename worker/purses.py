"""Money for calls: reserved before a call from what the store leased to this worker, and settled after it.

The store leases the money of many calls at once, so that a call needs no round trip. Amounts are in nano-dollars.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable

from service.store.budgets import MoneyLease

CALLS_AT_ONCE = 50  # leased for so many calls like the one at hand
_LOOK_S = 0.2  # how often to look whether other workers have given money back

LeaseMore = Callable[[int, int, int, int, int], Awaitable[MoneyLease]]  # held, unstored, least, wanted, charged


class Purse:
    """One worker's part of a budget. `lease` asks the store for more, and tells how much is held."""

    def __init__(self, lease: LeaseMore) -> None:
        self._lease = lease
        self._left = 0  # leased, and not reserved
        self._reserved = 0  # for calls under way
        self._unstored = 0  # spent by calls whose judgments are not stored
        self._storing = 0  # spent by calls whose judgments are being stored: the store may have them already
        self._charged = 0  # spent, and in no judgment's cost
        self._told: int | None = 0  # held by this worker, as the store has it; None if that is not known
        self._possible = math.inf  # a call that may cost more than this will never fit
        self.users = 0  # items that may have to pay a call
        self._is_in_use = False
        self._refused_at = -math.inf
        self._order = asyncio.Lock()
        self._changed = asyncio.Event()

    async def reserve(self, amount: int, limit_s: float, check: Callable[[], None] = lambda: None) -> bool:
        """Reserves an amount. Returns False if the budget has not that much left.

        Waits while calls under way, of any worker, may give some of it back, `limit_s` seconds at most. `check` is
        called meanwhile, and ends the waiting by what it raises.
        """
        ends = time.monotonic() + limit_s
        while not await self.take(amount):
            if amount > self._possible or time.monotonic() >= ends:
                return False
            check()
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await self._changed.wait()
        return True

    async def take(self, amount: int) -> bool:
        """Reserves an amount. Returns False if the budget has not that much now: waits for no call."""
        if amount <= 0:
            return True
        self._is_in_use = True
        if self._left < amount <= self._possible:
            async with self._order:
                if self._left < amount and time.monotonic() - self._refused_at >= _LOOK_S:
                    await self._lease_more(amount)
        if self._left < amount:
            return False
        self._left -= amount
        self._reserved += amount
        return True

    @property
    def _held(self) -> int:
        """The amount that is not left, and yet not known to the store as spent."""
        return self._reserved + self._unstored + self._storing

    async def _lease_more(self, amount: int) -> None:
        """Leases for this and more such calls. What is left goes back first, so that no worker keeps too little."""
        self._left, self._told, charged, held = 0, None, self._charged, self._held
        lease = await self._lease(held, self._unstored, amount, CALLS_AT_ONCE * amount, charged)
        self._told = held + lease.granted
        self._left += lease.granted
        self._charged -= charged
        self._possible = min(self._possible, lease.possible)
        if lease.granted < amount:
            self._refused_at = time.monotonic()

    def settle(self, reserved: int, spent: int) -> None:
        """Ends a call for which an amount was reserved. `spent` is its cost, until `hand_over` is called."""
        self._reserved -= reserved
        self._left += reserved - spent  # a cost beyond the amount reserved is taken from the next calls
        self._unstored += spent
        self._changed.set()

    def hand_over(self, spent: int) -> None:
        """Notes that this cost is about to be stored with a judgment, until `store` or `charge` is called."""
        self._unstored -= spent
        self._storing += spent

    def store(self, spent: int) -> None:
        """Notes that the store has this cost now, with a judgment."""
        self._storing -= spent

    def charge(self, spent: int) -> None:
        """Notes that this cost will be in no judgment: the store is told with the next lease."""
        self._storing -= spent
        self._charged += spent

    @property
    def is_idle(self) -> bool:
        """Whether nobody uses it, and nothing is reserved or left, or has to be told to the store.

        Else it must be kept: of two purses of one worker, the store would know the lease of one.
        """
        return not (self.users or self._is_in_use or self._left or self._held or self._charged) and self._told == 0

    async def give_back(self) -> None:
        """Gives money back that no call has wanted since the last time, and tells the store how much is held."""
        if self._is_in_use and not self._charged:
            self._is_in_use = False
            return
        if self._left or self._charged or self._unstored or self._held != self._told:
            async with self._order:
                await self._lease_more(0)
