"""Parameters that several operations have in common, and the refusal of unknown ones."""

from functools import lru_cache
from typing import Annotated, Any, NamedTuple

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.params import HeaderParameter, QueryParameter

from service.contracts.items import MOST_GROUP_LENGTH
from service.contracts.names import suggestion
from service.contracts.refusals import Fault, invalid, pointer_to

MOST_A_PAGE = 1000

Limit = Annotated[int, QueryParameter(ge=1, le=MOST_A_PAGE, description="The maximum number of entries on a page.")]
Cursor = Annotated[str | None, QueryParameter(description="The `next_cursor` of the previous page.")]
GroupQuery = Annotated[
    str | None,
    QueryParameter(min_length=1, max_length=MOST_GROUP_LENGTH, description="Only items of this group."),
]
Wait = Annotated[
    float | None, QueryParameter(ge=0, description="The maximum number of seconds to wait for the work to be over.")
]
IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="Repeating a request with the same key returns the first answer instead of doing the work again.",
    ),
]
Prefer = Annotated[
    str | None,
    HeaderParameter(name="Prefer", description="`wait=20` waits up to 20 seconds for the job to be over (RFC 7240)."),
]


def preferred_wait(prefer: str | None, most_s: float) -> float:
    """Returns the seconds of `wait=…` in a Prefer header (RFC 7240), at most `most_s`; 0 if there is none."""
    for preference in (prefer or "").split(","):
        name, _, value = preference.strip().partition("=")
        if name.strip().lower() == "wait":
            try:
                wait_s = float(value.partition(";")[0].strip().strip('"'))
            except ValueError:
                return 0.0  # a preference that can't be understood is ignored
            return min(wait_s, most_s) if wait_s > 0 else 0.0  # and so is NaN
    return 0.0


async def check_query(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Guards each operation of the API: raises Refused (invalid) that names each unknown or repeated query parameter.

    A mistyped filter that is ignored would return the wrong answer, and so would the first one of two.
    """
    if "scope" not in handler.opt:
        return
    known = _known(handler)
    faults = [
        Fault(pointer_to("", name), detail)
        for name in connection.query_params
        if (detail := _wrong(name, known, connection.query_params.getall(name)))
    ]
    if faults:
        raise invalid(faults)


class _Parameter(NamedTuple):
    """A query parameter that a handler declares: whether it may be repeated, and whether msgspec takes the text `null`
    for None, as if the parameter was left out.
    """

    may_repeat: bool
    reads_null: bool


@lru_cache(maxsize=512)
def _known(handler: BaseRouteHandler) -> dict[str, _Parameter]:
    """The query parameters that a handler declares, in its signature or in its documentation.

    Only documented ones may be repeated.
    """
    declared = {
        field.kwarg_definition.name or name: _Parameter(False, field.is_optional and str not in field.args)
        for name, field in handler.parsed_fn_signature.parameters.items()
        if isinstance(field.kwarg_definition, QueryParameter)
    }
    read_by_hand = getattr(getattr(handler, "operation_class", None), "query", ())
    kinds = {each["name"]: each["schema"].get("type") for each in read_by_hand}
    return declared | {
        name: _Parameter(kind == "array", kind in ("boolean", "integer", "number")) for name, kind in kinds.items()
    }


def _wrong(name: str, known: dict[str, _Parameter], values: list[str]) -> str | None:
    if name not in known:
        return _unknown(name, known)
    if len(values) > 1 and not known[name].may_repeat:
        return f"given {len(values)} times: give it once"
    if known[name].reads_null and values[0].lower() == "null":
        return "'null' is not a value; leave the parameter out"
    return None


def _unknown(name: str, known: dict[str, _Parameter]) -> str:
    if not known:
        return "unknown query parameter; this operation has none"
    return f"unknown query parameter{suggestion(name, sorted(known))}"
