"""`/docs/api`: the reference of the API, from its OpenAPI document: a page for each operation and each schema."""

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
from litestar import Controller, Litestar, Request, Response, get
from litestar.params import FromPath

from service.api.openapi import document_of
from service.contracts.refusals import not_found
from service.pages.documents import document
from service.threads import aside

_Json = dict[str, Any]

_REFERENCE = "#/components/schemas/"
_METHODS = ("get", "put", "post", "delete", "patch")
_MOST_TYPES = 12  # of a union in words


class ApiOperation(msgspec.Struct, frozen=True):
    """An operation of the API, in the words of its OpenAPI document."""

    id: str
    method: str
    path: str
    tag: str
    summary: str
    described: _Json


class SchemaType(msgspec.Struct, frozen=True):
    """A part of a type in words; `schema` is the name of the schema that it refers to, None for plain words."""

    text: str
    schema: str | None


class SchemaField(msgspec.Struct, frozen=True):
    """A field of a schema, or a parameter, with its type."""

    name: str
    types: list[SchemaType]
    is_required: bool
    description: str
    default: str | None


class ApiDescription(msgspec.Struct, frozen=True):
    """The whole document: its operations by their ids and its schemas by their names."""

    operations: dict[str, ApiOperation]
    schemas: dict[str, _Json]

    @property
    def by_tag(self) -> dict[str, list[ApiOperation]]:
        found = defaultdict(list)
        for each in self.operations.values():
            found[each.tag].append(each)
        return dict(sorted(found.items()))


class ReferencePages(Controller):
    path = "/docs/api"

    @get()
    async def show_all(self, request: Request[Any, Any, Any]) -> Response[bytes]:
        """Lists the operations and the schemas."""
        return await document(request, "api.html", api=await aside(_described, request.app))

    @get("/{operation:str}")
    async def show_operation(self, request: Request[Any, Any, Any], operation: FromPath[str]) -> Response[bytes]:
        """Shows an operation: its parameters, its bodies, and its answers."""
        found = (await aside(_described, request.app)).operations.get(operation)
        if found is None:
            raise not_found(f"operation {operation!r}")
        return await document(
            request,
            "operation.html",
            operation=found,
            description=found.described.get("description", ""),
            parameters=[*_parameters(found.described)],
            bodies=[*_bodies(found.described.get("requestBody", {}).get("content", {}))],
            answers=[
                (status, answer.get("description", ""), [*_bodies(answer.get("content", {}))])
                for status, answer in sorted(found.described.get("responses", {}).items())
            ],
        )

    @get("/schemas/{name:str}")
    async def show_schema(self, request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
        """Shows a schema with its fields."""
        schema = (await aside(_described, request.app)).schemas.get(name)
        if schema is None:
            raise not_found(f"schema {name!r}")
        return await document(
            request,
            "schema.html",
            name=name,
            description=schema.get("description", ""),
            fields=[*_fields(schema)],
            types=types_of(schema),
        )


@cache
def _described(app: Litestar) -> ApiDescription:
    whole = document_of(app)
    operations = [
        ApiOperation(
            described["operationId"],
            method.upper(),
            path,
            described.get("tags", ["other"])[0],
            described.get("summary", ""),
            described,
        )
        for path, item in whole["paths"].items()
        for method, described in item.items()
        if method in _METHODS
    ]
    return ApiDescription({each.id: each for each in operations}, whole["components"]["schemas"])


def _parameters(described: _Json) -> Iterator[SchemaField]:
    for each in described.get("parameters", ()):
        schema = each.get("schema", {})
        text = each.get("description") or schema.get("description", "")
        yield SchemaField(
            f"{each['name']} ({each['in']})", types_of(schema), each.get("required", False), text, _default(schema)
        )


def _bodies(content: _Json) -> Iterator[tuple[str, list[SchemaType], str | None]]:
    """Yields the media types of a body, each with its type and an example."""
    for media_type, media in content.items():
        example = media.get("example")
        shown = None if example is None else msgspec.json.format(msgspec.json.encode(example), indent=2).decode()
        yield media_type, types_of(media.get("schema", {})), shown


def _fields(schema: _Json) -> Iterator[SchemaField]:
    required = schema.get("required", ())
    for name, each in schema.get("properties", {}).items():
        yield SchemaField(name, types_of(each), name in required, each.get("description", ""), _default(each))


def _default(schema: _Json) -> str | None:
    return msgspec.json.encode(schema["default"]).decode() if "default" in schema else None


def types_of(schema: _Json) -> list[SchemaType]:
    """Returns the type of a schema in words, such as `list of`, `Item`, `or null`."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_REFERENCE)
        return [SchemaType(name, name)]
    for union in ("anyOf", "oneOf", "allOf"):
        if union in schema:
            return _joined([types_of(each) for each in schema[union][:_MOST_TYPES]])
    if "enum" in schema:
        return [SchemaType(" | ".join(msgspec.json.encode(each).decode() for each in schema["enum"]), None)]
    kind = schema.get("type", "any value")
    if isinstance(kind, list):
        return _joined([types_of({**schema, "type": each}) for each in kind])
    if kind == "array" and isinstance(schema.get("items"), dict):
        return [SchemaType("list of ", None), *types_of(schema["items"])]
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return [SchemaType("object of ", None), *types_of(schema["additionalProperties"])]
    return [SchemaType(f"{kind}{_bounds(schema)}", None)]


def _joined(parts: list[list[SchemaType]]) -> list[SchemaType]:
    joined: list[SchemaType] = []
    for part in parts:
        joined += [SchemaType(" or ", None), *part] if joined else part
    return joined


def _bounds(schema: _Json) -> str:
    """The bounds of a number or of a length, in brackets."""
    words = {
        "minimum": "at least",
        "exclusiveMinimum": "more than",
        "maximum": "at most",
        "minLength": "length from",
        "maxLength": "length up to",
    }
    told = [f"{words[name]} {schema[name]}" for name in words if name in schema]
    return f" ({', '.join(told)})" if told else ""
