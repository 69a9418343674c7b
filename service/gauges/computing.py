"""The figures that the gauges of agreement show, from the counters of a series over one window. Pure.

Only randomly selected labels count. A figure that is undefined is None, and has no sample in a scrape.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

import msgspec

from service.agreement.biases import length_correlation
from service.agreement.coding import Coding
from service.agreement.counters import Seen, read_seen
from service.agreement.drift_reports import drift
from service.agreement.estimates import estimate_of
from service.agreement.reports import assessment_of, between, headline_statistics, human_ceiling
from service.contracts.judges import CONTROL
from service.stats.drift import LEAST_SCORES, position_bias, repeat_consistency
from service.stats.intervals import Measure
from service.stats.trust import WORST_FIRST
from service.store.agreement_counters import sum_fields

_T = TypeVar("_T")
CounterFields = Mapping[str, int]
Measures = Mapping[str, Measure]

_EMPTY: CounterFields = {}

# The statistics of scores, and of labels that are words.
NUMBER_STATISTICS = (
    "exact",
    "pearson",
    "spearman",
    "kendall_tau_b",
    "cohen_kappa_quadratic",
    "krippendorff_alpha_ordinal",
    "gwet_ac1",
    "bias",
)
WORD_STATISTICS = ("exact", "cohen_kappa", "gwet_ac1")


class WindowCounters(NamedTuple):
    """The counters of a series over a window, and over the time before it, its reference.

    `agreed_each` are those of each bucket of the reference and then of the window. The window of all times has no time
    before it: its references are empty.
    """

    agreed: CounterFields
    seen: CounterFields
    agreed_each: Sequence[CounterFields] = ()
    reference_agreed: CounterFields = _EMPTY
    reference_seen: CounterFields = _EMPTY


class MeanFigures(NamedTuple):
    """The mean score of a judge, and the mean corrected by labels with the ends of its 95% interval."""

    judge: float | None = None
    corrected: float | None = None
    corrected_lower: float | None = None
    corrected_upper: float | None = None


class BiasFigures(NamedTuple):
    """Shares of equal verdicts in both orders and of equal repeats, and the rank correlation with length."""

    position_consistency: float | None = None
    repeat_consistency: float | None = None
    length_correlation: float | None = None
    length_correlation_lower: float | None = None
    length_correlation_upper: float | None = None


class DriftFigures(NamedTuple):
    """The shift of the scores against the time before the window, and the cumulative sum of a fall in agreement."""

    cusum: float | None = None
    shift_z: float | None = None
    shift_points: float | None = None
    shift_ratio: float | None = None
    psi_ratio: float | None = None


class TrustFigures(NamedTuple):
    """The verdict on a judge as its place in `WORST_FIRST`, and the figures of the statistic that decides.

    `baselines` has the value of each baseline on the same items by its name, and `person` that of a second person.
    """

    verdict: int | None = None
    statistic: Measure | None = None
    more_labels: int | None = None
    person: float | None = None
    baselines: Mapping[str, float] = MappingProxyType({})


class JudgeFigures(NamedTuple):
    """The figures of one series: one model, or the panel, of a judge version.

    `pairs` is None if the labels' values are others than the judge's, which gauges do not compare.
    """

    pairs: int | None
    statistics: Measures
    means: MeanFigures
    biases: BiasFigures
    drift: DriftFigures
    trust: TrustFigures = TrustFigures()


class PairFigures(NamedTuple):
    """The figures of two models of a panel; bias is the first model minus the second."""

    pairs: int
    statistics: Measures


class Memo:
    """Results by the counters that they were computed from. A result is kept while each turn asks for it."""

    def __init__(self) -> None:
        self._before: dict[tuple[str, bytes], object] = {}
        self._now: dict[tuple[str, bytes], object] = {}

    def turn(self) -> None:
        """Begins a turn: forgets the results that the last turn did not ask for."""
        self._before, self._now = self._now, {}

    def of(self, name: str, fields: CounterFields, compute: Callable[[], _T]) -> _T:
        """Returns the known result for `name` and `fields`, else `compute()`, which must depend on them only."""
        state = msgspec.msgpack.encode(sorted(fields.items()))
        found: _T | None = self.known(name, state)
        return self.keep(name, state, compute()) if found is None else found

    def known(self, name: str, state: bytes) -> Any:
        """Returns the result that is kept for `name` and `state`, None if there is none."""
        key = name, state
        if key not in self._now and key in self._before:
            self._now[key] = self._before[key]
        return self._now.get(key)

    def keep(self, name: str, state: bytes, result: _T) -> _T:
        """Keeps a result for `name` and `state`, and returns it."""
        self._now[name, state] = result
        return result


def judge_figures(coding: Coding, counters: WindowCounters, model: str, key: str, memo: Memo) -> JudgeFigures | None:
    """Returns the figures of a series of `model`, or None if it judged nothing in the window and has no label."""
    seen = read_seen(coding, counters.seen)
    pairs, statistics = memo.of(
        f"agreed {key}",
        counters.agreed,
        lambda: headline_statistics(coding, counters.agreed, _statistic_names(coding)),
    )
    if not pairs and not seen.outcomes:
        return None
    return JudgeFigures(
        pairs=pairs,
        statistics=statistics,
        means=_means(coding, counters),
        biases=_biases(seen),
        drift=_drift(coding, counters) if counters.reference_seen else DriftFigures(),
        trust=memo.of(f"trust {key}", counters.agreed, lambda: _trust(coding, counters.agreed, statistics, model)),
    )


def unlike_figures(coding: Coding, labels: Coding, counters: WindowCounters) -> JudgeFigures | None:
    """Returns the figures of a series whose values are others than the labels': those that compare no values."""
    seen = read_seen(coding, counters.seen)
    if not seen.outcomes:
        return None
    scores = WindowCounters({}, counters.seen, reference_seen=counters.reference_seen)
    return JudgeFigures(
        pairs=None,
        statistics={},
        means=_means(coding, counters, labels),
        biases=_biases(seen),
        drift=_drift(coding, scores) if counters.reference_seen else DriftFigures(),
    )


def ceiling_figures(coding: Coding, fields: CounterFields, key: str, memo: Memo) -> Measures:
    """Returns how well people agree on a criterion, from its counters `ceiling`."""
    return memo.of(
        f"ceiling {key}",
        fields,
        lambda: human_ceiling(coding, fields, "random", _statistic_names(coding)).statistics,
    )


def pair_figures(coding: Coding, fields: CounterFields, key: str, memo: Memo) -> PairFigures | None:
    """Returns how well two models agree, from their counters `between`; None if they scored no content in common."""
    found = memo.of(f"between {key}", fields, lambda: between(coding, fields, _statistic_names(coding)))
    return PairFigures(found.pairs, found.statistics) if found.pairs else None


def merged(one: WindowCounters, other: WindowCounters) -> WindowCounters:
    """Returns the counters of two series of one criterion over the same window, added up."""
    return WindowCounters(
        agreed=sum_fields((one.agreed, other.agreed)),
        seen=sum_fields((one.seen, other.seen)),
        agreed_each=[sum_fields(each) for each in zip(one.agreed_each, other.agreed_each, strict=True)],
        reference_agreed=sum_fields((one.reference_agreed, other.reference_agreed)),
        reference_seen=sum_fields((one.reference_seen, other.reference_seen)),
    )


def _statistic_names(coding: Coding) -> tuple[str, ...]:
    return WORD_STATISTICS if coding.is_words else NUMBER_STATISTICS


def _trust(coding: Coding, agreed: CounterFields, statistics: Measures, model: str) -> TrustFigures:
    found = assessment_of(coding, agreed, statistics, model)
    person = None if found.people is None else found.people.difference
    return TrustFigures(
        verdict=None if found.verdict is None else WORST_FIRST.index(found.verdict),
        statistic=found.own,
        more_labels=found.more_labels,
        person=None if person is None else person.rival,
        baselines={
            CONTROL + name: each.difference.rival
            for name, each in found.baselines.items()
            if each.difference is not None
        },
    )


def _means(coding: Coding, counters: WindowCounters, labels: Coding | None = None) -> MeanFigures:
    try:
        found = estimate_of(coding, counters.agreed, counters.seen, labels)
    except ValueError:  # labels without numbers have no mean
        return MeanFigures()
    corrected = found.corrected_mean
    return MeanFigures(found.judge_mean.value, corrected.value, corrected.lower, corrected.upper)


def _biases(seen: Seen) -> BiasFigures:
    repeats, length = seen.repeats, length_correlation(seen)
    return BiasFigures(
        position_bias(seen.orders).consistency.value if seen.orders.any() else None,
        repeat_consistency(repeats, range(len(repeats))).exact.value if repeats.any() else None,
        length.value,
        length.lower,
        length.upper,
    )


def _drift(coding: Coding, counters: WindowCounters) -> DriftFigures:
    """The shift is None if either side has fewer than 100 scores."""
    found = drift(coding, counters.reference_seen, counters.seen, counters.agreed_each, counters.reference_agreed)
    if min(score_count(counters.seen), score_count(counters.reference_seen)) < LEAST_SCORES:
        return DriftFigures(found.cusum)
    points, span = found.score_shift.points, _span(coding)
    return DriftFigures(
        cusum=found.cusum,
        shift_z=found.score_shift.z,
        shift_points=points,
        shift_ratio=points / span if points is not None and span else None,
        psi_ratio=found.psi.ratio,
    )


def score_count(seen: CounterFields) -> int:
    """Returns the number of scores that a series gave, from its counters `seen`."""
    return sum(count for field, count in seen.items() if field.startswith("score\t"))


def _span(coding: Coding) -> float:
    """Returns the distance from the lowest to the highest score, 0 if there are no scores."""
    if not coding.is_words:
        return coding.range
    numbers = [score for score in coding.scale.scores if score is not None]
    return max(numbers, default=0.0) - min(numbers, default=0.0)
