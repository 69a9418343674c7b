"""`/docs`: the guides that ship with the package, as HTML."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import minijinja
import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath
from markdown_it.token import Token

from service.contracts.refusals import not_found
from service.pages import markdown
from service.pages.documents import document
from service.threads import aside

FOLDER = Path(__file__).parents[1] / "docs"

_ORDER = (
    *("guide-judging", "guide-agreement", "guide-comparing", "guide-benchmarks-and-arena", "operations"),
    *("archive", "upgrades", "kubernetes", "performance"),
    *("reference-api", "reference-settings", "reference-metrics", "redis-keys", "architecture"),
)
_SENTENCE_END = re.compile(r"(?<=[.!?]) ")
_NO_WORD = re.compile(r"[^\w -]")
_FILE = re.compile(r"^(?!https?:|/)(?P<path>[\w./-]+)\.md(?P<rest>#.*)?$")


class Heading(msgspec.Struct, frozen=True):
    """A heading of the second level with its anchor."""

    anchor: str
    text: str


class Guide(msgspec.Struct, frozen=True):
    """A guide: its title, the sentence below it, its headings, and its content as HTML."""

    name: str
    title: str
    summary: str
    headings: list[Heading]
    html: str


@get("/docs")
async def show_guides(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Lists the guides."""
    guides = await aside(_guides)
    return await document(request, "guides.html", guides=list(guides.values()))


@get("/docs/{name:str}")
async def show_guide(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
    """Shows a guide."""
    guides = await aside(_guides)
    return await document(request, "guide.html", guide=_one_of(guides, name), guides=list(guides.values()))


@get("/docs/decisions/{name:str}")
async def show_decision(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
    """Shows the page of a decision."""
    guides, decisions = await aside(_guides), await aside(_decisions)
    return await document(request, "guide.html", guide=_one_of(decisions, name), guides=list(guides.values()))


def _one_of(known: Mapping[str, Guide], name: str) -> Guide:
    """Returns a guide; links of the files themselves end in `.md`."""
    found = known.get(name.removesuffix(".md"))
    if found is None:
        raise not_found(f"guide {name!r}")
    return found


@cache
def _guides() -> dict[str, Guide]:
    """All guides by name, in the order in which one reads them; further ones at the end."""
    names = sorted((path.stem for path in FOLDER.glob("*.md")), key=_place)
    return {name: read_guide(name, (FOLDER / f"{name}.md").read_text(encoding="utf-8")) for name in names}


@cache
def _decisions() -> dict[str, Guide]:
    paths = sorted((FOLDER / "decisions").glob("*.md"))
    return {path.stem: read_guide(path.stem, path.read_text(encoding="utf-8")) for path in paths}


def _place(name: str) -> tuple[int, str]:
    return (_ORDER.index(name) if name in _ORDER else len(_ORDER), name)


def read_guide(name: str, text: str) -> Guide:
    """Returns a guide from its Markdown, which is escaped except for its own markup."""
    parser = markdown.parser()
    tokens = parser.parse(text)
    headings = [*_anchored(tokens)]
    title = next((each.text for level, each in headings if level == 1), name)
    paragraphs = (_words(tokens[at + 1]) for at, each in enumerate(tokens) if each.type == "paragraph_open")
    for token in tokens:
        for child in token.children or ():
            _relink(child)
    framed = [*_framed(tokens)]
    html = parser.renderer.render(framed, parser.options, {}).replace("<pre>", '<pre tabindex="0">')
    second = [each for level, each in headings if level == 2]
    return Guide(name, title, _SENTENCE_END.split(next(paragraphs, ""))[0], second, minijinja.safe(html))


def _words(token: Token) -> str:
    """Returns the words of a paragraph without its marks."""
    return "".join(" " if each.type == "softbreak" else each.content for each in token.children or ())


def _anchored(tokens: list[Token]) -> Iterator[tuple[int, Heading]]:
    """Gives each heading an anchor made of its words, as GitHub does. Yields the headings with their levels."""
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            text = "".join(each.content for each in tokens[at + 1].children or ())
            anchor = _NO_WORD.sub("", text.lower()).replace(" ", "-")
            token.attrSet("id", anchor)
            yield int(token.tag[1:]), Heading(anchor, text)


def _relink(token: Token) -> None:
    """Makes a link to a file of the guides one to its page."""
    if token.type == "link_open" and (found := _FILE.match(str(token.attrGet("href")))):
        path = found["path"].removeprefix("../").removeprefix("./")
        token.attrSet("href", f"/docs/{path}{found['rest'] or ''}")


def _framed(tokens: list[Token]) -> Iterator[Token]:
    """Puts each table in a frame in which it scrolls on a narrow screen, by keyboard too."""
    tables, heading = 0, ""
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            heading = _words(tokens[at + 1])
        if token.type == "table_open":
            tables += 1
            label = f"{heading}, table {tables}"
            attributes: dict[str, str | int | float] = {
                "class": "scroll",
                "tabindex": "0",
                "role": "region",
                "aria-label": label,
            }
            token.attrSet("aria-label", label)
            yield Token("frame_open", "div", 1, attrs=attributes, block=True)
        yield token
        if token.type == "table_close":
            yield Token("frame_close", "div", -1, block=True)
