"""The counts of a judge's pairs beside its rivals on the same items: the baselines, and a second person.

A label of an item whose baselines are known adds to the field `beside` of its value, the judge's and each baseline's;
two labels of an item, in both orders, to the field `rater` of both values and the judge's. The fields `beside_items`
and `rater_items` have the number of such items, and the sum of the squares of their numbers of pairs.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from service.agreement.axes import Axis, judge_axis, person_axis
from service.agreement.coding import Coding
from service.agreement.counter_fields import GROUPS, field, split
from service.agreement.series_names import baseline_model, is_baseline, series_name, split_series
from service.contracts.labels import Selection
from service.stats.paired_difference import PairedCounts
from service.stats.table import Table, Value

BASELINE_NAMES = ("length", "overlap")  # in the order of the fields

_BESIDE, _RATER = "beside", "rater"
_Score = TypeVar("_Score")
_Keys = tuple[str, ...]
_Places = NDArray[np.int64]


class Rivals(NamedTuple):
    """A judge's pairs beside each baseline, by its name, and beside a second person; None if there are none."""

    baselines: dict[str, PairedCounts]
    person: PairedCounts | None


class _Keyed(Protocol):
    @property
    def key(self) -> str: ...


class _Values(NamedTuple):
    """The values of one side of a table, and the place of each key among them."""

    values: tuple[Value, ...]
    places: Mapping[str, int]


def judges_scores(scores: Mapping[str, _Score]) -> Mapping[str, _Score]:
    """Returns the scores of judges alone, of the scores of a content by series."""
    beside = [name for name in scores if "~" in name and is_baseline(split_series(name).model)]
    return {name: score for name, score in scores.items() if name not in beside} if beside else scores


def baseline_series(token: str) -> list[str]:
    """Returns the series of a judge's baselines, in the order of `BASELINE_NAMES`."""
    return [series_name(token, baseline_model(name)) for name in BASELINE_NAMES]


def baseline_keys(scores: Mapping[str, _Keyed], series: str) -> list[str]:
    """Returns the keys of the baselines' scores beside a judge's series; empty if they are not known."""
    if len(scores) <= len(BASELINE_NAMES):
        return []
    names = baseline_series(split_series(series).token)
    return [scores[name].key for name in names] if all(name in scores for name in names) else []


def rival_fields(group: str, labels: Sequence[str], said: str, baselines: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Yields the fields of an item with their increments, from the keys of its labels, of the judge and the baselines.

    `baselines` is empty if they are not known.
    """
    counts = Counter(labels)
    if baselines:
        for human, times in counts.items():
            yield field(_BESIDE, group, human, said, *baselines), times
        yield from _sizes(_BESIDE, group, len(labels))
    if len(labels) < 2:
        return
    for human, times in counts.items():
        for other, others in counts.items():
            if pairs := times * (others - (human == other)):
                yield field(_RATER, group, human, said, other), pairs
    yield from _sizes(_RATER, group, len(labels) * (len(labels) - 1))


def read_rivals(
    coding: Coding, agreed: Mapping[str, int], selection: Selection, labels: Coding | None = None
) -> Rivals:
    """Returns the counts of a judge's pairs beside its rivals, from its counters `agreed`.

    `coding` is that of the judge's scores; `labels` that of the labels, if their values are others.
    """
    said = _chosen(agreed, selection)
    baselines = {}
    for place, name in enumerate(BASELINE_NAMES, 2):
        triples: Counter[_Keys] = Counter()
        for keys, count in said[_BESIDE].items():
            triples[keys[0], keys[1], keys[place]] += count
        found = _paired(coding, labels, triples, coding, said[f"{_BESIDE}_items"])
        if found is not None:
            baselines[name] = found
    person = _paired(coding, labels, said[_RATER], labels or coding, said[f"{_RATER}_items"])
    return Rivals(baselines, person)


def _sizes(word: str, group: str, pairs: int) -> Iterator[tuple[str, int]]:
    yield field(f"{word}_items", group, "items"), 1
    yield field(f"{word}_items", group, "squares"), pairs * pairs


def _chosen(fields: Mapping[str, int], selection: Selection) -> dict[str, Counter[_Keys]]:
    """Returns the counts of rivals' fields by their first word and by the words after the group."""
    groups, found = GROUPS[selection], defaultdict[str, Counter[_Keys]](Counter)
    for (word, group, *words), count in split(fields, (_BESIDE, _RATER)):
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
