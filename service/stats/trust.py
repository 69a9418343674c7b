"""Whether a judge can be trusted, from intervals: against chance, against baselines and against people's own agreement.

Every verdict but `too_few_labels` is a claim that an interval proves; missing evidence proves nothing. One statistic
decides, which is 0 at chance and 1 if perfect: Spearman's correlation on scales, Cohen's kappa for words. Each claim is
false in at most 5% of the cases in which it could be: `python -m tests.benchmarks.trust` prints how often.
"""

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from service.stats.flags import FEW_PAIRS, Flag
from service.stats.intervals import Measure
from service.stats.paired_difference import PairedDifference
from service.stats.table import Table

CHANCE_FLOOR = 0.2  # a judge whose interval lies below it is hardly better than a guess
WORTH_A_MODEL = 0.1  # a smaller lead over a baseline does not pay for a model
PEOPLE_MARGIN = 0.2  # as the epsilon of the alternative annotator test: so much below people still counts as equal
FEWEST_UNUSUAL = 10  # labels beside the most frequent value: with fewer, no interval is sure enough to condemn a judge
LEADING = ("spearman", "cohen_kappa_quadratic", "cohen_kappa")


class TrustVerdict(StrEnum):
    """Codes are append-only; in gauges a verdict is its place in `WORST_FIRST`."""

    AS_GOOD_AS_PEOPLE = "as_good_as_people"
    BETTER_THAN_BASELINES = "better_than_baselines"
    NOT_BETTER_THAN_BASELINES = "not_better_than_baselines"
    NOT_BETTER_THAN_CHANCE = "not_better_than_chance"
    TOO_FEW_LABELS = "too_few_labels"


WORST_FIRST = (
    TrustVerdict.NOT_BETTER_THAN_CHANCE,
    TrustVerdict.NOT_BETTER_THAN_BASELINES,
    TrustVerdict.TOO_FEW_LABELS,
    TrustVerdict.BETTER_THAN_BASELINES,
    TrustVerdict.AS_GOOD_AS_PEOPLE,
)


class Rivalry(NamedTuple):
    """The judge against a baseline, or against a person, by the deciding statistic on the same `items`.

    `difference` is None if it has no interval. `labels` is the number of pairs, and `pairs` the effective number of
    independent ones.
    """

    items: int
    labels: int
    pairs: float
    difference: PairedDifference | None

    @property
    def is_ahead(self) -> bool:
        """Whether the judge is better, by any difference."""
        return self.is_enough and self.difference is not None and self.difference.lower > 0

    @property
    def is_not_ahead(self) -> bool:
        """Whether the judge is better by less than `WORTH_A_MODEL`, if at all."""
        is_below = self.difference is not None and self.difference.upper < WORTH_A_MODEL
        return self.is_enough and is_below and not self.is_ahead

    @property
    def is_on_a_par(self) -> bool:
        """Whether the judge is less than `PEOPLE_MARGIN` worse, and not shown to be worse at all."""
        if self.difference is None or not self.is_enough:
            return False
        return self.difference.lower > -PEOPLE_MARGIN and self.difference.upper >= 0

    @property
    def is_behind(self) -> bool:
        """Whether the judge is worse, by any difference."""
        return self.is_enough and self.difference is not None and self.difference.upper < 0

    @property
    def is_enough(self) -> bool:
        """Whether there are enough effective pairs for any statement."""
        return self.pairs >= FEW_PAIRS


def leading_statistic(table: Table, statistics: Mapping[str, Measure]) -> str | None:
    """Returns the name of the statistic that decides, None if there is none, or if people always give the same value.

    Kappa with quadratic weights stands in for Spearman's correlation if the judge always gives the same value: it is 0.
    """
    if np.count_nonzero(table.counts.sum(axis=1)) < 2:
        return None
    return next((name for name in LEADING if name in statistics and statistics[name].value is not None), None)


def is_chance(table: Table, statistics: Mapping[str, Measure], pairs: float) -> bool:
    """Whether the deciding statistic is shown to be below `CHANCE_FLOOR`, from so many effective pairs."""
    name = leading_statistic(table, statistics)
    upper = None if name is None else statistics[name].upper
    unusual = table.pairs - int(table.counts.sum(axis=1).max())
    return pairs >= FEW_PAIRS and unusual >= FEWEST_UNUSUAL and upper is not None and upper < CHANCE_FLOOR


def chance_flags(table: Table, statistics: Mapping[str, Measure]) -> list[Flag]:
    """Returns `not_better_than_chance` if `is_chance` holds for a table of independent pairs."""
    return [Flag.NOT_BETTER_THAN_CHANCE] if is_chance(table, statistics, table.pairs) else []


def trust_verdict(
    table: Table,
    statistics: Mapping[str, Measure],
    pairs: float,
    baselines: Sequence[Rivalry],
    people: Rivalry | None,
) -> TrustVerdict:
    """Returns the verdict on a judge with these statistics, from so many effective pairs.

    `baselines` are all baselines that the judge was compared with; `people` is None if no item has two annotators.
    """
    name = leading_statistic(table, statistics)
    lower = None if name is None else statistics[name].lower
    if is_chance(table, statistics, pairs):
        return TrustVerdict.NOT_BETTER_THAN_CHANCE
    if pairs < FEW_PAIRS or lower is None:
        return TrustVerdict.TOO_FEW_LABELS
    if any(each.is_not_ahead for each in baselines):
        return TrustVerdict.NOT_BETTER_THAN_BASELINES
    if lower <= 0 or not baselines or not all(each.is_ahead for each in baselines):
        return TrustVerdict.TOO_FEW_LABELS
    if people is not None and people.is_on_a_par:
        return TrustVerdict.AS_GOOD_AS_PEOPLE
    return TrustVerdict.BETTER_THAN_BASELINES


def more_items_for_chance(own: Measure | None, pairs: float) -> int | None:
    """Returns about how many more items to label to know whether the judge is better than chance, None if known.

    `own` is the deciding statistic's measure, from so many effective pairs.
    """
    lacking = FEW_PAIRS - math.floor(pairs)
    if own is None or own.value is None or own.lower is None or own.upper is None:
        return max(lacking, 1)
    if lacking <= 0 and (own.lower > 0 or own.upper < CHANCE_FLOOR):
        return None
    reach = max(own.value - own.lower, own.upper - own.value)
    return max(_more(math.floor(pairs), reach, max(own.value, CHANCE_FLOOR - own.value)), lacking, 1)


def more_items_for(rivalry: Rivalry) -> int | None:
    """Returns about how many more items to label to know whether the judge is better than a baseline, None if known.

    The interval's half-width falls with the root of the number of items; it has to fall to the distance of the present
    difference from the further of 0 and `WORTH_A_MODEL`.
    """
    if rivalry.is_ahead or rivalry.is_not_ahead:
        return None
    found = rivalry.difference
    if found is None:
        return max(FEW_PAIRS - rivalry.items, 1)
    reach = max(found.value - found.lower, found.upper - found.value)
    target = max(found.value, WORTH_A_MODEL - found.value)
    return max(_more(rivalry.items, reach, target), FEW_PAIRS - math.floor(rivalry.pairs), 1)


def more_items_for_people(rivalry: Rivalry) -> int | None:
    """Returns about how many more items two people have to label to know whether the judge is as good, None if known.

    None also if the judge would be found worse: no number of labels makes it as good.
    """
    found = rivalry.difference
    if rivalry.is_on_a_par or rivalry.is_behind:
        return None
    if found is None:
        return max(FEW_PAIRS - rivalry.items, 1)
    if found.value <= -PEOPLE_MARGIN:
        return None
    needed = _more(rivalry.items, found.value - found.lower, found.value + PEOPLE_MARGIN)
    return max(needed, FEW_PAIRS - math.floor(rivalry.pairs), 1)


def _more(items: int, reach: float, target: float) -> int:
    return math.ceil(items * ((reach / target) ** 2 - 1))
