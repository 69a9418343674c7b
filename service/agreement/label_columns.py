"""The counters `agreed` of a judge over many items at once, if all are labelled at random and none is scored twice.

They are the sums of `contribution` over the items, computed with arrays instead of item by item: as fast for scores
that are all different as for a few levels.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from service.agreement.coded_columns import CodedValues
from service.agreement.coding import CodedValue
from service.agreement.contributions import mean_key, without_zeros
from service.agreement.counter_fields import field
from service.contracts.names import quoted
from service.stats.alt_test import sides_of
from service.stats.arrays import Booleans, Floats, Integers
from service.stats.duels import Alignment

_AT_ONCE = 1 << 16  # pairs of an item's labels in one array: a step takes about a millisecond
_AT_A_TIME = 1000  # items
_CELL = "0\t"  # a text of unknown length and author

_Found = defaultdict[str, Counter[int]]  # how often each combination of codes occurs, by the field's first word


class _Block(NamedTuple):
    """Items with the same number of labels, which are in the order of their annotators' names.

    `items` has their positions, and `means` the codes of their labels' means, -1 without one. The others have the shape
    (items, labels): the codes of annotators and of keys, and the rest of `CodedValue`, 0 instead of None.
    """

    items: Integers
    means: Integers
    names: Integers
    keys: Integers
    numbers: Floats
    units: Integers
    per_cent: Integers

    def taken(self, at: Integers) -> "_Block":
        items, means, names, keys, numbers, units, per_cent = self
        return _Block(items[at], means[at], names[at], keys[at], numbers[at], units[at], per_cent[at])


class LabelColumns:
    """The labels of items, laid out so that the scores of one judge after another are counted."""

    def __init__(self, items: Sequence[Mapping[str, CodedValue]]) -> None:
        """`items` have people's values by annotator, all on one scale."""
        self._size = len(items)
        self._names = sorted({quoted(name) for labels in items for name in labels})
        self._keys = _numbered({}, (each.key for labels in items for each in labels.values()))
        self._means: dict[str, int] = {}
        self._blocks = self._laid_out(items)

    def agreed(self, items: Integers, scores: CodedValues) -> dict[str, int]:
        """Returns the counters of the labels with a judge's scores of these items, which are positions."""
        keys = _numbered(self._keys, scores.names)
        scores = scores._replace(keys=np.array([keys[name] for name in scores.names], dtype=np.int64)[scores.keys])
        place = np.full(self._size, -1)
        place[items] = range(len(items))
        found: _Found = defaultdict(Counter)
        fields: Counter[str] = Counter()
        for block in self._blocks:
            for part in _parts(block, place[block.items] >= 0):
                at = place[part.items]
                said = scores.taken(at)
                _add_cells(found, part, said, len(keys))
                _add_sums(fields, part, said)
                _add_duels(found, part, said)
        return without_zeros(fields | self._named(found, list(keys)))

    def _named(self, found: _Found, keys: Sequence[str]) -> Counter[str]:
        size, means, fields = len(keys), list(self._means), Counter[str]()
        for code, count in found["pair"].items():
            fields[field("pair", "r", keys[code // size], keys[code % size], _CELL)] = count
        for code, count in found["rater"].items():
            both, judge = divmod(code, size)
            fields[field("rater", "r", keys[both // size], keys[judge], keys[both % size])] = count
        for code, count in found["mean"].items():
            fields[field("mean", means[code // size], keys[code % size])] = count
        for code, count in found["annotator"].items():
            fields[field("annotator", "r", self._names[code])] = count
        for code, count in found["duel"].items():
            fields[field("duel", "r", self._names[code // 3], code % 3 - 1)] = count
        return fields

    def _laid_out(self, items: Sequence[Mapping[str, CodedValue]]) -> list[_Block]:
        names = {name: place for place, name in enumerate(self._names)}
        rows: defaultdict[int, list[tuple[int, int, list[tuple[float, ...]]]]] = defaultdict(list)
        for position, labels in enumerate(items):
            if labels:
                in_order = sorted((names[quoted(name)], value) for name, value in labels.items())
                mean = mean_key([value.number for _, value in in_order])
                code = -1 if mean is None else self._means.setdefault(mean, len(self._means))
                rows[len(labels)].append((position, code, [self._row(name, value) for name, value in in_order]))
        return [_block(each) for each in rows.values()]

    def _row(self, name: int, value: CodedValue) -> tuple[float, ...]:
        return name, self._keys[value.key], value.number or 0.0, value.units or 0, value.per_cent or 0


def _numbered(known: Mapping[str, int], keys: Iterable[str]) -> dict[str, int]:
    """Returns a code for each key, from 0 on; those of the known keys stay."""
    codes = dict(known)
    for key in keys:
        codes.setdefault(key, len(codes))
    return codes


def _block(rows: Sequence[tuple[int, int, list[tuple[float, ...]]]]) -> _Block:
    positions, means, labels = zip(*rows, strict=True)
    # In pieces, since each holds the interpreter lock.
    pieces = [np.array(labels[at : at + _AT_A_TIME], np.float64) for at in range(0, len(labels), _AT_A_TIME)]
    names, keys, numbers, units, per_cent = np.moveaxis(np.concatenate(pieces), 2, 0)
    whole = (each.astype(np.int64) for each in (names, keys, units, per_cent))
    names, keys, units, per_cent = whole
    return _Block(np.array(positions), np.array(means), names, keys, np.ascontiguousarray(numbers), units, per_cent)


def _parts(block: _Block, chosen: Booleans) -> Iterator[_Block]:
    """Yields the chosen items of a block, so many at once that they have `_AT_ONCE` pairs of labels or little more."""
    at = np.flatnonzero(chosen)
    step = max(_AT_ONCE // block.keys.shape[1] ** 2, 1)
    for start in range(0, len(at), step):
        yield block.taken(at[start : start + step])


def _add_cells(found: _Found, block: _Block, said: CodedValues, size: int) -> None:
    """`size` is the number of keys."""
    _count(found["pair"], block.keys * size + said.keys[:, None])
    _count(found["annotator"], block.names)
    has_mean = block.means >= 0
    _count(found["mean"], block.means[has_mean] * size + said.keys[has_mean])
    both = block.keys[:, :, None] * size + block.keys[:, None, :]
    _count(found["rater"], both[:, ~np.eye(block.keys.shape[1], dtype=np.bool_)] * size + said.keys[:, None])


def _count(counts: Counter[int], codes: Integers) -> None:
    kinds, times = np.unique(codes, return_counts=True)
    for code, count in zip(kinds.tolist(), times.tolist(), strict=True):
        counts[code] += count


def _add_sums(fields: Counter[str], block: _Block, said: CodedValues) -> None:
    items, labels = block.keys.shape
    fields["item\tr"] += items
    fields["drawn\t0"] += items
    if labels > 1:
        fields[field("rater_items", "r", "items")] += items
        fields[field("rater_items", "r", "squares")] += items * (labels * (labels - 1)) ** 2
    raters = np.full(items, labels)
    _add_terms(fields, "e", [raters, (block.keys == said.keys[:, None]).sum(axis=1)])
    if said.per_cent is not None:  # the terms of `pearson_terms`
        human, judge = block.per_cent, said.per_cent
        total, squares = human.sum(axis=1), (human * human).sum(axis=1)
        _add_terms(fields, "p", [raters, total, raters * judge, squares, raters * judge * judge, judge * total])
    if said.units is not None:
        x, y = block.units, np.broadcast_to(said.units[:, None], block.units.shape)
        moments = {"n": np.ones_like(x), "x": x, "y": y, "xx": x * x, "yy": y * y, "xy": x * y, "ad": abs(x - y)}
        for name, values in moments.items():
            fields[field("moment", "r", name)] += int(values.sum())


def _add_terms(fields: Counter[str], word: str, terms: Sequence[Integers]) -> None:
    """Adds the sums of the items' terms and of their products, in the order of `clustered.products_of`."""
    matrix = np.stack(terms)
    products = (matrix @ matrix.T)[np.triu_indices(len(terms))]
    for place, total in enumerate([*matrix.sum(axis=1).tolist(), *products.tolist()]):
        fields[f"cluster\tr\t{word}{place}"] += total


def _add_duels(found: _Found, block: _Block, said: CodedValues) -> None:
    if block.keys.shape[1] < 2:
        return
    if said.per_cent is not None and said.numbers is not None:
        sides = sides_of(said.numbers, block.numbers, Alignment.RMSE)
    else:
        sides = sides_of(said.keys, block.keys, Alignment.ACCURACY)
    _count(found["duel"], block.names * 3 + sides + 1)
