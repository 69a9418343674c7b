"""A benchmark as a person reads it on a terminal."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from service.rendering.board_text import HEADINGS, cells, summary

_NO_TERMINAL_WIDTH = 220  # wide enough to be read in a log


def show_benchmark(benchmark: Mapping[str, Any]) -> None:
    """A line for each row of the leaderboard, baselines dimmed, and what it came to."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_NO_TERMINAL_WIDTH)
    table = Table(*HEADINGS, box=None, pad_edge=False)
    for row in benchmark["leaderboard"]:
        # Text, since brackets in what a caller wrote are no markup
        table.add_row(*(Text(cell) for cell in cells(row)), style="dim" if row["control"] else None)
    console.print(table)
    console.print(Text(summary(benchmark)))
