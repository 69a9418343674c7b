"""A benchmark's leaderboard as a table."""

from collections.abc import Mapping
from typing import Any

from service.cli.console import add_row, open_console, open_table, print_lines, print_table
from service.cli.tables.judgment_table import WITHOUT_SCORE, why_without_score
from service.rendering.benchmark_leaderboard import BENCHMARK_HEADINGS, benchmark_cells, benchmark_summary, row_notes


def print_benchmark(benchmark: Mapping[str, Any]) -> None:
    """Prints a row for each judge and model, the baselines dimmed, then notes and the summary."""
    console = open_console()
    table = open_table(*BENCHMARK_HEADINGS)
    for row in benchmark["leaderboard"]:
        add_row(table, benchmark_cells(row), style="dim" if row["control"] else None)
    print_table(console, table)
    print_lines(console, [*row_notes(benchmark["leaderboard"]), benchmark_summary(benchmark)])
    if any(row["coverage"][outcome] for row in benchmark["leaderboard"] for outcome in WITHOUT_SCORE):
        print_lines(console, [why_without_score(benchmark["job_id"])])
