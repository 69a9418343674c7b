"""Reads the pairs of drawn labels with the weights of their items' levels of doubt, from a series' counters."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from service.agreement.coding import Coding
from service.agreement.counter_fields import level_in, split
from service.agreement.counters import Agreed, is_drawn_by_doubt, read_agreed
from service.stats.arrays import Integers
from service.stats.intervals import Design, FixedEffect
from service.stats.strata import PairStratum, WeightedPairs, merged_levels
from service.stats.table import Table

_BY_HAND = tuple(f"{word}\tt\t" for word in ("pair", "annotator", "moment"))
_LEVEL_OF_PAIR = 5  # its place among the words after `pair`


class WeightedAgreed(NamedTuple):
    """The pairs of drawn labels as they are, and the same as a table of weighted counts; None without any pair."""

    agreed: Agreed
    pairs: WeightedPairs | None

    @property
    def table(self) -> Table:
        """The table with weighted counts."""
        table = self.agreed.table
        if self.pairs is None:
            return table
        return Table(table.values, table.columns, self.pairs.counts, table.scale_step)

    @property
    def constant_design(self) -> Design | None:
        """The design of a table whose cells are others: the same effect on all statistics."""
        return None if self.pairs is None else FixedEffect(self.pairs.worth, self.pairs.constant)


def read_weighted(
    coding: Coding,
    agreed: Mapping[str, int],
    seen: Mapping[str, int],
    labels: Coding | None,
    clustered: Callable[[Coding, Agreed], Design | None],
) -> WeightedAgreed:
    """Returns the pairs of all drawn labels with their weights.

    `coding` is that of the judge's scores; `labels` that of the labels, if their values are others. `clustered` returns
    the design of pairs of which several are of one item; the sums for it are those of all labels.
    """
    fields = {name: count for name, count in agreed.items() if not name.startswith(_BY_HAND)}
    labelled, rest = _items(fields, "drawn", 0), _items(seen, "rest", 1)
    found = read_agreed(coding, fields, "all", labels)._replace(items=labelled.total())
    levels = labelled.keys() | rest.keys()
    groups = merged_levels(labelled, levels) if is_drawn_by_doubt(agreed) else [sorted(levels)]
    strata = [
        PairStratum(
            _counts(found, fields, group),
            sum(labelled[level] for level in group),
            sum(labelled[level] + rest[level] for level in group),
        )
        for group in groups
    ]
    used = [each for each in strata if each.labelled and each.counts.any()]
    return WeightedAgreed(found, WeightedPairs(used, clustered(coding, found)) if used else None)


def _items(fields: Mapping[str, int], word: str, place: int) -> Counter[int]:
    """Returns the number of items by level, from the fields of this word with the level in this place."""
    found: Counter[int] = Counter()
    for (first, *words), count in split(fields):
        if first == word and count > 0:
            found[level_in(words, place)] += count
    return found


def _counts(agreed: Agreed, fields: Mapping[str, int], levels: Sequence[int]) -> Integers:
    """Returns the pairs of items of these levels, in the cells of the table of all."""
    counts = np.zeros_like(agreed.table.counts, dtype=np.int64)
    for (word, *words), count in split(fields):
        if word == "pair" and count > 0 and level_in(words, _LEVEL_OF_PAIR) in levels:
            human, judge = words[1], words[2]
            if human in agreed.people.places and judge in agreed.judges.places:
                counts[agreed.people.places[human], agreed.judges.places[judge]] += count
    return counts
