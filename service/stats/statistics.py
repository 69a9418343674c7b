"""Every statistic of agreement of a table of counts: one function each, listed in `STATISTICS`.

A function takes a stack of tables and returns an array with one entry for each. If the statistic is 0/0, the `lacks` of
its entry say so and the function may return anything. Notation: n is the number of pairs, T the counts, r and c the row
(human) and column (judge) sums, N = 2n and m = r + c those of both sides pooled. Weights of kappas, alphas and AC2 are
distances of values, not of positions.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from service.stats import binary
from service.stats.arrays import Floats
from service.stats.table import Table
from service.stats.tallies import Tallies, correlation, midranks, summed, within_unit
from service.stats.transforms import BOUNDED, COMPLEMENT, FISHER, IDENTITY, LOG, LOGIT, Transform
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


def exact(t: Tallies) -> Floats:
    """The share of pairs with equal values: tr(T) / n."""
    return (t.pairs - t.differing) / t.pairs


def within_one(t: Tallies) -> Floats:
    """The share of pairs at most one place of the declared values apart, whatever their distances."""
    return t.weighed(t.layout.is_near) / t.pairs


def mae(t: Tallies) -> Floats:
    """The mean absolute difference, in points of the scale."""
    return t.weighed(np.abs(t.layout.difference)) / t.pairs


def bias(t: Tallies) -> Floats:
    """The mean of judge minus human, in points of the scale: positive for a lenient judge."""
    return t.weighed(t.layout.difference) / t.pairs


def rmse(t: Tallies) -> Floats:
    """The root of the mean squared difference, in points of the scale."""
    return t.layout.range * np.sqrt(t.weighed(t.layout.scaled**2) / t.pairs)


def pearson(t: Tallies) -> Floats:
    """The product-moment correlation, as scipy.stats.pearsonr. Needs both sides to vary."""
    return correlation(t.products, t.human_squares, t.judge_squares)


def spearman(t: Tallies) -> Floats:
    """Pearson's correlation of the midranks, as scipy.stats.spearmanr. Needs both sides to vary."""
    human, judge = t.human_ranks, t.judge_ranks
    return correlation(t.joint(human, judge), summed(t.human * human**2), summed(t.judge * judge**2))


def kendall_tau_b(t: Tallies) -> Floats:
    """(P - Q) / sqrt((n0 - n1)(n0 - n2)), Kendall 1945; P, Q: concordant and discordant pairs of pairs."""
    return correlation(t.dominance, t.human_untied, t.judge_untied)


def kendall_tau_c(t: Tallies) -> Floats:
    """2 (P - Q) / (n^2 (m - 1) / m), Stuart 1953; m is the smaller number of distinct values of a side, as in scipy."""
    fewer = np.minimum(t.human_values, t.judge_values)
    values: Floats = 2 * t.dominance / (t.pairs**2 * (fewer - 1) / fewer)
    return values


def somers_d(t: Tallies) -> Floats:
    """D of the judge given the human, (P - Q) / (n0 - n1), Somers 1962. Needs both sides to vary."""
    return t.dominance / t.human_untied


def auc(t: Tallies) -> Floats:
    """The share of pairs of a positive and a negative in which the judge gives the positive the higher score.

    Ties count half: U / (n1 n0) of the Mann-Whitney test (Mann and Whitney 1947; Hanley and McNeil 1982), the area
    under the ROC curve, as sklearn.metrics.roc_auc_score. Positive is the higher of the human's two values.
    """
    return (1 + t.dominance / t.human_untied) / 2


def cohen_kappa(t: Tallies) -> Floats:
    """1 - observed / chance disagreement, Cohen 1960. It is 0, and means nothing, if one side is constant."""
    return 1 - t.differing / t.weighed_by_chance(t.layout.differs)


def cohen_kappa_linear(t: Tallies) -> Floats:
    """Cohen 1968, with the distances of the values as weights."""
    distances = np.abs(t.layout.scaled)
    return 1 - t.weighed(distances) / t.weighed_by_chance(distances)


def cohen_kappa_quadratic(t: Tallies) -> Floats:
    """Cohen 1968, with the squared distances of the values as weights."""
    squares = t.layout.scaled**2
    return 1 - t.weighed(squares) / t.weighed_by_chance(squares)


def krippendorff_alpha_nominal(t: Tallies) -> Floats:
    """Krippendorff 2011 for two coders: 1 - (N - 1) sum o / sum of m m' over different values."""
    chance = summed(t.pooled * (2 * t.pairs[:, None] - t.pooled))
    return 1 - (2 * t.pairs - 1) * 2 * t.differing / chance


def krippendorff_alpha_ordinal(t: Tallies) -> Floats:
    """Krippendorff 2011. His ordinal distance is the difference of the pooled midranks."""
    ranks = midranks(t.pooled)
    human, judge = ranks[:, t.layout.human_in_pooled], ranks[:, t.layout.judge_in_pooled]
    squares = (human[:, :, None] - judge[:, None, :]) ** 2
    return _alpha(t, summed(t.counts * squares), ranks)


def krippendorff_alpha_interval(t: Tallies) -> Floats:
    """Krippendorff 2011, with the squared difference of the values."""
    scaled = (t.layout.pooled - t.layout.declared[0]) / t.layout.range
    centred = scaled[None, :] - ((t.pooled @ scaled) / (2 * t.pairs))[:, None]
    return _alpha(t, t.weighed(t.layout.scaled**2), centred)


def gwet_ac1(t: Tallies) -> Floats:
    """Gwet 2008: (pa - pe) / (1 - pe), pe = sum p (1 - p) / (K - 1), over all K declared values."""
    return _gwet(t, t.differing / t.pairs, float(len(t.layout.declared)))


def gwet_ac2(t: Tallies) -> Floats:
    """Gwet 2014, AC1 with quadratic weights: 1 - (distance / range)^2. High for every judge that is never far off."""
    declared = t.layout.declared / t.layout.range
    weights = 1 - (declared[:, None] - declared[None, :]) ** 2
    return _gwet(t, t.weighed(t.layout.scaled**2) / t.pairs, float(weights.sum()))


def lin_ccc(t: Tallies) -> Floats:
    """Lin 1989: 2 s_hj / (s_h^2 + s_j^2 + (m_h - m_j)^2), population moments. Unlike Pearson, a bias lowers it."""
    apart = t.weighed(t.layout.scaled) / t.pairs
    return within_unit(2 * t.products / (t.human_squares + t.judge_squares + t.pairs * apart**2))


def _alpha(t: Tallies, differences: Floats, centred: Floats) -> Floats:
    """1 - (N - 1) sum o d / sum m m' d, with squared differences of values whose pooled mean `centred` has removed."""
    chance = 2 * t.pairs * summed(t.pooled * centred**2)
    return 1 - (2 * t.pairs - 1) * differences / chance


def _gwet(t: Tallies, disagreement: Floats, weights: float) -> Floats:
    """From the weighted share of disagreement and the sum of the K x K weights of agreement."""
    how_many = len(t.layout.declared)
    spread = summed(t.pooled * (2 * t.pairs[:, None] - t.pooled)) / (2 * t.pairs) ** 2
    chance = weights / (how_many * (how_many - 1)) * spread if how_many > 1 else spread
    return 1 - disagreement / (1 - chance)


class Domain(StrEnum):
    """The tables for which a statistic is defined."""

    ANY = "any"
    CATEGORIES = "categories"  # words, or numbers that both sides choose from
    NUMBERS = "numbers"  # the judge's numbers may be fractional
    SCALE = "scale"  # numbers that both sides choose from
    BINARY = "binary"  # `["fail", "pass"]` or `[0, 1]`
    TWO_CLASSES = "two_classes"  # 0 and 1 of the human, and any other numbers of the judge


class Statistic(NamedTuple):
    """An entry of `STATISTICS`.

    `lacks` are the conditions under which it is undefined, of which the first that holds is reported. `transform` is
    the scale of its interval, unless it is a proportion: then `trials` returns the number of trials for Wilson's.
    """

    compute: Callable[[Tallies], Floats]
    domain: Domain
    lacks: tuple[Lack, ...] = ()
    transform: Transform = IDENTITY
    trials: Callable[[Tallies], Floats] | None = None


STATISTICS: dict[str, Statistic] = {
    "exact": Statistic(exact, Domain.ANY, trials=lambda t: t.pairs),
    "within_one": Statistic(within_one, Domain.NUMBERS, trials=lambda t: t.pairs),
    "mae": Statistic(mae, Domain.NUMBERS, transform=LOG),
    "bias": Statistic(bias, Domain.NUMBERS),
    "rmse": Statistic(rmse, Domain.NUMBERS, transform=LOG),
    "pearson": Statistic(pearson, Domain.NUMBERS, VARYING, transform=FISHER),
    "spearman": Statistic(spearman, Domain.NUMBERS, VARYING, transform=FISHER),
    "kendall_tau_b": Statistic(kendall_tau_b, Domain.NUMBERS, VARYING, transform=FISHER),
    "kendall_tau_c": Statistic(kendall_tau_c, Domain.NUMBERS, VARYING, transform=BOUNDED),
    "somers_d": Statistic(somers_d, Domain.NUMBERS, VARYING, transform=FISHER),
    "cohen_kappa": Statistic(cohen_kappa, Domain.CATEGORIES, (ONE_VALUE,), transform=COMPLEMENT),
    "cohen_kappa_linear": Statistic(cohen_kappa_linear, Domain.SCALE, (ONE_VALUE,), transform=COMPLEMENT),
    "cohen_kappa_quadratic": Statistic(cohen_kappa_quadratic, Domain.SCALE, (ONE_VALUE,), transform=COMPLEMENT),
    "krippendorff_alpha_nominal": Statistic(
        krippendorff_alpha_nominal, Domain.CATEGORIES, (ONE_VALUE,), transform=COMPLEMENT
    ),
    "krippendorff_alpha_ordinal": Statistic(
        krippendorff_alpha_ordinal, Domain.NUMBERS, (ONE_VALUE,), transform=COMPLEMENT
    ),
    "krippendorff_alpha_interval": Statistic(
        krippendorff_alpha_interval, Domain.NUMBERS, (ONE_VALUE,), transform=COMPLEMENT
    ),
    "gwet_ac1": Statistic(gwet_ac1, Domain.CATEGORIES, (ONE_DECLARED,), transform=COMPLEMENT),
    "gwet_ac2": Statistic(gwet_ac2, Domain.SCALE, (ONE_DECLARED,), transform=COMPLEMENT),
    "lin_ccc": Statistic(lin_ccc, Domain.NUMBERS, VARYING, transform=COMPLEMENT),
    "sensitivity": Statistic(binary.sensitivity, Domain.BINARY, (NO_POSITIVES,), trials=binary.positives),
    "specificity": Statistic(binary.specificity, Domain.BINARY, (NO_NEGATIVES,), trials=binary.negatives),
    "precision": Statistic(binary.precision, Domain.BINARY, (NO_JUDGED_POSITIVES,), trials=binary.judged_positives),
    "npv": Statistic(binary.npv, Domain.BINARY, (NO_JUDGED_NEGATIVES,), trials=binary.judged_negatives),
    "f1": Statistic(binary.f1, Domain.BINARY, (NEITHER_POSITIVE,), transform=LOGIT),
    "balanced_accuracy": Statistic(
        binary.balanced_accuracy, Domain.BINARY, (NO_POSITIVES, NO_NEGATIVES), transform=LOGIT
    ),
    "mcc": Statistic(
        binary.mcc, Domain.BINARY, (NO_POSITIVES, NO_NEGATIVES, HUMAN_CONSTANT, JUDGE_CONSTANT), transform=FISHER
    ),
    "auc": Statistic(auc, Domain.TWO_CLASSES, (HUMAN_CONSTANT,), transform=LOGIT),
}


class StatisticValue(NamedTuple):
    """The value of a statistic for one table: finite, or None with a reason."""

    value: float | None
    reason: Undefined | None = None


def names_for(table: Table) -> tuple[str, ...]:
    """Returns the names of the statistics that have a meaning for the table's values.

    Fractional scores exclude none: statistics that they leave undefined are null with a reason.
    """
    barred = {Domain.NUMBERS, Domain.SCALE} if table.are_words else set()
    if not table.is_binary:
        barred.add(Domain.BINARY)
    if not table.has_two_classes or table.columns == table.values:
        barred.add(Domain.TWO_CLASSES)
    return tuple(name for name, each in STATISTICS.items() if each.domain not in barred)


def evaluate(table: Table, names: Iterable[str] | None = None) -> dict[str, StatisticValue]:
    """Returns the value of each named statistic, by default of all that `names_for` returns."""
    chosen = tuple(names_for(table) if names is None else names)
    tallies = Tallies.of(table)
    return {name: _value(STATISTICS[name], table, tallies) for name in chosen}


def _value(statistic: Statistic, table: Table, tallies: Tallies) -> StatisticValue:
    barred = _barred(statistic.domain, table)
    if barred:
        return StatisticValue(None, barred)
    if not table.pairs:
        return StatisticValue(None, Undefined.NO_PAIRS)
    for lack in statistic.lacks:
        if lack.holds(tallies)[0]:
            return StatisticValue(None, constancy(lack.reason, table.pairs))
    return StatisticValue(float(statistic.compute(tallies)[0]))


def _barred(domain: Domain, table: Table) -> Undefined | None:
    """Returns the reason if tables of such values have no such statistic, for any counts."""
    if domain is Domain.BINARY:
        return None if table.is_binary else Undefined.NOT_BINARY
    if domain is Domain.TWO_CLASSES:
        return None if table.has_two_classes else Undefined.NOT_BINARY
    if table.are_words and domain in (Domain.NUMBERS, Domain.SCALE):
        return Undefined.NOT_FOR_WORDS
    if table.is_fractional and domain in (Domain.CATEGORIES, Domain.SCALE):
        return Undefined.FRACTIONAL
    return None
