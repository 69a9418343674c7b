"""Whether an item whose call failed is tried again, waits for its provider, or fails. Pure: the time is given."""

from enum import Enum

import msgspec

from service.contracts.outcomes import Reason
from worker.providers.base import ProviderError
from worker.retrying import Retrying


class NextStep(Enum):
    """What follows a failed call."""

    TRY = "try"  # by the item's own schedule, even if the model's breaker is open
    WAIT = "wait"  # for the model's breaker
    FAIL = "fail"


def is_of_provider(error: BaseException | None) -> bool:
    """Returns whether a failure is the provider's: it was not reached, hung, or had an error of its own (5xx)."""
    if not isinstance(error, ProviderError) or error.is_limit or error.stops_calls or not error.retryable:
        return False
    return error.status is None or error.status >= 500 or error.reason is Reason.TIMEOUT


class Tries(msgspec.Struct):
    """The failed calls for one question: their `faults`, and when the first of them began, in Unix seconds.

    `has_begun` if a call was made while the model's breaker was closed. Such an item makes its own tries, and then
    waits until `retrying.outage` is over. Others wait for the breaker, up to the job's deadline.
    """

    retrying: Retrying
    faults: int = 0
    failed_at: float | None = None
    has_begun: bool = False

    def count(self, error: ProviderError, began: float) -> None:
        """Counts a failed call that began at `began`."""
        self.faults += max(error.faults, 1)
        if self.failed_at is None:
            self.failed_at = began

    def answered(self) -> None:
        """Starts anew for the next question."""
        self.faults, self.failed_at = 0, None

    def next_step(self, error: ProviderError, proved_at: float, now: float) -> NextStep:
        """Returns the step after a failed call that was counted.

        `proved_at` is when the newest of the model's calls began that was answered: if that was after this item's first
        failed call, the failure counts as the item's and not as the provider's.
        """
        is_spent = self.faults >= self.retrying.attempts
        if not is_of_provider(error) or self.failed_at is None or proved_at > self.failed_at:
            return NextStep.FAIL if is_spent else NextStep.TRY
        if not is_spent:
            return NextStep.TRY if self.has_begun else NextStep.WAIT
        return NextStep.FAIL if now - self.failed_at >= self.retrying.outage else NextStep.WAIT

    def patience_s(self, now: float) -> float | None:
        """Returns the seconds for which the next call waits for an open breaker at most; None if without a bound."""
        if not self.has_begun:
            return None
        if self.faults < self.retrying.attempts or self.failed_at is None:
            return 0.0
        return max(self.failed_at + self.retrying.outage - now, 0.0)
