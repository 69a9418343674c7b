"""A benchmark's leaderboard as a table."""

from collections.abc import Mapping
from typing import Any

from service.cli.console import add_row, open_console, open_table, print_lines
from service.rendering.board_text import HEADINGS, cells, summary


def print_benchmark(benchmark: Mapping[str, Any]) -> None:
    """Prints a row for each judge and model, the baselines dimmed, then the summary."""
    console = open_console()
    table = open_table(*HEADINGS)
    for row in benchmark["leaderboard"]:
        add_row(table, cells(row), style="dim" if row["control"] else None)
    console.print(table)
    print_lines(console, [summary(benchmark)])
