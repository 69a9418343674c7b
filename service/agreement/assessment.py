"""The verdict on a judge with the figures that it rests on: the API, the command line and the gauges use this one."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from service.agreement.rivals import Rivals
from service.contracts.judges import CONTROL
from service.stats.flags import FEW_PAIRS
from service.stats.intervals import Measure
from service.stats.paired_difference import PairedCounts, paired_difference
from service.stats.table import Table
from service.stats.trust import (
    Rivalry,
    TrustVerdict,
    is_chance,
    leading_statistic,
    more_items_for,
    more_items_for_chance,
    more_items_for_people,
    trust_verdict,
)
from service.stats.undefined import Undefined

_POSITIVE = (TrustVerdict.AS_GOOD_AS_PEOPLE, TrustVerdict.BETTER_THAN_BASELINES)


class Assessment(NamedTuple):
    """The verdict on a judge, and the comparisons that it follows from.

    `verdict` is None for a baseline that would be called good: it is no judge. `pairs` is the effective number of
    independent pairs. `name` is the statistic that decides, None if none is defined, and `own` its measure.
    `baselines` are by their names, without the model itself if it is one; `people` is None if no item has two
    annotators. `is_incomparable` if the judge gives other words than people do: no number of labels helps.
    """

    verdict: TrustVerdict | None
    pairs: float
    name: str | None
    own: Measure | None
    is_chance: bool
    baselines: dict[str, Rivalry]
    people: Rivalry | None
    is_incomparable: bool = False

    @property
    def undecided(self) -> dict[str, int]:
        """The approximate numbers of items to label to know whether the judge beats each baseline not decided yet."""
        found = {name: more_items_for(each) for name, each in self.baselines.items()}
        return {name: rounded_up(more) for name, more in found.items() if more is not None}

    @property
    def more_labels(self) -> int | None:
        """The approximate number of further items to label for a verdict or the next better one, None if none helps.

        It has two significant digits, as the sentences have it.
        """
        needed = self._needed
        return None if needed is None else rounded_up(needed)

    @property
    def _needed(self) -> int | None:
        if self.verdict is TrustVerdict.TOO_FEW_LABELS:
            if self.is_incomparable:
                return None
            if self.pairs < FEW_PAIRS:
                return FEW_PAIRS - math.floor(self.pairs)
            if self.name is None:
                return None
            needed = [*self.undecided.values(), more_items_for_chance(self.own, self.pairs) or 0]
            return max(needed) or None
        if self.verdict is TrustVerdict.BETTER_THAN_BASELINES and self.people is not None:
            return more_items_for_people(self.people)
        return None


def rounded_up(count: int) -> int:
    """Returns a count rounded up to two significant digits."""
    unit: int = 10 ** max(len(str(count)) - 2, 0)
    return -(-count // unit) * unit


def assess(
    table: Table,
    statistics: Mapping[str, Measure],
    pairs: float,
    rivals: Rivals,
    model: str,
) -> Assessment:
    """Returns the verdict on the judge `model`.

    `table` has the values that decide which statistic tells it from chance, `statistics` at least those of
    `trust.LEADING`, and `pairs` the effective number of independent pairs.
    """
    deciding = "cohen_kappa" if table.are_words else "spearman"
    baselines = {
        name: _rivalry(counts, deciding) for name, counts in rivals.baselines.items() if model != CONTROL + name
    }
    people = None if rivals.person is None else _rivalry(rivals.person, deciding)
    verdict: TrustVerdict | None = trust_verdict(table, statistics, pairs, list(baselines.values()), people)
    if model.startswith(CONTROL) and verdict in _POSITIVE:
        verdict = None
    name = leading_statistic(table, statistics)
    return Assessment(
        verdict=verdict,
        pairs=pairs,
        name=name,
        own=None if name is None else statistics[name],
        is_chance=is_chance(table, statistics, pairs),
        baselines=baselines,
        people=people,
        is_incomparable="spearman" in statistics and statistics["spearman"].reason is Undefined.NOT_FOR_WORDS,
    )


def _rivalry(counts: PairedCounts, statistic: str) -> Rivalry:
    return Rivalry(counts.items, counts.judge.pairs, counts.worth, paired_difference(counts, statistic))
