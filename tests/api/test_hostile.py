"""A corpus of hostile requests to every operation of the OpenAPI document: no 5xx, and answers as described.

Each hostile value goes into each place of each operation: into path and query parameters, into headers, and into each
field of the example body. Bodies that are no proper JSON go to each operation that reads one.
"""

import copy
import re
from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import quote

import httpx
import jsonschema_rs
import pytest

from tests.api.conftest import PROBLEM, OpenApi
from tests.described import DOCUMENT
from tests.flows.conftest import Row

OPERATIONS = sorted((path, method) for path, methods in DOCUMENT["paths"].items() for method in methods)

TEXTS = (
    "",
    " ",
    "\n",
    "name\n",
    "\0",
    "a\0b",
    "..",
    "../../etc/passwd",
    "%2e%2e%2f",
    "a/b",
    "a|b\tc d@1",
    "@",
    "x@0",
    "x@99999999999999999999999",
    "{{ 7*7 }}{% for i in range(9) %}",
    "'; DROP TABLE jobs; --",
    "<script>alert(1)</script>",
    "\u202e\u2066\ufeff\U0001f4a9\u0301",
    "null",
    "NaN",
    "-1",
    "0",
    "1e400",
    "99999999999999999999999999",
    "true",
    "[]",
    "{}",
    "*",
    "judged:*",
    "A" * 5000,
)
VALUES: tuple[Any, ...] = (
    *TEXTS,
    None,
    True,
    0,
    -1,
    2**63,
    -(2**63) - 1,
    10**40,
    1.5e308,
    -0.0,
    5e-324,
    [],
    {},
    [[]],
    [None],
    {"": ""},
    {"$ref": "#"},
    ["a"] * 2000,
)
BODIES = (
    b"",
    b" ",
    b"null",
    b"[]",
    b"{}",
    b"0",
    b'"text"',
    b"{",
    b'{"a": 1,}',
    b"{'a': 1}",
    b'{"a": NaN, "b": Infinity}',
    b'{"a": 1e999}',
    b'{"a": ' + b"9" * 5000 + b"}",
    b'{"a": "\\ud800"}',
    b'{"a": "\\u0000"}',
    b'{"a": "\xff\xfe"}',
    b"\xef\xbb\xbf{}",
    b"\xff\xfe{\x00}\x00",
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
    b'{"a": 1, "a": 2}',
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b"[" * 63 + b"]" * 63,
    b"{}{}",
    b"{}\n" * 1000,
    b"\n" * 100_000,
    b"\x00" * 1000,
    b'id,input,output\n"unclosed',
)
HEADERS = (
    {"Content-Type": ""},
    {"Content-Type": "application/json; charset=utf-16"},
    {"Content-Type": "text/plain"},
    {"Content-Type": "multipart/form-data"},
    {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    {"Accept": "application/x-ndjson"},
    {"Accept": "*/*;q=0, a/b;q=x"},
    {"Prefer": "wait=1e9"},
    {"Prefer": "wait=-1, respond-async, wait"},
    {"Idempotency-Key": "k" * 10_000},
    {"Idempotency-Key": ""},
    {"If-None-Match": '"', "If-Match": "*"},
    {"X-Request-Id": "{${jndi:ldap://x}}"},
    {"Authorization": "Bearer " + "x" * 10_000},
    {"Range": "bytes=0-0,-1"},
    {"Expect": "100-continue"},
    {"X-HTTP-Method-Override": "DELETE"},
    {"Cookie": "=;" * 1000},
)


def parameters(path: str, method: str, place: str) -> list[str]:
    described = DOCUMENT["paths"][path][method].get("parameters", [])
    return [each["name"] for each in described if each["in"] == place]


def example(path: str, method: str) -> Any:
    content = DOCUMENT["paths"][path][method].get("requestBody", {}).get("content", {})
    return content.get("application/json", {}).get("example")


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of a JSON value, itself first; of a list only the first element."""
    yield at
    if isinstance(value, dict):
        for name in value:
            yield from places(value[name], (*at, name))
    elif isinstance(value, list) and value:
        yield from places(value[0], (*at, 0))


def replaced(value: Any, at: tuple[Any, ...], by: Any) -> Any:
    if not at:
        return by
    changed = copy.copy(value)
    changed[at[0]] = replaced(value[at[0]], at[1:], by)
    return changed


def address(path: str, **named: str) -> str:
    """The path with these parameters; others are `x`."""
    return re.sub(r"\{(\w+)\}", lambda found: quote(named.get(found[1], "x"), safe=""), path)


def requests_to(path: str, method: str) -> Iterator[Row]:
    body = example(path, method)
    given = {} if body is None else {"json": body}
    for name in parameters(path, method, "path"):
        for text in TEXTS:
            if text not in ("", ".."):  # another path
                yield {"url": address(path, **{name: text}), **given}
    for name in [*parameters(path, method, "query"), "unknown"]:
        for text in TEXTS:
            yield {"url": address(path), "params": {name: text}, **given}
        yield {"url": address(path), "params": [(name, "1"), (name, "2")], **given}
    for headers in HEADERS:
        yield {"url": address(path), "headers": headers, **given}
    if body is None:
        yield {"url": address(path), "content": b"{" * 1000}
        return
    for media_type in DOCUMENT["paths"][path][method]["requestBody"]["content"]:
        for content in BODIES:
            yield {"url": address(path), "content": content, "headers": {"Content-Type": media_type}}
    for at in places(body):
        for value in VALUES:
            yield {"url": address(path), "json": replaced(body, at, value)}


@cache
def validator(path: str, method: str, status: str, media_type: str) -> Any:
    """Checks the bodies of an operation's answers; None if such an answer is not described."""
    described = DOCUMENT["paths"][path][method]["responses"].get(status, {}).get("content", {}).get(media_type)
    if described is None or "schema" not in described:
        return None
    return jsonschema_rs.validator_for({**described["schema"], "components": DOCUMENT["components"]})


def check(path: str, method: str, response: httpx.Response) -> None:
    shown = f"{response.request.method} {response.request.url}: {response.status_code} {response.text[:300]}"
    assert response.status_code < 500 or (path == "/readyz" and response.status_code == 503), shown
    media_type = response.headers.get("content-type", "").partition(";")[0]
    if response.status_code >= 400:
        assert media_type == PROBLEM, shown
    described = DOCUMENT["paths"][path][method]["responses"]
    assert str(response.status_code) in described or response.status_code in (404, 405), shown
    if media_type in (PROBLEM, "application/json"):
        found = validator(path, method, str(response.status_code), media_type)
        if found is not None:
            found.validate(response.json())


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
async def test_no_hostile_request_ends_in_an_error_of_the_server(path: str, method: str, open_api: OpenApi) -> None:
    api = await open_api(server={"max_wait_seconds": 0.02})
    for request in requests_to(path, method):
        response = await api.request(method.upper(), follow_redirects=False, **request)
        check(path, method, response)


def test_the_corpus_reaches_every_operation_and_every_field() -> None:
    assert len(OPERATIONS) > 50
    for path, method in OPERATIONS:
        content = DOCUMENT["paths"][path][method].get("requestBody", {}).get("content", {})
        assert "application/json" not in content or example(path, method) is not None, path
