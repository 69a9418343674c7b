"""The catalogue of gauges: one entry per gauge, with its help text, its labels and its value.

A new gauge is one entry here. The value is a function of the figures of `computing.py` that the entry's table names.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from worker.gauges.computing import JudgeFigures, Measures, PairFigures

_JUDGE_LABELS = ("judge", "version", "criterion", "model", "window")
_FALL_LABELS = ("judge", "version", "criterion", "model")
_CEILING_LABELS = ("criterion", "window")
_PAIR_LABELS = ("judge", "version", "criterion", "model", "other", "window")
_PANEL_LABELS = ("judge", "version", "criterion", "window")

_STATISTICS = {
    "exact": "Share of equal pairs",
    "pearson": "Pearson's correlation",
    "spearman": "Spearman's rank correlation",
    "kendall_tau_b": "Kendall's tau-b",
    "cohen_kappa_quadratic": "Cohen's kappa, quadratic weights",
    "krippendorff_alpha_ordinal": "Krippendorff's ordinal alpha",
    "gwet_ac1": "Gwet's AC1",
    "bias": "Mean difference, in points of the scale",
    "cohen_kappa": "Cohen's kappa",
}
_ENDS = {"lower": "lower end of its 95% interval", "upper": "upper end of its 95% interval"}

GaugeValues = dict[str, float | None]


class GaugeEntry(NamedTuple):
    """A gauge. `value` takes the figures of one series, and returns None if the gauge is undefined for them."""

    help: str
    labels: tuple[str, ...]
    value: Callable[[Any], float | None]


GaugeTable = dict[str, GaugeEntry]


def _statistic(name: str, part: str) -> Callable[[Measures], float | None]:
    """Returns a function that reads one part (value, lower or upper) of one statistic."""

    def read(measures: Measures) -> float | None:
        measure = measures.get(name)
        return None if measure is None else getattr(measure, part)

    return read


def _statistics(
    prefix: str, of: str, labels: tuple[str, ...], measures: Callable[[Any], Measures], *, ends: bool = False
) -> GaugeTable:
    """Returns one gauge per statistic, and with `ends` one more for each end of its interval."""

    def entry(name: str, part: str, text: str) -> GaugeEntry:
        read = _statistic(name, part)
        return GaugeEntry(text, labels, lambda figures: read(measures(figures)))

    table = {f"{prefix}_{name}": entry(name, "value", f"{text}, {of}") for name, text in _STATISTICS.items()}
    if ends:
        table |= {
            f"{prefix}_{name}_{end}": entry(name, end, f"{text}, {of}: {which}")
            for name, text in _STATISTICS.items()
            for end, which in _ENDS.items()
        }
    return table


def _judge(text: str, value: Callable[[JudgeFigures], float | None]) -> GaugeEntry:
    return GaugeEntry(text, _JUDGE_LABELS, value)


def _pair_statistics(figures: PairFigures) -> Measures:
    return figures.statistics


JUDGE_GAUGES: GaugeTable = {
    "agreement_pairs": _judge("Pairs of a judge's score and a human label", lambda each: each.pairs),
    **_statistics("agreement", "of judge and humans", _JUDGE_LABELS, lambda each: each.statistics, ends=True),
    "judge_mean": _judge("Mean score of the judge", lambda each: each.means.judge),
    "corrected_mean": _judge("Mean score, corrected by human labels", lambda each: each.means.corrected),
    "corrected_mean_lower": _judge(f"Corrected mean score: {_ENDS['lower']}", lambda each: each.means.corrected_lower),
    "corrected_mean_upper": _judge(f"Corrected mean score: {_ENDS['upper']}", lambda each: each.means.corrected_upper),
    "position_consistency_ratio": _judge(
        "Share of pairs with the same verdict in both orders", lambda each: each.biases.position_consistency
    ),
    "repeat_consistency_ratio": _judge(
        "Share of repeated judgments with the same answer", lambda each: each.biases.repeat_consistency
    ),
    "length_correlation": _judge(
        "Rank correlation of score and text length", lambda each: each.biases.length_correlation
    ),
    "length_correlation_lower": _judge(
        f"Rank correlation of score and text length: {_ENDS['lower']}",
        lambda each: each.biases.length_correlation_lower,
    ),
    "length_correlation_upper": _judge(
        f"Rank correlation of score and text length: {_ENDS['upper']}",
        lambda each: each.biases.length_correlation_upper,
    ),
    "score_shift_z": _judge(
        "Shift of the mean score against the reference, in standard errors", lambda each: each.drift.shift_z
    ),
    "score_shift_points": _judge(
        "Shift of the mean score against the reference, in points of the scale",
        lambda each: each.drift.shift_points,
    ),
    "score_shift_ratio": _judge(
        "Shift of the mean score against the reference, as a share of the scale",
        lambda each: each.drift.shift_ratio,
    ),
    "score_psi_ratio": _judge(
        "Population stability index over its 99% critical value", lambda each: each.drift.psi_ratio
    ),
    "agreement_cusum": _judge(
        "Cumulative sum for a fall of exact agreement; 7 or more suggests one", lambda each: each.drift.cusum
    ),
}
FALL_GAUGES: GaugeTable = {
    "agreement_fall_evidence": GaugeEntry(
        "Evidence that exact agreement fell in the last 90 days; 50 or more is an alarm",
        _FALL_LABELS,
        lambda evidence: evidence,
    )
}
CEILING_GAUGES = _statistics("human_ceiling", "of two humans", _CEILING_LABELS, lambda measures: measures)
PAIR_GAUGES: GaugeTable = {
    "panel_agreement_pairs": GaugeEntry(
        "Contents scored by both of two models of a panel", _PAIR_LABELS, lambda each: each.pairs
    ),
    **_statistics("panel_agreement", "of two models of a panel", _PAIR_LABELS, _pair_statistics),
}
PANEL_GAUGES: GaugeTable = {
    f"panel_alpha{end}": GaugeEntry(f"Krippendorff's alpha over all models of a panel{which}", _PANEL_LABELS, value)
    for end, which, value in (
        ("", "", lambda alpha: alpha.value),
        ("_lower", f": {_ENDS['lower']}", lambda alpha: alpha.lower),
        ("_upper", f": {_ENDS['upper']}", lambda alpha: alpha.upper),
    )
}
QUEUE_GAUGES: GaugeTable = {
    "label_queue_items": GaugeEntry("Judged items waiting for a label", ("criterion",), lambda waiting: waiting)
}
AGREEMENT_GAUGES: GaugeTable = {
    **JUDGE_GAUGES,
    **FALL_GAUGES,
    **CEILING_GAUGES,
    **PAIR_GAUGES,
    **PANEL_GAUGES,
    **QUEUE_GAUGES,
}


def gauge_values(table: Mapping[str, GaugeEntry], figures: object) -> GaugeValues:
    """Returns the value of each gauge of a table for one series' figures; no gauges if `figures` is None."""
    return {} if figures is None else {name: entry.value(figures) for name, entry in table.items()}
