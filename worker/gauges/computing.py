"""The values of the trust gauges, from the counters of a series over one window, without I/O.

Only randomly selected labels count. An undefined value is None, and has no sample in a scrape.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from service.agreement.biases import length_correlation
from service.agreement.coding import Coding
from service.agreement.counters import Seen, read_seen
from service.agreement.drift_reports import drift
from service.agreement.estimates import estimate_of
from service.agreement.reports import between, headline_statistics, human_ceiling, panel_alpha
from service.stats.drift import LEAST_SCORES, position_bias, repeat_consistency
from service.stats.intervals import Measure
from service.store.agreement_counters import sum_fields

Result = TypeVar("Result")
CounterFields = Mapping[str, int]
GaugeValues = dict[str, float | None]

JUDGE_LABELS = ("judge", "version", "criterion", "model", "window")
PEOPLE_LABELS = ("criterion", "window")
PANEL_LABELS = ("judge", "version", "criterion", "model", "other", "window")
ALPHA_LABELS = ("judge", "version", "criterion", "window")

_OF_NUMBERS = {
    "exact": "Share of equal pairs",
    "pearson": "Pearson's correlation",
    "spearman": "Spearman's rank correlation",
    "kendall_tau_b": "Kendall's tau-b",
    "cohen_kappa_quadratic": "Cohen's kappa, quadratic weights",
    "krippendorff_alpha_ordinal": "Krippendorff's ordinal alpha",
    "gwet_ac1": "Gwet's AC1",
    "bias": "Mean difference, in points of the scale",
}
_OF_WORDS = {"exact": "Share of equal pairs", "cohen_kappa": "Cohen's kappa", "gwet_ac1": "Gwet's AC1"}
_STATISTICS = {**_OF_NUMBERS, **_OF_WORDS}
_ENDS = {"lower": "lower end of its 95% interval", "upper": "upper end of its 95% interval"}
_NOTHING: CounterFields = {}

# The description and the label names of each gauge.
TRUST_GAUGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "agreement_pairs": ("Pairs of a judge's score and a human label", JUDGE_LABELS),
    **{f"agreement_{name}": (f"{meaning}, of judge and humans", JUDGE_LABELS) for name, meaning in _STATISTICS.items()},
    **{
        f"agreement_{name}_{end}": (f"{meaning}, of judge and humans: {which}", JUDGE_LABELS)
        for name, meaning in _STATISTICS.items()
        for end, which in _ENDS.items()
    },
    "judge_mean": ("Mean score of the judge", JUDGE_LABELS),
    "corrected_mean": ("Mean score, corrected by human labels", JUDGE_LABELS),
    **{f"corrected_mean_{end}": (f"Corrected mean score: {which}", JUDGE_LABELS) for end, which in _ENDS.items()},
    "position_consistency_ratio": ("Share of pairs with the same verdict in both orders", JUDGE_LABELS),
    "repeat_consistency_ratio": ("Share of repeated judgments with the same answer", JUDGE_LABELS),
    "length_correlation": ("Rank correlation of score and text length", JUDGE_LABELS),
    "score_shift_z": ("Shift of the mean score against the reference, in standard errors", JUDGE_LABELS),
    "score_shift_points": ("Shift of the mean score against the reference, in points of the scale", JUDGE_LABELS),
    "score_shift_ratio": ("Shift of the mean score against the reference, as a share of the scale", JUDGE_LABELS),
    "score_psi_ratio": ("Population stability index over its 99% critical value", JUDGE_LABELS),
    "agreement_cusum": ("Cumulative sum for a fall of exact agreement; 7 or more is an alarm", JUDGE_LABELS),
    **{f"human_ceiling_{name}": (f"{meaning}, of two humans", PEOPLE_LABELS) for name, meaning in _STATISTICS.items()},
    "panel_agreement_pairs": ("Contents scored by both of two models of a panel", PANEL_LABELS),
    **{
        f"panel_agreement_{name}": (f"{meaning}, of two models of a panel", PANEL_LABELS)
        for name, meaning in _STATISTICS.items()
    },
    "panel_alpha": ("Krippendorff's alpha over all models of a panel", ALPHA_LABELS),
    "label_queue_items": ("Judged items waiting for a label", ("criterion",)),
}


class WindowCounters(NamedTuple):
    """The counters of a series over a window and over its reference, the time before the window.

    `agreed_each` has the counters `agreed` bucket by bucket. The references are empty for the window of all times.
    """

    agreed: CounterFields
    seen: CounterFields
    agreed_each: Sequence[CounterFields] = ()
    reference_agreed: CounterFields = _NOTHING
    reference_seen: CounterFields = _NOTHING


class Memo:
    """Keeps results by their inputs for as long as they are requested in each turn: most inputs do not change."""

    def __init__(self) -> None:
        self._before: dict[tuple[str, bytes], object] = {}
        self._now: dict[tuple[str, bytes], object] = {}

    def turn(self) -> None:
        """Begins a turn: drops the results that the last one did not request."""
        self._before, self._now = self._now, {}

    def of(self, name: str, fields: CounterFields, compute: Callable[[], Result]) -> Result:
        """Returns `compute()`, or its kept result; `name` and `fields` must be all that it depends on."""
        key = name, msgspec.msgpack.encode(sorted(fields.items()))
        if key not in self._now:
            self._now[key] = self._before[key] if key in self._before else compute()
        return self._now[key]  # type: ignore[return-value]  # it is what `compute` returned under this name


def of_judge(coding: Coding, counted: WindowCounters, key: str, memo: Memo) -> GaugeValues:
    """Returns all gauges of a series; empty if it judged nothing in the window and has no labels there."""
    seen = read_seen(coding, counted.seen)
    pairs, statistics = memo.of(
        f"agreed {key}",
        counted.agreed,
        lambda: headline_statistics(coding, counted.agreed, "random", _names(coding)),
    )
    if not pairs and not seen.outcomes:
        return {}
    return {
        "agreement_pairs": pairs,
        **_shown("agreement", statistics),
        **_means(coding, counted),
        **_biases(seen),
        **(_drift(coding, counted) if counted.reference_seen else {}),
    }


def of_people(coding: Coding, fields: CounterFields, key: str, memo: Memo) -> GaugeValues:
    """Returns how well humans agree on a criterion, from its counters `ceiling`."""
    found = memo.of(
        f"ceiling {key}", fields, lambda: human_ceiling(coding, fields, "random", _names(coding)).statistics
    )
    return {f"human_ceiling_{name}": measure.value for name, measure in found.items()}


def of_models(coding: Coding, fields: CounterFields, key: str, memo: Memo) -> GaugeValues:
    """Returns how well two models agree, from their counters `between`; bias is the first minus the second."""
    found = memo.of(f"between {key}", fields, lambda: between(coding, fields, _names(coding)))
    if not found.pairs:
        return {}
    values = {f"panel_agreement_{name}": measure.value for name, measure in found.statistics.items()}
    return {"panel_agreement_pairs": found.pairs, **values}


def of_panel(coding: Coding, fields: CounterFields) -> GaugeValues:
    """Returns how well all models of a judge agree, from its counters `panel`."""
    return {"panel_alpha": panel_alpha(coding, fields).value}


def merged(one: WindowCounters, other: WindowCounters) -> WindowCounters:
    """Returns the counters of two series of one criterion over the same window, added up."""
    return WindowCounters(
        agreed=sum_fields((one.agreed, other.agreed)),
        seen=sum_fields((one.seen, other.seen)),
        agreed_each=[sum_fields(each) for each in zip(one.agreed_each, other.agreed_each, strict=True)],
        reference_agreed=sum_fields((one.reference_agreed, other.reference_agreed)),
        reference_seen=sum_fields((one.reference_seen, other.reference_seen)),
    )


def _names(coding: Coding) -> tuple[str, ...]:
    return tuple(_OF_WORDS if coding.is_words else _OF_NUMBERS)


def _shown(prefix: str, statistics: Mapping[str, Measure]) -> GaugeValues:
    values: GaugeValues = {}
    for name, measure in statistics.items():
        values[f"{prefix}_{name}"] = measure.value
        values[f"{prefix}_{name}_lower"], values[f"{prefix}_{name}_upper"] = measure.lower, measure.upper
    return values


def _means(coding: Coding, counted: WindowCounters) -> GaugeValues:
    try:
        found = estimate_of(coding, counted.agreed, counted.seen)
    except ValueError:  # labels without numbers have no mean
        return {}
    corrected = found.corrected_mean
    return {
        "judge_mean": found.judge_mean.value,
        "corrected_mean": corrected.value,
        "corrected_mean_lower": corrected.lower,
        "corrected_mean_upper": corrected.upper,
    }


def _biases(seen: Seen) -> GaugeValues:
    values: GaugeValues = {}
    if seen.orders.any():
        values["position_consistency_ratio"] = position_bias(seen.orders).consistency.value
    if seen.repeats.any():
        values["repeat_consistency_ratio"] = repeat_consistency(seen.repeats, range(len(seen.repeats))).exact.value
    if seen.axis.numbers is not None:
        values["length_correlation"] = length_correlation(seen).value
    return values


def _drift(coding: Coding, counted: WindowCounters) -> GaugeValues:
    """A shift is given only if both sides have 30 scores."""
    found = drift(coding, counted.reference_seen, counted.seen, counted.agreed_each, counted.reference_agreed)
    values: GaugeValues = {"agreement_cusum": found.cusum}
    if min(_scores(counted.seen), _scores(counted.reference_seen)) < LEAST_SCORES:
        return values
    points, span = found.score_shift.points, _span(coding)
    return {
        **values,
        "score_shift_z": found.score_shift.z,
        "score_shift_points": points,
        "score_shift_ratio": points / span if points is not None and span else None,
        "score_psi_ratio": found.psi.ratio,
    }


def _scores(seen: CounterFields) -> int:
    return sum(count for field, count in seen.items() if field.startswith("score\t"))


def _span(coding: Coding) -> float:
    """Returns the distance of the lowest and highest score, 0 if there are none."""
    if not coding.is_words:
        return coding.range
    numbers = [score for score in coding.scale.scores if score is not None]
    return max(numbers, default=0.0) - min(numbers, default=0.0)
