"""What can go wrong in the store.

StoreError
├── StoreUnavailableError   Redis can't be reached, is loading, or did not answer in time
└── StoreConflictError      what was asked does not fit with what is stored
    ├── IdempotencyConflictError   another request under the same Idempotency-Key
    ├── StagingExpiredError        an upload took so long that its first part is gone
    └── BusyError                  what has to hold still did not
"""


class StoreError(Exception):
    """The root of all that the store raises."""


class StoreUnavailableError(StoreError):
    """Redis can't be reached, is loading its data, or did not answer in time. Trying later may help."""


class StoreConflictError(StoreError):
    """What was asked does not fit with what is stored."""


class IdempotencyConflictError(StoreConflictError):
    """The Idempotency-Key was used for another request."""


class StagingExpiredError(StoreConflictError):
    """The upload took longer than its staged parts are kept."""


class BusyError(StoreConflictError):
    """What has to hold still for a moment was changed each time."""
