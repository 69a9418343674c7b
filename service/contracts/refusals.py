"""What can't be done, and why: raised by every part of the service, without any HTTP. `api/problems.py` maps it."""

from collections.abc import Sequence
from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """Why a request is refused. The values are stable: programs see them in a problem's `type`."""

    INVALID = "invalid-request"
    IMPOSSIBLE = "impossible"
    NOT_FOUND = "not-found"
    TOO_LARGE = "too-large"
    BUSY = "busy"
    NOT_OPEN = "not-open"
    ALREADY_VOTED = "already-voted"
    TOO_MANY_VOTES = "too-many-votes"
    BUDGET_SPENT = "budget-spent"


class Fault(msgspec.Struct, frozen=True):
    """One thing wrong with a request: where, as a JSON pointer (RFC 6901), and what."""

    pointer: str
    detail: str


class Refused(Exception):  # noqa: N818 - it says what happened to the request, which may be no error of anybody's
    """A request that can't be done. After `retry_after_s` seconds it may be; None if waiting won't help."""

    def __init__(
        self, kind: Kind, faults: Sequence[Fault] = (), *, detail: str = "", retry_after_s: int | None = None
    ) -> None:
        self.kind = kind
        self.faults = list(faults)
        self.detail = detail or summary_of(self.faults)
        self.retry_after_s = retry_after_s
        super().__init__(self.detail)


def invalid(faults: Sequence[Fault]) -> Refused:
    """The request can't be read or does not fit."""
    return Refused(Kind.INVALID, faults)


def impossible(faults: Sequence[Fault]) -> Refused:
    """The request was understood and can't be done."""
    return Refused(Kind.IMPOSSIBLE, faults)


def not_found(noun: str) -> Refused:
    """There is no such thing; `noun` names it, as in `job job_01`."""
    return Refused(Kind.NOT_FOUND, detail=f"there is no {noun}")


def too_large(detail: str) -> Refused:
    """There is more of something than the settings allow."""
    return Refused(Kind.TOO_LARGE, detail=detail)


def pointer_to(parent: str, key: str | int) -> str:
    """Returns the pointer one step below `parent`."""
    return f"{parent}/{str(key).replace('~', '~0').replace('/', '~1')}"


def summary_of(faults: Sequence[Fault]) -> str:
    """Returns the first fault, and how many more there are; empty if there is none."""
    if not faults:
        return ""
    first = faults[0]
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{first.pointer or 'the body'}: {first.detail}{more}"
