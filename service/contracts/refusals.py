"""Refusals: why a request can't be carried out. Every part of the service raises them, none with HTTP in mind.

`service/api/problems.py` maps each kind to an HTTP status.
"""

from collections.abc import Sequence
from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """Why a request is refused. The values are stable: clients see them in a problem's `type`."""

    INVALID = "invalid-request"
    IMPOSSIBLE = "impossible"
    NOT_FOUND = "not-found"
    TOO_LARGE = "too-large"
    BUSY = "busy"
    IN_USE = "in-use"
    ITEM_CHANGED = "item-changed"
    FORBIDDEN = "forbidden"
    NOT_OPEN = "not-open"
    ALREADY_VOTED = "already-voted"
    TOO_MANY_VOTES = "too-many-votes"
    BUDGET_SPENT = "budget-spent"
    QUEUE_FULL = "queue-full"


class Fault(msgspec.Struct, frozen=True):
    """One fault of a request: a JSON pointer to it (RFC 6901), and a description."""

    pointer: str
    detail: str


class Refused(Exception):  # noqa: N818 - often no error at all, such as a budget that is spent
    """A request that can't be carried out. `retry_after_s` is None if trying again won't help."""

    def __init__(
        self, kind: Kind, faults: Sequence[Fault] = (), *, detail: str = "", retry_after_s: int | None = None
    ) -> None:
        self.kind = kind
        self.faults = list(faults)
        self.detail = detail or summary_of(self.faults)
        self.retry_after_s = retry_after_s
        super().__init__(self.detail)


def invalid(faults: Sequence[Fault]) -> Refused:
    """Returns the refusal of a request that can't be read or does not match its schema."""
    return Refused(Kind.INVALID, faults)


def impossible(faults: Sequence[Fault]) -> Refused:
    """Returns the refusal of a request that is well-formed and can't be carried out."""
    return Refused(Kind.IMPOSSIBLE, faults)


def not_found(noun: str) -> Refused:
    """Returns the refusal of a request for something that does not exist; `noun` names it, such as `job job_01`."""
    return Refused(Kind.NOT_FOUND, detail=f"there is no {noun}")


def too_large(detail: str) -> Refused:
    """Returns the refusal of a request that exceeds a limit in the settings."""
    return Refused(Kind.TOO_LARGE, detail=detail)


def pointer_to(parent: str, key: str | int) -> str:
    """Returns the pointer one step below `parent`."""
    return f"{parent}/{str(key).replace('~', '~0').replace('/', '~1')}"


def summary_of(faults: Sequence[Fault]) -> str:
    """Returns the first fault and the number of further ones; empty if there is none."""
    if not faults:
        return ""
    first = faults[0]
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{first.pointer or 'the body'}: {first.detail}{more}"
