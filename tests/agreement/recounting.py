"""A plain recount of the counters of agreement, written apart from `service.agreement.contributions` to test it.

It is slow, counts each kind by itself, and shares no code with the service's function but the statistics' own terms.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations, permutations
from typing import NamedTuple
from urllib.parse import quote, unquote

from service.agreement.contributions import CodedItem, CodedLabel, CodedScore, CounterKind
from service.stats.duels import Alignment, Wins, duels_of
from service.stats.item_terms import exact_terms, pearson_terms, products_of

HOUR_MS = 3_600_000


class Row(NamedTuple):
    """The labels of an item by annotator, and its scores and those of baselines by series and content."""

    labels: dict[str, CodedLabel]
    judged: dict[tuple[str, str], CodedScore]
    baselines: dict[tuple[str, str], CodedScore]
    first_label_ms: int
    doubt: int

    @classmethod
    def of(cls, item: CodedItem) -> "Row":
        every = {(series, content): score for content, all_ in item.scores.items() for series, score in all_.items()}
        judged = {place: score for place, score in every.items() if " ~" not in place[0]}
        baselines = {place: score for place, score in every.items() if " ~" in place[0]}
        return cls(item.labels, judged, baselines, item.first_label_ms, item.doubt)


class Counted(NamedTuple):
    """The name of some counters; `hour` counts from the epoch."""

    kind: str
    series: str
    hour: int


_Fields = Counter[str]
_Parts = Counter[tuple[str, ...]]  # by a field's words without the group, which is the second
_Labels = Mapping[str, CodedLabel]


def recount(items: Iterable[CodedItem], kinds: Collection[CounterKind]) -> dict[Counted, dict[str, int]]:
    """Returns the counters of these kinds without those that are 0. Of `seen` it has only the fields `rest`."""
    total: defaultdict[Counted, _Fields] = defaultdict(Counter)
    for row in map(Row.of, items):
        for kind in kinds:
            for counted, fields in _COUNTS[kind](row):
                for name, count in fields.items():
                    total[counted][name] += count
    kept = {counted: {name: count for name, count in fields.items() if count} for counted, fields in total.items()}
    return {counted: fields for counted, fields in kept.items() if fields}


def _agreed(row: Row) -> Iterator[tuple[Counted, _Fields]]:
    for (series, content), judged in row.judged.items():
        labels = _labels_of(row, content)
        fields = _of_pairs(labels, judged, row.doubt)
        judge = series.split(" ")[0]
        beside = [row.baselines.get((f"{judge} ~{name}", content)) for name in ("length", "overlap")]
        baselines = [each.key for each in beside if each is not None]
        fields.update(_by_group(labels, partial(_of_item, judged=judged, baselines=baselines)))
        drawn = [label for label in labels.values() if _drawing(label) in "rd"]
        if drawn:
            fields[_field("drawn", row.doubt)] += 1
        mean = _mean(drawn)
        if mean is not None:
            fields[_field("mean", mean, judged.key, *_level(row.doubt))] += 1
        yield Counted("agreed", series, judged.at_ms // HOUR_MS), fields


def _ceiling(row: Row) -> Iterator[tuple[Counted, _Fields]]:
    for content in {label.content for label in row.labels.values()}:
        labels = _labels_of(row, content)
        yield Counted("ceiling", "", row.first_label_ms // HOUR_MS), _by_group(labels, _of_coders)


def _states(row: Row) -> Iterator[tuple[Counted, _Fields]]:
    if row.labels:
        fields: _Fields = Counter(
            {
                _field("label", "all"): len(row.labels),
                _field("label", "unmatched"): sum(label.content == "" for label in row.labels.values()),
                _field("label", "off_scale"): sum(label.is_off_scale for label in row.labels.values()),
                _field("label", "earlier"): sum(_is_of_earlier_text(row, label) for label in row.labels.values()),
            }
        )
        yield Counted("labels", "", row.first_label_ms // HOUR_MS), fields


def _is_of_earlier_text(row: Row, label: CodedLabel) -> bool:
    """Whether another text was scored after the label's own; of a text without a score, after the label came."""
    if label.is_off_scale or not label.content:
        return False
    times = [(judged.at_ms, content) for (_, content), judged in row.judged.items()]
    own = max((each for each in times if each[1] == label.content), default=None)
    if own is not None:
        return max(times) > own
    return any(at_ms > label.at_ms for at_ms, _ in times)


def _between(row: Row) -> Iterator[tuple[Counted, _Fields]]:
    for ((series, content), judged), ((other, other_content), others) in combinations(sorted(row.judged.items()), 2):
        if content == other_content:
            met = Counted("between", f"{series}|{other}", max(judged.at_ms, others.at_ms) // HOUR_MS)
            yield met, Counter([_field("pair", judged.key, others.key)])


def _panel(row: Row) -> Iterator[tuple[Counted, _Fields]]:
    for judge, content in {(series.split(" ")[0], content) for series, content in row.judged}:
        newest = {}
        in_time = sorted(row.judged.items(), key=lambda each: (each[1].at_ms, each[0][0]))
        for (series, of), judged in in_time:
            if (series.split(" ")[0], of) == (judge, content):
                newest[series.split(" ")[1]] = (_served(series), judged)
        panel = newest.pop("panel", None)
        served = set[str]().union(*(names for names, _ in newest.values()))
        if panel and (served <= panel[0] or all(panel[1].at_ms >= each.at_ms for _, each in newest.values())):
            served = panel[0]
        members = [each for names, each in newest.values() if names <= served]
        if members:
            name = " ".join([judge, *([_quoted(" + ".join(sorted(served)))] if served else [])])
            keys, places = [each.key for each in members], [each.per_cent or 0 for each in members]
            coders = Counter({_field("coders", *words): n for words, n in _coders(keys)})
            coders.update({_field("sums", *words): n for words, n in _coder_sums(keys, places)})
            yield Counted("panel", name, max(each.at_ms for each in members) // HOUR_MS), coders


def _served(series: str) -> set[str]:
    return set(unquote(series.split(" ")[2]).split(" + ")) if series.count(" ") > 1 else set()


def _rest(row: Row) -> Iterator[tuple[Counted, _Fields]]:
    for (series, content), judged in row.judged.items():
        if all(_drawing(label) == "t" for label in _labels_of(row, content).values()):
            name = _field("rest", judged.key, *_level(row.doubt))
            yield Counted("seen", series, judged.at_ms // HOUR_MS), Counter([name])


_COUNTS: dict[CounterKind, Callable[[Row], Iterator[tuple[Counted, _Fields]]]] = {
    "agreed": _agreed,
    "ceiling": _ceiling,
    "between": _between,
    "panel": _panel,
    "seen": _rest,
    "labels": _states,
}


def _labels_of(row: Row, content: str) -> dict[str, CodedLabel]:
    """By annotator, in the order of their names as fields have them: in no other does a mean come out the same."""
    in_order = sorted(row.labels.items(), key=lambda each: _quoted(each[0]))
    return {name: label for name, label in in_order if label.content == content and not label.is_off_scale}


def _drawing(label: CodedLabel) -> str:
    """r for random labels, d for those drawn by doubt with a known probability, t for those picked by hand."""
    if label.selection == "r":
        return "r"
    return "t" if label.probability is None else "d"


def _level(doubt: int) -> tuple[int, ...]:
    """The last word of a field, for items in doubt."""
    return () if doubt == 0 else (doubt,)


def _of_pairs(labels: _Labels, judged: CodedScore, doubt: int) -> _Fields:
    """What is counted of each label by itself."""
    fields: _Fields = Counter()
    for name, label in labels.items():
        drawn = _drawing(label)
        level = () if drawn == "t" else _level(doubt)
        fields[_field("pair", drawn, label.key, judged.key, judged.length, judged.own, *level)] += 1
        fields[_field("annotator", drawn, _quoted(name))] += 1
        if judged.units is not None and label.units is not None:
            x, y = label.units, judged.units
            sums = {"n": 1, "x": x, "y": y, "xx": x * x, "yy": y * y, "xy": x * y, "ad": abs(x - y)}
            fields.update({_field("moment", drawn, which): value for which, value in sums.items()})
    return fields


def _by_group(labels: _Labels, count: Callable[[_Labels], _Parts]) -> _Fields:
    """What is counted of an item's labels together: of the random ones, the targeted ones, and beyond these two."""
    random, targeted = ({name: each for name, each in labels.items() if each.selection == drawn} for drawn in "rt")
    parts = {"r": count(random) if random else Counter(), "t": count(targeted) if targeted else Counter()}
    if random and targeted:
        parts["x"] = count(labels)
        for part in (parts["r"], parts["t"]):
            parts["x"].subtract(part)
    return Counter(
        {_field(word, group, *rest): each for group, part in parts.items() for (word, *rest), each in part.items()}
    )


def _of_item(labels: _Labels, judged: CodedScore, baselines: Sequence[str]) -> _Parts:
    equal = exact_terms([int(label.key == judged.key) for label in labels.values()], 1)
    parts: _Parts = Counter({("item",): 1})
    parts.update(_terms("e", equal))
    if judged.per_cent is not None:
        places = [label.per_cent or 0 for label in labels.values()]
        parts.update(_terms("p", pearson_terms(places, judged.per_cent)))
    for name, wins in _duels(labels, judged).items():
        parts["duel", _quoted(name), str(wins.human - wins.judge)] += 1
    if baselines:
        parts.update(("beside", label.key, judged.key, *baselines) for label in labels.values())
        parts.update({("beside_items", "items"): 1, ("beside_items", "squares"): len(labels) ** 2})
    pairs = list(permutations(labels.values(), 2))
    if pairs:
        parts.update(("rater", one.key, judged.key, other.key) for one, other in pairs)
        parts.update({("rater_items", "items"): 1, ("rater_items", "squares"): len(pairs) ** 2})
    return parts


def _of_coders(labels: _Labels) -> _Parts:
    parts: _Parts = Counter({("item",): 1})
    keys, places = [label.key for label in labels.values()], [label.per_cent or 0 for label in labels.values()]
    parts.update({("coders", *words): n for words, n in _coders(keys)})
    parts.update({("sums", *words): n for words, n in _coder_sums(keys, places)})
    return parts


def _terms(word: str, terms: Sequence[int]) -> _Parts:
    """An item's terms and their products under their places."""
    return Counter({("cluster", f"{word}{place}"): term for place, term in enumerate([*terms, *products_of(terms)])})


def _duels(labels: _Labels, judged: CodedScore) -> dict[str, Wins]:
    """By how far off where there are numbers, else by who says the same."""
    if judged.per_cent is not None and judged.number is not None:
        numbers = {name: label.number for name, label in labels.items() if label.number is not None}
        return duels_of(judged.number, numbers, Alignment.RMSE)
    codes = {key: float(place) for place, key in enumerate({judged.key: 0} | {each.key: 0 for each in labels.values()})}
    return duels_of(codes[judged.key], {name: codes[label.key] for name, label in labels.items()}, Alignment.ACCURACY)


def _coders(keys: Sequence[str]) -> Iterator[tuple[tuple[str, str, str], int]]:
    """The ordered pairs of an item's values: how many coders, two keys in order, and one of the symmetric counts."""
    counts = sorted(Counter(keys).items())
    if len(keys) < 2:
        return
    for place, (key, count) in enumerate(counts):
        yield (str(len(keys)), key, key), count * (count - 1)
        for other, others in counts[place + 1 :]:
            yield (str(len(keys)), key, other), count * others


def _coder_sums(keys: Sequence[str], places: Sequence[int]) -> Iterator[tuple[tuple[str, str], int]]:
    """Of three coders or more: their number, and the products of 1 and the sums over the ordered pairs of two."""
    if len(keys) > 2:
        equal = sum(one == other for one, other in permutations(keys, 2))
        products = sum(one * other for one, other in permutations(places, 2))
        terms = (1, equal, sum(places), sum(place**2 for place in places), products)
        for place, product in enumerate(products_of(terms)):
            yield (str(len(keys)), str(place)), product


def _mean(labels: Sequence[CodedLabel]) -> str | None:
    """Their numbers' mean as a key, None without labels or where one is worth no number."""
    numbers = [label.number for label in labels if label.number is not None]
    return f"{sum(numbers) / len(labels):.10g}" if labels and len(numbers) == len(labels) else None


def _field(*words: object) -> str:
    return "\t".join(map(str, words))


def _quoted(text: str) -> str:
    return quote(text, safe="")
