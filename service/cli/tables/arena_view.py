"""The arena in a terminal: its leaderboard, a battle, and the question to the voter."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from service.cli.console import add_row, open_console, open_table, print_lines, print_table
from service.cli.tables.judgment_table import verdict_text
from service.cli.tables.label_view import QUIT, SKIP, print_texts, print_titled
from service.contracts.arena import ArenaLeaderboard
from service.rendering.arena_leaderboard import STANDING_HEADINGS, arena_notes, standing_cells
from service.rendering.cut_texts import printable

if TYPE_CHECKING:
    from rich.console import Console

WINNERS = {"a": "A", "b": "B", "t": "tie", "x": "both_bad"}  # by the key that the voter types, in any case

_QUESTION = "Which is better: A or B? Or t (a tie), x (both are bad), s (skip), q (quit): "


def print_ratings(board: Mapping[str, Any]) -> None:
    """Prints a row for each model, then the notes on the ratings."""
    leaderboard = msgspec.convert(board, ArenaLeaderboard)
    console = open_console()
    if not leaderboard.leaderboard:
        on = "" if leaderboard.criterion is None else f" on {leaderboard.criterion}"
        print_lines(console, [f"There are no votes{on} yet: `judged arena vote --voter NAME` takes them."])
        return
    table = open_table(*STANDING_HEADINGS)
    for standing in leaderboard.leaderboard:
        add_row(table, standing_cells(standing))
    print_table(console, table)
    print_lines(console, arena_notes(leaderboard))


def print_battle(console: "Console", battle: Mapping[str, Any]) -> None:
    """Prints the item and both evaluations without the models' names."""
    from rich.rule import Rule
    from rich.text import Text

    console.print(Rule(Text(printable(f"{battle['criterion']}  {battle['id']}"))))
    print_texts(console, battle["item"])
    for side, evaluation in battle["evaluations"].items():
        title = f"Evaluation {side}: {verdict_text(evaluation) or 'no score'}"
        print_titled(console, title, evaluation["explanation"] or "(no explanation)")


def print_models(console: "Console", battle: Mapping[str, Any]) -> None:
    """Prints the models behind A and B, which a voter learns after the vote."""
    names = battle["models"]
    print_lines(console, [f"A was {names['A']}, B was {names['B']}.\n"], style="bold")


def ask(console: "Console") -> str | None:
    """Returns a key of `WINNERS`, or `SKIP`; None if the voter quits."""
    while True:
        try:
            answer = console.input(_QUESTION).strip().lower()
        except EOFError:
            return None
        if answer == QUIT:
            return None
        if answer in WINNERS or answer == SKIP:
            return answer
        print_lines(console, [f"{answer!r} is none of the answers."] if answer else [])
