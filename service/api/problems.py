"""Answers errors with RFC 9457 problems. Only this module maps errors to HTTP statuses."""

import logging
import re
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, InternalServerException
from litestar.openapi.datastructures import ResponseSpec

from service.api.methods import allow_header
from service.archive.errors import ArchiveError
from service.config.version import version
from service.contracts.fault_words import in_words
from service.contracts.pointing import not_among_allowed
from service.contracts.refusals import Fault, Kind, Refused, pointer_to, summary_of
from service.store.errors import (
    BusyError,
    IdempotencyConflictError,
    StagingExpiredError,
    StoreError,
    StoreUnavailableError,
    UnconfirmedError,
    UnfitStoreError,
    UnreadableRecordError,
)

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

_MISSING = re.compile("Missing required query parameter '([^']*)'")  # Litestar 2.25 has the name in the text alone
_WRONG_TYPE = re.compile(r"Expected `(float|int|bool)(?: \| null)?`, got `str`")  # msgspec's words, of a parameter
_TYPES = {"float": "a number", "int": "a whole number", "bool": "true or false"}
_HUNG_UP = "client disconnected prematurely"  # Litestar's words, of a body that ends too early
_MOST_SHOWN = 100  # characters of a wrong value in a message
_UPDATED_S = 60  # until another process answers, or this one is updated
_RETRY_S = 2  # Redis is back within seconds, or not for long

_STATUSES = {
    Kind.INVALID: 400,
    Kind.IMPOSSIBLE: 422,
    Kind.NOT_FOUND: 404,
    Kind.TOO_LARGE: 413,
    Kind.BUSY: 409,
    Kind.IN_USE: 409,
    Kind.ITEM_CHANGED: 409,
    Kind.FORBIDDEN: 403,
    Kind.NOT_OPEN: 409,
    Kind.ALREADY_VOTED: 409,
    Kind.TOO_MANY_VOTES: 429,
    Kind.BUDGET_SPENT: 429,
    Kind.QUEUE_FULL: 429,
}
_DESCRIPTIONS = {
    400: "The request can't be read or does not match the schema; `errors` lists each fault.",
    401: "No API key, or an unknown one.",
    403: "The API key lacks the scope; or the request is for a host, or from a web page, that is not served.",
    404: "There is no such resource.",
    408: "The upload took too long.",
    409: "The request conflicts with stored data or with another request.",
    413: "The body, or one line of it, is too large, or has too many entries.",
    415: "The media type of the body is not supported.",
    422: "The request is well-formed and can't be carried out; `errors` lists each reason.",
    429: "A limit is reached; `Retry-After` has the seconds to wait.",
    503: "The store or the archive is unavailable, or has a record from a newer version of the service.",
}


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An RFC 9457 problem. `type` is stable: clients may rely on it."""

    type: str
    title: str
    status: int
    detail: str = ""
    errors: list[Fault] = []


class ProblemError(Exception):
    """Ends a request for a reason that only HTTP knows. `code` is the last part of the problem's type."""

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


def documented(*statuses: int) -> dict[int, ResponseSpec]:
    """Returns the `responses=` of a handler that may answer with problems of these statuses."""
    return {
        status: ResponseSpec(
            data_container=Problem,
            description=_DESCRIPTIONS[status],
            generate_examples=False,
            media_type=MEDIA_TYPE,
        )
        for status in statuses
    }


def _from_refused(_: Request[Any, Any, Any], refused: Refused) -> Response[bytes]:
    headers = {} if refused.retry_after_s is None else {"Retry-After": str(refused.retry_after_s)}
    return _response(_STATUSES[refused.kind], refused.kind, refused.detail, refused.faults, headers)


def _from_problem(_: Request[Any, Any, Any], error: ProblemError) -> Response[bytes]:
    return _response(error.status, error.code, error.detail, [], error.headers)


def _from_store_away(request: Request[Any, Any, Any], error: StoreError) -> Response[bytes]:
    level = logging.DEBUG if request.url.path == "/readyz" else logging.WARNING  # which is asked again and again
    logger.log(level, "%s (request id %s)", error, request.state.request_id)
    detail = "the store is unavailable; accepted jobs are kept"
    return _response(503, "store-unavailable", detail, [], {"Retry-After": str(_RETRY_S)})


def _from_unconfirmed(_: Request[Any, Any, Any], error: UnconfirmedError) -> Response[bytes]:
    logger.warning("%s", error)
    return _response(503, "unconfirmed", str(error), [], {"Retry-After": str(_RETRY_S)})


def _from_archive_away(request: Request[Any, Any, Any], error: ArchiveError) -> Response[bytes]:
    logger.warning("the archive: %s (request id %s)", error, request.state.request_id)
    detail = "the archive can't be read, and it may have a part of the answer"
    return _response(503, "archive-unavailable", detail, [], {"Retry-After": str(_RETRY_S)})


def _from_unreadable(request: Request[Any, Any, Any], error: UnreadableRecordError) -> Response[bytes]:
    logger.error("%s (request id %s)", error, request.state.request_id)
    detail = (
        f"{error.name} was stored by a newer version of judged, or is damaged: this process runs {version()} "
        "and can't read it; update it"
    )
    return _response(503, "unreadable-record", detail, [], {"Retry-After": str(_UPDATED_S)})


def _from_idempotency_conflict(_: Request[Any, Any, Any], error: IdempotencyConflictError) -> Response[bytes]:
    return _response(409, "idempotency-conflict", str(error), [], {})


def _from_busy(_: Request[Any, Any, Any], error: BusyError) -> Response[bytes]:
    return _response(_STATUSES[Kind.BUSY], Kind.BUSY, str(error), [], {})


def _from_staging_expired(_: Request[Any, Any, Any], error: StagingExpiredError) -> Response[bytes]:
    return _response(408, "upload-too-slow", str(error), [], {})


def _from_http_exception(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Litestar's own refusals: unknown paths, wrong methods, invalid parameters."""
    status = error.status_code
    extra = error.extra if isinstance(error.extra, list) else []
    errors = [_parameter_fault(request, each["key"], each.get("message", "")) for each in extra if "key" in each]
    if missing := _MISSING.match(error.detail):
        errors.append(Fault(pointer_to("", missing[1]), "missing"))
    detail = summary_of(errors) or _http_detail(request, error)
    code = "invalid-request" if status == HTTPStatus.BAD_REQUEST else _title(status).lower().replace(" ", "-")
    headers = dict(error.headers or {})
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["allow"] = _allowed(error)
    return _response(status, code, detail, errors, headers)


def _from_internal(request: Request[Any, Any, Any], error: InternalServerException) -> Response[bytes]:
    """Nobody reads the answer to a client that hung up; the log and the metrics have its status."""
    if error.detail == _HUNG_UP:
        return _response(400, "incomplete-body", "the connection ended, or was no HTTP, before the body's end", [], {})
    return _from_anything(request, error)


def _from_anything(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """A defect: the log has the error, the answer reveals nothing of it."""
    request_id = request.state.request_id
    logger.error("%s %s failed (request id %s)", request.method, request.url.path, request_id, exc_info=error)
    return _response(500, "internal", f"internal error; see the server log (request id {request_id})", [], {})


HANDLERS: dict[int | type[Exception], Any] = {
    Refused: _from_refused,
    ProblemError: _from_problem,
    StoreUnavailableError: _from_store_away,
    UnfitStoreError: _from_store_away,
    UnconfirmedError: _from_unconfirmed,
    UnreadableRecordError: _from_unreadable,
    ArchiveError: _from_archive_away,
    IdempotencyConflictError: _from_idempotency_conflict,
    BusyError: _from_busy,
    StagingExpiredError: _from_staging_expired,
    InternalServerException: _from_internal,
    HTTPException: _from_http_exception,
    Exception: _from_anything,
}


def _parameter_fault(request: Request[Any, Any, Any], name: str, message: str) -> Fault:
    """The fault of a parameter: under the name that is sent, and with the allowed values of an enumeration."""
    field = request.route_handler.parsed_fn_signature.parameters.get(name)
    if field is None:
        return Fault(pointer_to("", name), in_words(message))
    sent = getattr(field.kwarg_definition, "name", None) or name
    detail = not_among_allowed(request.query_params.get(sent), field.annotation, sent)
    if wrong := _WRONG_TYPE.fullmatch(message):
        detail = f"must be {_TYPES[wrong[1]]}, not {request.query_params.get(sent, '')[:_MOST_SHOWN]!r}"
    return Fault(pointer_to("", sent), detail or in_words(message))


def _http_detail(request: Request[Any, Any, Any], error: HTTPException) -> str:
    if error.status_code == HTTPStatus.NOT_FOUND:
        return "there is no such path; /schema describes the API"
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return f"{request.method} is not allowed for this path (allowed: {_allowed(error)})"
    return error.detail


def _allowed(error: HTTPException) -> str:
    return allow_header((error.headers or {}).get("allow", "").replace(",", " ").split())


def _title(status: int) -> str:
    """The phrase of a status in RFC 9110, which Python knows from 3.13 on."""
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
