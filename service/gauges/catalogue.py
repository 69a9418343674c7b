"""The catalogue of gauges: one entry per gauge, with its help text, its labels and its value.

A new gauge is one entry here. The value is a function of the figures of `computing.py` that the entry's table names.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from service.agreement.anchor_findings import AnchorFindings
from service.gauges.computing import JudgeFigures, Measures, PairFigures
from service.stats.anchors import AnchorVerdict

_JUDGE_LABELS = ("judge", "version", "criterion", "model", "window")
_BASELINE_LABELS = (*_JUDGE_LABELS, "baseline")
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
_DECIDES = "Statistic that decides on trust (Spearman's correlation on scales, Cohen's kappa for words)"
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


def _entries(
    prefix: str, of: str, labels: tuple[str, ...], measures: Callable[[Any], Measures], parts: Mapping[str, str]
) -> GaugeTable:
    """Returns one gauge per statistic for each of these parts of it, with the part's text after the statistic's."""

    def entry(name: str, part: str, text: str) -> GaugeEntry:
        read = _statistic(name, part)
        return GaugeEntry(text, labels, lambda figures: read(measures(figures)))

    return {
        f"{prefix}_{name}" + ("" if part == "value" else f"_{part}"): entry(name, part, f"{text}, {of}{which}")
        for part, which in parts.items()
        for name, text in _STATISTICS.items()
    }


def _statistics(prefix: str, of: str, labels: tuple[str, ...], measures: Callable[[Any], Measures]) -> GaugeTable:
    """Returns one gauge per statistic."""
    return _entries(prefix, of, labels, measures, {"value": ""})


def _statistic_ends(prefix: str, of: str, labels: tuple[str, ...], measures: Callable[[Any], Measures]) -> GaugeTable:
    """Returns two gauges per statistic, the ends of its interval."""
    return _entries(prefix, of, labels, measures, {end: f": {which}" for end, which in _ENDS.items()})


def _judge(text: str, value: Callable[[JudgeFigures], float | None]) -> GaugeEntry:
    return GaugeEntry(text, _JUDGE_LABELS, value)


def _anchor(text: str, value: Callable[[AnchorFindings], float | None]) -> GaugeEntry:
    return GaugeEntry(text, _FALL_LABELS, value)


def _is(findings: AnchorFindings, verdict: AnchorVerdict) -> float | None:
    return None if findings.verdict is AnchorVerdict.TOO_FEW else float(findings.verdict is verdict)


def _deciding(part: str) -> Callable[[JudgeFigures], float | None]:
    """Returns a function that reads one part (value, lower or upper) of the statistic that decides on trust."""
    return lambda each: None if each.trust.statistic is None else getattr(each.trust.statistic, part)


def _pair_statistics(figures: PairFigures) -> Measures:
    return figures.statistics


TRUST_GAUGES: GaugeTable = {
    "trust_verdict": _judge(
        "Verdict: 0 not better than chance, 1 not better than baselines, 2 too few labels, 3 better than baselines, "
        "4 as good as people",
        lambda each: each.trust.verdict,
    ),
    "trust_statistic": _judge(f"{_DECIDES}, of judge and humans", _deciding("value")),
    "trust_statistic_lower": _judge(f"{_DECIDES}, of judge and humans: {_ENDS['lower']}", _deciding("lower")),
    "trust_statistic_upper": _judge(f"{_DECIDES}, of judge and humans: {_ENDS['upper']}", _deciding("upper")),
    "trust_person_statistic": _judge(f"{_DECIDES}, of two humans on the same items", lambda each: each.trust.person),
    "trust_more_labels": _judge(
        "Items to label for a verdict, or for the next better one, about", lambda each: each.trust.more_labels
    ),
}
JUDGE_GAUGES: GaugeTable = {
    "agreement_pairs": _judge("Pairs of a judge's score and a human label", lambda each: each.pairs),
    **TRUST_GAUGES,
    **_statistics("agreement", "of judge and humans", _JUDGE_LABELS, lambda each: each.statistics),
    **_statistic_ends("agreement", "of judge and humans", _JUDGE_LABELS, lambda each: each.statistics),
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
BASELINE_GAUGES: GaugeTable = {
    "trust_baseline_statistic": GaugeEntry(
        f"{_DECIDES}, of a baseline and humans on the judge's items", _BASELINE_LABELS, lambda value: value
    )
}
FALL_GAUGES: GaugeTable = {
    "agreement_fall_evidence": GaugeEntry(
        "Evidence that exact agreement fell in the last 90 days; 50 or more is an alarm",
        _FALL_LABELS,
        lambda evidence: evidence,
    )
}
CEILING_GAUGES = _statistics("human_ceiling", "of two humans", _CEILING_LABELS, lambda measures: measures)
CEILING_ENDS = _statistic_ends("human_ceiling", "of two humans", _CEILING_LABELS, lambda measures: measures)
PAIR_GAUGES: GaugeTable = {
    "panel_agreement_pairs": GaugeEntry(
        "Contents scored by both of two models of a panel", _PAIR_LABELS, lambda each: each.pairs
    ),
    **_statistics("panel_agreement", "of two models of a panel", _PAIR_LABELS, _pair_statistics),
}
PAIR_ENDS = _statistic_ends("panel_agreement", "of two models of a panel", _PAIR_LABELS, _pair_statistics)
PANEL_GAUGES: GaugeTable = {
    f"panel_alpha{end}": GaugeEntry(f"Krippendorff's alpha over all models of a panel{which}", _PANEL_LABELS, value)
    for end, which, value in (
        ("", "", lambda alpha: alpha.value),
        ("_lower", f": {_ENDS['lower']}", lambda alpha: alpha.lower),
        ("_upper", f": {_ENDS['upper']}", lambda alpha: alpha.upper),
    )
}
ANCHOR_GAUGES: GaugeTable = {
    "anchor_shift_evidence": _anchor(
        "Evidence that the judge changed, from its anchors; 100 or more is an alarm", lambda each: each.evidence
    ),
    "anchor_shift_points": _anchor(
        "Mean change of the scores of the anchors, in points of the scale", lambda each: each.shift.value
    ),
    "anchor_shift_points_lower": _anchor(
        f"Mean change of the scores of the anchors: {_ENDS['lower']}", lambda each: each.shift.lower
    ),
    "anchor_shift_points_upper": _anchor(
        f"Mean change of the scores of the anchors: {_ENDS['upper']}", lambda each: each.shift.upper
    ),
    "anchor_shift_repeats": _anchor("Repeated judgments of anchors since their baseline", lambda each: each.repeats),
    "anchor_shift_of_judge": _anchor(
        "1 if the judge changed, by its anchors, else 0", lambda each: _is(each, AnchorVerdict.JUDGE_CHANGED)
    ),
    "anchor_shift_of_traffic": _anchor(
        "1 if the scores shifted in 24 hours or 7 days and the anchors show that the judge did not change, else 0",
        lambda each: _is(each, AnchorVerdict.TRAFFIC_CHANGED),
    ),
}
QUEUE_GAUGES: GaugeTable = {
    "label_queue_items": GaugeEntry("Judged items waiting for a label", ("criterion",), lambda waiting: waiting)
}
RETIREMENT_GAUGES: GaugeTable = {
    "model_retires_timestamp_seconds": GaugeEntry(
        "When a model that is in use will be shut down, by its provider's list of models", ("model",), lambda at: at
    )
}
AGREEMENT_GAUGES: GaugeTable = {
    **JUDGE_GAUGES,
    **BASELINE_GAUGES,
    **FALL_GAUGES,
    **CEILING_GAUGES,
    **CEILING_ENDS,
    **PAIR_GAUGES,
    **PAIR_ENDS,
    **PANEL_GAUGES,
    **ANCHOR_GAUGES,
    **QUEUE_GAUGES,
    **RETIREMENT_GAUGES,
}


def gauge_values(table: Mapping[str, GaugeEntry], figures: object) -> GaugeValues:
    """Returns the value of each gauge of a table for one series' figures; no gauges if `figures` is None."""
    return {} if figures is None else {name: entry.value(figures) for name, entry in table.items()}
