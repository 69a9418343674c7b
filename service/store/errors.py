"""The errors of the store.

StoreError
├── StoreUnavailableError   Redis can't be reached, is loading its data, is full, or did not answer in time
└── StoreConflictError      the request conflicts with the stored state
    ├── IdempotencyConflictError   the Idempotency-Key was used for another request
    ├── StagingExpiredError        an upload took so long that its first part has expired
    └── BusyError                  the data changed at each of several attempts
"""


class StoreError(Exception):
    """The base of all errors of the store."""


class StoreUnavailableError(StoreError):
    """Redis can't be reached, is loading its data, is full, or did not answer in time. A later attempt may succeed."""


class StoreConflictError(StoreError):
    """The request conflicts with the stored state."""


class IdempotencyConflictError(StoreConflictError):
    """The Idempotency-Key was used for another request."""


class StagingExpiredError(StoreConflictError):
    """The upload took longer than its staged parts are kept."""


class BusyError(StoreConflictError):
    """The data changed at each of several attempts. A later attempt may succeed."""
