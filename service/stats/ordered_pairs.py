"""The design of a table of all ordered pairs of an item's coders: its pairs are not independent, they share the item.

The item is the unit. With V the influence of a pair on a statistic, an item of m coders has the influence D, the sum
of V over its m (m - 1) ordered pairs, and the variance of the statistic follows from the sum of D^2 over items. For two
coders that is known from the coincidences. For more, an item adds five terms and their products to sums by m, whose
number does not depend on the items: V is fitted by whether the two values are equal, by their sum, the sum of their
squares and their product. The rest of V is taken to be the same for all pairs of an item, which is the most that it can
vary (Kish 1965, Survey Sampling). For two categories, and for all moments, the fit leaves no rest.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from service.stats.alphas import Coincidences
from service.stats.arrays import Floats
from service.stats.table import Table

_TERMS = 5
CODER_PRODUCTS = _TERMS * (_TERMS + 1) // 2
_LEAST_EFFECT = 2.0  # each pair occurs in both orders

CoderSums = Mapping[int, Sequence[int]]  # by the number of an item's coders: sums of `coder_products` over items


class OrderedPairs:
    """The design of the table that `ceiling.pair_table` returns: see `intervals.Design`."""

    def __init__(
        self, coincidences: Coincidences, sums: CoderSums | None = None, places: Sequence[int] | None = None
    ) -> None:
        """`sums` are those of `coder_products`, and `places` those of the categories in them, None for words.

        Numbers of coders of which not all items are in `sums` have the largest possible design effect.
        """
        self._pairs = {coders: pairs.astype(np.float64) for coders, pairs in coincidences.items()}
        self._total = float(sum(pairs.sum() for pairs in self._pairs.values()))
        items = {coders: float(pairs.sum()) / (coders * (coders - 1)) for coders, pairs in self._pairs.items()}
        self._items = sum(items.values())
        self._products = {
            coders: _matrix(products) for coders, products in (sums or {}).items() if products[0] == items.get(coders)
        }
        self._places = None if places is None else np.asarray(places, dtype=np.float64)

    @property
    def worth(self) -> float:
        """The effective number of pairs if those of an item say as much as one: (sum p)^2 / sum p^2, of p pairs."""
        most = sum(coders * (coders - 1) * float(pairs.sum()) for coders, pairs in self._pairs.items())
        return self._total**2 / most if most else 0.0

    @property
    def deciding(self) -> float:
        """The number of items that decide the design effect: (sum p^2)^2 / sum p^4, of p pairs."""
        sizes = {coders: coders * (coders - 1) for coders in self._pairs}
        sums = [sum(sizes[m] ** power * float(pairs.sum()) for m, pairs in self._pairs.items()) for power in (1, 3)]
        return sums[0] ** 2 / sums[1] if sums[1] else 0.0

    def effect(self, table: Table, cells: Floats) -> float:
        """Returns the design effect on a statistic with these influences, of which the categories' table is `table`."""
        counts = table.counts.astype(np.float64)
        if cells.shape != next(iter(self._pairs.values())).shape or self._items < 2:
            return self._total / self.worth
        centred = cells - float((counts * cells).sum()) / float(counts.sum())
        independent = float((counts * centred**2).sum())
        if independent <= 0:
            return self._total / self.worth
        clustered = sum(self.squares(coders, centred) for coders in self._pairs) * self._items / (self._items - 1)
        return max(clustered / independent, _LEAST_EFFECT)

    def squares(self, coders: int, influence: Floats) -> float:
        """Returns the sum over the items of so many coders of D^2, D being the sum of the influences of its pairs."""
        pairs, size = self._pairs[coders], coders * (coders - 1)
        even = (influence + influence.T) / 2
        if coders == 2 or coders not in self._products:
            return size * float((pairs * even**2).sum())
        features, units = self._features(coders)
        weights = np.sqrt(pairs.ravel())
        matrix = np.stack([each.ravel() for each in features], axis=1)
        fit = np.linalg.lstsq(matrix * weights[:, None], even.ravel() * weights, rcond=None)[0]
        rest = even.ravel() - matrix @ fit
        scaled = fit * units
        fitted = float(scaled @ self._products[coders][: len(fit), : len(fit)] @ scaled)
        return max(fitted, 0.0) + size * float((pairs.ravel() * rest**2).sum())

    def _features(self, coders: int) -> tuple[list[Floats], Floats]:
        """Returns the features of a pair of categories, and for each the factor of the item's term in its sum."""
        size = len(self._pairs[coders])
        features: list[Floats] = [np.ones((size, size)), np.eye(size)]
        if self._places is None:
            return features, np.array([coders * (coders - 1.0), 1.0])
        x = self._places
        features += [np.add.outer(x, x), np.add.outer(x**2, x**2), np.outer(x, x)]
        return features, np.array([coders * (coders - 1.0), 1.0, 2 * (coders - 1.0), 2 * (coders - 1.0), 1.0])


def _matrix(products: Sequence[int]) -> Floats:
    found = np.zeros((_TERMS, _TERMS))
    found[np.triu_indices(_TERMS)] = [float(each) for each in products]
    return found + np.triu(found, 1).T
