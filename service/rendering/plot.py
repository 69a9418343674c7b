"""A benchmark's leaderboard as a picture: agreement with people against cost."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from xml.etree import ElementTree

from service.rendering.cut_texts import printable, shortened
from service.rendering.judge_names import judge_name
from service.rendering.plot_axes import CostAxis, cost_axis, nice_steps, side_offset

_Json = Mapping[str, Any]

PLOT_WIDTH, PLOT_HEIGHT = 960, 540
_INK, _GREY, _PALE, _BLUE = "#1a1a1a", "#6b6b6b", "#dddddd", "#1f5fa8"

_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 560, 50, 470  # the frame; the legend is to the right of it
_LEGEND_X = 590
_APART = 18  # the distance between rows of the same price
_BAND = 80  # at the sides, for rows that are free or have no known price
_MOST_IN_LEGEND = 22  # lines
_MOST_IN_LINE = 55  # characters


class PlotLine(NamedTuple):
    x1: float
    y1: float
    x2: float
    y2: float
    colour: str


class PlotMark(NamedTuple):
    """The dot of a judge, or the empty square of a baseline."""

    x: float
    y: float
    colour: str
    is_hollow: bool


class PlotText(NamedTuple):
    x: float
    y: float
    text: str
    colour: str
    anchor: str = "start"  # start, middle or end
    is_upright: bool = False


PlotShape = PlotLine | PlotMark | PlotText


def leaderboard_plot(benchmark: _Json) -> list[PlotShape]:
    """Returns the shapes of the picture, PLOT_WIDTH by PLOT_HEIGHT, the last one on top."""
    rows = benchmark["leaderboard"]
    shapes: list[PlotShape] = [PlotText(_LEFT, 28, f"Agreement with people on {benchmark['dataset']}", _INK)]
    shown = [(number, row) for number, row in enumerate(rows, 1) if _measure(row)["value"] is not None]
    low, high, ticks = _heights([_measure(row) for _, row in shown])

    def height(value: float) -> float:
        return _BOTTOM - (value - low) / (high - low) * (_BOTTOM - _TOP)

    costs = [row["cost_usd_per_1000"] for _, row in shown]
    axis = cost_axis(costs, left=_LEFT, right=_RIGHT, band=_BAND, inset=0)
    for value, text in ticks:
        shapes += [
            PlotLine(_LEFT, height(value), _RIGHT, height(value), _PALE),
            PlotText(_LEFT - 8, height(value) + 4, text, _GREY, "end"),
        ]
    shapes += _frame(axis, [row for _, row in shown])
    taken: Counter[float] = Counter()
    for number, row in shown:
        at = axis.at(row["cost_usd_per_1000"])
        shapes += _row(number, row, at + side_offset(taken[at], _APART), height)
        taken[at] += 1
    return shapes + list(_legend(rows))


def plot_svg(shapes: Sequence[PlotShape]) -> bytes:
    """Returns the picture as SVG; it needs no style sheet and no font."""
    root = ElementTree.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {PLOT_WIDTH} {PLOT_HEIGHT}",
            "width": str(PLOT_WIDTH),
            "height": str(PLOT_HEIGHT),
            "font-family": "system-ui, sans-serif",
            "font-size": "13",
        },
    )
    ElementTree.SubElement(root, "rect", {"width": "100%", "height": "100%", "fill": "white"})
    for shape in shapes:
        _add(root, shape)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _add(root: ElementTree.Element, shape: PlotShape) -> None:
    if isinstance(shape, PlotLine):
        ends = {name: f"{getattr(shape, name):.1f}" for name in ("x1", "y1", "x2", "y2")}
        ElementTree.SubElement(root, "line", {**ends, "stroke": shape.colour})
    elif isinstance(shape, PlotText):
        placed = {"x": f"{shape.x:.1f}", "y": f"{shape.y:.1f}", "fill": shape.colour, "text-anchor": shape.anchor}
        if shape.is_upright:
            placed["transform"] = f"rotate(-90 {shape.x:.1f} {shape.y:.1f})"
        ElementTree.SubElement(root, "text", placed).text = printable(shape.text)
    elif shape.is_hollow:
        box = {"x": f"{shape.x - 5:.1f}", "y": f"{shape.y - 5:.1f}", "width": "10", "height": "10"}
        ElementTree.SubElement(root, "rect", {**box, "fill": "white", "stroke": shape.colour})
    else:
        dot = {"cx": f"{shape.x:.1f}", "cy": f"{shape.y:.1f}", "r": "5"}
        ElementTree.SubElement(root, "circle", {**dot, "fill": shape.colour})


def _measure(row: _Json) -> _Json:
    nothing = {"value": None, "lower": None, "upper": None}
    measure: _Json = row["statistics"].get(row["sort"], nothing)
    return measure


def _frame(axis: CostAxis, rows: Sequence[_Json]) -> Iterator[PlotShape]:
    for place, text in axis.ticks:
        yield PlotLine(place, _BOTTOM, place, _BOTTOM + 5, _GREY)
        yield PlotText(place, _BOTTOM + 20, text, _GREY, "middle")
    yield PlotLine(_LEFT, _BOTTOM, _RIGHT, _BOTTOM, _INK)
    yield PlotLine(_LEFT, _TOP, _LEFT, _BOTTOM, _INK)
    yield PlotText((_LEFT + _RIGHT) / 2, _BOTTOM + 48, axis.name, _INK, "middle")
    names = " / ".join(dict.fromkeys(row["sort"] for row in rows)) or "agreement"
    yield PlotText(26, (_TOP + _BOTTOM) / 2, f"{names}, with 95% intervals", _INK, "middle", is_upright=True)


def _row(number: int, row: _Json, x: float, height: Callable[[float], float]) -> Iterator[PlotShape]:
    measure, colour = _measure(row), _GREY if row["control"] else _BLUE
    if measure["lower"] is not None:
        ends = height(measure["lower"]), height(measure["upper"])
        yield PlotLine(x, ends[0], x, ends[1], colour)
        yield from (PlotLine(x - 4, end, x + 4, end, colour) for end in ends)
    yield PlotMark(x, height(measure["value"]), colour, row["control"])
    yield PlotText(x + 9, height(measure["value"]) - 6, str(number), colour)


def _legend(rows: Sequence[_Json]) -> Iterator[PlotShape]:
    for place, row in enumerate(rows[:_MOST_IN_LEGEND]):
        missing = "" if _measure(row)["value"] is not None else ": not defined"
        name = f"{judge_name(row['judge'])}{' (baseline)' if row['control'] else ''}"
        text = shortened(f"{place + 1}  {row['model']} · {name}{missing}", _MOST_IN_LINE)
        yield PlotText(_LEGEND_X, _TOP + 10 + 18 * place, text, _GREY if row["control"] else _INK)
    if len(rows) > _MOST_IN_LEGEND:
        yield PlotText(_LEGEND_X, _TOP + 10 + 18 * _MOST_IN_LEGEND, f"and {len(rows) - _MOST_IN_LEGEND} more", _GREY)


def _heights(measures: Sequence[_Json]) -> tuple[float, float, list[tuple[float, str]]]:
    """The lowest and the highest value that the picture shows, and the ticks of the axis."""
    ends = [each[name] for each in measures for name in ("value", "lower", "upper") if each[name] is not None]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    room = max((high - low) * 0.08, 0.02)
    values = nice_steps(low - room, high + room)
    step = values[1] - values[0]
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return values[0], values[-1], [(value, f"{value:.{digits}f}") for value in values]
