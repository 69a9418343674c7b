"""The statistics of numbers from the pairs themselves, without a table: exact for any scores, in O(n log n) time.

A table needs few distinct values, and rounds other scores to a grid. If the pairs are at hand, nothing need be rounded.
The formulas are those of `statistics.py`; Kendall's pairs of pairs are counted as in W. Knight, A Computer Method for
Calculating Kendall's Tau with Ungrouped Data, Journal of the American Statistical Association 61, 1966.
"""

import math
from typing import NamedTuple

import numpy as np

from service.stats.arrays import Floats, Indices

_DIGITS = 9  # decimals: scores that differ by less are the same one with rounding errors
_NOISE = 1e-6  # of a step


class _Side(NamedTuple):
    """One side's numbers, the place of each among the distinct ones, and how often each of these occurs."""

    values: Floats
    places: Indices
    counts: Indices

    @property
    def midranks(self) -> Floats:
        """The midrank of each number minus the mean rank."""
        ranks: Floats = (self.counts.cumsum() - self.counts / 2 - len(self.values) / 2)[self.places]
        return ranks


def pair_values(human: Floats, judge: Floats, step: float | None) -> dict[str, float]:
    """Returns the statistics of n pairs of numbers by their names in `STATISTICS`, without those that are undefined.

    `human` and `judge` have length n. Numbers that agree to nine decimals are equal. `step` is that of the scale;
    without it there is no `within_one`.
    """
    if not len(human):
        return {}
    people, judges, both = _side(human), _side(judge), _side(np.concatenate([human, judge]))
    lead = judges.values - people.values
    found = {
        "exact": float(np.mean(lead == 0)),
        "mae": float(np.abs(lead).mean()),
        "bias": float(lead.mean()),
        "rmse": math.sqrt(float((lead**2).mean())),
    }
    if step is not None:
        found["within_one"] = float(np.mean(np.abs(lead) <= step * (1 + _NOISE)))
    if len(both.counts) > 1:
        found["krippendorff_alpha_interval"] = _alpha(both.values - both.values.mean())
        found["krippendorff_alpha_ordinal"] = _alpha(both.midranks)
    if len(people.counts) > 1 and len(judges.counts) > 1:
        found |= _correlations(people, judges)
    return found


def _side(values: Floats) -> _Side:
    rounded = np.round(values, _DIGITS)
    _, places, counts = np.unique(rounded, return_inverse=True, return_counts=True)
    return _Side(rounded, places, counts)


def _alpha(centred: Floats) -> float:
    """Krippendorff's alpha from both sides' numbers, the human's first, with their mean removed."""
    human, judge = np.split(centred, 2)
    pairs = len(human)
    return 1 - (2 * pairs - 1) * float(((judge - human) ** 2).sum()) / (2 * pairs * float((centred**2).sum()))


def _correlations(people: _Side, judges: _Side) -> dict[str, float]:
    pairs = len(people.values)
    human, judge = people.values - people.values.mean(), judges.values - judges.values.mean()
    apart = float(judges.values.mean() - people.values.mean())
    spread = float((human**2).sum() + (judge**2).sum()) + pairs * apart**2
    dominance, human_untied, judge_untied = _dominance(people, judges)
    fewer = min(len(people.counts), len(judges.counts))
    return {
        "pearson": _correlation(human, judge),
        "spearman": _correlation(people.midranks, judges.midranks),
        "lin_ccc": _within_unit(2 * _product(human, judge) / spread),
        "kendall_tau_b": _within_unit(dominance / math.sqrt(human_untied) / math.sqrt(judge_untied)),
        "kendall_tau_c": 2 * dominance / (pairs**2 * (fewer - 1) / fewer),
        "somers_d": dominance / human_untied,
    }


def _correlation(human: Floats, judge: Floats) -> float:
    both, humans, judges = _product(human, judge), _product(human, human), _product(judge, judge)
    return _within_unit(both / math.sqrt(humans) / math.sqrt(judges))


def _product(one: Floats, other: Floats) -> float:
    """The scalar product, without BLAS, whose threads take longer to meet than one takes to compute it."""
    return float((one * other).sum())


def _within_unit(value: float) -> float:
    return min(max(value, -1.0), 1.0)


def _dominance(people: _Side, judges: _Side) -> tuple[int, int, int]:
    """Concordant minus discordant pairs of pairs, and those with different human and with different judge's values."""
    pairs = len(people.values)
    every = pairs * (pairs - 1) // 2
    _, alike = np.unique(people.places * len(judges.counts) + judges.places, return_counts=True)
    human_ties, judge_ties, joint_ties = (_ties(counts) for counts in (people.counts, judges.counts, alike))
    discordant = _inversions(judges.places[np.lexsort((judges.places, people.places))])
    untied = every - human_ties - judge_ties + joint_ties
    return untied - 2 * discordant, every - human_ties, every - judge_ties


def _ties(counts: Indices) -> int:
    return int((counts.astype(np.int64) * (counts - 1)).sum()) // 2


def _inversions(places: Indices) -> int:
    """The number of pairs of which the earlier is greater.

    Two whole numbers are first told apart by some bit, and agree in all higher ones. For each bit from the highest on,
    the numbers stand in groups that agree so far, each group in its first order.
    """
    found, size, kind = 0, len(places), np.min_scalar_type(int(places.max()))  # two bytes are sorted much faster
    for bit in reversed(range(int(places.max()).bit_length())):
        is_one = (places >> bit) & 1
        starts = np.flatnonzero(np.diff(places >> (bit + 1), prepend=-1))
        before = is_one.cumsum() - is_one
        group = np.repeat(before[starts], np.diff(starts, append=size))
        found += int((before - group)[is_one == 0].sum())
        places = places[np.argsort((places >> bit).astype(kind), kind="stable")]
    return found
