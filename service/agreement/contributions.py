"""How much one item adds to the counters of agreement, computed from its labels and its scores on one criterion.

The counters are hashes of integers, one hash for each kind, series and bucket of time:

    agreed   of a series: pairs of a label and a score, and the sums over items that intervals need
    seen     of a series: the field `rest` counts scores of items without a random label. (The other fields of this kind
             count events, which an item's present state does not tell: see `item_changes.py`.)
    between  of two series: pairs of scores of the same content
    panel    of a judge: pairs of scores that its models gave to the same content
    ceiling  of the criterion: pairs of labels of the same content
    labels   of the criterion: its labels, those of items that nobody has judged, and those off the scale

`contribution` is a pure function. A change of an item changes the counters by `contribution(after)` minus
`contribution(before)`, and `judged rebuild` adds up the contributions of all items.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Literal, NamedTuple

import msgspec

from service.agreement.counter_fields import field
from service.agreement.evidence import PANEL, OwnText
from service.contracts.quoting import quoted
from service.stats.alt_test import Alignment, duels_of
from service.stats.clustered import exact_terms, pearson_terms, products_of

HOUR_MS = 3_600_000

CounterKind = Literal["agreed", "ceiling", "between", "panel", "seen", "labels"]
Selected = Literal["r", "t"]  # at random, targeted
COUNTER_KINDS: tuple[CounterKind, ...] = ("agreed", "ceiling", "between", "panel", "seen", "labels")
LABEL_KINDS: tuple[CounterKind, ...] = ("agreed", "ceiling", "labels")  # those that are empty without labels


class CodedLabel(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """An annotator's label; the first four fields are those of `coding.CodedValue`.

    `selection` is r (random) or t (targeted). `content` is the digest of the texts that the label is about, empty until
    the item is judged. A label that `is_off_scale` is not counted. `is_score` tells whether it was given as a score or
    as a word.
    """

    key: str
    number: float | None
    units: int | None
    per_cent: int | None
    selection: Selected = "r"
    probability: float | None = None
    content: str = ""
    at_ms: int = 0
    is_off_scale: bool = False
    is_score: bool = True
    comment: str = ""

    @property
    def is_matched(self) -> bool:
        """Whether the item has been judged, or is being judged."""
        return bool(self.content)


class CodedScore(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The newest score that a series gave to a content; the first four fields are those of `coding.CodedValue`.

    `length` is the bucket of the judged text's length, 0 to 13. `own` tells whether the text is by the judge's own
    family of models: y, n, or empty if unknown.
    """

    key: str
    number: float | None
    units: int | None
    per_cent: int | None
    at_ms: int
    length: int = 0
    own: OwnText = ""


class CodedItem(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The labels of an item by annotator, and its scores by content digest and series, all on one criterion.

    `first_label_ms` is the time since which the item has had a label, 0 without labels.
    """

    labels: dict[str, CodedLabel] = {}
    scores: dict[str, dict[str, CodedScore]] = {}
    first_label_ms: int = 0


class CounterGroup(NamedTuple):
    """Names the counters of a kind and series in one hour; `hour` counts from the epoch."""

    kind: CounterKind
    series: str
    hour: int


Contribution = dict[CounterGroup, dict[str, int]]
_Fields = defaultdict[str, int]
_Found = defaultdict[CounterGroup, _Fields]
_Labels = Sequence[tuple[str, CodedLabel]]  # with the annotator's name as fields have it, in its order


def contribution(item: CodedItem) -> Contribution:
    """Returns the integers that the item adds to each field of each group of counters."""
    found: _Found = defaultdict(_no_fields)
    labels_by_content = _labels_by_content(item)
    for content, scores in item.scores.items():
        labels = labels_by_content.get(content, ())
        is_rest = all(label.selection != "r" for _, label in labels)
        for series, score in scores.items():
            if labels:
                _add_agreed(found[CounterGroup("agreed", series, score.at_ms // HOUR_MS)], labels, score)
            if is_rest:
                found[CounterGroup("seen", series, score.at_ms // HOUR_MS)][field("rest", score.key)] += 1
        if len(scores) > 1:
            _add_between(found, scores)
            _add_panels(found, scores)
    for labels in labels_by_content.values():
        _add_ceiling(found[CounterGroup("ceiling", "", item.first_label_ms // HOUR_MS)], labels)
    if item.labels:
        _add_states(found[CounterGroup("labels", "", item.first_label_ms // HOUR_MS)], item.labels.values())
    return {group: dict(fields) for group, fields in found.items()}


def difference(before: Contribution, after: Contribution) -> Contribution:
    """Returns `after` minus `before`, without fields that are 0."""
    result = {group: dict(fields) for group, fields in after.items()}
    for group, fields in before.items():
        mine = result.setdefault(group, {})
        for name, count in fields.items():
            mine[name] = mine.get(name, 0) - count
    return {group: kept for group, fields in result.items() if (kept := without_zeros(fields))}


def total(contributions: Iterable[Contribution], kind: CounterKind, series: str) -> dict[str, int]:
    """Returns the sum of a kind's counters of one series over all hours, without fields that are 0."""
    fields = _no_fields()
    for each in contributions:
        for group, counts in each.items():
            if group.kind == kind and group.series == series:
                for name, count in counts.items():
                    fields[name] += count
    return without_zeros(fields)


def without_zeros(fields: Mapping[str, int]) -> dict[str, int]:
    """Returns the fields that are not 0."""
    return {name: count for name, count in fields.items() if count}


def _no_fields() -> _Fields:
    return defaultdict(int)


def _labels_by_content(item: CodedItem) -> dict[str, list[tuple[str, CodedLabel]]]:
    """Returns the labels that count. Their order is fixed: a mean of floats depends on it."""
    found: defaultdict[str, list[tuple[str, CodedLabel]]] = defaultdict(list)
    for name, label in sorted((quoted(annotator), label) for annotator, label in item.labels.items()):
        if not label.is_off_scale:
            found[label.content].append((name, label))
    return found


def _add_agreed(fields: _Fields, labels: _Labels, score: CodedScore) -> None:
    cell = f"{score.key}\t{score.length}\t{score.own}"
    for name, label in labels:
        fields[f"pair\t{label.selection}\t{label.key}\t{cell}"] += 1
        fields[f"annotator\t{label.selection}\t{name}"] += 1
        if label.units is not None and score.units is not None:
            _add_moments(fields, label.selection, label.units, score.units)
    for group, sign, members in _groups(labels):
        fields[f"item\t{group}"] += sign
        _add_terms(fields, group, "e", exact_terms([int(each.key == score.key) for _, each in members], 1), sign)
        if score.per_cent is not None:
            places = [each.per_cent or 0 for _, each in members]
            _add_terms(fields, group, "p", pearson_terms(places, score.per_cent), sign)
        _add_duels(fields, group, members, score, sign)
    mean = _random_mean(labels)
    if mean is not None:
        fields[f"mean\t{mean}\t{score.key}"] += 1


def _groups(labels: _Labels) -> list[tuple[str, int, _Labels]]:
    """Returns (group, sign, labels): the counts of all labels together are those of the groups r, t and x added up."""
    random = [each for each in labels if each[1].selection == "r"]
    targeted = [each for each in labels if each[1].selection == "t"]
    if not targeted:
        return [("r", 1, random)]
    if not random:
        return [("t", 1, targeted)]
    return [("r", 1, random), ("t", 1, targeted), ("x", 1, labels), ("x", -1, random), ("x", -1, targeted)]


def _add_moments(fields: _Fields, group: str, x: int, y: int) -> None:
    for name, value in (("n", 1), ("x", x), ("y", y), ("xx", x * x), ("yy", y * y), ("xy", x * y), ("ad", abs(x - y))):
        fields[f"moment\t{group}\t{name}"] += value


def _add_terms(fields: _Fields, group: str, word: str, terms: Sequence[int], sign: int) -> None:
    """Adds an item's terms and their products: see `clustered.py`."""
    for place, term in enumerate((*terms, *products_of(terms))):
        if term:
            fields[f"cluster\t{group}\t{word}{place}"] += sign * term


def _add_duels(fields: _Fields, group: str, labels: _Labels, score: CodedScore, sign: int) -> None:
    """Adds the alternative annotator test's duels: by distance if the scale has numbers, else by equality."""
    if len(labels) < 2:
        return
    if score.per_cent is not None and score.number is not None:
        numbers = {name: label.number for name, label in labels if label.number is not None}
        duels = duels_of(score.number, numbers, Alignment.RMSE)
    else:
        codes: dict[str, float] = {score.key: 0.0}
        by_name = {name: codes.setdefault(label.key, float(len(codes))) for name, label in labels}
        duels = duels_of(0.0, by_name, Alignment.ACCURACY)
    for name, wins in duels.items():
        fields[f"duel\t{group}\t{name}\t{wins.human - wins.judge}"] += sign


def _random_mean(labels: _Labels) -> str | None:
    """Returns the mean of the random labels as a key, None if there is none or one of them has no number."""
    numbers = [label.number for _, label in labels if label.selection == "r"]
    known = [number for number in numbers if number is not None]
    return f"{sum(known) / len(known):.10g}" if known and len(known) == len(numbers) else None


def _add_between(found: _Found, scores: Mapping[str, CodedScore]) -> None:
    for (first, one), (second, other) in combinations(sorted(scores.items()), 2):
        hour = max(one.at_ms, other.at_ms) // HOUR_MS
        found[CounterGroup("between", f"{first}|{second}", hour)][field("pair", one.key, other.key)] += 1


def _add_panels(found: _Found, scores: Mapping[str, CodedScore]) -> None:
    members: defaultdict[str, list[CodedScore]] = defaultdict(list)
    for series, score in scores.items():
        judge, _, model = series.partition(" ")
        if model != PANEL:
            members[judge].append(score)
    for judge, theirs in members.items():
        if len(theirs) > 1:
            hour = max(score.at_ms for score in theirs) // HOUR_MS
            _add_coders(found[CounterGroup("panel", judge, hour)], "coders", [score.key for score in theirs], 1)


def _add_ceiling(fields: _Fields, labels: _Labels) -> None:
    for group, sign, members in _groups(labels):
        fields[f"item\t{group}"] += sign
        _add_coders(fields, f"coders\t{group}", [label.key for _, label in members], sign)


def _add_states(fields: _Fields, labels: Iterable[CodedLabel]) -> None:
    for label in labels:
        fields["label\tall"] += 1
        if not label.is_matched:
            fields["label\tunmatched"] += 1
        if label.is_off_scale:
            fields["label\toff_scale"] += 1


def _add_coders(fields: _Fields, prefix: str, keys: Sequence[str], sign: int) -> None:
    """Adds the ordered pairs of the coders' values, of each two symmetric cells the one with its keys in order."""
    counts = sorted(Counter(keys).items())
    for place, (key, count) in enumerate(counts):
        if count > 1:
            fields[f"{prefix}\t{len(keys)}\t{key}\t{key}"] += sign * count * (count - 1)
        for other, others in counts[place + 1 :]:
            fields[f"{prefix}\t{len(keys)}\t{key}\t{other}"] += sign * count * others
