"""The arena as a person reads it in a terminal."""

from collections.abc import Mapping
from typing import Any

import msgspec
from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from service.arena.leaderboard import ArenaLeaderboard
from service.cli.shown import verdict
from service.rendering.arena_text import HEADINGS, cells, notes_on

Json = Mapping[str, Any]

WINNERS = {"A": "A", "B": "B", "t": "tie", "b": "both_bad"}
SKIP, QUIT = "s", "q"
_QUESTION = "Which is better: A or B? Or t (a tie), b (both are bad), s (skip), q (quit): "
_NO_TERMINAL_WIDTH = 160  # wide enough to be read in a log
_TEXTS = {"input": "Input", "context": "Context", "reference": "Reference", "output": "Output"}


def console_of(*, is_beside_json: bool) -> Console:
    """Where people read; with JSON on standard output that is standard error."""
    console = Console(stderr=is_beside_json, highlight=False)
    return console if console.is_terminal else Console(stderr=is_beside_json, width=_NO_TERMINAL_WIDTH, highlight=False)


def show_leaderboard(board: Json) -> None:
    """A row for each model, and what there is to know about them."""
    known = msgspec.convert(board, ArenaLeaderboard)
    table = Table(*HEADINGS, box=None, pad_edge=False)
    for standing in known.leaderboard:
        table.add_row(*map(Text, cells(standing)))
    console = console_of(is_beside_json=False)
    console.print(table)
    for note in notes_on(known):
        console.print(Text(note))


def show_battle(console: Console, battle: Json) -> None:
    """The item and both evaluations, without names."""
    item = battle["item"]
    console.print(Rule(Text(f"{battle['criterion']}  {battle['id']}")))
    for name, title in _TEXTS.items():
        if item.get(name) is not None:
            _titled(console, title, item[name])
    for index, output in enumerate(item.get("outputs") or ()):
        _titled(console, f"Output {chr(ord('A') + index)}", output)
    for side, evaluation in battle["evaluations"].items():
        said = verdict(evaluation) or "no score"
        _titled(console, f"Evaluation {side}: {said}", evaluation["explanation"] or "(without a word)")


def show_models(console: Console, battle: Json) -> None:
    """Who was who."""
    names = battle["models"]
    console.print(Text(f"A was {names['A']}, B was {names['B']}.\n", style="bold"))


def ask(console: Console) -> str | None:
    """A key of `WINNERS`, or `SKIP`; None where the voter has had enough. Small and capital letters differ."""
    while True:
        try:
            answer = console.input(_QUESTION).strip()
        except EOFError:
            return None
        if answer == QUIT:
            return None
        if answer in WINNERS or answer == SKIP:
            return answer


def _titled(console: Console, title: str, text: str) -> None:
    console.print(Text(title, style="bold"))
    console.print(Text(f"{_harmless(text)}\n"))


def _harmless(text: str) -> str:
    """Without what would steer a terminal: judged texts are anybody's."""
    return "".join(each if each.isprintable() or each in "\n\t" else "\N{REPLACEMENT CHARACTER}" for each in text)
