"""Uploads of jobs: as JSON, or as NDJSON with one item a line and the order in the query."""

import math
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec
from litestar import Request

from service.api.bodies import JSON, NDJSON, Body, decode_aside, media_type
from service.api.openapi import JsonObject, not_null, schema_fields
from service.contracts.decoding import Batch, ndjson, numbered
from service.contracts.items import Item
from service.contracts.jobs import JobOrder, JobRequest
from service.contracts.pointing import faults_in
from service.contracts.refusals import Fault, invalid, pointer_to


class JobUpload(NamedTuple):
    """An order, and its items as they arrive."""

    order: JobOrder
    items: AsyncIterator[Batch[Item]]
    query: str
    body: Body

    @property
    def fingerprint(self) -> str:
        """The digest of the request, for its Idempotency-Key. Call it after the items were read."""
        return sha256(f"{self.query}\n{self.body.digest}".encode()).hexdigest()

    async def whole_fingerprint(self) -> str:
        """Returns the fingerprint, for which it reads the rest of the body."""
        await self.body.read_rest()
        return self.fingerprint


async def read_upload(request: Request[Any, Any, Any], most_bytes: int, most_upload_bytes: int) -> JobUpload:
    """Returns the order and the items of a request.

    Raises ProblemError (415) for other media types, Refused (too-large, or invalid with each fault).
    """
    body = Body(request, most_bytes, most_upload_bytes)
    if media_type(request, JSON, NDJSON) == NDJSON:
        return JobUpload(_order_in_query(request), ndjson(body.lines(), Item, "/items"), request.url.query, body)
    _refuse_order_in_query(request)
    asked = await decode_aside(await body.whole(), JobRequest)
    return JobUpload(asked, numbered(asked.items), request.url.query, body)


def order_parameters() -> list[JsonObject]:
    """Returns the OpenAPI parameters of NDJSON uploads, without defaults: generated clients send them beside JSON."""
    fields = schema_fields(JobOrder)
    told = {name: schema.pop("description") for name, schema in fields.items()}
    told |= {
        "judge": "The name of the judge. Repeat it for several judges.",
        "models": f"{told['models']} Separated by commas or repeated.",
        "parameters": f"{told['parameters']} As JSON.",
        "deadline_s": f"{told['deadline_s']} By default those of a day.",
    }
    schemas = {name: not_null(schema) for name, schema in fields.items()}
    schemas["judge"] = {"type": "array", "items": {"type": "string", "minLength": 1}}
    for schema in schemas.values():
        schema.pop("default", None)
    return [
        {"name": name, "in": "query", "description": f"{told[name]} Only for NDJSON.", "schema": schema}
        for name, schema in schemas.items()
    ]


def _refuse_order_in_query(request: Request[Any, Any, Any]) -> None:
    """A budget in a place that is not read would limit nothing."""
    astray = request.query_params.keys() & set(JobOrder.__struct_fields__)
    if astray:
        detail = "a query parameter of NDJSON uploads; in JSON it is a field of the body"
        raise invalid([Fault(pointer_to("", name), detail) for name in sorted(astray)])


def _order_in_query(request: Request[Any, Any, Any]) -> JobOrder:
    query: dict[str, Any] = dict(request.query_params.items())
    judges = request.query_params.getall("judge", [])
    query |= {"judge": judges if len(judges) > 1 else judges[0]} if judges else {}
    if models := request.query_params.getall("models", []):
        query["models"] = [model for each in models for model in each.split(",")]
    if parameters := query.get("parameters"):
        query["parameters"] = _json_parameter("parameters", parameters)
    try:
        order = msgspec.convert(query, JobOrder, strict=False)
    except msgspec.ValidationError as error:
        faults = faults_in(msgspec.json.encode(_as_json(query)), JobOrder)
        raise invalid(faults or [Fault("", str(error))]) from error
    if order.budget_usd is not None and not math.isfinite(order.budget_usd):
        raise invalid([Fault("/budget_usd", "not a finite number")])
    return order


def _as_json(query: dict[str, Any]) -> dict[str, Any]:
    """Returns the parameters with those of other types than text converted, so that only wrong ones are faults."""
    types = {field.encode_name: field.type for field in msgspec.structs.fields(JobOrder)}
    return {name: _converted(value, types.get(name, str)) for name, value in query.items()}


def _converted(value: Any, kind: Any) -> Any:
    try:
        return msgspec.to_builtins(msgspec.convert(value, kind, strict=False))
    except msgspec.ValidationError:
        return value


def _json_parameter(name: str, text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise invalid([Fault(pointer_to("", name), f"not JSON: {error}")]) from error
