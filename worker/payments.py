"""The money for one call: reserved before the call waits for its place, and settled once it has ended."""

from typing import Protocol

from worker.call_costs import CallEstimate
from worker.limits import ItemGate
from worker.providers.base import Completion


class PayingGate(ItemGate, Protocol):
    """The gate of an item whose job or key may have a budget. Amounts are nano-dollars."""

    @property
    def has_budget(self) -> bool:
        """Whether money has to be reserved for a call."""
        ...

    async def reserve(self, amount: int) -> None:
        """Reserves an amount for a call, and waits for it. Raises ProviderError (budget) if it will never fit."""
        ...

    async def take(self, amount: int) -> bool:
        """Reserves an amount for a call. Returns False if the budgets have not that much now: waits for no call."""
        ...

    def settle(self, amount: int, spent: int, *, is_known: bool) -> None:
        """Ends a call: `spent` of the amount is its cost, an assumption unless `is_known`."""
        ...

    def may_try_again(self) -> bool:
        """Returns whether a failed call may be made again. Raises NotStarted if no other call of the item counts."""
        ...

    async def until_sure(self) -> None:
        """Waits while it is doubtful whether this worker still has the item. Raises NotStarted if it has not."""
        ...


class Payment:
    """The money for one call of an item. See `worker.limits.CallMoney`."""

    def __init__(self, gate: PayingGate, estimate: CallEstimate) -> None:
        self._gate = gate
        self._estimate = estimate
        self._reserved = 0
        self._spent = 0
        self._is_known = True

    async def reserve(self) -> None:
        """Waits until the most that the call can cost is reserved. Raises ProviderError (budget) if it never fits."""
        if not self._reserved:
            amount = self._estimate.most()
            await self._gate.reserve(amount)
            self._reserved = amount

    async def top_up(self) -> bool:
        """Reserves what the call may cost more by now. Returns False, with nothing reserved, if that is not there."""
        while (more := self._estimate.most() - self._reserved) > 0:  # an answer that came meanwhile may raise it again
            if not await self._gate.take(more):
                self._gate.settle(self._reserved, 0, is_known=True)
                self._reserved = 0
                return False
            self._reserved += more
        return True

    def answered(self, completion: Completion) -> None:
        """Takes the cost from the answer; what was reserved if the provider did not count its tokens."""
        cost = self._estimate.cost(completion)
        self._spent, self._is_known = (self._reserved, False) if cost is None else (cost, True)

    def end(self) -> None:
        """Settles the call. Without an answer it cost nothing."""
        if self._reserved or self._spent:
            self._gate.settle(self._reserved, self._spent, is_known=self._is_known)
        self._reserved = self._spent = 0
