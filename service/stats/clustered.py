"""Intervals for items with several raters, whose pairs are not independent: they share the item and its judgment.

As if independent, the pairs' 95% intervals cover about 81%. Here the item is the unit. An item adds its terms, a few
integers, to a vector of sums S, and their products, two by two, to a matrix M; the size of both does not depend on the
number of items. To add a rater, subtract the item's old terms and products and add the new ones. Scores are integers,
so sums are exact: fractional scores are in thousandths, for example.
"""

import math
from collections.abc import Sequence
from itertools import combinations_with_replacement
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.stats.arrays import Floats
from service.stats.intervals import Measure, Z, wilson
from service.stats.table import Table
from service.stats.tallies import Tallies
from service.stats.undefined import Undefined

_Integers = NDArray[np.object_]  # Python's integers, which do not overflow


class ItemSums(NamedTuple):
    """The number of items, the sums of their terms, and the sums of their `products_of` terms."""

    items: int
    terms: Sequence[int]
    products: Sequence[int]


def pearson_terms(human: Sequence[int], judge: int) -> tuple[int, ...]:
    """Returns an item's (m, sum h, m j, sum h^2, m j^2, j sum h), for its m raters' scores h and the judge's j."""
    raters, total = len(human), sum(human)
    return raters, total, raters * judge, sum(each * each for each in human), raters * judge * judge, judge * total


def exact_terms(human: Sequence[int], judge: int) -> tuple[int, ...]:
    """Returns an item's (m, a): the number of its raters, and how many of them equal the judge."""
    return len(human), sum(each == judge for each in human)


def products_of(terms: Sequence[int]) -> tuple[int, ...]:
    """Returns the upper triangle of the outer product, row by row: 21 products of 6 terms, 3 of 2."""
    return tuple(one * other for one, other in combinations_with_replacement(terms, 2))


def clustered_exact(sums: ItemSums) -> Measure:
    """Returns the share of equal pairs, with Wilson's interval for the effective number of independent pairs."""
    if not sums.terms[0]:
        return _without_value(Undefined.NO_PAIRS)
    pairs, equal = sums.terms
    share = equal / pairs
    if sums.items < 2:
        return _without_interval(share, Undefined.ONE_PAIR if pairs == 1 else Undefined.ONE_ITEM)
    worth = exact_worth(sums)
    interval = wilson(share * worth, worth)
    return Measure(value=share, lower=interval.lower, upper=interval.upper, reason=None)


def exact_worth(sums: ItemSums) -> float:
    """Returns the effective number of independent pairs for the share of equal pairs, of two items or more.

    p (1 - p) / V, V the ratio estimator's variance over items: at most the number of pairs, and the number of items if
    V is 0, as if all agree.
    """
    pairs, equal = sums.terms
    share = equal / pairs
    raters_squared, raters_equal, equal_squared = sums.products
    # sum (a - p m)^2 with p = equal / pairs, as one integer over pairs^2.
    squares = pairs**2 * equal_squared - 2 * pairs * equal * raters_equal + equal**2 * raters_squared
    variance = squares / pairs**4 * sums.items / (sums.items - 1)
    return min(share * (1 - share) / variance, pairs) if variance > 0 else sums.items


def clustered_pearson(sums: ItemSums) -> Measure:
    """Returns Pearson's correlation over all pairs, with an interval by the delta method on its Fisher transform.

    The variance of atanh r is g' V g, with g its gradient with respect to the sums S and
    V = N / (N - 1) (M - S S' / N) over N items.
    """
    pairs = sums.terms[0]
    if not pairs:
        return _without_value(Undefined.NO_PAIRS)
    terms, products = _centred(sums)
    covariance, human, judge = _moments(terms)
    if human == 0 or judge == 0:
        return _without_value(_constant(human == 0, judge == 0, pairs))
    value = max(-1.0, min(1.0, covariance / math.sqrt(human) / math.sqrt(judge)))
    if sums.items < 2:
        return _without_interval(value, Undefined.ONE_ITEM)
    return around(value, 0.0 if abs(value) == 1 else _error(value, terms, products, sums.items))


def around(value: float, error: float) -> Measure:
    """Returns a correlation with the interval given by `error`, the standard error of its Fisher transform."""
    if abs(value) == 1:
        return Measure(value=value, lower=value, upper=value, reason=None)
    middle = math.atanh(value)
    lower, upper = math.tanh(middle - Z * error), math.tanh(middle + Z * error)
    return Measure(value=value, lower=min(lower, value), upper=max(upper, value), reason=None)


def pearson_error(sums: ItemSums) -> float | None:
    """Returns the standard error of atanh r over items, None if it is undefined: see `clustered_pearson`."""
    if sums.items < 2:
        return None
    terms, products = _centred(sums)
    covariance, human, judge = _moments(terms)
    if human == 0 or judge == 0:
        return None
    value = covariance / math.sqrt(human) / math.sqrt(judge)
    return _error(value, terms, products, sums.items) if abs(value) < 1 else None


def independent_error(table: Table) -> float | None:
    """Returns the same as if each pair had its own item, from a table of numbers; None if r is undefined or +-1.

    A pair's influence on r is zh zj - r (zh^2 + zj^2) / 2, z the standardised values.
    """
    pairs = table.pairs
    tallies = Tallies.of(table)
    if pairs < 2 or tallies.human_values[0] < 2 or tallies.judge_values[0] < 2:
        return None
    human = tallies.human_centred[0] / math.sqrt(tallies.human_squares[0] / pairs)
    judge = tallies.judge_centred[0] / math.sqrt(tallies.judge_squares[0] / pairs)
    counts = tallies.counts[0]
    value = float(human @ counts @ judge) / pairs
    if abs(value) >= 1:
        return None
    influence = np.outer(human, judge) - value * np.add.outer(human**2, judge**2) / 2
    return math.sqrt(float((counts * influence**2).sum()) / (pairs * (pairs - 1))) / (1 - value**2)


def _error(value: float, terms: _Integers, products: _Integers, items: int) -> float:
    """Returns the standard error of atanh r, by the delta method."""
    spread = items * products - np.outer(terms, terms)  # (N - 1) V, integers
    # Each sum in units of its own size, so that large sums stay exact in floating point.
    sizes = np.array([math.sqrt(each) or 1.0 for each in np.diagonal(products)])
    gradient = _gradient(value, terms) * sizes
    scaled = spread.astype(np.float64) / np.outer(sizes, sizes)
    return math.sqrt(max(float(gradient @ scaled @ gradient), 0.0) / (items - 1))


def _gradient(value: float, terms: _Integers) -> Floats:
    """Returns the gradient of atanh r with respect to the sums."""
    n, h, j, hh, jj, jh = (float(each) for each in terms)
    _, human, judge = (float(each) for each in _moments(terms))
    root = math.sqrt(human) * math.sqrt(judge)
    by_covariance = np.array([jh, -j, -h, 0.0, 0.0, n])
    by_human = np.array([hh, -2 * h, 0.0, n, 0.0, 0.0])
    by_judge = np.array([jj, 0.0, -2 * j, 0.0, n, 0.0])
    by_all: Floats = by_covariance / root - value / 2 * (by_human / human + by_judge / judge)
    return by_all / (1 - value**2)


def _moments(terms: _Integers) -> tuple[int, int, int]:
    """Returns n^2 times the covariance and the variances of human and judge."""
    n, h, j, hh, jj, jh = (int(each) for each in terms)
    return n * jh - h * j, n * hh - h * h, n * jj - j * j


def _centred(sums: ItemSums) -> tuple[_Integers, _Integers]:
    """Returns sums and products of scores minus (integer) means, which leaves r unchanged and reduces rounding."""
    terms = np.array([int(each) for each in sums.terms], dtype=object)
    products = np.zeros((len(terms), len(terms)), dtype=object)
    products[np.triu_indices(len(terms))] = [int(each) for each in sums.products]
    products = products + np.triu(products, 1).T
    human, judge = round(sums.terms[1] / sums.terms[0]), round(sums.terms[2] / sums.terms[0])
    shift: Any = np.array(
        [
            [1, 0, 0, 0, 0, 0],
            [-human, 1, 0, 0, 0, 0],
            [-judge, 0, 1, 0, 0, 0],
            [human**2, -2 * human, 0, 1, 0, 0],
            [judge**2, 0, -2 * judge, 0, 1, 0],
            [human * judge, -judge, -human, 0, 0, 1],
        ],
        dtype=object,
    )
    return shift @ terms, shift @ products @ shift.T


def _constant(human: bool, judge: bool, pairs: int) -> Undefined:
    if pairs == 1:
        return Undefined.ONE_PAIR
    if human and judge:
        return Undefined.BOTH_CONSTANT
    return Undefined.HUMAN_CONSTANT if human else Undefined.JUDGE_CONSTANT


def _without_value(reason: Undefined) -> Measure:
    return Measure(value=None, lower=None, upper=None, reason=reason)


def _without_interval(value: float, reason: Undefined) -> Measure:
    return Measure(value=value, lower=None, upper=None, reason=reason)
