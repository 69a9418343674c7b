"""Agreement against cost as a picture: what a benchmark's judges are worth for their price."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from xml.etree import ElementTree

from service.rendering.board_text import judge_name

Json = Mapping[str, Any]

WIDTH, HEIGHT = 960, 540
INK, GREY, PALE, BLUE = "#1a1a1a", "#6b6b6b", "#dddddd", "#1f5fa8"

_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 560, 50, 470  # the frame; beside it stands who is who
_LEGEND_X = 590
_DECADES = 10.0  # from so many times the least price on, prices are on a logarithmic scale
_APART = 18  # rows of the same price
_BAND = 80  # at a side: what is free, and what has no known price
_NICE = (1, 2, 2.5, 5, 10)
_MOST_IN_LEGEND = 22  # lines
_MOST_IN_LINE = 55  # characters


class Line(NamedTuple):
    x1: float
    y1: float
    x2: float
    y2: float
    colour: str


class Mark(NamedTuple):
    """A judge's dot; a baseline's is an empty square."""

    x: float
    y: float
    colour: str
    is_hollow: bool


class Words(NamedTuple):
    x: float
    y: float
    text: str
    colour: str
    anchor: str = "start"  # start, middle or end
    is_upright: bool = False


Shape = Line | Mark | Words


class _Axis(NamedTuple):
    """`place` gives the position of a price, None being an unknown one."""

    ticks: list[tuple[float, str]]
    least: float
    most: float
    is_log: bool
    start: float
    end: float

    def place(self, cost: float | None) -> float:
        if cost is None:
            return _RIGHT - _BAND / 2
        if cost <= 0:
            return _LEFT + _BAND / 2
        low, high, at = ((math.log10(each) if self.is_log else each) for each in (self.least, self.most, cost))
        return self.start + (at - low) / (high - low) * (self.end - self.start)


def plot_of(benchmark: Json) -> list[Shape]:
    """The shapes of the picture, WIDTH by HEIGHT, the last one on top."""
    rows = benchmark["leaderboard"]
    shapes: list[Shape] = [Words(_LEFT, 28, f"Agreement with people on {benchmark['dataset']}", INK)]
    shown = [(number, row) for number, row in enumerate(rows, 1) if _measure(row)["value"] is not None]
    low, high, ticks = _heights([_measure(row) for _, row in shown])

    def height(value: float) -> float:
        return _BOTTOM - (value - low) / (high - low) * (_BOTTOM - _TOP)

    axis = _prices([row["cost_usd_per_1000"] for _, row in shown])
    for value, text in ticks:
        shapes += [
            Line(_LEFT, height(value), _RIGHT, height(value), PALE),
            Words(_LEFT - 8, height(value) + 4, text, GREY, "end"),
        ]
    shapes += _frame(axis, [row for _, row in shown])
    taken: Counter[float] = Counter()
    for number, row in shown:
        at = axis.place(row["cost_usd_per_1000"])
        shapes += _row(number, row, at + _aside(taken[at]), height)
        taken[at] += 1
    return shapes + list(_legend(rows))


def _aside(before: int) -> float:
    """How far a row stands beside those of the same price: by turns to the right and to the left."""
    return _APART * ((before + 1) // 2) * (1 if before % 2 else -1)


def as_svg(shapes: Sequence[Shape]) -> bytes:
    """The picture as SVG, readable without any style sheet or font."""
    root = ElementTree.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {WIDTH} {HEIGHT}",
            "width": str(WIDTH),
            "height": str(HEIGHT),
            "font-family": "system-ui, sans-serif",
            "font-size": "13",
        },
    )
    ElementTree.SubElement(root, "rect", {"width": "100%", "height": "100%", "fill": "white"})
    for shape in shapes:
        _add(root, shape)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _add(root: ElementTree.Element, shape: Shape) -> None:
    if isinstance(shape, Line):
        ends = {name: f"{getattr(shape, name):.1f}" for name in ("x1", "y1", "x2", "y2")}
        ElementTree.SubElement(root, "line", {**ends, "stroke": shape.colour})
    elif isinstance(shape, Words):
        placed = {"x": f"{shape.x:.1f}", "y": f"{shape.y:.1f}", "fill": shape.colour, "text-anchor": shape.anchor}
        if shape.is_upright:
            placed["transform"] = f"rotate(-90 {shape.x:.1f} {shape.y:.1f})"
        ElementTree.SubElement(root, "text", placed).text = _printable(shape.text)
    elif shape.is_hollow:
        box = {"x": f"{shape.x - 5:.1f}", "y": f"{shape.y - 5:.1f}", "width": "10", "height": "10"}
        ElementTree.SubElement(root, "rect", {**box, "fill": "white", "stroke": shape.colour})
    else:
        dot = {"cx": f"{shape.x:.1f}", "cy": f"{shape.y:.1f}", "r": "5"}
        ElementTree.SubElement(root, "circle", {**dot, "fill": shape.colour})


def _printable(text: str) -> str:
    """Without the control characters that XML can't write."""
    return "".join(each if each.isprintable() else " " for each in text)


def _measure(row: Json) -> Json:
    nothing = {"value": None, "lower": None, "upper": None}
    measure: Json = row["statistics"].get(row["sort"], nothing)
    return measure


def _frame(axis: _Axis, rows: Sequence[Json]) -> Iterator[Shape]:
    for place, text in axis.ticks:
        yield Line(place, _BOTTOM, place, _BOTTOM + 5, GREY)
        yield Words(place, _BOTTOM + 20, text, GREY, "middle")
    yield Line(_LEFT, _BOTTOM, _RIGHT, _BOTTOM, INK)
    yield Line(_LEFT, _TOP, _LEFT, _BOTTOM, INK)
    scale = ", logarithmic" if axis.is_log else ""
    yield Words((_LEFT + _RIGHT) / 2, _BOTTOM + 48, f"US dollars per 1,000 judgments{scale}", INK, "middle")
    names = " / ".join(dict.fromkeys(row["sort"] for row in rows)) or "agreement"
    yield Words(26, (_TOP + _BOTTOM) / 2, f"{names}, with 95% intervals", INK, "middle", is_upright=True)


def _row(number: int, row: Json, x: float, height: Callable[[float], float]) -> Iterator[Shape]:
    measure, colour = _measure(row), GREY if row["control"] else BLUE
    if measure["lower"] is not None:
        ends = height(measure["lower"]), height(measure["upper"])
        yield Line(x, ends[0], x, ends[1], colour)
        yield from (Line(x - 4, end, x + 4, end, colour) for end in ends)
    yield Mark(x, height(measure["value"]), colour, row["control"])
    yield Words(x + 9, height(measure["value"]) - 6, str(number), colour)


def _legend(rows: Sequence[Json]) -> Iterator[Shape]:
    for place, row in enumerate(rows[:_MOST_IN_LEGEND]):
        missing = "" if _measure(row)["value"] is not None else ": not defined"
        text = f"{place + 1}  {row['model']} · {judge_name(row)}{' (baseline)' if row['control'] else ''}{missing}"
        yield Words(_LEGEND_X, _TOP + 10 + 18 * place, _shortened(text), GREY if row["control"] else INK)
    if len(rows) > _MOST_IN_LEGEND:
        yield Words(_LEGEND_X, _TOP + 10 + 18 * _MOST_IN_LEGEND, f"and {len(rows) - _MOST_IN_LEGEND} more", GREY)


def _shortened(text: str) -> str:
    return text if len(text) <= _MOST_IN_LINE else f"{text[: _MOST_IN_LINE - 1]}…"


def _heights(measures: Sequence[Json]) -> tuple[float, float, list[tuple[float, str]]]:
    """The least and the most that the picture shows, and what stands at its side."""
    ends = [each[name] for each in measures for name in ("value", "lower", "upper") if each[name] is not None]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    room = max((high - low) * 0.08, 0.02)
    values = _nice_steps(low - room, high + room)
    step = values[1] - values[0]
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return values[0], values[-1], [(value, f"{value:.{digits}f}") for value in values]


def _prices(costs: Sequence[float | None]) -> _Axis:
    known = sorted(cost for cost in costs if cost is not None and cost > 0)
    has_free, has_unknown = any(cost == 0 for cost in costs), None in costs
    start, end = _LEFT + _BAND * has_free, _RIGHT - _BAND * has_unknown
    ticks = [(_LEFT + _BAND / 2, "free")] * has_free + [(_RIGHT - _BAND / 2, "unknown")] * has_unknown
    if not known:
        return _Axis(ticks, 0, 1, False, start, end)
    is_log = known[-1] / known[0] >= _DECADES
    values = _decades(known[0], known[-1]) if is_log else _nice_steps(0, known[-1] * 1.05)
    axis = _Axis(ticks, values[0], values[-1], is_log, start, end)
    named = [(axis.place(value) if value else float(start), f"{value:g}") for value in values]
    return axis._replace(ticks=[*ticks, *named])


def _decades(low: float, high: float) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high) + 1e-9)
    return [10.0**power for power in range(first, max(last, first + 1) + 1)]


def _nice_steps(low: float, high: float) -> list[float]:
    """Round numbers from below `low` to above `high`, four to eight of them."""
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(each * power for each in _NICE if each * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]
