"""The OpenAPI description of the API, and what handlers use to document themselves.

Litestar describes an operation by its handler: `operation_id`, `summary`, `response_description`, `response_headers`,
`responses` and the signature. `operation()` adds the parts that Litestar has no option for: bodies that the handler
reads itself, answers in several media types, query parameters that are read by hand. The schemas are msgspec's, which
also decodes by them.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from inspect import cleandoc
from types import UnionType
from typing import Any, ClassVar, NamedTuple, Union, cast, get_args, get_origin

import msgspec
from litestar import Litestar, Request, Response
from litestar.datastructures import ResponseHeader
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Operation

from service.api.bodies import JSON, NDJSON
from service.api.links import add_links

JsonObject = dict[str, Any]

SCHEMA_PATH = "/schema"
_REFS = "#/components/schemas/"
# Answers that may lack a field with a default: they are encoded without, or sent as another version stored them.
_PARTIAL = {"Problem", "Readiness", "Judgment", "Vote"}
_TIMES = ("since", "first_seen", "last_seen")  # fields that are times, beside those named `…_at`
_SECURITY: list[JsonObject] = [{"bearer": []}, {"apiKey": []}, {}]
_SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, if any are configured."},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same key in another header."},
}
_REFUSAL_HEADERS = {
    "401": ("WWW-Authenticate", "`Bearer`.", "string"),
    "429": ("Retry-After", "The seconds after which to try again.", "integer"),
    "503": ("Retry-After", "The seconds after which to try again.", "integer"),
}

_REQUEST_ID = {"description": "The id of the request, as sent or made.", "schema": {"type": "string"}}


class Media(NamedTuple):
    """One media type of a body or an answer: its OpenAPI object, and the types whose schemas that refers to."""

    described: JsonObject
    types: Sequence[Any] = ()


class _Documented(Operation):
    """An operation with the parts for which Litestar has no option, in OpenAPI's own words."""

    body: ClassVar[Mapping[str, Media]]
    content: ClassVar[Mapping[int, Mapping[str, Media]]]
    query: ClassVar[Sequence[JsonObject]]
    calls_back: ClassVar[JsonObject]

    def to_schema(self) -> JsonObject:
        described = super().to_schema()
        if self.body:
            described["requestBody"] = {"required": True, "content": _described(self.body)}
        if self.query:
            described.setdefault("parameters", []).extend(self.query)
        if self.calls_back:
            described["callbacks"] = self.calls_back
        for status, content in self.content.items():
            described["responses"][str(status)].setdefault("content", {}).update(_described(content))
        return described


def operation(
    body: Mapping[str, Media] | None = None,
    content: Mapping[int, Mapping[str, Media]] | None = None,
    query: Sequence[JsonObject] = (),
    calls_back: JsonObject | None = None,
) -> type[Operation]:
    """Returns an `operation_class=` for a handler.

    `body` is the request's body by media type, `content` more media types of the response of a status, `query` OpenAPI
    parameters that the handler reads itself, `calls_back` the requests that follow, by name.
    """
    parts = {"body": body or {}, "content": content or {}, "query": query, "calls_back": calls_back or {}}
    return type("_Operation", (_Documented,), parts)


def json_body(kind: Any, example: Any) -> dict[str, Media]:
    """Returns a body that is JSON of this type."""
    return {JSON: Media({"schema": schema_of(kind), "example": example}, [kind])}


def ndjson_body(kind: Any) -> dict[str, Media]:
    """Returns a body that is NDJSON with a value of this type in each line."""
    description = "One value a line: JSON values that follow each other, not a JSON array."
    lines = {"type": "array", "items": schema_of(kind), "minItems": 1, "description": description}
    return {NDJSON: Media({"schema": lines}, [kind])}


def text(*media_types: str, description: str = "", types: Sequence[Any] = ()) -> dict[str, Media]:
    """Returns answers in media types that have no schema; `types` are those that the description names."""
    schema = {"type": "string"} | ({"description": description} if description else {})
    return {media_type: Media({"schema": schema}, types) for media_type in media_types}


def headers(**described: str) -> list[ResponseHeader]:
    """Returns the `response_headers=` of a handler that sets them itself: `headers(ETag="…", Retry_After="…")`."""
    return [
        ResponseHeader(name=name.replace("_", "-"), value="", description=each, documentation_only=True)
        for name, each in described.items()
    ]


def schema_of(kind: Any) -> JsonObject:
    """Returns the schema of a type; structs are referred to by their names."""
    [schema], _ = msgspec.json.schema_components([kind], ref_template=_REFS + "{name}")
    return schema


def schema_fields(struct: type[msgspec.Struct]) -> dict[str, JsonObject]:
    """Returns the schemas of a struct's fields, by name."""
    fields: dict[str, JsonObject] = _schemas_of([struct])[struct.__name__]["properties"]
    return fields


class SchemaJson(JsonRenderPlugin):
    """Serves the document at the root of its path, once `make_document` has made it."""

    def __init__(self) -> None:
        super().__init__(path="/")

    def render(self, request: Request[Any, Any, Any], openapi_schema: JsonObject) -> bytes:
        return cast("bytes", request.app.state.document)


async def make_document(request: Request[Any, Any, Any]) -> None:
    """Makes the document before the first request for it, in a thread, since that takes tenths of a second."""
    if request.url.path.strip("/") == SCHEMA_PATH.strip("/") and "document" not in request.app.state:
        request.app.state.document = await asyncio.to_thread(_encoded, request.app)


def _encoded(app: Litestar) -> bytes:
    return msgspec.json.encode(document_of(app))


def document_of(app: Litestar) -> JsonObject:
    """Returns the application's OpenAPI 3.1 document."""
    document = deepcopy(app.openapi_schema.to_schema())
    schemas = _schemas_of(list(_types_of(app)))
    document["components"] = {"schemas": dict(sorted(schemas.items())), "securitySchemes": _SECURITY_SCHEMES}
    for path, item in document["paths"].items():
        for method, described in item.items():
            described["security"] = _SECURITY if path.startswith("/v1/") else []
            if path.startswith("/v1/"):
                _add_guards(method, described["responses"])
            _finish_responses(described["responses"])
            for parameter in described.get("parameters", ()):
                parameter["schema"] = _not_nullable(parameter["schema"])
    _describe_fields(document)
    _use_plain_forms(document)
    add_links(document["paths"])
    return document


def _add_guards(method: str, responses: JsonObject) -> None:
    """Adds the refusals of the guards that stand before each handler, in the form of the others."""
    guards = {"429": "The key has sent too many requests within a minute; `Retry-After` has the seconds to wait."}
    if method != "get":
        guards["415"] = "The media type of the body is not supported, or is that of a form."
    for status, description in guards.items():
        responses.setdefault(status, {**deepcopy(responses["401"]), "description": description})
    sorted_responses = dict(sorted(responses.items()))
    responses.clear()
    responses.update(sorted_responses)


def _not_nullable(schema: JsonObject) -> JsonObject:
    """Returns the schema of a parameter without null, which nothing in a URL or a header can be, and without the
    description, which the parameter has itself.
    """
    plain = {**schema, "oneOf": [each for each in schema.get("oneOf", ()) if each != {"type": "null"}]}
    plain.pop("description", None)
    if isinstance(schema.get("type"), list):
        [plain["type"]] = [each for each in schema["type"] if each != "null"]
        plain["enum"] = [each for each in schema["enum"] if each is not None]
    if len(plain["oneOf"]) == 1:
        plain |= plain["oneOf"].pop()
    return plain if plain["oneOf"] else {name: each for name, each in plain.items() if name != "oneOf"}


def _describe_fields(document: JsonObject) -> None:
    """Lets answers have fields that later versions add, and says which fields they always have and which defaults the
    others have.

    For msgspec a field with a default need not be there, and a struct that refuses unknown fields never has them: that
    holds of bodies, and not of answers. Of generated TypeScript, a field of a body with a `default` would be required.
    """
    schemas = document["components"]["schemas"]
    operations = [each for path in document["paths"].values() for each in path.values()]
    sent = _referred([[each.get("requestBody"), each.get("parameters")] for each in operations], schemas)
    for name, schema in schemas.items():
        fields = schema.get("properties", {})
        defaults = {field: each.pop("default") for field, each in fields.items() if "default" in each}
        if name not in sent:
            if schema.get("additionalProperties") is False:
                del schema["additionalProperties"]
            for whole in (each for field in fields.values() for each in (field, *field.get("anyOf", ()))):
                if whole.get("type") == "integer":
                    whole["format"] = "int64"  # of tokens there may be more than 32 bits count
        if name not in sent and name not in _PARTIAL:
            required = {*schema.get("required", ()), *defaults}
            schema |= {"required": [field for field in fields if field in required]} if required else {}
            continue
        for field, default in defaults.items():
            if default or default is False:  # null, and what is empty, are the same as nothing
                told = f"By default `{msgspec.json.encode(default).decode()}`."
                fields[field]["description"] = f"{fields[field].get('description', '')} {told}".strip()


def _referred(part: Any, schemas: JsonObject) -> set[str]:
    """The names of the schemas that a part of the document refers to, itself or by others."""
    found: set[str] = set()
    parts = [part]
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            parts += part.values()
            name = str(part.get("$ref", "")).removeprefix(_REFS)
            if name in schemas and name not in found:
                found.add(name)
                parts.append(schemas[name])
        elif isinstance(part, list):
            parts += part
    return found


def _use_plain_forms(part: Any) -> None:
    """Writes schemas in the forms that generators of clients know, with the same meaning.

    A pattern ends in `$`, which in JSON Schema matches only at the end, as Python's `\\Z` does. An integer is a number,
    and numbers have 64 bits, which would be 32 in Go. `maxItems` alone counts the entries of arrays of fixed length.
    Enumerations have their type. Objects of any fields say so: in TypeScript they would be empty.
    """
    if isinstance(part, dict):
        if isinstance(part.get("enum"), list) and all(isinstance(each, str) for each in part["enum"]):
            part["type"] = "string"
        if isinstance(part.get("pattern"), str):
            part["pattern"] = part["pattern"].replace(r"\Z", "$")
        if part.get("type") == "object" and "properties" not in part:
            part.setdefault("additionalProperties", True)
        if "prefixItems" in part and part.get("items") is False:
            del part["items"]
        if any(each.get("type") == "number" for each in part.get("anyOf", ())):
            part["anyOf"] = [each for each in part["anyOf"] if each.get("type") != "integer"]
            if len(part["anyOf"]) == 1:
                part |= part.pop("anyOf")[0]
        if part.get("type") == "number":
            part["format"] = "double"
        for each in part.values():
            _use_plain_forms(each)
    elif isinstance(part, list):
        for each in part:
            _use_plain_forms(each)


def _types_of(app: Litestar) -> Iterator[Any]:
    """The types that handlers read and answer with."""
    handlers = {handler for route in app.routes for handler in getattr(route, "route_handlers", ())}
    for handler in handlers:
        if isinstance(handler, HTTPRouteHandler) and handler.resolve_include_in_schema():
            yield from _structs_in(handler.parsed_fn_signature.return_type.annotation)
            for spec in (handler.responses or {}).values():
                yield from _structs_in(spec.data_container)
            if issubclass(handler.operation_class, _Documented):
                for content in (handler.operation_class.body, *handler.operation_class.content.values()):
                    yield from (kind for media in content.values() for kind in media.types)


def _structs_in(annotation: Any) -> Iterator[Any]:
    """The structs of an annotation such as `Response[Job]` or `A | B`."""
    if get_origin(annotation) in (Union, UnionType, Response):
        for each in get_args(annotation):
            yield from _structs_in(each)
    elif isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        yield annotation


def _schemas_of(types: Sequence[Any]) -> dict[str, JsonObject]:
    """The schemas of structs and of all that is in them, by name."""
    _, schemas = msgspec.json.schema_components(types, ref_template=_REFS + "{name}")
    for schema in schemas.values():
        if "description" in schema:
            schema["description"] = cleandoc(schema["description"])
        for name, field in schema.get("properties", {}).items():
            if name.endswith("_at") or name in _TIMES:
                not_null(field)["format"] = "date-time"
    return schemas


def not_null(schema: JsonObject) -> JsonObject:
    """Returns the schema of a field that may be null without the null."""
    found: JsonObject = next((each for each in schema.get("anyOf", ()) if each != {"type": "null"}), schema)
    return found


def _finish_responses(responses: JsonObject) -> None:
    """Gives all successes the same headers, refusals the headers of their statuses, and every response its id."""
    given = [each for status, each in responses.items() if status.startswith("2")]
    shared = {name: header for each in given for name, header in each.get("headers", {}).items()}
    for each in given:
        each["headers"] = dict(sorted(shared.items()))
    for status, response in responses.items():
        named = response.setdefault("headers", {})
        if status in _REFUSAL_HEADERS:
            name, description, kind = _REFUSAL_HEADERS[status]
            named[name] = {"description": description, "schema": {"type": kind}}
        named["X-Request-Id"] = _REQUEST_ID


def _described(content: Mapping[str, Media]) -> JsonObject:
    return {media_type: media.described for media_type, media in content.items()}
