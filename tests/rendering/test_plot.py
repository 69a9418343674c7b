"""The picture of a leaderboard: every row in its place, whatever is missing."""

import csv
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.rendering.benchmark_leaderboard import benchmark_csv, benchmark_markdown, benchmark_summary, row_notes
from service.rendering.plot import PLOT_HEIGHT, PLOT_WIDTH, PlotLine, PlotMark, PlotText, leaderboard_plot, plot_svg

Row = dict[str, Any]
SVG = "{http://www.w3.org/2000/svg}"


def row(value: float | None = 0.5, cost: float | None = 1.0, *, control: bool = False, wide: float = 0.1) -> Row:
    measure = {"value": value, "lower": None, "upper": None, "reason": "judge_constant"}
    if value is not None:
        measure |= {"lower": value - wide, "upper": value + wide, "reason": None}
    return {
        "rank": 1,
        "judge": {"name": None, "version": None, "digest": "sha256:0123456789abcdef"},
        "model": "control/length" if control else "openai/gpt-4.1",
        "criterion": "=wit | <b>",
        "control": control,
        "sort": "spearman",
        "items": 60,
        "pairs": 60,
        "annotators": 1,
        "statistics": {"spearman": measure},
        "human_ceiling": {"items": 0, "statistics": {}},
        "alt_test": {"epsilon": 0.2, "winning_rate": None, "advantage_probability": None},
        "coverage": {"judged": 60, "scored": 59, "unscored": 1, "failed": 0, "cancelled": 0},
        "position_consistency": None,
        "cost_usd_per_1000": cost,
        "latency_seconds": {"p50": 1.0, "p95": None},
    }


def benchmark(*rows: Row) -> Row:
    told = {"id": "bench_1", "status": "completed", "dataset": "d", "progress": {"done": 1, "total": 1}}
    return {**told, "cost_usd": None, "estimated_cost_usd": 0.1, "leaderboard": list(rows)}


rows = st.builds(
    row,
    st.none() | st.floats(-1, 1),
    st.none() | st.just(0.0) | st.floats(1e-6, 1e6),
    control=st.booleans(),
    wide=st.floats(0, 0.5),
)


@given(st.lists(rows, max_size=8))
def test_everything_is_within_the_picture_and_can_be_written(leaderboard: list[Row]) -> None:
    shapes = leaderboard_plot(benchmark(*leaderboard))
    for shape in shapes:
        if not isinstance(shape, PlotLine):
            assert 0 <= shape.x <= PLOT_WIDTH
            assert 0 <= shape.y <= PLOT_HEIGHT
        else:
            assert min(shape.x1, shape.x2, shape.y1, shape.y2) >= 0
            assert max(shape.y1, shape.y2) <= PLOT_HEIGHT
    shown = [each for each in leaderboard if each["statistics"]["spearman"]["value"] is not None]
    assert sum(isinstance(shape, PlotMark) for shape in shapes) == len(shown)
    root = ElementTree.fromstring(plot_svg(shapes))
    assert len(list(root.iter(f"{SVG}circle"))) == sum(not each["control"] for each in shown)


def test_better_is_higher_and_dearer_is_to_the_right() -> None:
    shapes = leaderboard_plot(benchmark(row(0.9, 5.0), row(0.5, 1.0), row(0.2, 0.0, control=True), row(0.7, None)))
    best, good, baseline, unknown = (shape for shape in shapes if isinstance(shape, PlotMark))
    assert best.y < unknown.y < good.y < baseline.y
    assert baseline.x < good.x < best.x < unknown.x
    assert [mark.is_hollow for mark in (best, baseline)] == [False, True]
    texts = [shape.text for shape in shapes if isinstance(shape, PlotText)]
    assert {"free", "unknown", "US dollars per 1,000 judgments", "spearman, with 95% intervals"} <= set(texts)


def test_prices_over_decades_are_on_a_logarithmic_scale() -> None:
    shapes = leaderboard_plot(benchmark(row(0.9, 100.0), row(0.5, 1.0), row(0.4, 10.0)))
    dear, cheap, middle = (shape.x for shape in shapes if isinstance(shape, PlotMark))
    assert middle - cheap == pytest.approx(dear - middle)
    assert any("logarithmic" in shape.text for shape in shapes if isinstance(shape, PlotText))


def test_a_png_is_drawn_of_the_same_shapes() -> None:
    pytest.importorskip("PIL", reason="the extra `png` is not installed")
    from io import BytesIO

    from PIL import Image

    from service.rendering.plot_png import plot_png

    image = Image.open(BytesIO(plot_png(leaderboard_plot(benchmark(row(), row(0.2, 0.0, control=True))))))
    assert image.size == (2 * PLOT_WIDTH, 2 * PLOT_HEIGHT)
    assert len(image.convert("L").getcolors() or []) > 10


@given(st.lists(rows, max_size=4))
def test_text_of_any_leaderboard_has_a_line_for_each_row(leaderboard: list[Row]) -> None:
    markdown, table = benchmark_markdown(benchmark(*leaderboard)), benchmark_csv(benchmark(*leaderboard))
    assert markdown.count("| sha256:0123456789ab | ") == 2 * len(leaderboard)
    assert len(table.splitlines()) == 1 + len(leaderboard)


def test_an_estimate_that_is_not_known_is_left_out_of_the_summary() -> None:
    told = benchmark(row())
    assert benchmark_summary(told) == "bench_1: completed, 1 of 1 judgments; cost unknown, estimated $0.1000"
    assert benchmark_summary({**told, "estimated_cost_usd": None}).endswith("; cost unknown")


def test_what_people_wrote_is_no_markup_and_no_formula() -> None:
    assert "=wit \\| <b>" in benchmark_markdown(benchmark(row()))
    assert ",'=wit | <b>," in benchmark_csv(benchmark(row()))


def test_a_row_of_several_served_models_or_of_cached_answers_has_a_note() -> None:
    changed = {**row(), "served_models": ["m-1", "m-2"], "flags": ["served_model_changed"]}
    told = benchmark(row(), changed)
    note = "sha256:0123456789ab openai/gpt-4.1: the provider ran several models under this name (m-1, m-2)."
    assert list(row_notes(told["leaderboard"])) == [note]
    assert f"- {note}" in benchmark_markdown(told)
    cached = {**row(cost=None), "latency_seconds": {"p50": None, "p95": None}}
    baseline = {**row(control=True), "latency_seconds": {"p50": None, "p95": None}}
    [note] = row_notes([cached, baseline])
    assert note.startswith("sha256:0123456789ab openai/gpt-4.1: its answers came from the cache")
    assert [line["served_models"] for line in csv.DictReader(benchmark_csv(told).splitlines())] == ["", "m-1 + m-2"]
