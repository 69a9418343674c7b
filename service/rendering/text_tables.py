"""Tables as text: Markdown for people, CSV for spreadsheets."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def markdown_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Returns the lines of a table in Markdown, with `|` and line feeds in cells made harmless."""
    lines = [headings, ["---"] * len(headings), *rows]
    return [
        f"| {' | '.join(each.replace('|', chr(92) + '|').replace(chr(10), ' ') for each in row)} |" for row in lines
    ]


def csv_table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Returns a CSV (RFC 4180). None is an empty cell, and no text can be taken for a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(headings)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}" if isinstance(value, str) and value[:1] in _FORMULA_STARTS else value
