"""Influences on a judge that should have none: position, chance, text length, its own family of models."""

import math
from typing import NamedTuple

import msgspec
import numpy as np

from service.agreement.axes import Axis
from service.agreement.coding import Coding
from service.agreement.counters import Agreed, Seen
from service.stats.alphas import Level, alpha
from service.stats.arrays import Booleans, Floats, Integers
from service.stats.coarse import coarsened
from service.stats.distributions import student_t_quantile
from service.stats.drift import PositionBias, Repeats, position_bias, repeat_consistency
from service.stats.estimates import PSEUDO_ITEMS
from service.stats.intervals import Design, FixedEffect, Measure, freedom_of, freedom_of_sum, measure
from service.stats.length_buckets import LENGTH_BUCKETS
from service.stats.table import Table, numbers
from service.stats.undefined import Undefined

_NOISE = 1e-9  # in points: smaller differences of errors are rounding
_REASONS = {Undefined.HUMAN_CONSTANT: Undefined.ERROR_CONSTANT, Undefined.JUDGE_CONSTANT: Undefined.LENGTH_CONSTANT}


class LengthBias(msgspec.Struct, frozen=True, kw_only=True):
    """The rank correlations of the judge's error (its score minus the label, over `pairs`) with the length of the text.

    Longer texts may really be better, so a correlation of scores alone is no bias; one of errors is.
    """

    pairs: int
    spearman: Measure
    kendall_tau_b: Measure


class SelfPreference(msgspec.Struct, frozen=True, kw_only=True):
    """The judge's mean error on texts of its own family of models minus that on others, in points.

    `own` and `other` count labelled pairs. Null with a `reason` if either is 0; only the bounds are null if the errors
    do not vary.
    """

    value: float | None
    lower: float | None
    upper: float | None
    reason: Undefined | None
    own: int
    other: int


class Biases(msgspec.Struct, frozen=True, kw_only=True):
    """All biases of one series.

    `position` is None if nothing was judged in both orders. `length_correlation` is Spearman's correlation of all
    scores with length. For labels, `repeats.alpha` is nominal and `repeats.deviation` is null.
    """

    position: PositionBias | None
    repeats: Repeats
    length_correlation: float | None
    length_correlation_lower: float | None
    length_correlation_upper: float | None
    length_bias: LengthBias
    self_preference: SelfPreference


def biases(coding: Coding, agreed: Agreed, seen: Seen, *, design: Design | None) -> Biases:
    """Returns all biases; `design` is that of the labelled pairs, None if they are independent."""
    length, effect = length_correlation(seen), _effect_on_errors(agreed, design)
    return Biases(
        position=position_bias(seen.orders) if seen.orders.any() else None,
        repeats=_repeats(coding, seen),
        length_correlation=length.value,
        length_correlation_lower=length.lower,
        length_correlation_upper=length.upper,
        length_bias=_length_bias(agreed, effect),
        self_preference=_self_preference(agreed, effect),
    )


def _repeats(coding: Coding, seen: Seen) -> Repeats:
    if not coding.is_words:
        return repeat_consistency(seen.repeats, [float(value) for value in seen.axis.values])
    positions = range(len(seen.axis.values))
    found = repeat_consistency(seen.repeats, positions)
    nominal = alpha({2: seen.repeats + seen.repeats.T}, Level.NOMINAL, positions).value
    return msgspec.structs.replace(found, alpha=nominal, deviation=None)


def length_correlation(seen: Seen) -> Measure:
    """Returns Spearman's correlation of score and length of everything that was judged; null for labels."""
    if seen.axis.numbers is None:
        return Measure(value=None, lower=None, upper=None, reason=Undefined.NOT_FOR_WORDS)
    values, counts = by_number(seen.scores, seen.axis)
    return measure(Table(tuple(values.tolist()), tuple(range(LENGTH_BUCKETS)), counts), ["spearman"])["spearman"]


def by_number(counts: Integers, axis: Axis) -> tuple[Floats, Integers]:
    """Merges counts with a row for each value of an axis into one for each number, ascending; labels may share one."""
    numbers, places = np.unique(np.array(axis.numbers, dtype=np.float64), return_inverse=True)
    merged = np.zeros((len(numbers), *counts.shape[1:]), dtype=np.int64)
    np.add.at(merged, places, counts)
    return numbers, merged


def _length_bias(agreed: Agreed, effect: float) -> LengthBias:
    errors = _errors(agreed)
    if errors is None:
        nothing = Measure(value=None, lower=None, upper=None, reason=_why_no_errors(agreed))
        return LengthBias(pairs=agreed.table.pairs, spearman=nothing, kendall_tau_b=nothing)
    values, rows = np.unique(np.round(errors, 9), return_inverse=True)
    counts = np.zeros((max(len(values), 1), LENGTH_BUCKETS), dtype=np.int64)
    np.add.at(counts, (rows, agreed.cells.length), agreed.cells.counts)
    table = Table(tuple(values.tolist()) or (0.0,), tuple(range(LENGTH_BUCKETS)), counts)
    found = measure(table, ("spearman", "kendall_tau_b"), design=FixedEffect(table.pairs / effect, effect))
    return LengthBias(
        pairs=table.pairs,
        spearman=_as_of_errors(found["spearman"]),
        kendall_tau_b=_as_of_errors(found["kendall_tau_b"]),
    )


def _as_of_errors(found: Measure) -> Measure:
    """Names the constant side: rows are errors and columns lengths."""
    reason = found.reason and _REASONS.get(found.reason, found.reason)
    return msgspec.structs.replace(found, reason=reason)


def _effect_on_errors(agreed: Agreed, design: Design | None) -> float:
    """Returns the design effect on the mean error, which stands for other means of errors; 1 for labels."""
    if design is None or agreed.table.are_words or agreed.is_unlike or not agreed.table.pairs:
        return 1.0 if design is None or not agreed.table.pairs else agreed.table.pairs / design.worth
    table = coarsened(agreed.table)
    return design.effect(table, np.subtract.outer(-numbers(table.values), -numbers(table.columns)))


def _errors(agreed: Agreed) -> Floats | None:
    """Returns judge minus human of each cell, in points; None for labels without numbers, and for different scales."""
    if agreed.is_unlike or agreed.people.numbers is None or agreed.judges.numbers is None:
        return None
    people, judges = (np.array(axis.numbers, dtype=np.float64) for axis in (agreed.people, agreed.judges))
    errors: Floats = judges[agreed.cells.judge] - people[agreed.cells.human]
    return errors


def _why_no_errors(agreed: Agreed) -> Undefined:
    return Undefined.DIFFERENT_SCALES if agreed.is_unlike else Undefined.NOT_FOR_WORDS


def _self_preference(agreed: Agreed, effect: float) -> SelfPreference:
    errors, cells = _errors(agreed), agreed.cells
    own, other = (int(cells.counts[cells.own == side].sum()) for side in (1, 0))
    if errors is None or not own or not other:
        missing = Undefined.NO_OTHER_TEXTS if own else Undefined.NO_OWN_TEXTS
        reason = _why_no_errors(agreed) if errors is None else missing
        return SelfPreference(value=None, lower=None, upper=None, reason=reason, own=own, other=other)
    value, middle, squared, freedom = _difference_of_means(errors, cells.counts, cells.own == 1, effect)
    if min(own, other) < 2 or squared <= _NOISE**2:
        reason = Undefined.ONE_PAIR if min(own, other) < 2 else Undefined.ERROR_CONSTANT
        return SelfPreference(value=value, lower=None, upper=None, reason=reason, own=own, other=other)
    half = student_t_quantile(0.975, max(freedom, 2.0)) * math.sqrt(squared)
    most = 2 * float(np.ptp([*(agreed.people.numbers or ()), *(agreed.judges.numbers or ())]))
    lower, upper = min(max(middle - half, -most), value), max(min(middle + half, most), value)
    return SelfPreference(value=value, lower=lower, upper=upper, reason=None, own=own, other=other)


class _MeanDifference(NamedTuple):
    """The difference of two means, and with pseudo-pairs its middle, squared standard error and degrees of freedom."""

    value: float
    middle: float
    squared: float
    freedom: float


def _difference_of_means(errors: Floats, counts: Integers, is_own: Booleans, effect: float) -> _MeanDifference:
    """Returns the mean of own errors minus that of others.

    Each side has PSEUDO_ITEMS more with the errors of both sides: a few own errors may all be equal by chance.
    """
    shares = counts / counts.sum()
    means, middles, variances, freedoms = [], [], [], []
    for side in (is_own, ~is_own):
        own = np.where(side, counts, 0).astype(np.float64)
        pairs = float(own.sum())
        heavy, total = own + PSEUDO_ITEMS * shares, pairs + PSEUDO_ITEMS
        middle = float(heavy @ errors) / total
        variance = float(heavy @ np.square(errors - middle)) / total
        means.append(float(own @ errors) / pairs)
        middles.append(middle)
        variances.append(variance / total * effect)
        freedoms.append(freedom_of(errors - middle, own, variance, pairs / effect))
    freedom = freedom_of_sum(variances, freedoms)
    return _MeanDifference(means[0] - means[1], middles[0] - middles[1], sum(variances), freedom)
