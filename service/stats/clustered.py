"""Design effects of tables whose items have several raters: their pairs are not independent, they share the item.

As if independent, the pairs' 95% intervals cover about 81%. Here the item is the unit. An item adds its terms, a few
integers, to a vector of sums S, and their products, two by two, to a matrix M; the size of both does not depend on the
number of items. To add a rater, subtract the item's old terms and products and add the new ones. Scores are integers,
so sums are exact.

The influence of a pair on a statistic is approximated by a quadratic of the two scores, or by whether they are equal,
whichever explains more of it. The variance over items of such a function follows exactly from S and M; the rest of the
influence is taken to be the same for all pairs of an item, which is the most that it can vary (Kish 1965, Survey
Sampling).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from service.stats.arrays import Floats
from service.stats.item_terms import PER_CENT
from service.stats.table import Table, numbers


class ItemSums(NamedTuple):
    """The number of items, the sums of their terms, and the sums of their `products_of` terms."""

    items: int
    terms: Sequence[int]
    products: Sequence[int]


class SharedItems:
    """The design of a table of pairs of a rater and the judge, of which several are of the same item."""

    def __init__(self, exact: ItemSums, pearson: ItemSums | None, least: float = 0.0, span: float = 1.0) -> None:
        """`exact` are the sums of `exact_terms`; `pearson` those of `pearson_terms`, None for words.

        The scores in `pearson` are the values' places between `least` and `least` + `span` in per cent, rounded.
        """
        self._exact, self._pearson = exact, pearson
        self._least, self._span = least, span

    @property
    def same_for_all(self) -> float:
        """The design effect on a statistic whose influence is the same for all pairs of an item: sum m^2 / sum m."""
        return self._exact.products[0] / self._exact.terms[0]

    @property
    def worth(self) -> float:
        """The smallest effective number of independent pairs: (sum m)^2 / sum m^2."""
        return self._exact.terms[0] / self.same_for_all if self._exact.terms[0] else 0.0

    @property
    def deciding(self) -> float:
        """The number of items that decide the design effect: (sum m^2)^2 / sum m^4.

        The last sum is computed as if the items had either one rater or M, with M as the other sums have it.
        """
        items, raters, squares = self._exact.items, self._exact.terms[0], self._exact.products[0]
        if raters <= items:
            return float(items)
        many = (squares - items) / (raters - items) - 1
        shared = (raters - items) / (many - 1)
        return float(squares**2 / (items - shared + shared * many**4))

    def effect(self, table: Table, cells: Floats) -> float:
        """Returns the design effect on a statistic with these influences: see `intervals.Design`."""
        counts = table.counts.astype(np.float64)
        centred = cells - (counts * cells).sum() / counts.sum()
        independent = float((counts * centred**2).sum())
        if independent <= 0 or self._exact.items < 2:
            return self.same_for_all
        explained, clustered = max(self._fits(table, counts, centred))
        rest = max(independent - explained, 0.0) * self.same_for_all
        return max((clustered + rest) / independent, 1.0)

    def _fits(self, table: Table, counts: Floats, centred: Floats) -> list[tuple[float, float]]:
        """Returns, for each approximation, the explained sum of squares over pairs and its sum over items."""
        one = np.ones_like(counts)
        equal = np.array([[float(human == judge) for judge in table.columns] for human in table.values])
        fits = [_fit([one, equal], [1.0, 1.0], self._exact, counts, centred)]
        if self._pearson is not None and not table.are_words:
            human, judge = (
                np.round((numbers(side) - self._least) / self._span * PER_CENT) / PER_CENT
                for side in (table.values, table.columns)
            )
            h, j = human[:, None] * one, judge[None, :] * one
            units = [1.0, PER_CENT, PER_CENT, PER_CENT**2, PER_CENT**2, PER_CENT**2]
            fits.append(_fit([one, h, j, h**2, j**2, h * j], units, self._pearson, counts, centred))
        return fits


def _fit(
    features: Sequence[Floats], units: Sequence[float], sums: ItemSums, counts: Floats, centred: Floats
) -> tuple[float, float]:
    """Fits the influences by features whose item sums are known; `units` are those of the terms in the features'.

    With coefficients a: sum over pairs of the squared fit, and N / (N - 1) (a' M a - (a' S)^2 / N) over N items.
    """
    weights = np.sqrt(counts.ravel())
    matrix = np.stack([each.ravel() for each in features], axis=1)
    a = np.linalg.lstsq(matrix * weights[:, None], centred.ravel() * weights, rcond=None)[0]
    explained = float((counts.ravel() * (matrix @ a) ** 2).sum())
    size, scale = len(units), np.asarray(units)
    products = np.zeros((size, size))
    products[np.triu_indices(size)] = np.array([float(each) for each in sums.products])
    products = products + np.triu(products, 1).T
    a = a / scale
    total = float(a @ np.array([float(each) for each in sums.terms]))
    clustered = float(a @ products @ a) - total**2 / sums.items
    return explained, max(clustered, 0.0) * sums.items / (sums.items - 1)
