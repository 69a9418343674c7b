"""How much one item adds to the counters of agreement, computed from its labels and its scores on one criterion.

The counters are hashes of integers, one hash for each kind, series and bucket of time:

    agreed   of a series: pairs of a label and a score, the same with the baselines' scores and with a second label
             (see `rivals.py`), and the sums over items that intervals need
    seen     of a series: the field `rest` counts scores of items without a drawn label. (The other fields of this kind
             count events, which an item's present state does not tell: see `item_changes.py`.)
    between  of two series: pairs of scores of the same content
    panel    of a judge and its models' served models: pairs of the newest scores that its models gave to a content
    ceiling  of the criterion: pairs of labels of the same content
    labels   of the criterion: its labels, those of items that nobody has judged, those off the scale, and those of
             earlier texts of their items

A label is drawn if its item was taken at random, or by the label queue with a known probability; the others were picked
by hand. The fields that labels are weighted by (`pair` and `mean` of drawn labels, `rest`) end with the item's level of
doubt unless it is 0, and `drawn` counts the items of each level.

`contribution` is a pure function. A change of an item changes the counters by `contribution(after)` minus
`contribution(before)`, and `judged rebuild` adds up the contributions of all items.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from itertools import combinations
from typing import Literal, NamedTuple

import msgspec

from service.agreement.counter_fields import field
from service.agreement.evidence import OwnText
from service.agreement.rival_fields import baseline_keys, judges_scores, rival_fields
from service.agreement.series_names import PANEL, panel_series, served_apart, served_together, split_series
from service.contracts.names import quoted
from service.stats.duels import Alignment, duels_of
from service.stats.item_terms import coder_products, exact_terms, pearson_terms, products_of

HOUR_MS = 3_600_000

CounterKind = Literal["agreed", "ceiling", "between", "panel", "seen", "labels"]
Selected = Literal["r", "t"]  # at random, targeted
Drawing = Literal["r", "d", "t"]  # at random, drawn by doubt with a known probability, picked by hand
COUNTER_KINDS: tuple[CounterKind, ...] = ("agreed", "ceiling", "between", "panel", "seen", "labels")
LABEL_KINDS: tuple[CounterKind, ...] = ("agreed", "ceiling", "labels")  # those that are empty without labels


class CodedLabel(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """An annotator's label; the first four fields are those of `coding.CodedValue`.

    `selection` is r (random) or t (targeted). `content` is the digest of the texts that the label is about, empty until
    the item is judged. A label that `is_off_scale` is not counted. `is_score` tells whether it was given as a score or
    as a word. `is_promoted` means that it was sent as targeted, and that the random half has come to its item since.
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
    is_promoted: bool = False

    @property
    def drawing(self) -> Drawing:
        """How the item was taken to be labelled."""
        return "d" if self.selection == "t" and self.probability is not None else self.selection

    @property
    def is_matched(self) -> bool:
        """Whether the item has been judged, or is being judged."""
        return bool(self.content)


class CodedScore(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The newest score that a series gave to a content; the first four fields are those of `coding.CodedValue`.

    `length` is the bucket of the judged text's length, 0 to 13. `own` tells whether the text is by the judge's own
    family of models: y, n, or empty if unknown. `group` is the item's group, empty if it has none.
    """

    key: str
    number: float | None
    units: int | None
    per_cent: int | None
    at_ms: int
    length: int = 0
    own: OwnText = ""
    group: str = ""


class CodedItem(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The labels of an item by annotator, and its scores by content digest and series, all on one criterion.

    The scores of a labelled content have those of the baselines among them, as series of their own.
    `first_label_ms` is the time since which the item has had a label, 0 without labels. `doubt` is the level of doubt
    (`doubt.py`) about the first judgment that was answered.
    """

    labels: dict[str, CodedLabel] = {}
    scores: dict[str, dict[str, CodedScore]] = {}
    first_label_ms: int = 0
    doubt: int = 0

    @property
    def is_answered(self) -> bool:
        """Whether a judgment of the item was answered."""
        return bool(self.scores or self.doubt)

    @property
    def current_labels(self) -> dict[str, CodedLabel]:
        """The labels that count and are about the newest text: the one scored last, or a newer one without a score.

        Labels of earlier texts are no labels of the newest one, and the item is to be labelled again.
        """
        if not self.labels:
            return {}
        times = {
            content: max(each.at_ms for each in scores.values()) for content, scores in self.scores.items() if scores
        }
        newest = max(times, key=lambda content: (times[content], content), default="")
        last_ms = times.get(newest, 0)
        return {
            name: label
            for name, label in self.labels.items()
            if not label.is_off_scale
            and (label.content == newest or (label.content not in times and label.at_ms >= last_ms))
        }


class CounterGroup(NamedTuple):
    """Names the counters of a kind and series in one hour; `hour` counts from the epoch."""

    kind: CounterKind
    series: str
    hour: int


class _Newest(NamedTuple):
    """A model's newest score of a content, and the served model that gave it."""

    served: str
    score: CodedScore


Contribution = dict[CounterGroup, dict[str, int]]
_Fields = defaultdict[str, int]
_Found = defaultdict[CounterGroup, _Fields]
_Labels = Sequence[tuple[str, CodedLabel]]  # with the annotator's name as fields have it, in its order


def contribution(item: CodedItem, kinds: Collection[CounterKind] = COUNTER_KINDS) -> Contribution:
    """Returns the integers that the item adds to each field of each group of counters, of these kinds only."""
    if not item.scores and not item.labels:
        return {}
    found: _Found = defaultdict(_no_fields)
    labels_by_content = _labels_by_content(item) if item.labels else {}
    for content, scores in item.scores.items():
        labels = labels_by_content.get(content, ())
        is_rest = all(label.drawing == "t" for _, label in labels)
        own = judges_scores(scores)
        for series, score in own.items():
            if labels and "agreed" in kinds:
                fields = found[CounterGroup("agreed", series, score.at_ms // HOUR_MS)]
                _add_agreed(fields, labels, score, item.doubt)
                _add_rivals(fields, labels, score, baseline_keys(scores, series))
            if is_rest and "seen" in kinds:
                rest = _at_level(field("rest", score.key), item.doubt)
                found[CounterGroup("seen", series, score.at_ms // HOUR_MS)][rest] += 1
        if len(own) > 1 and "between" in kinds:
            _add_between(found, own)
        if len(own) > 1 and "panel" in kinds:
            _add_panels(found, own)
    for labels in labels_by_content.values() if "ceiling" in kinds else ():
        _add_ceiling(found[CounterGroup("ceiling", "", item.first_label_ms // HOUR_MS)], labels)
    if item.labels and "labels" in kinds:
        _add_states(found[CounterGroup("labels", "", item.first_label_ms // HOUR_MS)], item)
    return {group: dict(fields) for group, fields in found.items()}


def difference(before: Contribution, after: Contribution) -> Contribution:
    """Returns `after` minus `before`, without fields that are 0."""
    if not before:
        return {group: kept for group, fields in after.items() if (kept := without_zeros(fields))}
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


def mean_key(numbers: Sequence[float | None]) -> str | None:
    """Returns the mean of one number or more as a key, None if one of them is None."""
    known = [number for number in numbers if number is not None]
    return f"{sum(known) / len(known):.10g}" if len(known) == len(numbers) else None


def _no_fields() -> _Fields:
    return defaultdict(int)


def _labels_by_content(item: CodedItem) -> dict[str, list[tuple[str, CodedLabel]]]:
    """Returns the labels that count. Their order is fixed: a mean of floats depends on it."""
    found: defaultdict[str, list[tuple[str, CodedLabel]]] = defaultdict(list)
    for name, label in sorted((quoted(annotator), label) for annotator, label in item.labels.items()):
        if not label.is_off_scale:
            found[label.content].append((name, label))
    return found


def _at_level(name: str, level: int) -> str:
    return f"{name}\t{level}" if level else name


def _add_agreed(fields: _Fields, labels: _Labels, score: CodedScore, level: int) -> None:
    cell = f"{score.key}\t{score.length}\t{score.own}"
    for name, label in labels:
        drawing = label.drawing
        fields[_at_level(f"pair\t{drawing}\t{label.key}\t{cell}", 0 if drawing == "t" else level)] += 1
        fields[f"annotator\t{drawing}\t{name}"] += 1
        if label.units is not None and score.units is not None:
            _add_moments(fields, drawing, label.units, score.units)
    for group, sign, members in _groups(labels):
        fields[f"item\t{group}"] += sign
        _add_terms(fields, group, "e", exact_terms([int(each.key == score.key) for _, each in members], 1), sign)
        if score.per_cent is not None:
            places = [each.per_cent or 0 for _, each in members]
            _add_terms(fields, group, "p", pearson_terms(places, score.per_cent), sign)
        _add_duels(fields, group, members, score, sign)
    drawn = [label for _, label in labels if label.drawing != "t"]
    if drawn:
        fields[f"drawn\t{level}"] += 1
        mean = mean_key([label.number for label in drawn])
        if mean is not None:
            fields[_at_level(f"mean\t{mean}\t{score.key}", level)] += 1


def _add_rivals(fields: _Fields, labels: _Labels, score: CodedScore, baselines: Sequence[str]) -> None:
    for group, sign, members in _groups(labels):
        for name, count in rival_fields(group, [label.key for _, label in members], score.key, baselines):
            fields[name] += sign * count


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
    values = (*terms, *products_of(terms))
    for name, value in zip(_term_names(group, word, len(values)), values, strict=True):
        if value:
            fields[name] += sign * value


@cache
def _term_names(group: str, word: str, size: int) -> tuple[str, ...]:
    return tuple(f"cluster\t{group}\t{word}{place}" for place in range(size))


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


def _add_between(found: _Found, scores: Mapping[str, CodedScore]) -> None:
    for (first, one), (second, other) in combinations(sorted(scores.items()), 2):
        hour = max(one.at_ms, other.at_ms) // HOUR_MS
        found[CounterGroup("between", f"{first}|{second}", hour)][field("pair", one.key, other.key)] += 1


def _add_panels(found: _Found, scores: Mapping[str, CodedScore]) -> None:
    for judge, newest in _newest_scores(scores).items():
        panel = newest.pop(PANEL, None)
        served, members = _of_one_panel(panel, newest)
        if len(members) > 1:
            hour = max(score.at_ms for score in members) // HOUR_MS
            fields = found[CounterGroup("panel", panel_series(judge, served), hour)]
            keys, places = [score.key for score in members], [score.per_cent or 0 for score in members]
            _add_coders(fields, "coders", keys, 1)
            _add_coder_sums(fields, "sums", keys, places, 1)


def _newest_scores(scores: Mapping[str, CodedScore]) -> dict[str, dict[str, _Newest]]:
    """Returns the newest score of each model, and its served model, by judge. The order of `scores` does not matter."""
    found: defaultdict[str, dict[str, _Newest]] = defaultdict(dict)
    for series, score in scores.items():
        token, model, served = split_series(series)
        known = found[token].get(model)
        if known is None or (known.score.at_ms, known.served) < (score.at_ms, served):
            found[token][model] = _Newest(served, score)
    return found


def _of_one_panel(panel: _Newest | None, newest: Mapping[str, _Newest]) -> tuple[str, list[CodedScore]]:
    """Returns the served models of a panel together, and the scores of those of its models that answered as these.

    The newest verdict of the panel tells them: it also names the served models that gave no score. Without one, or if
    another served model has answered since, they are those of the newest scores.
    """
    named = {name for each in newest.values() for name in served_apart(each.served)}
    last_ms = max((each.score.at_ms for each in newest.values()), default=0)
    served = served_together(named)
    if panel is not None and (panel.score.at_ms >= last_ms or named.issubset(served_apart(panel.served))):
        served = panel.served
    known = set(served_apart(served))
    return served, [each.score for each in newest.values() if known.issuperset(served_apart(each.served))]


def _add_ceiling(fields: _Fields, labels: _Labels) -> None:
    for group, sign, members in _groups(labels):
        fields[f"item\t{group}"] += sign
        keys, places = [label.key for _, label in members], [label.per_cent or 0 for _, label in members]
        _add_coders(fields, f"coders\t{group}", keys, sign)
        _add_coder_sums(fields, f"sums\t{group}", keys, places, sign)


def _add_states(fields: _Fields, item: CodedItem) -> None:
    current = item.current_labels
    for name, label in item.labels.items():
        fields["label\tall"] += 1
        if not label.is_matched:
            fields["label\tunmatched"] += 1
        if label.is_off_scale:
            fields["label\toff_scale"] += 1
        elif label.is_matched and name not in current:
            fields["label\tearlier"] += 1


def _add_coders(fields: _Fields, prefix: str, keys: Sequence[str], sign: int) -> None:
    """Adds the ordered pairs of the coders' values, of each two symmetric cells the one with its keys in order."""
    counts = sorted(Counter(keys).items())
    for place, (key, count) in enumerate(counts):
        if count > 1:
            fields[f"{prefix}\t{len(keys)}\t{key}\t{key}"] += sign * count * (count - 1)
        for other, others in counts[place + 1 :]:
            fields[f"{prefix}\t{len(keys)}\t{key}\t{other}"] += sign * count * others


def _add_coder_sums(fields: _Fields, prefix: str, keys: Sequence[str], places: Sequence[int], sign: int) -> None:
    """Adds the sums over items of three coders or more that intervals need: see `ordered_pairs.py`."""
    if len(keys) > 2:
        for place, product in enumerate(coder_products(keys, places)):
            if product:
                fields[f"{prefix}\t{len(keys)}\t{place}"] += sign * product
