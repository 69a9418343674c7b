"""The drawings of a judge's figures, from the reports of the API."""

from collections.abc import Sequence

import minijinja
import msgspec

from service.agreement.calibration import JudgeCalibration
from service.agreement.queries import JudgeAgreement
from service.agreement.trends import Trend, TrendPoint
from service.contracts.judges import BASELINE_TITLES
from service.pages import words
from service.rendering.drawing import (
    IntervalRow,
    ReliabilityPoint,
    TimedFigure,
    forest_plot,
    reliability_diagram,
    time_series,
)
from service.rendering.trust_words import deciding_statistic
from service.stats.intervals import Measure

STATISTIC_TITLES = {"spearman": "rank correlation (Spearman)", "cohen_kappa": "Cohen's kappa"}

_NOTHING = Measure(value=None, lower=None, upper=None, reason=None)
_LEAST_POINTS = 2


class NamedFigure(msgspec.Struct, frozen=True):
    """A figure beside others of its kind: the judge's, people's, or a baseline's."""

    name: str
    measure: Measure
    style: str


class Headline(msgspec.Struct, frozen=True):
    """The statistic that decides on trust, of the judge, of people and of the baselines, and its drawing."""

    statistic: str
    title: str
    figures: list[NamedFigure]
    drawing: str


def headline_of(report: JudgeAgreement) -> Headline:
    """Returns the judge's figure beside people's own agreement and the baselines on the same items."""
    name = deciding_statistic(report.statistics)
    figures = [
        NamedFigure("this judge", report.statistics.get(name, _NOTHING), "accent"),
        NamedFigure("another person", report.human_ceiling.statistics.get(name, _NOTHING), "people"),
        *(
            NamedFigure(title, report.baselines.get(model, {}).get(name, _NOTHING), "plain")
            for model, title in BASELINE_TITLES.items()
        ),
    ]
    title = STATISTIC_TITLES[name]
    told = "; ".join(f"{each.name} {words.figure_text(each.measure)}" for each in figures)
    low = _lowest([each.measure for each in figures])
    rows = [
        IntervalRow(each.name, each.measure.value, each.measure.lower, each.measure.upper, each.style)
        for each in figures
    ]
    drawing = forest_plot(rows, f"Agreement with people, {title}: {told}", low=low, high=1.0)
    return Headline(name, title, figures, _safe(drawing))


def trend_drawing(trend: Trend) -> str | None:
    """Returns the figure over time, None with fewer than two points to compare."""
    known = [each for each in trend.points if each.figure.value is not None]
    if len(known) < _LEAST_POINTS:
        return None
    figures = [TimedFigure(each.at, each.figure.value, each.figure.lower, each.figure.upper) for each in known]
    title = (
        f"{STATISTIC_TITLES[trend.statistic]} with people by {trend.bucket}: "
        f"{words.figure_text(known[0].figure)} at first, {words.figure_text(known[-1].figure)} at last"
    )
    low = _lowest([each.figure for each in known])
    return _safe(time_series(figures, title, low=low, high=1.0, bucket=trend.bucket))


def newest_point(trend: Trend) -> TrendPoint | None:
    """Returns the last hour or day with a figure, None if there is none."""
    return next((each for each in reversed(trend.points) if each.figure.value is not None), None)


def calibration_drawing(found: JudgeCalibration) -> str | None:
    """Returns people's mean by the judge's value, None if the values are no numbers or too few are known."""
    points = [
        ReliabilityPoint(float(row.judge), row.human.value, row.human.lower, row.human.upper, row.items)
        for row in found.rows
        if row.human.value is not None and isinstance(row.judge, int | float)
    ]
    if len(points) < _LEAST_POINTS:
        return None
    ends = (found.scale_min, found.scale_max)
    judge = (min(ends[0], *(each.judge for each in points)), max(ends[1], *(each.judge for each in points)))
    title = "People's mean value by the judge's value: " + "; ".join(
        f"{each.judge:g} means {each.people:.2f}" for each in points
    )
    return _safe(reliability_diagram(points, title, judge=judge, people=ends))


def _lowest(measures: Sequence[Measure]) -> float:
    """Returns the left end of an axis that ends at 1: 0, -0.5 or -1."""
    least = min((bound for each in measures for bound in (each.value, each.lower) if bound is not None), default=0.0)
    return 0.0 if least >= 0 else -0.5 if least >= -0.5 else -1.0


def _safe(drawing: str) -> str:
    """Marks a drawing as HTML: its texts are escaped already."""
    return minijinja.safe(drawing)
