"""A benchmark's leaderboard as a table."""

import pytest

from service.cli.tables.benchmark_table import print_benchmark
from service.rendering.benchmark_leaderboard import FEWEST_SHARED, measure_text, row_notes
from service.stats.paired_ranks import FEWEST_ITEMS


def test_a_benchmark_without_rows_has_its_summary(capsys: pytest.CaptureFixture[str]) -> None:
    progress = {"done": 0, "total": 4}
    costs = {"cost_usd": 0.0, "estimated_cost_usd": None}
    print_benchmark({"id": "bench_1", "status": "cancelled", "leaderboard": [], "progress": progress, **costs})
    printed = capsys.readouterr().out
    assert printed.startswith("rank  judge")
    assert "bench_1: cancelled, 0 of 4 judgments" in printed


def test_a_figure_of_nearly_0_has_no_sign() -> None:
    assert measure_text({"value": -0.0001, "lower": -0.3, "upper": 0.0002}) == "0.000 (-0.300 to 0.000)"


def test_a_note_says_that_few_items_tell_no_rows_apart() -> None:
    def notes(*items: int) -> list[str]:
        row = {"judge": {"name": "wit", "version": 1}, "model": "a/b", "criterion": "wit", "control": False}
        more = {"coverage": {"scored": 1}, "latency_seconds": {"p50": 0.1}}
        return list(row_notes([{**row, **more, "items": each} for each in items]))

    assert FEWEST_SHARED == FEWEST_ITEMS
    told = [f"wit: fewer than {FEWEST_ITEMS} items tell no rows apart, whatever their values are."]
    assert notes(FEWEST_ITEMS - 1, FEWEST_ITEMS, FEWEST_ITEMS - 1) == told
    assert notes(FEWEST_ITEMS, FEWEST_ITEMS - 1, FEWEST_ITEMS) == []
    assert notes(1) == []
