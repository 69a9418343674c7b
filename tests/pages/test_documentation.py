"""`/docs`: every guide and every operation can be read without a network."""

from typing import Any

import httpx
import pytest

from service.app import openapi_document
from service.pages.guides import FOLDER, read_guide
from service.pages.reference import types_of
from tests.pages.reading import page_of

GUIDES = sorted(path.stem for path in FOLDER.glob("*.md"))
DECISIONS = sorted(path.stem for path in (FOLDER / "decisions").glob("*.md"))


async def test_every_guide_is_listed_and_shown(api: httpx.AsyncClient) -> None:
    listed = page_of(await api.get("/docs")).links
    assert [name for name in GUIDES if f"/docs/{name}" not in listed] == []
    for path in [*GUIDES, *(f"decisions/{name}" for name in DECISIONS)]:
        page = page_of(await api.get(f"/docs/{path}"))
        inside = [link for link in page.links if link.startswith("/docs")]
        for link in inside:
            assert (await api.get(link.partition("#")[0])).status_code == 200, (path, link)
        assert not [link for link in page.links if link.endswith(".md")]
    assert (await api.get("/docs/nothing")).status_code == 404
    assert (await api.get("/docs/..%2F..%2Fapp")).status_code == 404


async def test_anchors_of_guides_are_there(api: httpx.AsyncClient) -> None:
    for name in GUIDES:
        page = page_of(await api.get(f"/docs/{name}"))
        ids = {attributes.get("id") for _, attributes in page.elements}
        assert [link for link in page.links if link.startswith("#") and link[1:] not in ids] == []


async def test_every_operation_and_every_schema_has_its_page(api: httpx.AsyncClient) -> None:
    document = openapi_document()
    listed = page_of(await api.get("/docs/api")).links
    operations = [each["operationId"] for item in document["paths"].values() for each in item.values()]
    schemas = list(document["components"]["schemas"])
    assert len(operations) > 40
    assert [name for name in operations if f"/docs/api/{name}" not in listed] == []
    assert [name for name in schemas if f"/docs/api/schemas/{name}" not in listed] == []
    known = set(listed)
    for path in [*(f"/docs/api/{name}" for name in operations), *(f"/docs/api/schemas/{name}" for name in schemas)]:
        page = page_of(await api.get(path))
        assert [link for link in page.links if link.startswith("/docs/api/") and link not in known] == []
    assert (await api.get("/docs/api/nothing")).status_code == 404
    assert (await api.get("/docs/api/schemas/nothing")).status_code == 404


async def test_no_mark_of_markdown_is_left_in_words(api: httpx.AsyncClient) -> None:
    document = openapi_document()
    operations = [each["operationId"] for item in document["paths"].values() for each in item.values()]
    paths = ["", "/api", *(f"/api/{name}" for name in operations)]
    for path in [*paths, *(f"/api/schemas/{name}" for name in document["components"]["schemas"])]:
        words = page_of(await api.get(f"/docs{path}")).words
        assert not any(mark in words for mark in ("`", "](", "**")), path


async def test_pages_are_not_in_the_description_of_the_api() -> None:
    paths = openapi_document()["paths"]
    assert [path for path in paths if not path.startswith(("/v1/", "/healthz", "/readyz", "/metrics"))] == []


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"$ref": "#/components/schemas/Item"}, "Item"),
        ({"type": "array", "items": {"type": "string"}}, "list of string"),
        ({"anyOf": [{"type": "number", "minimum": 1}, {"type": "null"}]}, "number (at least 1) or null"),
        ({"enum": ["a", 1]}, '"a" | 1'),
        ({"type": ["string", "null"]}, "string or null"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "object of integer"),
        ({}, "any value"),
    ],
)
def test_a_type_is_told_in_words(schema: dict[str, Any], words: str) -> None:
    assert "".join(each.text for each in types_of(schema)) == words


def test_markdown_is_data_but_for_its_own_markup() -> None:
    hostile = "# T\n\nA <script>alert(1)</script> [x](javascript:alert(1)) ![y](data:text/html,1)\n"
    hostile += "\n| a |\n|---|\n| <b> |\n"
    guide = read_guide("t", hostile)
    assert guide.title == "T"
    assert "<script" not in guide.html
    assert 'href="javascript' not in guide.html
    assert "<b>" not in guide.html
    assert '<table aria-label="T, table 1">' in guide.html


def test_links_to_other_guides_lead_to_their_pages() -> None:
    text = (
        "[a](guide-judging.md#jobs) [b](decisions/no-streaming.md) [c](../operations.md) [d](https://example.org/x.md)"
    )
    html = read_guide("t", text).html
    for address in (
        "/docs/guide-judging#jobs",
        "/docs/decisions/no-streaming",
        "/docs/operations",
        "https://example.org/x.md",
    ):
        assert f'href="{address}"' in html
