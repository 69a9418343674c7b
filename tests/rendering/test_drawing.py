"""Drawings for pages: sound SVG, figures in their places, texts as data."""

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest

from service.rendering.drawing import (
    DRAWING_WIDTH,
    CostPoint,
    IntervalRow,
    ReliabilityPoint,
    TimedFigure,
    cost_plot,
    forest_plot,
    long_forest_plot,
    reliability_diagram,
    time_series,
)

START = datetime(2026, 11, 1, tzinfo=UTC)


def parsed(drawing: str) -> ElementTree.Element:
    root = ElementTree.fromstring(drawing)
    assert root.get("role") == "img"
    assert root.get("aria-label")
    assert "style" not in drawing  # a page's policy forbids it
    for element in root.iter():
        for name in ("x", "x1", "x2", "cx"):
            assert 0 <= float(element.get(name, "0")) <= DRAWING_WIDTH
    return root


def of_class(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [each for each in root.iter() if name in str(each.get("class")).split()]


def test_a_forest_plot_has_a_mark_and_an_interval_for_each_known_row() -> None:
    rows = [IntervalRow("this judge", 0.5, 0.25, 0.75, "accent"), IntervalRow("people", None, None, None)]
    root = parsed(forest_plot(rows, "Agreement", low=0, high=1))
    [dot], [bar] = of_class(root, "dot"), of_class(root, "bar")
    assert bar.get("class") == "bar accent"
    ends = [float(str(bar.get(name))) for name in ("x1", "x2")]
    assert float(str(dot.get("cx"))) == pytest.approx(sum(ends) / 2)
    assert "not known" in [each.text for each in root.iter()]


def test_zero_is_drawn_if_the_axis_has_it() -> None:
    rows = [IntervalRow("a", 0.0, -2.0, 2.0)]  # an interval beyond the axis ends at its ends
    assert of_class(parsed(forest_plot(rows, "t", low=-0.5, high=1)), "zero")
    assert not of_class(parsed(forest_plot(rows, "t", low=0, high=1)), "zero")


def test_a_long_forest_plot_has_each_label_above_its_interval() -> None:
    rows = [IntervalRow(f"{rank}  provider/{'long' * 12}", 1000 + rank, 900, 1100, "accent") for rank in (1, 2)]
    root = parsed(long_forest_plot(rows, "Ratings", ticks=[800, 1000, 1200], reference=1000))
    labels, bars = of_class(root, "name"), of_class(root, "bar")
    assert all(str(each.text).endswith("…") for each in labels)
    heights = [
        float(str(each.get(name)))
        for pair in zip(labels, bars, strict=True)
        for each, name in zip(pair, ("y", "y1"), strict=True)
    ]
    assert heights == sorted(heights)
    [mean] = of_class(root, "zero")
    assert float(str(mean.get("x1"))) == DRAWING_WIDTH / 2
    assert not of_class(parsed(long_forest_plot(rows, "t", ticks=[800, 900, 1000], reference=1000)), "zero")


def costs_drawn(*costs: float | None) -> list[float]:
    """The places of dots along the axis of costs."""
    points = [CostPoint(number, cost, 0.1 * number, None, None, False) for number, cost in enumerate(costs, 1)]
    root = parsed(cost_plot(points, "t", people=0.9))
    assert [each.text for each in of_class(root, "ceiling") if each.text] == ["people"]
    return [float(str(dot.get("cx"))) for dot in of_class(root, "dot")]


def test_a_plot_by_cost_has_free_rows_on_the_left_and_unknown_ones_on_the_right() -> None:
    places = costs_drawn(0.0, 0.01, 0.1, 1.0, None)
    assert places == sorted(set(places))
    free, *priced, unknown = places
    assert priced[1] - priced[0] == pytest.approx(priced[2] - priced[1], abs=0.2)  # logarithmic
    assert free < DRAWING_WIDTH / 4
    assert unknown > DRAWING_WIDTH * 3 / 4
    linear = costs_drawn(2.0, 4.0, 6.0)
    assert linear[1] - linear[0] == pytest.approx(linear[2] - linear[1], abs=0.2)


def test_a_plot_by_cost_ends_where_agreement_does_and_its_words_do_not_touch() -> None:
    points = [CostPoint(1, 0.039, 0.6, -0.96, 0.99, False), CostPoint(2, None, 0.6, -0.96, 0.99, False)]
    root = parsed(cost_plot(points, "t", people=0.6))
    texts = {str(each.text): each for each in root.iter() if each.text}
    assert "-1" in texts
    assert "-1.5" not in texts
    last, unknown = (float(str(texts[name].get("x"))) for name in ("0.04", "unknown"))
    widths = 7 * (len("0.04") + len("unknown"))  # a character has 7 units at most
    assert unknown - last > widths / 2
    word, places = float(str(texts["people"].get("x"))), [float(str(dot.get("cx"))) for dot in of_class(root, "dot")]
    assert all(abs(word - place) > 7 * len("people") / 2 for place in places)


def test_rows_of_one_cost_stand_beside_each_other() -> None:
    assert len(set(costs_drawn(0.0, 0.0, 0.0))) == 3
    assert len(set(costs_drawn(None, None))) == 2
    assert costs_drawn() == []


@pytest.mark.parametrize("cost", [0.0, None])
def test_many_rows_of_one_cost_stay_within_the_drawing(cost: float | None) -> None:
    points = [CostPoint(number, cost, 0.5, 0.25, 0.75, False) for number in range(1, 41)]
    root = parsed(cost_plot(points, "t", people=None))
    places = [float(str(dot.get("cx"))) for dot in of_class(root, "dot")]
    assert len(set(places)) == 40
    numbers = [each for each in root.iter() if each.get("class") == "name"]
    assert all(0 < float(str(each.get("x"))) < DRAWING_WIDTH - 7 * len(str(each.text)) for each in numbers)


def test_a_baseline_is_a_square_with_its_interval() -> None:
    root = parsed(cost_plot([CostPoint(7, 0.0, 0.5, 0.25, 0.75, True)], "t", people=None))
    [mark], [bar] = of_class(root, "mark"), of_class(root, "bar")
    assert not of_class(root, "dot")
    assert float(str(bar.get("y2"))) < float(str(mark.get("y"))) + 4 < float(str(bar.get("y1")))
    assert "7" in [each.text for each in root.iter()]


def test_a_time_series_runs_from_the_first_to_the_last_time() -> None:
    figures = [TimedFigure(START + timedelta(days=day), day / 10, None, None) for day in range(5)]
    figures.insert(2, TimedFigure(START + timedelta(days=1, hours=1), None, None, None))
    root = parsed(time_series(figures, "t", low=0, high=1, bucket="day"))
    places = [float(str(dot.get("cx"))) for dot in of_class(root, "dot")]
    assert places == sorted(places)
    assert len(places) == 5
    heights = [float(str(dot.get("cy"))) for dot in of_class(root, "dot")]
    assert heights == sorted(heights, reverse=True)
    assert {"01 Nov", "05 Nov"} <= {each.text for each in root.iter()}


@pytest.mark.parametrize("count", [0, 1])
def test_few_figures_make_no_line(count: int) -> None:
    figures = [TimedFigure(START, 0.5, 0.4, 0.6)] * count
    assert not of_class(parsed(time_series(figures, "t", low=-1, high=1, bucket="hour")), "path")


def test_a_judge_that_is_right_lies_on_the_diagonal() -> None:
    points = [ReliabilityPoint(value, value, value - 0.2, value + 0.2, 10 * value) for value in (1.0, 2.0, 5.0)]
    root = parsed(reliability_diagram(points, "t", judge=(1, 5), people=(1, 5)))
    [line] = of_class(root, "zero")
    (x1, y1), (x2, y2) = ((float(str(line.get(f"x{at}"))), float(str(line.get(f"y{at}")))) for at in (1, 2))
    dots = of_class(root, "dot")
    for dot in dots:
        x, y = float(str(dot.get("cx"))), float(str(dot.get("cy")))
        assert y == pytest.approx(y1 + (x - x1) / (x2 - x1) * (y2 - y1), abs=0.2)
    radii = [float(str(dot.get("r"))) for dot in dots]
    assert radii == sorted(radii)


@pytest.mark.parametrize("text", ["<script>x</script>", '"><b>', "a\x00b\x08c", "&amp;", "x" * 500, "\u202eabc"])
def test_texts_are_data(text: str) -> None:
    drawing = forest_plot([IntervalRow(text, 0.5, 0.1, 0.9)], text, low=0, high=1)
    root = parsed(drawing)
    assert "<script" not in drawing
    assert "<b>" not in drawing
    shown = next(each.text or "" for each in of_class(root, "name"))
    assert len(shown) <= 17
