"""95% intervals of agreement statistics that cover the truth for few pairs and near perfect agreement too.

Proportions have Wilson's interval. All others have a t interval on a scale on which the statistic is nearly normal:
from the standard error of the infinitesimal jackknife (`influence.py`), around its value at the table with pseudo-pairs
and halfway to that at the table itself. The degrees of freedom are Satterthwaite's, of the observed influences:
few if the standard error depends on a few rare pairs. The same pairs always give the same interval.

`python -m tests.benchmarks.coverage` prints how often these intervals cover the truth.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from service.stats.arrays import Floats
from service.stats.coarse import as_names, coarsened
from service.stats.distributions import student_t_quantile
from service.stats.influence import Influence, Smoothed, influences, smoothed
from service.stats.statistics import STATISTICS, Domain, StatisticValue, evaluate
from service.stats.table import Table
from service.stats.tallies import Tallies
from service.stats.transforms import Transform
from service.stats.undefined import Undefined

Z = 1.959964  # of 95%, two-sided
FEWEST_PAIRS = 2  # a single pair shows no variation

_COVERAGE = 0.975  # of each side
_LEAST_FREEDOM = 2.0


class Interval(NamedTuple):
    """The ends of an interval."""

    lower: float
    upper: float


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """A statistic with its 95% interval, which contains the value.

    `value` is null, with a `reason`, if the statistic is undefined. Only the bounds are null, with a `reason`, if there
    are too few pairs for an interval.
    """

    value: float | None
    lower: float | None
    upper: float | None
    reason: Undefined | None


class Design(Protocol):
    """How the pairs of a table depend on each other, if several are of the same item."""

    @property
    def worth(self) -> float:
        """The smallest effective number of independent pairs."""

    @property
    def deciding(self) -> float:
        """The number of items that decide the design effect: few if a few have far more pairs than the others.

        Infinite if the effect is not estimated over items.
        """

    def effect(self, table: Table, cells: Floats) -> float:
        """Returns the design effect on a statistic with these influences, shape (values, columns) of `table`.

        It is the variance of the statistic over that of as many independent pairs (Kish 1965, Survey Sampling).
        """


class FixedEffect(NamedTuple):
    """A design with the same effect on all statistics."""

    worth: float
    constant: float

    @property
    def deciding(self) -> float:
        """Infinite: the effect is given."""
        return math.inf

    def effect(self, table: Table, cells: Floats) -> float:
        """Returns the constant."""
        return self.constant


def measure(
    table: Table,
    names: Iterable[str] | None = None,
    *,
    design: Design | None = None,
    known: Mapping[str, float] | None = None,
) -> dict[str, Measure]:
    """Returns the named statistics (by default all that the table's values have) with their intervals.

    `design` describes pairs that are not independent. `known` holds statistics known more exactly than from the table,
    to which their intervals are shifted. There are no intervals if the pairs are worth fewer than two independent ones.
    """
    values = evaluate(table, names)
    exactly = {name: each for name, each in (known or {}).items() if name in values and values[name].value is not None}
    at_table = {name: values[name].value for name in exactly}
    values |= {name: StatisticValue(each) for name, each in exactly.items()}
    defined = {name: value.value for name, value in values.items() if value.value is not None}
    independent = table.pairs if design is None else min(design.worth, table.pairs)
    intervals: dict[str, Interval] = {}
    if independent >= FEWEST_PAIRS:
        reduced = coarsened(table)
        if reduced is table:
            intervals = _intervals(table, reduced, defined, design, at_table)
        else:
            names_only = [name for name in defined if STATISTICS[name].domain is Domain.CATEGORIES]
            others = {name: value for name, value in defined.items() if name not in names_only}
            intervals = _intervals(table, reduced, others, design, _values(reduced, others))
            if names_only:
                few = reduced if table.are_words else as_names(table)
                chosen = {name: defined[name] for name in names_only}
                intervals |= _intervals(table, few, chosen, design, _values(few, chosen))
    return {name: _measure(value, intervals.get(name), table.pairs, independent) for name, value in values.items()}


def wilson(successes: float, trials: float) -> Interval:
    """Returns Wilson's interval of a proportion (Wilson 1927). `trials` must be positive; it may be fractional."""
    share = successes / trials
    middle = share + Z**2 / (2 * trials)
    reach = Z * math.sqrt(max(share * (1 - share), 0.0) / trials + Z**2 / (4 * trials**2))
    scale = 1 + Z**2 / trials
    return Interval(
        max(min((middle - reach) / scale, share), 0.0),  # rounding must not exclude the share
        min(max((middle + reach) / scale, share), 1.0),
    )


def t_interval(
    transform: Transform, value: float, middle: float, error: float, freedom: float, shift_from: float | None = None
) -> Interval:
    """Returns the interval of a statistic that is `value`, and `middle` with pseudo-pairs.

    It reaches t `error` beyond `middle` and beyond the mean of both on the scale of the transform, beyond `middle` only
    if `value` is at an end of its range. `error` is the standard error at `middle` on the original scale; `freedom` is
    limited to two or more. `shift_from` is the value of the approximation that `middle` belongs to: the interval is
    shifted to `value`.
    """
    here, centre = transform.forward(value), transform.forward(middle)
    if shift_from is not None:
        shift = here - transform.forward(shift_from)
        centre += shift if math.isfinite(shift) else 0.0
    ends = ((here + centre) / 2, centre) if math.isfinite(here) else (centre, centre)
    widest = student_t_quantile(_COVERAGE, max(freedom, _LEAST_FREEDOM))
    reach = widest * error * transform.slope(middle) if error else 0.0  # the slope may be infinite
    lower, upper = transform.inverse(min(ends) - reach), transform.inverse(max(ends) + reach)
    return Interval(min(max(lower, transform.least), value), max(min(upper, transform.most), value))


def freedom_of(cells: Floats, counts: Floats, variance: float, independent: float) -> float:
    """Returns Satterthwaite's degrees of freedom of a variance of influences, at most one less than `independent`.

    2 n s^4 / (m4 - s^4), with m4 the mean fourth power of the observed influences: few if a few rare pairs dominate.
    Source: Satterthwaite 1946, An Approximate Distribution of Estimates of Variance Components.
    """
    fourth = float((counts * cells**4).sum()) / float(counts.sum())
    excess = fourth - variance**2
    most = independent - 1
    return min(2 * independent * variance**2 / excess, most) if excess * most > 2 * independent * variance**2 else most


def freedom_of_sum(variances: Sequence[float], freedoms: Sequence[float]) -> float:
    """Returns Satterthwaite's degrees of freedom of a sum of variances with these degrees each."""
    total = sum(variances) or 1.0
    squares = sum((each / total) ** 2 / max(freedom, 1.0) for each, freedom in zip(variances, freedoms, strict=True))
    return 1 / squares if squares else math.inf


def _values(table: Table, names: Iterable[str]) -> dict[str, float | None]:
    return {name: each.value for name, each in evaluate(table, names).items()}


def _intervals(
    table: Table,
    reduced: Table,
    defined: Mapping[str, float],
    design: Design | None,
    at_reduced: Mapping[str, float | None],
) -> dict[str, Interval]:
    """Returns the intervals of these statistics, from the influences on the reduced form of the table.

    `at_reduced` has the values there, of those that differ from the values at hand.
    """
    given = smoothed(reduced, 1.0 if design is None else reduced.pairs / design.worth)
    proportions = {name: value for name, value in defined.items() if STATISTICS[name].trials is not None}
    means = [name for name in defined if name not in proportions]
    found = influences(given, means if design is None else [*defined])
    intervals = {}
    for name in means:
        intervals[name] = _of_mean(name, defined[name], found[name], given, reduced, design, at_reduced.get(name))
    tallies = Tallies.of(table)
    for name, value in proportions.items():
        trials = STATISTICS[name].trials
        assert trials is not None
        how_many = float(trials(tallies)[0])
        if design is not None:
            how_many /= _effect_of_proportion(found[name], given, reduced, design)
        intervals[name] = wilson(value * how_many, how_many)
    return intervals


def _effect_of_proportion(influence: Influence, given: Smoothed, table: Table, design: Design) -> float:
    """Returns the design effect on a proportion, times (t / z)^2 as it is estimated over items itself.

    Source: Korn and Graubard 1998, Confidence Intervals for Proportions with Small Expected Number of Positive Counts
    Estimated from Survey Data, Survey Methodology 24.
    """
    effect = design.effect(table, influence.cells)
    if math.isinf(design.deciding):
        return effect
    freedom = freedom_of(influence.cells, given.counts, influence.variance, min(design.worth, design.deciding))
    widest = student_t_quantile(_COVERAGE, max(freedom, _LEAST_FREEDOM))
    return effect * (widest / Z) ** 2


def _of_mean(
    name: str,
    value: float,
    influence: Influence,
    given: Smoothed,
    reduced: Table,
    design: Design | None,
    shift_from: float | None,
) -> Interval:
    effect = 1.0 if design is None else design.effect(reduced, influence.cells)
    total = float(given.pseudo.sum())
    error = math.sqrt(influence.variance / total * effect)
    independent = float(given.counts.sum()) / effect
    if design is not None and not math.isinf(design.deciding):
        independent = min(design.worth, design.deciding)
    freedom = freedom_of(influence.cells, given.counts, influence.variance, independent)
    transform, middle = STATISTICS[name].transform, influence.value
    if effect < 1 and shift_from is None:  # most items are labelled: pseudo-pairs stand for the others only
        middle = _between(transform, value, middle, effect)
    interval = t_interval(transform, value, middle, error, freedom, shift_from)
    return _within_differences(interval, value, reduced) if math.isinf(transform.most) else interval


def _between(transform: Transform, value: float, middle: float, share: float) -> float:
    """Returns what lies so far from `value` to `middle` on the transform's scale; `middle` if `value` is at an end."""
    here = transform.forward(value)
    return transform.inverse(here + share * (transform.forward(middle) - here)) if math.isfinite(here) else middle


def _within_differences(interval: Interval, value: float, table: Table) -> Interval:
    """Returns the interval of a statistic in units of the scale, limited to differences that the scale allows."""
    ends = [float(each) for each in (*table.values, *table.columns)]
    most = max(max(ends) - min(ends), abs(value))
    return Interval(max(interval.lower, -most), min(interval.upper, most))


def _measure(value: StatisticValue, interval: Interval | None, pairs: int, independent: float) -> Measure:
    if value.value is None:
        return Measure(value=None, lower=None, upper=None, reason=value.reason)
    if interval is None:
        reason = Undefined.ONE_PAIR if pairs == 1 else Undefined.ONE_ITEM
        return Measure(value=value.value, lower=None, upper=None, reason=reason)
    return Measure(value=value.value, lower=interval.lower, upper=interval.upper, reason=None)
