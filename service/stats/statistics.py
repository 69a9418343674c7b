"""Every statistic of agreement, from a table of counts: one function each, and one table of them all.

A function computes its statistic for each table of a stack. Where it is 0/0 the entry in STATISTICS says so by what
it lacks; there the function may return anything. n is the number of pairs, T the counts, r and c the sums of the
human's rows and the judge's columns, N = 2n and m = r + c those of both sides pooled. Weights of kappas, alphas and
AC2 are distances of the values, not of their positions.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from service.stats import binary
from service.stats.table import Table
from service.stats.tallies import Numbers, Tallies, correlation, midranks, summed, within_unit
from service.stats.undefined import (
    HUMAN_CONSTANT,
    JUDGE_CONSTANT,
    NEITHER_POSITIVE,
    NO_JUDGED_NEGATIVES,
    NO_JUDGED_POSITIVES,
    NO_NEGATIVES,
    NO_POSITIVES,
    ONE_DECLARED,
    ONE_VALUE,
    VARYING,
    Lack,
    Undefined,
    constancy,
)


def exact(t: Tallies) -> Numbers:
    """The share of pairs whose two values are equal: tr(T) / n."""
    return (t.pairs - t.differing) / t.pairs


def within_one(t: Tallies) -> Numbers:
    """The share of pairs that lie one step of the scale (its smallest) apart, or less."""
    return t.weighed(t.layout.is_near) / t.pairs


def mae(t: Tallies) -> Numbers:
    """The mean absolute difference, in units of the scale."""
    return t.weighed(np.abs(t.layout.difference)) / t.pairs


def bias(t: Tallies) -> Numbers:
    """The mean of judge minus human, in units of the scale: positive for a lenient judge."""
    return t.weighed(t.layout.difference) / t.pairs


def rmse(t: Tallies) -> Numbers:
    """The root of the mean squared difference, in units of the scale."""
    return t.layout.range * np.sqrt(t.weighed(t.layout.scaled**2) / t.pairs)


def pearson(t: Tallies) -> Numbers:
    """The product-moment correlation, as scipy.stats.pearsonr. Needs both sides to vary."""
    return correlation(t.products, t.human_squares, t.judge_squares)


def spearman(t: Tallies) -> Numbers:
    """Pearson's correlation of the midranks, as scipy.stats.spearmanr. Needs both sides to vary."""
    human, judge = t.human_ranks, t.judge_ranks
    return correlation(t.joint(human, judge), summed(t.human * human**2), summed(t.judge * judge**2))


def kendall_tau_b(t: Tallies) -> Numbers:
    """(P - Q) / sqrt((n0 - n1)(n0 - n2)), Kendall 1945. P and Q are the concordant and discordant pairs of pairs."""
    return correlation(t.dominance, t.human_untied, t.judge_untied)


def kendall_tau_c(t: Tallies) -> Numbers:
    """2 (P - Q) / (n^2 (m - 1) / m), Stuart 1953. m is the lesser number of values that a side said, as in scipy."""
    fewer = np.minimum(t.human_values, t.judge_values)
    values: Numbers = 2 * t.dominance / (t.pairs**2 * (fewer - 1) / fewer)
    return values


def somers_d(t: Tallies) -> Numbers:
    """D of the judge given the human, (P - Q) / (n0 - n1), Somers 1962. Needs both sides to vary."""
    return t.dominance / t.human_untied


def cohen_kappa(t: Tallies) -> Numbers:
    """Cohen 1960: 1 - observed / chance disagreement. 0, and saying nothing, where one side alone is constant."""
    return 1 - t.differing / t.weighed_by_chance(t.layout.differs)


def cohen_kappa_linear(t: Tallies) -> Numbers:
    """Cohen 1968, a disagreement weighing as much as its values are apart."""
    distances = np.abs(t.layout.scaled)
    return 1 - t.weighed(distances) / t.weighed_by_chance(distances)


def cohen_kappa_quadratic(t: Tallies) -> Numbers:
    """Cohen 1968, a disagreement weighing as much as the square of its values' distance."""
    squares = t.layout.scaled**2
    return 1 - t.weighed(squares) / t.weighed_by_chance(squares)


def krippendorff_alpha_nominal(t: Tallies) -> Numbers:
    """Krippendorff 2011 for two coders: 1 - (N - 1) sum o / sum of m m' over different values."""
    chance = summed(t.pooled * (2 * t.pairs[:, None] - t.pooled))
    return 1 - (2 * t.pairs - 1) * 2 * t.differing / chance


def krippendorff_alpha_ordinal(t: Tallies) -> Numbers:
    """Krippendorff 2011. His ordinal distance is the difference of the pooled midranks."""
    ranks = midranks(t.pooled)
    human, judge = ranks[:, t.layout.human_in_pooled], ranks[:, t.layout.judge_in_pooled]
    squares = (human[:, :, None] - judge[:, None, :]) ** 2
    return _alpha(t, summed(t.counts * squares), ranks)


def krippendorff_alpha_interval(t: Tallies) -> Numbers:
    """Krippendorff 2011, with the squared difference of the values."""
    scaled = (t.layout.pooled - t.layout.declared[0]) / t.layout.range
    centred = scaled[None, :] - ((t.pooled @ scaled) / (2 * t.pairs))[:, None]
    return _alpha(t, t.weighed(t.layout.scaled**2), centred)


def gwet_ac1(t: Tallies) -> Numbers:
    """Gwet 2008: (pa - pe) / (1 - pe), pe = sum p (1 - p) / (K - 1), over all K declared values."""
    return _gwet(t, t.differing / t.pairs, float(len(t.layout.declared)))


def gwet_ac2(t: Tallies) -> Numbers:
    """Gwet 2014, AC1 with quadratic weights: 1 - (distance / range)^2. High for any judge that is never far off."""
    declared = t.layout.declared / t.layout.range
    weights = 1 - (declared[:, None] - declared[None, :]) ** 2
    return _gwet(t, t.weighed(t.layout.scaled**2) / t.pairs, float(weights.sum()))


def lin_ccc(t: Tallies) -> Numbers:
    """Lin 1989: 2 s_hj / (s_h^2 + s_j^2 + (m_h - m_j)^2), moments over n. Unlike Pearson, it lowers for a bias."""
    apart = t.weighed(t.layout.scaled) / t.pairs
    return within_unit(2 * t.products / (t.human_squares + t.judge_squares + t.pairs * apart**2))


def _alpha(t: Tallies, differences: Numbers, centred: Numbers) -> Numbers:
    """1 - (N - 1) sum o d / sum m m' d, for squared differences of what `centred` has the pooled mean taken from."""
    chance = 2 * t.pairs * summed(t.pooled * centred**2)
    return 1 - (2 * t.pairs - 1) * differences / chance


def _gwet(t: Tallies, disagreement: Numbers, weights: float) -> Numbers:
    """From the weighted share of disagreement and the sum of the weights of agreement, K x K."""
    how_many = len(t.layout.declared)
    spread = summed(t.pooled * (2 * t.pairs[:, None] - t.pooled)) / (2 * t.pairs) ** 2
    chance = weights / (how_many * (how_many - 1)) * spread if how_many > 1 else spread
    return 1 - disagreement / (1 - chance)


class Scope(StrEnum):
    """Which tables a statistic is for."""

    ANY = "any"
    CATEGORIES = "categories"  # words, or numbers of which both sides choose
    NUMBERS = "numbers"  # the judge's may be fractional
    SCALE = "scale"  # numbers of which both sides choose
    BINARY = "binary"  # `["fail", "pass"]` or `[0, 1]`


class Statistic(NamedTuple):
    """`lacks` are what would leave it undefined, the first one is told; `trials` counts what a proportion is of."""

    compute: Callable[[Tallies], Numbers]
    scope: Scope
    lacks: tuple[Lack, ...] = ()
    trials: Callable[[Tallies], Numbers] | None = None


STATISTICS: dict[str, Statistic] = {
    "exact": Statistic(exact, Scope.ANY, trials=lambda t: t.pairs),
    "within_one": Statistic(within_one, Scope.NUMBERS, trials=lambda t: t.pairs),
    "mae": Statistic(mae, Scope.NUMBERS),
    "bias": Statistic(bias, Scope.NUMBERS),
    "rmse": Statistic(rmse, Scope.NUMBERS),
    "pearson": Statistic(pearson, Scope.NUMBERS, VARYING),
    "spearman": Statistic(spearman, Scope.NUMBERS, VARYING),
    "kendall_tau_b": Statistic(kendall_tau_b, Scope.NUMBERS, VARYING),
    "kendall_tau_c": Statistic(kendall_tau_c, Scope.NUMBERS, VARYING),
    "somers_d": Statistic(somers_d, Scope.NUMBERS, VARYING),
    "cohen_kappa": Statistic(cohen_kappa, Scope.CATEGORIES, (ONE_VALUE,)),
    "cohen_kappa_linear": Statistic(cohen_kappa_linear, Scope.SCALE, (ONE_VALUE,)),
    "cohen_kappa_quadratic": Statistic(cohen_kappa_quadratic, Scope.SCALE, (ONE_VALUE,)),
    "krippendorff_alpha_nominal": Statistic(krippendorff_alpha_nominal, Scope.CATEGORIES, (ONE_VALUE,)),
    "krippendorff_alpha_ordinal": Statistic(krippendorff_alpha_ordinal, Scope.NUMBERS, (ONE_VALUE,)),
    "krippendorff_alpha_interval": Statistic(krippendorff_alpha_interval, Scope.NUMBERS, (ONE_VALUE,)),
    "gwet_ac1": Statistic(gwet_ac1, Scope.CATEGORIES, (ONE_DECLARED,)),
    "gwet_ac2": Statistic(gwet_ac2, Scope.SCALE, (ONE_DECLARED,)),
    "lin_ccc": Statistic(lin_ccc, Scope.NUMBERS, VARYING),
    "sensitivity": Statistic(binary.sensitivity, Scope.BINARY, (NO_POSITIVES,), trials=binary.positives),
    "specificity": Statistic(binary.specificity, Scope.BINARY, (NO_NEGATIVES,), trials=binary.negatives),
    "precision": Statistic(binary.precision, Scope.BINARY, (NO_JUDGED_POSITIVES,), trials=binary.judged_positives),
    "npv": Statistic(binary.npv, Scope.BINARY, (NO_JUDGED_NEGATIVES,), trials=binary.judged_negatives),
    "f1": Statistic(binary.f1, Scope.BINARY, (NEITHER_POSITIVE,)),
    "balanced_accuracy": Statistic(binary.balanced_accuracy, Scope.BINARY, (NO_POSITIVES, NO_NEGATIVES)),
    "mcc": Statistic(binary.mcc, Scope.BINARY, (NO_POSITIVES, NO_NEGATIVES, HUMAN_CONSTANT, JUDGE_CONSTANT)),
}


class Value(NamedTuple):
    """A statistic of one table: a finite value, or None and why."""

    value: float | None
    reason: Undefined | None = None


def names_for(table: Table) -> tuple[str, ...]:
    """The statistics that a table of such values is given: those that its values have a meaning for.

    A judge's fractional scores leave out none: what can't be had of them is null, with a reason.
    """
    barred = {Scope.NUMBERS, Scope.SCALE} if table.are_words else set()
    if not table.is_binary:
        barred.add(Scope.BINARY)
    return tuple(name for name, each in STATISTICS.items() if each.scope not in barred)


def evaluate(table: Table, names: Iterable[str] | None = None) -> dict[str, Value]:
    """The statistics of these names (all that are for such a table, unless given), each with a value or a reason."""
    chosen = tuple(names_for(table) if names is None else names)
    tallies = Tallies.of(table)
    return {name: _value(STATISTICS[name], table, tallies) for name in chosen}


def _value(statistic: Statistic, table: Table, tallies: Tallies) -> Value:
    barred = _barred(statistic.scope, table)
    if barred:
        return Value(None, barred)
    if not table.pairs:
        return Value(None, Undefined.NO_PAIRS)
    for lack in statistic.lacks:
        if lack.holds(tallies)[0]:
            return Value(None, constancy(lack.reason, table.pairs))
    return Value(float(statistic.compute(tallies)[0]))


def _barred(scope: Scope, table: Table) -> Undefined | None:
    """Why such a table has no such statistic, whatever its counts."""
    if scope is Scope.BINARY:
        return None if table.is_binary else Undefined.NOT_BINARY
    if table.are_words and scope in (Scope.NUMBERS, Scope.SCALE):
        return Undefined.NOT_FOR_WORDS
    if table.is_fractional and scope in (Scope.CATEGORIES, Scope.SCALE):
        return Undefined.FRACTIONAL
    return None
