"""Reads the forms of pages, and makes it harmless to send one twice."""

import math
import secrets
from collections.abc import Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl

from litestar import Request
from redis.asyncio import Redis

from service.api.access import paying_caller
from service.contracts.refusals import Fault, Kind, invalid
from service.jobs import Caller
from service.threads import aside

MOST_OF_A_TEXT_FORM = 4_000_000  # bytes, as it is sent: percent-encoded
TAKES_TEXTS: dict[str, Any] = {"status_code": 303, "request_max_body_size": MOST_OF_A_TEXT_FORM}  # of a handler

FAULT_STATUSES = {Kind.INVALID: 400, Kind.IMPOSSIBLE: 422}  # of refusals that are shown at the fields of a form

_MOST_FIELDS = 500
_TICKET = "ticket"


class PageForm:
    """The fields of a form by name. `digest` covers all of them."""

    def __init__(self, fields: dict[str, str], digest: str) -> None:
        self._fields = fields
        self.digest = digest

    def text(self, name: str) -> str:
        """Returns the text of a field as it was typed, empty if it was not sent."""
        return self._fields.get(name, "")

    def given(self, name: str) -> str | None:
        """Returns the text of a field, None if it is blank."""
        text = self.text(name)
        return text if text.strip() else None

    def listed(self, name: str) -> list[str]:
        """Returns the words of a field: a list parted by commas, spaces or lines."""
        return self.text(name).replace(",", " ").split()


def dollars_in(form: PageForm, name: str) -> float | None:
    """Returns the amount that a field has, None if it is blank. Raises Refused (invalid) that points to the field."""
    if (typed := form.given(name)) is None:
        return None
    try:
        amount = float(typed)
    except ValueError:
        amount = math.nan
    if not math.isfinite(amount):  # which JSON has not: null would be no limit
        raise invalid([Fault(f"/{name}", f"{typed[:100]!r} is not a number of US dollars")])
    return amount


async def read_form(request: Request[Any, Any, Any]) -> PageForm:
    """Returns the form that a page sent; its line ends are those of texts, in place of those of forms.

    Raises Refused (invalid) if it has too many fields.
    """
    return await aside(_form, await request.body())


def _form(body: bytes) -> PageForm:
    try:
        sent = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise invalid([Fault("", f"a form with more than {_MOST_FIELDS} fields")]) from error
    return PageForm({name: text.replace("\r\n", "\n") for name, text in sent}, sha256(body).hexdigest())


def new_ticket() -> str:
    """Returns the ticket of a form that is shown: the same form with the same ticket is done once."""
    return secrets.token_urlsafe(12)


async def read_paid_form(request: Request[Any, Any, Any], redis: Redis) -> tuple[PageForm, Caller]:
    """Returns a form that begins calls of models, and its caller. Raises Refused if the key's budget is spent.

    A form that is changed and sent again counts as another request.
    """
    form = await read_form(request)
    ticket = form.text(_TICKET)
    return form, await paying_caller(redis, request, f"form {ticket} {form.digest}" if ticket else None)


def faults_by_place(faults: Sequence[Fault], places: Sequence[str]) -> dict[str, list[str]]:
    """Returns the faults of a request by the fields of its form, those of no field under an empty name.

    `places` are the pointers of the fields. A fault below one of them says how far below.
    """
    found: dict[str, list[str]] = {}
    for fault in faults:
        at = max((each for each in places if f"{fault.pointer}/".startswith(f"{each}/")), key=len, default="")
        below = fault.pointer[len(at) :].lstrip("/")
        found.setdefault(at, []).append(f"{below}: {fault.detail}" if below else fault.detail)
    return found
