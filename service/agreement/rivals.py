"""The counts of a judge's pairs beside its rivals on the same items: the baselines, and a second person.

A label of an item whose baselines are known adds to the field `beside` of its value, the judge's and each baseline's;
two labels of an item, in both orders, to the field `rater` of both values and the judge's. The fields `beside_items`
and `rater_items` have the number of such items, and the sum of the squares of their numbers of pairs.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.agreement.axes import Axis, judge_axis, person_axis
from service.agreement.coding import Coding
from service.agreement.counter_fields import GROUPS, split
from service.agreement.rival_fields import BASELINE_NAMES, BASELINES_WORD, RATER_WORD
from service.contracts.labels import Selection
from service.stats.paired_difference import PairedCounts
from service.stats.table import Table
from service.stats.values import Value

_Keys = tuple[str, ...]
_Places = NDArray[np.int64]


class Rivals(NamedTuple):
    """A judge's pairs beside each baseline, by its name, and beside a second person; None if there are none."""

    baselines: dict[str, PairedCounts]
    person: PairedCounts | None


class _Values(NamedTuple):
    """The values of one side of a table, and the place of each key among them."""

    values: tuple[Value, ...]
    places: Mapping[str, int]


def read_rivals(
    coding: Coding, agreed: Mapping[str, int], selection: Selection, labels: Coding | None = None
) -> Rivals:
    """Returns the counts of a judge's pairs beside its rivals, from its counters `agreed`.

    `coding` is that of the judge's scores; `labels` that of the labels, if their values are others.
    """
    counted = _chosen(agreed, selection)
    baselines = {}
    for place, name in enumerate(BASELINE_NAMES, 2):
        triples: Counter[_Keys] = Counter()
        for keys, count in counted[BASELINES_WORD].items():
            triples[keys[0], keys[1], keys[place]] += count
        found = _paired(coding, labels, triples, coding, counted[f"{BASELINES_WORD}_items"])
        if found is not None:
            baselines[name] = found
    person = _paired(coding, labels, counted[RATER_WORD], labels or coding, counted[f"{RATER_WORD}_items"])
    return Rivals(baselines, person)


def _chosen(fields: Mapping[str, int], selection: Selection) -> dict[str, Counter[_Keys]]:
    """Returns the counts of rivals' fields by their first word and by the words after the group."""
    groups, found = GROUPS[selection], defaultdict[str, Counter[_Keys]](Counter)
    for (word, group, *words), count in split(fields, (BASELINES_WORD, RATER_WORD)):
        if group in groups:
            found[word][tuple(words)] += count
    return found


def _paired(
    coding: Coding, labels: Coding | None, triples: Mapping[_Keys, int], rival: Coding, sizes: Mapping[_Keys, int]
) -> PairedCounts | None:
    """Returns the pairs of (human, judge, rival); None without any, or if a side has words that another has not."""
    known = {keys: count for keys, count in triples.items() if count > 0}
    people = person_axis(labels or coding, {human for human, *_ in known})
    judges = judge_axis(coding, {said for _, said, _ in known})
    rivals = judge_axis(rival, {other for *_, other in known})
    sides = [_side(axis, is_ranked=labels is not None) for axis in (people, judges, rivals)]
    if any(side is None for side in sides):
        return None
    human, judge, other = (side for side in sides if side is not None)
    places = [
        (human.places[keys[0]], judge.places[keys[1]], other.places[keys[2]], count)
        for keys, count in known.items()
        if keys[0] in human.places and keys[1] in judge.places and keys[2] in other.places
    ]
    if not places:
        return None
    cells = np.array(places, dtype=np.int64)
    step = None if labels is not None else coding.step
    return PairedCounts(
        judge=_table(human.values, judge.values, cells[:, [0, 1, 3]], step),
        rival=_table(human.values, other.values, cells[:, [0, 2, 3]], step),
        cells=cells,
        items=sizes["items",],
        effect=max(sizes["squares",] / int(cells[:, 3].sum()), 1.0),
    )


def _side(axis: Axis, *, is_ranked: bool) -> _Values | None:
    """Returns a side as it is, or by the ranks of its numbers: None if it has words without numbers then."""
    if not is_ranked:
        return _Values(axis.values, axis.places)
    if axis.numbers is None:
        return None
    values, at = np.unique(np.array(axis.numbers, dtype=np.float64), return_inverse=True)
    return _Values(tuple(values.tolist()), {key: int(at[place]) for key, place in axis.places.items()})


def _table(values: tuple[Value, ...], columns: tuple[Value, ...], cells: _Places, step: float | None) -> Table:
    counts = np.zeros((len(values), len(columns)), dtype=np.int64)
    np.add.at(counts, (cells[:, 0], cells[:, 1]), cells[:, 2])
    return Table(values, columns, counts, step)
