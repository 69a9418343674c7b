"""Judges as a table, one definition, and the words that differ between two of them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from service.cli.console import add_row, open_console, open_table, print_lines, print_table
from service.rendering.cut_texts import printable
from service.rendering.judge_versions import ChangedField

_USUAL_VALUES = {
    "rating": "1 to 5",
    "pass_fail": "fail, pass",
    "pairwise": "A, tie, B",
    "ranking": "an order",
}
_STYLES = {"added": "green", "removed": "red strike", "same": ""}
_MARKS = {"added": ("{+", "+}"), "removed": ("[-", "-]"), "same": ("", "")}  # as in `git diff --word-diff`


def print_judges(judges: Sequence[Mapping[str, Any]]) -> None:
    """Prints a row for each judge."""
    console = open_console()
    table = open_table("judge", "criterion", "method", "values", "models", "created", wraps=("values", "models"))
    for each in judges:
        created = (each["created_at"] or "built in")[:19].replace("T", " ")
        name = f"{each['name']}@{each['version']}"
        add_row(table, [name, each["criterion"], each["method"], _values(each), ", ".join(each["models"]), created])
    print_table(console, table)


def print_judge(judge: Mapping[str, Any]) -> None:
    """Prints each field of a definition that is not empty, the texts as they are."""
    console = open_console()
    print_lines(console, [f"{judge['name']}@{judge['version']}"], style="bold")
    for name, value in judge.items():
        if name in ("name", "version") or value is None or value in ([], {}):
            continue
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)
        print_lines(console, [f"{name}: {text}" if "\n" not in text else f"{name}:\n{text}"])


def print_changes(before: str, after: str, changes: Sequence[ChangedField]) -> None:
    """Prints the fields that differ: [-removed-] words are in `before` alone, {+added+} ones in `after` alone."""
    from rich.text import Text

    console = open_console()
    if not changes:
        print_lines(console, [f"{before} and {after} are the same"])
        return
    print_lines(console, [f"[-{before}-] {{+{after}+}}"], style="bold")
    for field in changes:
        line = Text(f"{field.name}: ")
        for piece in field.pieces:
            opening, closing = _MARKS[piece.change]
            line.append(printable(f"{opening}{piece.text}{closing}"), style=_STYLES[piece.change])
        console.print(line)


def _values(judge: Mapping[str, Any]) -> str:
    if scale := judge["scale"]:
        return f"{scale['min']:g} to {scale['max']:g}"
    return ", ".join(each["label"] for each in judge["choices"]) or _USUAL_VALUES.get(judge["method"], "")
