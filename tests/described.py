"""Every answer of the API to a test's client must be as `deploy/openapi.json` says."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import msgspec

DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parents[1] / "deploy" / "openapi.json").read_text())
_STREAMS = ("text/event-stream", "application/x-ndjson")  # which a hook would wait for


@cache
def operation_at(method: str, path: str) -> dict[str, Any] | None:
    """The operation of a request; None if it is of a page, or of none."""
    found = [template for template in DOCUMENT["paths"] if re.fullmatch(_expression(template), path)]
    templates = sorted(found, key=lambda template: template.count("{"))
    operations: dict[str, Any] = DOCUMENT["paths"][templates[0]] if templates else {}
    return operations.get(method.lower())


async def check_answer(response: httpx.Response) -> None:
    """Fails if the status, the media type or the body is not described. A defect, 500, is described nowhere."""
    path = response.request.url.raw_path.partition(b"?")[0].decode()
    operation = operation_at(response.request.method, path)
    if operation is None or response.status_code == 500:
        return
    described = operation["responses"].get(str(response.status_code))
    assert described is not None, (operation["operationId"], response.status_code)
    media_type = response.headers.get("content-type", "").partition(";")[0]
    assert media_type in described.get("content", {"": None}), (operation["operationId"], media_type)
    if media_type.endswith("json") and media_type not in _STREAMS:
        validator = _validator(operation["operationId"], response.status_code, media_type)
        validator.validate(msgspec.json.decode(await response.aread()))


def _expression(template: str) -> str:
    return re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(template))


@cache
def _validator(operation_id: str, status: int, media_type: str) -> Any:
    operations = [each for path in DOCUMENT["paths"].values() for each in path.values()]
    [operation] = [each for each in operations if each["operationId"] == operation_id]
    schema = operation["responses"][str(status)]["content"][media_type]["schema"]
    return jsonschema_rs.validator_for({**schema, "components": _whole_components()}, validate_formats=True)


@cache
def _whole_components() -> dict[str, Any]:
    """The components, of which no answer has a field that is not described: clients would never see it."""
    components: dict[str, Any] = json.loads(json.dumps(DOCUMENT["components"]))
    for schema in components["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return components


CHECKED = {"response": [check_answer]}  # the `event_hooks` of a client
