"""Reads pages as a browser does, and holds each to the rules of all pages."""

from html.parser import HTMLParser

import httpx

MOST_BYTES = 300_000
VOID = {"meta", "link", "input", "br", "hr", "img"}
TAGS = {
    *("html", "head", "title", "meta", "link", "script", "noscript", "body", "header", "nav", "main", "footer"),
    *("section", "article", "div", "span", "p", "a", "b", "i", "q", "h1", "h2", "h3", "h4", "ul", "ol", "li"),
    *("dl", "dt", "dd", "table", "caption", "thead", "tbody", "tr", "th", "td", "code", "pre", "form", "label"),
    *("input", "select", "option", "button", "details", "summary", "figure", "figcaption", "time", "bdi", "mark"),
    *("ins", "del", "kbd", "textarea", "fieldset", "legend", "progress", "em", "strong", "blockquote"),
    *("svg", "line", "circle", "text", "rect", "polyline"),
}


class Page(HTMLParser):
    """A page's elements with their attributes, its links and forms, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.parts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        assert self.open.pop() == tag, (tag, self.open[-5:])

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    @property
    def text(self) -> str:
        return "".join(self.parts)

    @property
    def words(self) -> str:
        """The text with its spaces made one."""
        return " ".join(self.text.split())

    @property
    def links(self) -> list[str]:
        return [str(attributes.get("href")) for tag, attributes in self.elements if tag == "a"]

    def form(self, action: str) -> dict[str, str]:
        """The hidden fields of the first form with this action; a form has none inside."""
        fields: dict[str, str] = {}
        inside = False
        for tag, attributes in self.elements:
            if tag == "form":
                if inside:
                    break
                inside = attributes.get("action") == action
            elif inside and tag == "input" and attributes.get("type") == "hidden":
                fields[str(attributes["name"])] = str(attributes.get("value") or "")
        assert inside or fields, action
        return fields

    def has(self, tag: str, **wanted: str) -> bool:
        return any(each == tag and wanted.items() <= attributes.items() for each, attributes in self.elements)


def page_of(response: httpx.Response, status: int = 200) -> Page:
    """The page that a response is: well-formed, small, without inline code, and with nothing from elsewhere."""
    assert response.status_code == status, (response.status_code, response.text[:500])
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    policy = response.headers["content-security-policy"].split("; ")
    assert policy[0] == "default-src 'self'"
    assert not any("unsafe" in each for each in policy)
    assert len(response.content) < MOST_BYTES
    page = Page(response.text)
    assert page.open == []
    for tag, attributes in page.elements:
        assert tag in TAGS, tag
        assert not [name for name in attributes if name.startswith("on") or name == "style"], (tag, attributes)
        for name in ("href", "src", "action"):
            address = attributes.get(name) or ""
            assert address == "" or address[0] in "/#?" or "://" in address, (tag, address)
            assert not address.startswith("//"), (tag, address)
            if "://" in address:
                assert tag == "a", (tag, address)
                assert address.startswith(("https://", "http://")), address
    following = [*(tag for tag, _ in page.elements[1:]), ""]
    for (tag, attributes), after in zip(page.elements, following, strict=True):
        assert tag != "table" or attributes.get("aria-label") or after == "caption", "a table without a name"
    scripts = [attributes for tag, attributes in page.elements if tag == "script"]
    assert all(str(each["src"]).startswith("/assets/") and each["type"] == "module" for each in scripts)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert sum(tag == "h1" for tag, _ in page.elements) == 1
    return page


async def has_the_content_of(
    client: httpx.AsyncClient, link: str, path: str, media_type: str, query: dict[str, str]
) -> None:
    """The link leads to a file with what the API sends in this form."""
    kept = await client.get(link)
    told = await client.get(path, params=query, headers={"Accept": media_type})
    assert kept.headers["content-type"].startswith(media_type)
    assert kept.headers["content-disposition"].startswith("attachment; filename=")
    assert len(kept.content) > 2
    assert kept.content == told.content
