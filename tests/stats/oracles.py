"""Other people's statistics, from rows, and the definitions in exact arithmetic, from counts of any size."""

import math
import warnings
from collections.abc import Callable, Iterable
from fractions import Fraction
from itertools import product
from typing import Literal

import krippendorff
import numpy as np
import scipy.stats

from service.stats.table import Table
from tests.stats.tables import rows_of

Level = Literal["nominal", "ordinal", "interval"]


def from_libraries(table: Table) -> dict[str, Callable[[], float]]:
    """What scipy, scikit-learn and krippendorff say of an evenly spaced scale; NaN where they do not know."""
    import sklearn.metrics

    human, judge = rows_of(table)
    labels = list(range(len(table.values)))
    codes = np.searchsorted(table.values, human), np.searchsorted(table.values, judge)

    def kappa(weights: str | None) -> float:
        return float(sklearn.metrics.cohen_kappa_score(*codes, labels=labels, weights=weights))

    def alpha(level: Level) -> float:
        domain = np.array(table.values, dtype=float)
        return float(krippendorff.alpha(np.array([human, judge]), value_domain=domain, level_of_measurement=level))

    return {
        "exact": lambda: sklearn.metrics.accuracy_score(*codes),
        "mae": lambda: sklearn.metrics.mean_absolute_error(human, judge),
        "rmse": lambda: math.sqrt(sklearn.metrics.mean_squared_error(human, judge)),
        "bias": lambda: float(np.mean(judge - human)),
        "pearson": lambda: scipy.stats.pearsonr(human, judge).statistic,
        "spearman": lambda: scipy.stats.spearmanr(human, judge).statistic,
        "kendall_tau_b": lambda: scipy.stats.kendalltau(human, judge, variant="b").statistic,
        "kendall_tau_c": lambda: scipy.stats.kendalltau(human, judge, variant="c").statistic,
        "somers_d": lambda: scipy.stats.somersd(human, judge).statistic,
        "cohen_kappa": lambda: kappa(None),
        "cohen_kappa_linear": lambda: kappa("linear"),
        "cohen_kappa_quadratic": lambda: kappa("quadratic"),
        "krippendorff_alpha_nominal": lambda: alpha("nominal"),
        "krippendorff_alpha_ordinal": lambda: alpha("ordinal"),
        "krippendorff_alpha_interval": lambda: alpha("interval"),
    }


def binary_from_libraries(table: Table) -> dict[str, Callable[[], float]]:
    import sklearn.metrics

    human, judge = rows_of(table)
    metrics = sklearn.metrics
    return {
        "sensitivity": lambda: metrics.recall_score(human, judge),
        "specificity": lambda: metrics.recall_score(human, judge, pos_label=0),
        "precision": lambda: metrics.precision_score(human, judge),
        "npv": lambda: metrics.precision_score(human, judge, pos_label=0),
        "f1": lambda: metrics.f1_score(human, judge),
        "balanced_accuracy": lambda: metrics.balanced_accuracy_score(human, judge),
        "mcc": lambda: metrics.matthews_corrcoef(human, judge),
    }


def quietly(oracle: Callable[[], float]) -> float:
    """Its answer, without its warnings about what is degenerate."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return float(oracle())


def by_definition(table: Table) -> dict[str, float]:
    """Everything from its definition, in whole numbers and fractions, rounded once at the end. Both sides vary."""
    h = [Fraction(value) for value in table.values]
    j = [Fraction(value) for value in table.columns]
    cells = [(a, b, int(table.counts[a, b])) for a, b in product(range(len(h)), range(len(j))) if table.counts[a, b]]
    n = sum(count for *_, count in cells)
    r = [sum(count for a, _, count in cells if a == at) for at in range(len(h))]
    c = [sum(count for _, b, count in cells if b == at) for at in range(len(j))]

    def correlation(x: list[Fraction], y: list[Fraction]) -> float:
        x_mean = _sum(k * v for k, v in zip(r, x, strict=True)) / n
        y_mean = _sum(k * v for k, v in zip(c, y, strict=True)) / n
        xy = _sum(k * (x[a] - x_mean) * (y[b] - y_mean) for a, b, k in cells)
        xx = _sum(k * (v - x_mean) ** 2 for k, v in zip(r, x, strict=True))
        yy = _sum(k * (v - y_mean) ** 2 for k, v in zip(c, y, strict=True))
        return _over_root(xy, xx * yy)

    def disagreement(weight: Callable[[Fraction, Fraction], Fraction]) -> float:
        chance = sum(r[a] * c[b] * weight(h[a], j[b]) for a, b in product(range(len(h)), range(len(j)))) / n
        return float(1 - sum(k * weight(h[a], j[b]) for a, b, k in cells) / chance)

    def alpha(distance: Callable[[int, int], Fraction]) -> float:
        observed = 2 * sum(k * distance(every.index(h[a]), every.index(j[b])) for a, b, k in cells)
        chance = sum(m[a] * m[b] * distance(a, b) for a, b in product(range(len(every)), repeat=2))
        return float(1 - (2 * n - 1) * observed / chance)

    def ordinal(a: int, b: int) -> Fraction:
        low, high = min(a, b), max(a, b)
        return (sum(m[low : high + 1]) - Fraction(m[low] + m[high], 2)) ** 2

    def gwet(weight: Callable[[Fraction, Fraction], Fraction]) -> float:
        agreed = sum(k * weight(h[a], j[b]) for a, b, k in cells) / Fraction(n)
        shares = [Fraction(r[at] + c[at], 2 * n) for at in range(len(h))]
        weights = sum(weight(one, other) for one, other in product(h, repeat=2))
        chance = weights / (len(h) * (len(h) - 1)) * sum(share * (1 - share) for share in shares)
        return float((agreed - chance) / (1 - chance))

    every = sorted({*h, *j})
    m = [sum(r[a] for a, v in enumerate(h) if v == at) + sum(c[b] for b, v in enumerate(j) if v == at) for at in every]
    concordant = sum(
        k * other * _sign(a2 - a) * _sign(b2 - b)
        for index, (a, b, k) in enumerate(cells)
        for a2, b2, other in cells[index + 1 :]
    )
    untied_human, untied_judge = ((n * n - sum(k * k for k in side)) // 2 for side in (r, c))
    fewer = min(sum(k > 0 for k in r), sum(k > 0 for k in c))
    means = [sum(k * v for k, v in zip(side, x, strict=True)) / n for side, x in ((r, h), (c, j))]
    squares = [sum(k * v * v for k, v in zip(side, x, strict=True)) / n for side, x in ((r, h), (c, j))]
    covariance = sum(k * h[a] * j[b] for a, b, k in cells) / Fraction(n) - means[0] * means[1]
    spread = [square - mean**2 for square, mean in zip(squares, means, strict=True)]
    width = h[-1] - h[0]
    found = {
        "exact": float(sum(k for a, b, k in cells if h[a] == j[b]) / Fraction(n)),
        "mae": float(sum(k * abs(h[a] - j[b]) for a, b, k in cells) / Fraction(n)),
        "bias": float(means[1] - means[0]),
        "rmse": math.sqrt(sum(k * (h[a] - j[b]) ** 2 for a, b, k in cells) / Fraction(n)),
        "pearson": correlation(h, j),
        "spearman": correlation(_midranks(r), _midranks(c)),
        "kendall_tau_b": _over_root(Fraction(concordant), Fraction(untied_human * untied_judge)),
        "kendall_tau_c": float(Fraction(2 * concordant * fewer, n * n * (fewer - 1))),
        "somers_d": float(Fraction(concordant, untied_human)),
        "lin_ccc": float(2 * covariance / (sum(spread) + (means[0] - means[1]) ** 2)),
        "krippendorff_alpha_ordinal": alpha(ordinal),
        "krippendorff_alpha_interval": alpha(lambda a, b: (every[a] - every[b]) ** 2),
    }
    if h == j:
        found |= {
            "cohen_kappa": disagreement(lambda one, other: Fraction(one != other)),
            "cohen_kappa_linear": disagreement(lambda one, other: abs(one - other)),
            "cohen_kappa_quadratic": disagreement(lambda one, other: (one - other) ** 2),
            "krippendorff_alpha_nominal": alpha(lambda a, b: Fraction(a != b)),
            "gwet_ac1": gwet(lambda one, other: Fraction(one == other)),
            "gwet_ac2": gwet(lambda one, other: 1 - ((one - other) / width) ** 2),
        }
    return found


def _midranks(counts: list[int]) -> list[Fraction]:
    return [sum(counts[: at + 1]) - Fraction(count - 1, 2) for at, count in enumerate(counts)]


def _sum(terms: Iterable[Fraction]) -> Fraction:
    return sum(terms, Fraction(0))


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


def _over_root(number: Fraction, square: Fraction) -> float:
    return math.copysign(math.sqrt(number**2 / square), number)
