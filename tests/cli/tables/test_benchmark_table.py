"""A benchmark's leaderboard as a table."""

import pytest

from service.cli.tables.benchmark_table import print_benchmark
from service.rendering.benchmark_leaderboard import measure_text


def test_a_benchmark_without_rows_has_its_summary(capsys: pytest.CaptureFixture[str]) -> None:
    progress = {"done": 0, "total": 4}
    costs = {"cost_usd": 0.0, "estimated_cost_usd": None}
    print_benchmark({"id": "bench_1", "status": "cancelled", "leaderboard": [], "progress": progress, **costs})
    printed = capsys.readouterr().out
    assert printed.startswith("rank  judge")
    assert "bench_1: cancelled, 0 of 4 judgments" in printed


def test_a_figure_of_nearly_0_has_no_sign() -> None:
    assert measure_text({"value": -0.0001, "lower": -0.3, "upper": 0.0002}) == "0.000 (-0.300 to 0.000)"
