"""Drawings of figures as SVG for pages: intervals, a figure over time or by cost, and a reliability diagram.

Colours come from the page's style sheet by class, so that a drawing follows a light or a dark page. Every text is
escaped. A drawing says in its title what a reader sees in it; the page has the same figures as text.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple
from xml.etree import ElementTree

from service.rendering.cut_texts import printable, shortened
from service.rendering.plot_axes import cost_axis, nice_steps, side_offset

DRAWING_WIDTH = 360  # readable on a phone without scaling

_LABELS = 112  # width of the column of row labels
_ROW = 30
_TALL_ROW = 44  # with its label above its interval
_TOP, _BOTTOM = 10, 28
_LEFT, _RIGHT = 40, 12
_NUMBER_WIDTH = 12  # of a row's number beside its point
_TICK_ROOM = 20  # for half of the first and the last tick's value
_TIME_HEIGHT = 150
_SQUARE = 280
_COST_HEIGHT = 260
_HALF_WORD, _PLACES = 22, 6  # of the word at people's line, and where it may stand
_BAND = 62  # beside the axis of costs, for rows that are free or of unknown cost
_INSET = 14  # of the axis of costs
_APART = 15  # between rows of the same cost
_LEAST_ROOM = 0.02  # above and below figures
_MOST_OF_A_LABEL, _MOST_OF_A_LINE = 17, 48  # characters
_LEAST_RADIUS, _MOST_RADIUS = 3.0, 9.0
_TICKS = 4
_THREE_HALVES = 1.5  # a width that is divided in three
_NARROW = 1e-9
_TIME_FORMS = {"hour": "%d %b %H:00", "day": "%d %b"}


class IntervalRow(NamedTuple):
    """A row of a forest plot: a value with its interval; `style` is the class of its colour."""

    label: str
    value: float | None
    lower: float | None
    upper: float | None
    style: str = "plain"


class TimedFigure(NamedTuple):
    """A figure of the time that begins at `at`, with its interval."""

    at: datetime
    value: float | None
    lower: float | None
    upper: float | None


class ReliabilityPoint(NamedTuple):
    """People's mean value, with its interval, of the items with one value of the judge; `weight` counts the items."""

    judge: float
    people: float
    lower: float | None
    upper: float | None
    weight: float


class CostPoint(NamedTuple):
    """A row of a leaderboard by its number: its cost in US dollars, None if unknown, and its figure with interval."""

    number: int
    cost: float | None
    value: float
    lower: float | None
    upper: float | None
    is_baseline: bool


_Ends = tuple[float, float]


class _Axis(NamedTuple):
    """Maps values from `low` to `high` to places from `start` to `end`; values beyond are drawn at the ends."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / max(self.high - self.low, _NARROW)
        return self.start + share * (self.end - self.start)

    def ticks(self, parts: int = _TICKS) -> list[float]:
        return [self.low + (self.high - self.low) * each / parts for each in range(parts + 1)]


def forest_plot(rows: Sequence[IntervalRow], title: str, *, low: float, high: float) -> str:
    """Returns intervals below each other on one axis. A row without a value has no mark."""
    root = _drawing(title, DRAWING_WIDTH, _TOP + _ROW * len(rows) + _BOTTOM)
    axis = _Axis(low, high, _LABELS, DRAWING_WIDTH - _RIGHT)
    ticks = axis.ticks(3 if high - low == _THREE_HALVES else _TICKS)
    _upright_lines(root, axis, ticks, bottom=_TOP + _ROW * len(rows), reference=0)
    for number, row in enumerate(rows):
        middle = _TOP + _ROW * (number + 0.5)
        _text(root, _LABELS - 8, middle + 4, shortened(row.label, _MOST_OF_A_LABEL), "end", "name")
        _interval(root, axis, middle, row)
    return _written(root)


def long_forest_plot(rows: Sequence[IntervalRow], title: str, *, ticks: Sequence[float], reference: float) -> str:
    """Returns intervals below each other with long labels above them; a dashed line marks the reference value."""
    root = _drawing(title, DRAWING_WIDTH, _TOP + _TALL_ROW * len(rows) + _BOTTOM)
    axis = _Axis(ticks[0], ticks[-1], _TICK_ROOM, DRAWING_WIDTH - _TICK_ROOM)
    _upright_lines(root, axis, ticks, bottom=_TOP + _TALL_ROW * len(rows), reference=reference)
    for number, row in enumerate(rows):
        top = _TOP + _TALL_ROW * number
        _text(root, 0, top + 16, shortened(row.label, _MOST_OF_A_LINE), "start", "name")
        _interval(root, axis, top + 30, row)
    return _written(root)


def time_series(figures: Sequence[TimedFigure], title: str, *, low: float, high: float, bucket: str) -> str:
    """Returns a figure over time, the intervals as bars; `bucket` is `hour` or `day`."""
    root = _drawing(title, DRAWING_WIDTH, _TIME_HEIGHT)
    up = _Axis(low, high, _TIME_HEIGHT - _BOTTOM, _TOP)
    seconds = [each.at.timestamp() for each in figures]
    along = _Axis(min(seconds, default=0.0), max(seconds, default=1.0), _LEFT + 10, DRAWING_WIDTH - _RIGHT - 10)
    for value in (low, (low + high) / 2, high):
        _line(root, _LEFT, up.at(value), DRAWING_WIDTH - _RIGHT, up.at(value), "zero" if value == 0 else "grid")
        _text(root, _LEFT - 6, up.at(value) + 4, f"{value:g}", "end")
    known = [(along.at(at), each) for at, each in zip(seconds, figures, strict=True) if each.value is not None]
    _path(root, [(x, up.at(each.value or 0.0)) for x, each in known])
    for x, each in known:
        if each.lower is not None and each.upper is not None:
            _line(root, x, up.at(each.lower), x, up.at(each.upper), "bar accent thin")
        _dot(root, x, up.at(each.value or 0.0), 3, "accent")
    for figure, anchor in _ends(figures):
        x = along.start - 10 if anchor == "start" else along.end + 10
        _text(root, x, _TIME_HEIGHT - 8, figure.at.strftime(_TIME_FORMS[bucket]), anchor)
    return _written(root)


def reliability_diagram(points: Sequence[ReliabilityPoint], title: str, *, judge: _Ends, people: _Ends) -> str:
    """Returns people's mean by the judge's value; a judge that is right on average lies on the diagonal.

    `judge` and `people` are the ends of both scales, and larger dots are of more items.
    """
    root = _drawing(title, DRAWING_WIDTH, _SQUARE)
    up = _Axis(*people, _SQUARE - _BOTTOM - 14, _TOP)
    along = _Axis(*judge, _LEFT, DRAWING_WIDTH - _RIGHT)
    for value in up.ticks():
        _line(root, along.start, up.at(value), along.end, up.at(value), "grid")
        _text(root, along.start - 6, up.at(value) + 4, f"{value:.3g}", "end")
    for value in along.ticks():
        _text(root, along.at(value), up.start + 16, f"{value:.3g}", "middle")
    _text(root, (along.start + along.end) / 2, _SQUARE - 6, "the judge's value", "middle")
    _line(root, along.start, up.start, along.end, up.end, "zero")
    most = max((each.weight for each in points), default=1.0)
    for each in points:
        x = along.at(each.judge)
        if each.lower is not None and each.upper is not None:
            _line(root, x, up.at(each.lower), x, up.at(each.upper), "bar accent thin")
        radius = _LEAST_RADIUS + (_MOST_RADIUS - _LEAST_RADIUS) * (each.weight / max(most, _NARROW)) ** 0.5
        _dot(root, x, up.at(each.people), radius, "accent")
    return _written(root)


def _upright_lines(
    root: ElementTree.Element, axis: _Axis, ticks: Sequence[float], *, bottom: float, reference: float
) -> None:
    """Draws a line at each tick, with its value below, and a dashed one at the reference value between the ends."""
    for value in ticks:
        _line(root, axis.at(value), _TOP, axis.at(value), bottom, "grid")
        _text(root, axis.at(value), bottom + 17, f"{value:g}", "middle")
    if axis.low < reference < axis.high:
        _line(root, axis.at(reference), _TOP, axis.at(reference), bottom, "zero")


def _interval(root: ElementTree.Element, axis: _Axis, y: float, row: IntervalRow) -> None:
    if row.value is None:
        _text(root, axis.start + 6, y + 4, "not known", "start")
        return
    if row.lower is not None and row.upper is not None:
        _line(root, axis.at(row.lower), y, axis.at(row.upper), y, f"bar {row.style}")
    _dot(root, axis.at(row.value), y, 5, row.style)


def cost_plot(points: Sequence[CostPoint], title: str, *, people: float | None) -> str:
    """Returns figures by cost, each with the number of its row; a dashed line is people's own agreement if known.

    Costs are on a logarithmic scale if they differ by ten times or more; free rows and those of unknown cost are apart.
    """
    root = _drawing(title, DRAWING_WIDTH, _COST_HEIGHT)
    ends = [end for each in points for end in (each.value, each.lower, each.upper) if end is not None]
    ends += [] if people is None else [people]
    least, most = min(ends, default=0.0), max(ends, default=1.0)
    room = max((most - least) * 0.05, _LEAST_ROOM)
    low = least - room if least < -1 else max(least - room, -1)  # agreement begins at -1 and ends at 1
    ticks = nice_steps(low, most + room if most > 1 else min(most + room, 1))
    up = _Axis(ticks[0], ticks[-1], _COST_HEIGHT - _BOTTOM - 16, _TOP)
    for value in ticks:
        _line(root, _LEFT, up.at(value), DRAWING_WIDTH - _RIGHT, up.at(value), "grid")
        _text(root, _LEFT - 6, up.at(value) + 4, f"{value:g}", "end")
    if people is not None:
        _line(root, _LEFT, up.at(people), DRAWING_WIDTH - _RIGHT, up.at(people), "ceiling")
    costs = [each.cost for each in points]
    along = cost_axis(costs, left=_LEFT, right=DRAWING_WIDTH - _RIGHT, band=_BAND, inset=_INSET)
    for at, text in along.ticks:
        _text(root, at, up.start + 16, text, "middle")
    _text(root, (_LEFT + DRAWING_WIDTH) / 2, _COST_HEIGHT - 6, along.name, "middle")
    taken: Counter[float] = Counter()
    rows = Counter(along.at(each.cost) for each in points)
    for each in points:
        at = along.at(each.cost)
        room = min(at - _LEFT, DRAWING_WIDTH - _RIGHT - _NUMBER_WIDTH - at)
        _cost_point(root, up, at + side_offset(taken[at], min(_APART, room / max(rows[at] // 2, 1))), each)
        taken[at] += 1
    if people is not None:
        _text(root, _clear_of(list(taken)), up.at(people) - 4, "people", "middle", "ceiling")
    return _written(root)


def _clear_of(points: Sequence[float]) -> float:
    """The place for a word along the axis of costs that is farthest from any point, on the right if all are alike."""
    ends = _LEFT + _HALF_WORD, DRAWING_WIDTH - _RIGHT - _HALF_WORD
    places = [ends[1] - (ends[1] - ends[0]) * part / _PLACES for part in range(_PLACES + 1)]
    return max(places, key=lambda place: min((abs(place - each) for each in points), default=0.0))


def _cost_point(root: ElementTree.Element, up: _Axis, x: float, point: CostPoint) -> None:
    style = "plain" if point.is_baseline else "accent"
    if point.lower is not None and point.upper is not None:
        _line(root, x, up.at(point.lower), x, up.at(point.upper), f"bar {style} thin")
    y = up.at(point.value)
    if point.is_baseline:
        box = {"x": f"{x - 4:.1f}", "y": f"{y - 4:.1f}", "width": "8", "height": "8", "class": "mark"}
        ElementTree.SubElement(root, "rect", box)
    else:
        _dot(root, x, y, 4.5, style)
    _text(root, x + 6, y - 5, str(point.number), "start", "name")


def _ends(figures: Sequence[TimedFigure]) -> Iterator[tuple[TimedFigure, str]]:
    """Yields the first and the last figure with the anchors of their dates."""
    if figures:
        yield figures[0], "start"
    if len(figures) > 1:
        yield figures[-1], "end"


def _drawing(title: str, width: int, height: int) -> ElementTree.Element:
    root = ElementTree.Element("svg", {"viewBox": f"0 0 {width} {height}", "role": "img", "class": "drawing"})
    root.set("aria-label", printable(title))
    return root


def _line(root: ElementTree.Element, x1: float, y1: float, x2: float, y2: float, style: str) -> None:
    ends = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
    ElementTree.SubElement(root, "line", {**{name: f"{at:.1f}" for name, at in ends.items()}, "class": style})


def _dot(root: ElementTree.Element, x: float, y: float, radius: float, style: str) -> None:
    place = {"cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": f"{radius:.1f}"}
    ElementTree.SubElement(root, "circle", {**place, "class": f"dot {style}"})


def _path(root: ElementTree.Element, places: Sequence[tuple[float, float]]) -> None:
    if len(places) > 1:
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        ElementTree.SubElement(root, "polyline", {"points": points, "class": "path"})


def _text(root: ElementTree.Element, x: float, y: float, text: str, anchor: str, style: str = "tick") -> None:
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor, "class": style}
    ElementTree.SubElement(root, "text", place).text = printable(text)


def _written(root: ElementTree.Element) -> str:
    return ElementTree.tostring(root, encoding="unicode")
