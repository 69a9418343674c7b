"""The errors of the store.

StoreError
├── UnreadableRecordError   a record was stored by a newer version of the service, or is damaged
├── UnfitStoreError         the store, or its user's rights, are not what the service needs
├── StoreUnavailableError   Redis can't be reached, is loading its data, is full, or did not answer in time
│   └── UnconfirmedError           too few replicas of the store have what was accepted
└── StoreConflictError      the request conflicts with the stored state
    ├── IdempotencyConflictError   the Idempotency-Key was used for another request
    ├── StagingExpiredError        an upload took so long that its first part has expired
    ├── QueueFullError             the job would exceed the bound of the queue
    └── BusyError                  the data changed at each of several attempts
"""


class StoreError(Exception):
    """The base of all errors of the store."""


class UnreadableRecordError(StoreError):
    """A record was stored by a newer version of the service, or is damaged; `name` names it."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name} can't be read by this version: {problem}")
        self.name = name


class UnfitStoreError(StoreError):
    """The store is of a kind or a version that the service can't use, or its user lacks a right."""


class StoreUnavailableError(StoreError):
    """Redis can't be reached, is loading its data, is full, or did not answer in time. A later attempt may succeed."""


class UnconfirmedError(StoreUnavailableError):
    """Too few replicas of the store have what was accepted. The message is for the client."""


class StoreConflictError(StoreError):
    """The request conflicts with the stored state."""


class IdempotencyConflictError(StoreConflictError):
    """The Idempotency-Key was used for another request."""


class StagingExpiredError(StoreConflictError):
    """The upload took longer than its staged parts are kept."""


class QueueFullError(StoreConflictError):
    """The job would exceed the bound of the queue, in which `pending` judgments wait."""

    def __init__(self, pending: int) -> None:
        super().__init__(f"{pending} judgments wait already")
        self.pending = pending


class BusyError(StoreConflictError):
    """The data changed at each of several attempts. A later attempt may succeed."""
