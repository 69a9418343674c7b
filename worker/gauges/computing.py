"""What the gauges of trust show, from the counters of a series over one window. Pure.

Randomly selected labels alone count. What is undefined is None, and no sample in a scrape.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from service.agreement.biases import by_number
from service.agreement.coding import Coding
from service.agreement.counter_fields import added
from service.agreement.counters import Seen, read_seen
from service.agreement.drift_reports import drift
from service.agreement.estimates import estimate_of
from service.agreement.reports import between, headline, human_ceiling, panel_alpha
from service.stats.drift import length_correlation, position_bias, repeat_consistency
from service.stats.intervals import Measure

T = TypeVar("T")
Fields = Mapping[str, int]
Values = dict[str, float | None]

JUDGE = ("judge", "version", "criterion", "model", "window")
PEOPLE = ("criterion", "window")
PANEL = ("judge", "version", "criterion", "model", "other", "window")
ALPHA = ("judge", "version", "criterion", "window")

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
_NOTHING: Fields = {}
_FEW = 30  # scores on each side, with fewer of which a shift is not told

# Each gauge: what it is, and its labels.
GAUGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "agreement_pairs": ("Pairs of a judge's score and a person's label", JUDGE),
    **{f"agreement_{name}": (f"{what}, of judge and people", JUDGE) for name, what in _STATISTICS.items()},
    **{
        f"agreement_{name}_{end}": (f"{what}, of judge and people: {which}", JUDGE)
        for name, what in _STATISTICS.items()
        for end, which in _ENDS.items()
    },
    "judge_mean": ("Mean score that the judge gave", JUDGE),
    "corrected_mean": ("Mean score, corrected by people's labels", JUDGE),
    **{f"corrected_mean_{end}": (f"Corrected mean score: {which}", JUDGE) for end, which in _ENDS.items()},
    "position_consistency_ratio": ("Share of pairs with the same verdict in both orders", JUDGE),
    "repeat_consistency_ratio": ("Share of contents judged again with the same answer", JUDGE),
    "length_correlation": ("Rank correlation of score and length of the text", JUDGE),
    "score_shift_z": ("Shift of the mean score against the time before, in standard errors", JUDGE),
    "score_shift_points": ("Shift of the mean score against the time before, in points of the scale", JUDGE),
    "score_shift_ratio": ("Shift of the mean score against the time before, as a share of the scale", JUDGE),
    "score_psi_ratio": ("Population stability index over its 99% critical value", JUDGE),
    "agreement_cusum": ("Cumulative sum for a fall of exact agreement; from 7 on it fell", JUDGE),
    **{f"human_ceiling_{name}": (f"{what}, of two people", PEOPLE) for name, what in _STATISTICS.items()},
    "panel_agreement_pairs": ("Contents that two models of a panel both scored", PANEL),
    **{f"panel_agreement_{name}": (f"{what}, of two models of a panel", PANEL) for name, what in _STATISTICS.items()},
    "panel_alpha": ("Krippendorff's alpha over all models of a panel", ALPHA),
    "label_queue_items": ("Judged items that wait for a label", ("criterion",)),
}


class Counted(NamedTuple):
    """The counters of a series over a window, bucket by bucket for `agreed_each`, and over the time before it.

    There is no time before a window of all times: its references are empty.
    """

    agreed: Fields
    seen: Fields
    agreed_each: Sequence[Fields] = ()
    reference_agreed: Fields = _NOTHING
    reference_seen: Fields = _NOTHING


class Memo:
    """Results by what they were computed from, as long as they are asked for in each turn: most do not change."""

    def __init__(self) -> None:
        self._before: dict[tuple[str, bytes], object] = {}
        self._now: dict[tuple[str, bytes], object] = {}

    def turn(self) -> None:
        """Begins a turn: forgets what the last one did not ask for."""
        self._before, self._now = self._now, {}

    def of(self, name: str, fields: Fields, compute: Callable[[], T]) -> T:
        """`compute()`, unless it is known; `name` and `fields` are all that the result depends on."""
        key = name, msgspec.msgpack.encode(sorted(fields.items()))
        if key not in self._now:
            self._now[key] = self._before[key] if key in self._before else compute()
        return self._now[key]  # type: ignore[return-value]  # it is what `compute` returned under this name


def of_judge(coding: Coding, counted: Counted, key: str, memo: Memo) -> Values:
    """All gauges of a series; empty where it judged nothing in the window and no label is there."""
    seen = read_seen(coding, counted.seen)
    pairs, statistics = memo.of(
        f"agreed {key}",
        counted.agreed,
        lambda: headline(coding, counted.agreed, "random", key, _names(coding)),
    )
    if not pairs and not seen.outcomes:
        return {}
    return {
        "agreement_pairs": pairs,
        **_shown("agreement", statistics),
        **_means(coding, counted, key),
        **_biases(seen),
        **(_drift(coding, counted) if counted.reference_seen else {}),
    }


def of_people(coding: Coding, fields: Fields, key: str, memo: Memo) -> Values:
    """How well people agree on a criterion, from its counters `ceiling`."""
    found = memo.of(
        f"ceiling {key}", fields, lambda: human_ceiling(coding, fields, "random", key, _names(coding)).statistics
    )
    return {f"human_ceiling_{name}": measure.value for name, measure in found.items()}


def of_models(coding: Coding, fields: Fields, key: str, memo: Memo) -> Values:
    """How well two models agree, from their counters `between`; bias is the first one minus the second."""
    found = memo.of(f"between {key}", fields, lambda: between(coding, fields, key, _names(coding)))
    if not found.pairs:
        return {}
    values = {f"panel_agreement_{name}": measure.value for name, measure in found.statistics.items()}
    return {"panel_agreement_pairs": found.pairs, **values}


def of_panel(coding: Coding, fields: Fields) -> Values:
    """How well all models of a judge agree, from its counters `panel`."""
    return {"panel_alpha": panel_alpha(coding, fields).value}


def merged(one: Counted, other: Counted) -> Counted:
    """The counters of two series of one criterion over the same window, as if they were one."""
    return Counted(
        agreed=added((one.agreed, other.agreed)),
        seen=added((one.seen, other.seen)),
        agreed_each=[added(each) for each in zip(one.agreed_each, other.agreed_each, strict=True)],
        reference_agreed=added((one.reference_agreed, other.reference_agreed)),
        reference_seen=added((one.reference_seen, other.reference_seen)),
    )


def _names(coding: Coding) -> tuple[str, ...]:
    return tuple(_OF_WORDS if coding.is_words else _OF_NUMBERS)


def _shown(prefix: str, statistics: Mapping[str, Measure]) -> Values:
    values: Values = {}
    for name, measure in statistics.items():
        values[f"{prefix}_{name}"] = measure.value
        values[f"{prefix}_{name}_lower"], values[f"{prefix}_{name}_upper"] = measure.lower, measure.upper
    return values


def _means(coding: Coding, counted: Counted, key: str) -> Values:
    try:
        found = estimate_of(coding, counted.agreed, counted.seen, key)
    except ValueError:  # labels without numbers have no mean
        return {}
    corrected = found.corrected_mean
    return {
        "judge_mean": found.judge_mean.value,
        "corrected_mean": corrected.value,
        "corrected_mean_lower": corrected.lower,
        "corrected_mean_upper": corrected.upper,
    }


def _biases(seen: Seen) -> Values:
    values: Values = {}
    if seen.orders.any():
        values["position_consistency_ratio"] = position_bias(seen.orders).consistency.value
    if seen.repeats.any():
        values["repeat_consistency_ratio"] = repeat_consistency(seen.repeats, range(len(seen.repeats))).exact.value
    if seen.axis.numbers is not None:
        values["length_correlation"] = length_correlation(by_number(seen.scores, seen.axis)[1])
    return values


def _drift(coding: Coding, counted: Counted) -> Values:
    """A shift is told where both sides have 30 scores."""
    found = drift(coding, counted.reference_seen, counted.seen, counted.agreed_each, counted.reference_agreed)
    values: Values = {"agreement_cusum": found.cusum}
    if min(_scores(counted.seen), _scores(counted.reference_seen)) < _FEW:
        return values
    points, span = found.score_shift.points, _span(coding)
    return {
        **values,
        "score_shift_z": found.score_shift.z,
        "score_shift_points": points,
        "score_shift_ratio": points / span if points is not None and span else None,
        "score_psi_ratio": found.psi.ratio,
    }


def _scores(seen: Fields) -> int:
    return sum(count for field, count in seen.items() if field.startswith("score\t"))


def _span(coding: Coding) -> float:
    """From the lowest to the highest score, 0 where there are none."""
    if not coding.is_words:
        return coding.range
    numbers = [score for score in coding.scale.scores if score is not None]
    return max(numbers, default=0.0) - min(numbers, default=0.0)
