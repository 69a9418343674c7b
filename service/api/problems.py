"""Errors as RFC 9457 problems. This alone maps errors to HTTP statuses."""

import logging
import re
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.openapi.datastructures import ResponseSpec

from service.contracts.refusals import Fault, Kind, Refused, pointer_to, summary_of
from service.store.errors import IdempotencyConflictError, StagingExpiredError, StoreUnavailableError

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_MISSING = re.compile("Missing required query parameter '([^']*)'")  # which Litestar 2.25 says in words alone
_RETRY_S = 2  # Redis is back within seconds, or not for long


_STATUSES = {
    Kind.INVALID: 400,
    Kind.IMPOSSIBLE: 422,
    Kind.NOT_FOUND: 404,
    Kind.TOO_LARGE: 413,
    Kind.BUSY: 409,
    Kind.NOT_OPEN: 409,
    Kind.ALREADY_VOTED: 409,
    Kind.TOO_MANY_VOTES: 429,
    Kind.BUDGET_SPENT: 429,
}


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An RFC 9457 problem. `type` is stable: programs may rely on it."""

    type: str
    title: str
    status: int
    detail: str = ""
    errors: list[Fault] = []


class ProblemError(Exception):
    """Ends a request for a reason of HTTP's own. `code` is the last part of the problem's type."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers or {}


def _title(status: int) -> str:
    """A status in words: RFC 9110's, which Python has only from 3.13 on."""
    return {413: "Content Too Large", 422: "Unprocessable Content"}.get(status) or HTTPStatus(status).phrase


def _response(status: int, code: str, detail: str, errors: list[Fault], headers: dict[str, str]) -> Response[bytes]:
    problem = Problem(
        type=f"urn:judged:problem:{code}",
        title=_title(status),
        status=status,
        detail=detail,
        errors=errors,
    )
    return Response(msgspec.json.encode(problem), status_code=status, media_type=MEDIA_TYPE, headers=headers)


def from_refused(_: Request[Any, Any, Any], refused: Refused) -> Response[bytes]:
    headers = {} if refused.retry_after_s is None else {"Retry-After": str(refused.retry_after_s)}
    return _response(_STATUSES[refused.kind], refused.kind, refused.detail, refused.faults, headers)


def from_problem(_: Request[Any, Any, Any], error: ProblemError) -> Response[bytes]:
    return _response(error.status, error.code, error.detail, [], error.headers)


def from_store_away(_: Request[Any, Any, Any], error: StoreUnavailableError) -> Response[bytes]:
    logger.warning("%s", error)
    detail = "the store is away; what was accepted is kept"
    return _response(503, "store-unavailable", detail, [], {"Retry-After": str(_RETRY_S)})


def from_idempotency_conflict(_: Request[Any, Any, Any], error: IdempotencyConflictError) -> Response[bytes]:
    return _response(409, "idempotency-conflict", str(error), [], {})


def from_staging_expired(_: Request[Any, Any, Any], error: StagingExpiredError) -> Response[bytes]:
    return _response(408, "upload-too-slow", str(error), [], {})


def from_http_exception(_: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """What Litestar itself refuses: unknown paths, wrong methods, query parameters that do not fit."""
    status = error.status_code
    extra = error.extra if isinstance(error.extra, list) else []
    errors = [Fault(pointer_to("", each["key"]), each.get("message", "")) for each in extra if "key" in each]
    if missing := _MISSING.match(error.detail):
        errors.append(Fault(pointer_to("", missing[1]), "is missing"))
    code = "invalid-request" if status == HTTPStatus.BAD_REQUEST else _title(status).lower().replace(" ", "-")
    return _response(status, code, summary_of(errors) if errors else error.detail, errors, dict(error.headers or {}))


def from_anything(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """A defect of ours: the log has it, the answer reveals nothing."""
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _response(500, "internal", "an error of the service's own; its log says more", [], {})


HANDLERS: dict[int | type[Exception], Any] = {
    Refused: from_refused,
    ProblemError: from_problem,
    StoreUnavailableError: from_store_away,
    IdempotencyConflictError: from_idempotency_conflict,
    StagingExpiredError: from_staging_expired,
    HTTPException: from_http_exception,
    Exception: from_anything,
}

_DESCRIPTIONS = {
    400: "The request can't be read or does not fit; `errors` says where.",
    401: "No API key, or a wrong one.",
    403: "The API key lacks the scope.",
    404: "There is no such thing.",
    405: "The path knows no such method.",
    408: "The upload took too long.",
    409: "It does not fit with what is stored, or is being stored.",
    413: "The body is too large.",
    415: "The body is of no media type that is read here.",
    422: "Understood, and impossible; `errors` says where.",
    429: "Too much for now; `Retry-After` says when to come back.",
    503: "The store is away.",
}


def documented(*statuses: int) -> dict[int, ResponseSpec]:
    """The problems that an operation may answer with, for its OpenAPI description."""
    return {
        status: ResponseSpec(
            data_container=Problem,
            description=_DESCRIPTIONS[status],
            generate_examples=False,
            media_type=MEDIA_TYPE,
        )
        for status in statuses
    }
