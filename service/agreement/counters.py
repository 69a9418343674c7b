"""Reads the counters of agreement: tables, marginals, sums over items, duels and coincidences.

Keys become places on the criterion's scale. Keys that are off the scale, and counts below 1, are left out.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.agreement.axes import Axis, judge_axis, person_axis
from service.agreement.coding import Coding
from service.agreement.counter_fields import GROUPS, level_in, split
from service.contracts.labels import Selection
from service.contracts.names import unquoted
from service.stats.alphas import Pairs
from service.stats.clustered import ItemSums
from service.stats.duels import Wins
from service.stats.length_buckets import LENGTH_BUCKETS
from service.stats.moments import Moments
from service.stats.ordered_pairs import CODER_PRODUCTS, OrderedPairs
from service.stats.table import Table

Wholes = NDArray[np.int64]

_TERMS = {"p": 6, "e": 2}  # the number of an item's terms, for Pearson's correlation and for exact agreement
_PAIR_WORDS = 4  # of a field `pair`: human's key, judge's key, length, own text; the level of doubt may follow
_AGREED = tuple(f"{word}\t" for word in ("pair", "item", "cluster", "moment", "annotator", "duel"))
_SIDES = {"-1": "judge", "0": "draw", "1": "human"}


class Cells(NamedTuple):
    """The pairs in parallel arrays, one entry for all equal ones: places on the axes, bucket of length, own text.

    `own` is 1 if the text is by the judge's own family of models, 0 if it is not, -1 if that is unknown.
    """

    human: Wholes
    judge: Wholes
    length: Wholes
    own: Wholes
    counts: Wholes


class Agreed(NamedTuple):
    """Pairs of a human's label and a series' score. `moments` and `pearson` are None if the scale has none.

    `is_unlike` if the judge's values are others than the labels': then values have no distance from each other, and
    `moments`, `pearson` and `wins` are left out.
    """

    people: Axis
    judges: Axis
    table: Table
    cells: Cells
    items: int
    annotators: int
    moments: Moments | None
    pearson: ItemSums | None
    exact: ItemSums
    wins: dict[str, Wins]
    is_unlike: bool = False


class Seen(NamedTuple):
    """The events of a series. `outcomes` is by (outcome, reason).

    `scores` is judge's value x bucket of length, `repeats` earlier x later value, and `orders` 3 x 3 over A, tie and B,
    in order AB x BA.
    """

    axis: Axis
    outcomes: dict[tuple[str, str], int]
    scores: Wholes
    orders: Wholes
    repeats: Wholes


class Coders(NamedTuple):
    """Coincidences over the values of an axis, as in `alphas.py`, by the number of an item's coders.

    `design` tells how the pairs depend on each other.
    """

    axis: Axis
    coincidences: dict[int, Pairs]
    design: OrderedPairs

    @property
    def items(self) -> int:
        """The number of items with two coders or more: an item of m coders has m (m - 1) ordered pairs."""
        return sum(int(pairs.sum()) // (coders * (coders - 1)) for coders, pairs in self.coincidences.items())


class Labelled(NamedTuple):
    """Items by the mean of their drawn labels and the judge's key, and the judge's other scores by key."""

    means: dict[tuple[float, str], int]
    rest: dict[str, int]


class MetPairs(NamedTuple):
    """Pairs of scores of two series as a table, with the axes of its rows and columns."""

    table: Table
    rows: Axis
    columns: Axis


class LabelStates(NamedTuple):
    """The numbers of a criterion's labels: all, those of items that nobody has judged, those off the scale, and those
    of earlier texts of their items.
    """

    labels: int
    unmatched: int
    off_scale: int
    earlier: int


def read_agreed(
    coding: Coding, fields: Mapping[str, int], selection: Selection, labels: Coding | None = None
) -> Agreed:
    """Returns the counters `agreed` of a series, for the labels of this selection.

    `coding` is that of the judge's scores; `labels` that of the labels, if their values are others.
    """
    counted = _chosen(fields, selection, _AGREED)
    pairs: Counter[tuple[str, ...]] = Counter()
    for words, count in counted["pair"].items():
        if count > 0:
            pairs[words[:_PAIR_WORDS]] += count
    people = person_axis(labels or coding, {human for human, *_ in pairs})
    judges = judge_axis(coding, {judge for _, judge, *_ in pairs})
    cells = _cells(people, judges, pairs)
    counts = np.zeros((len(people.values), len(judges.values)), dtype=np.int64)
    np.add.at(counts, (cells.human, cells.judge), cells.counts)
    items = counted["item"][()]
    sums = {name: count for (name,), count in counted["cluster"].items()}
    moments = Moments(*(counted["moment"][name,] for name in Moments._fields))
    is_like = labels is None
    return Agreed(
        people=people,
        judges=judges,
        table=Table(people.values, judges.values, counts, (labels or coding).step),
        cells=cells,
        items=items,
        annotators=sum(count > 0 for count in counted["annotator"].values()),
        moments=moments if is_like and moments.n > 0 else None,
        pearson=_sums("p", items, sums) if is_like and sums.get("p0", 0) > 0 else None,
        exact=_sums("e", items, sums),
        wins=_wins(counted["duel"]) if is_like else {},
        is_unlike=not is_like,
    )


def read_seen(coding: Coding, fields: Mapping[str, int]) -> Seen:
    """Returns the counters `seen` of a series."""
    counted: defaultdict[str, Counter[tuple[str, ...]]] = defaultdict(Counter)
    for (word, *words), count in split(fields):
        if count > 0:
            counted[word][tuple(words)] += count
    repeats = counted["repeat"]
    axis = judge_axis(coding, {key for key, _ in counted["score"]} | {key for both in repeats for key in both})
    lengths = {str(bucket): bucket for bucket in range(LENGTH_BUCKETS)}
    orders = {label: place for place, label in enumerate(("A", "tie", "B"))}
    return Seen(
        axis=axis,
        outcomes={(outcome, reason): count for (outcome, reason), count in counted["outcome"].items()},
        scores=_table(counted["score"], axis.places, lengths, (len(axis.values), LENGTH_BUCKETS)),
        orders=_table(counted["orders"], orders, orders, (3, 3)),
        repeats=_table(repeats, axis.places, axis.places, (len(axis.values),) * 2),
    )


def read_pairs(coding: Coding, fields: Mapping[str, int], *, transposed: bool, other: Coding | None = None) -> MetPairs:
    """Returns the counters `between` of two series.

    The table's rows are the second series' values and its columns the first one's; `transposed` swaps them. `coding` is
    that of the columns; `other` that of the rows, if their values are others.
    """
    pairs = {tuple(words[1:]): count for words, count in split(fields) if words[0] == "pair" and count > 0}
    if not transposed:
        pairs = {(second, first): count for (first, second), count in pairs.items()}
    rows = judge_axis(other or coding, {row for row, _ in pairs})
    columns = judge_axis(coding, {column for _, column in pairs})
    counts = _table(pairs, rows.places, columns.places, (len(rows.values), len(columns.values)))
    return MetPairs(Table(rows.values, columns.values, counts, (other or coding).step), rows, columns)


def read_ceiling(coding: Coding, fields: Mapping[str, int], selection: Selection) -> Coders:
    """Returns the counters `ceiling` of a criterion: coincidences of an item's annotators."""
    chosen = _chosen(fields, selection, ("coders\t", "sums\t"))
    counted = chosen["coders"]
    return _coders(coding, person_axis(coding, {key for _, *both in counted for key in both}), counted, chosen["sums"])


def read_label_states(fields: Mapping[str, int]) -> LabelStates:
    """Returns the counters `labels` of a criterion."""
    states = ("all", "unmatched", "off_scale", "earlier")
    return LabelStates(*(max(fields.get(f"label\t{state}", 0), 0) for state in states))


def failed_outcomes(seen: Mapping[str, int]) -> dict[str, int]:
    """Returns the failed judgments among the counters `seen` of the series without a served model.

    A call that failed names no served model: it counts in the coverage of each that the model has.
    """
    return {name: count for name, count in seen.items() if name.startswith("outcome\tfailed\t")}


def read_panel(coding: Coding, fields: Mapping[str, int]) -> Coders:
    """Returns the counters `panel` of a judge: coincidences of an item's models."""
    counted: dict[str, dict[tuple[str, ...], int]] = {"coders": {}, "sums": {}}
    for (word, *words), count in split(fields):
        if word in counted:
            counted[word][tuple(words)] = count
    axis = judge_axis(coding, {key for _, *both in counted["coders"] for key in both})
    return _coders(coding, axis, counted["coders"], counted["sums"])


def is_drawn_by_doubt(agreed: Mapping[str, int]) -> bool:
    """Returns whether a label was drawn by doubt: if none was, items of all levels were as likely to be labelled."""
    return any(count > 0 and name.startswith("annotator\td\t") for name, count in agreed.items())


def read_labelled(agreed: Mapping[str, int], seen: Mapping[str, int]) -> dict[int, Labelled]:
    """Returns the data of estimates by level of doubt, from a series' counters `agreed` and `seen`.

    All is of level 0 if no label was drawn by doubt.
    """
    by_doubt = is_drawn_by_doubt(agreed)
    means: defaultdict[int, Counter[tuple[float, str]]] = defaultdict(Counter)
    rest: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for (_, *words), count in split(agreed, ("mean\t",)):
        if count > 0:
            means[level_in(words, 2) if by_doubt else 0][float(words[0]), words[1]] += count
    for (_, *words), count in split(seen, ("rest\t",)):
        if count > 0:
            rest[level_in(words, 1) if by_doubt else 0][words[0]] += count
    return {level: Labelled(dict(means[level]), dict(rest[level])) for level in sorted({*means, *rest})}


def _chosen(
    fields: Mapping[str, int], selection: Selection, starts: tuple[str, ...]
) -> dict[str, Counter[tuple[str, ...]]]:
    """Returns counts by the first word and by the words after the group, over the groups of a selection.

    Only fields that start with one of `starts` are read: a judge with fractional scores has thousands of others.
    """
    groups = GROUPS[selection]
    counted: defaultdict[str, Counter[tuple[str, ...]]] = defaultdict(Counter)
    for words, count in split(fields, starts):
        if words[1] in groups:
            counted[words[0]][tuple(words[2:])] += count
    return counted


def _cells(people: Axis, judges: Axis, pairs: Mapping[tuple[str, ...], int]) -> Cells:
    owns = {"y": 1, "n": 0}
    known = [
        (people.places[human], judges.places[judge], int(length), owns.get(own, -1), count)
        for (human, judge, length, own), count in pairs.items()
        if human in people.places and judge in judges.places
    ]
    columns = np.array(known, dtype=np.int64).reshape(-1, 5).T
    return Cells(*columns)


def _table(
    pairs: Mapping[tuple[str, ...], int], rows: Mapping[str, int], columns: Mapping[str, int], shape: tuple[int, int]
) -> Wholes:
    counts = np.zeros(shape, dtype=np.int64)
    for (one, other), count in pairs.items():
        if one in rows and other in columns:
            counts[rows[one], columns[other]] += count
    return counts


def _coders(
    coding: Coding, axis: Axis, counted: Mapping[tuple[str, ...], int], sums: Mapping[tuple[str, ...], int]
) -> Coders:
    """Returns both halves of the symmetric matrices, of which the fields have one."""
    found: dict[int, Pairs] = {}
    for (coders, one, other), count in counted.items():
        if one in axis.places and other in axis.places:
            m, a, b = int(coders), axis.places[one], axis.places[other]
            if m not in found:
                found[m] = np.zeros((len(axis.values),) * 2, dtype=np.int64)
            found[m][a, b] += count
            if a != b:
                found[m][b, a] += count
    coincidences = {coders: pairs for coders, pairs in found.items() if pairs.any()}
    products = {m: [sums.get((str(m), str(place)), 0) for place in range(CODER_PRODUCTS)] for m in coincidences}
    places = None if axis.numbers is None or coding.is_words else [coding.per_cent(each) for each in axis.numbers]
    return Coders(axis, coincidences, OrderedPairs(coincidences, products, places))


def _sums(word: str, items: int, sums: Mapping[str, int]) -> ItemSums:
    terms = _TERMS[word]
    last = terms + terms * (terms + 1) // 2
    values = [sums.get(f"{word}{place}", 0) for place in range(last)]
    return ItemSums(items, values[:terms], values[terms:])


def _wins(counted: Mapping[tuple[str, ...], int]) -> dict[str, Wins]:
    """Returns the duels by annotator, in the order of their names."""
    sides: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for (name, side), count in counted.items():
        sides[unquoted(name)][_SIDES[side]] += count
    return {name: Wins(**counts) for name, counts in sorted(sides.items()) if any(counts.values())}
