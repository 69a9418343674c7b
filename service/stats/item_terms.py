"""The terms that one item adds to the sums that intervals need: see `clustered.py` and `ordered_pairs.py`."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations_with_replacement

PER_CENT = 100  # of the range: the unit of scores in sums over items


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


def coder_products(keys: Sequence[str], places: Sequence[int]) -> tuple[int, ...]:
    """Returns the products, two by two, of an item's terms 1, e, s, q and p.

    e is the number of ordered pairs of coders with equal `keys`. Of the coders' `places`, which are whole numbers, s is
    the sum, q the sum of squares, and p the sum of the products of all ordered pairs.
    """
    equal = sum(count * (count - 1) for count in Counter(keys).values())
    total, squares = sum(places), sum(place * place for place in places)
    return products_of((1, equal, total, squares, total * total - squares))
