"""Markdown of our own documents as HTML: CommonMark without raw HTML, and without addresses such as `javascript:`."""

import minijinja
from markdown_it import MarkdownIt


def parser() -> MarkdownIt:
    """Returns a parser, which also knows tables."""
    return MarkdownIt("commonmark", {"html": False}).enable("table")


def in_line(text: str) -> str:
    """Returns a phrase with its code and links as HTML, for the templates."""
    return minijinja.safe(_PARSER.renderInline(text))


def in_paragraphs(text: str) -> str:
    """Returns a text with its paragraphs and lists as HTML, for the templates."""
    return minijinja.safe(_PARSER.render(text))


_PARSER = parser()
