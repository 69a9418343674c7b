"""How judgments and labels change an item, and the increments of the counters that follow. Pure: no Redis, no clock."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import msgspec

from service.agreement.contributions import (
    HOUR_MS,
    CodedItem,
    CodedLabel,
    CodedScore,
    Contribution,
    CounterGroup,
    contribution,
    difference,
)
from service.agreement.counter_fields import field
from service.agreement.evidence import Evidence


class Judged(NamedTuple):
    """An item after a judgment.

    `met` has the pairs of series that scored the same content, each with the later of the two times in milliseconds.
    """

    item: CodedItem
    increments: Contribution
    met: dict[tuple[str, str], int]


class Relabelled(NamedTuple):
    """An item after labels were put or removed, how many of them were new, different or removed, and how many replaced.

    A label is replaced if the same annotator's was there and differs.
    """

    item: CodedItem
    increments: Contribution
    changed: int
    replaced: int = 0


def with_judgment(before: CodedItem, evidence: Evidence, *, newest_content: str, at_ms: int, cached: bool) -> Judged:
    """Returns the item after a judgment of the content `evidence.content`, which ended at `at_ms`.

    A score replaces an older one of the same series and content. A judgment that was answered gives its content to
    the labels that came before any. Scores of contents that are not the newest and have no label are dropped from the
    item and stay in the counters.
    """
    content = evidence.content
    scores = dict(before.scores.get(content, {}))
    events = Counter(evidence.events)
    replaced = []
    for series, value, own in evidence.values:
        old = scores.get(series)
        if old is not None and old.at_ms > at_ms:
            continue
        if old is not None and not cached:
            events[series, field("repeat", old.key, value.key)] += 1
        scores[series] = CodedScore(
            key=value.key,
            number=value.number,
            units=value.units,
            per_cent=value.per_cent,
            at_ms=at_ms,
            length=evidence.length,
            own=own,
        )
        replaced.append(series)
    labels = _bound(before.labels, content) if evidence.is_answered else before.labels
    all_scores = before.scores | {content: scores} if scores else before.scores
    after = CodedItem(labels=labels, scores=all_scores, first_label_ms=before.first_label_ms)
    increments = difference(contribution(before), contribution(after))
    for (series, name), count in events.items():
        fields = increments.setdefault(CounterGroup("seen", series, at_ms // HOUR_MS), {})
        fields[name] = fields.get(name, 0) + count
    kept = {content, newest_content, *(label.content for label in labels.values())}
    return Judged(_without_old_scores(after, replaced, kept), increments, _met(scores, replaced))


def with_labels(
    before: CodedItem, labels: Iterable[tuple[str, CodedLabel]], *, newest_content: str, now_ms: int
) -> Relabelled:
    """Returns the item after these annotators' labels were put one after the other.

    A label is about the item's newest content, or about the first that will be judged if `newest_content` is empty.
    A label that is already there with the same value, selection, probability, comment and content is left as it is.
    """
    after, changed, replaced = dict(before.labels), 0, 0
    for annotator, label in labels:
        old = after.get(annotator)
        new = msgspec.structs.replace(label, content=newest_content, at_ms=now_ms)
        if old is None or msgspec.structs.replace(old, at_ms=now_ms) != new:
            after[annotator] = new
            changed += 1
            replaced += old is not None
    return _relabelled(before, after, changed, now_ms)._replace(replaced=replaced)


def without_labels(before: CodedItem, annotators: Collection[str]) -> Relabelled:
    """Returns the item without these annotators' labels."""
    after = {name: label for name, label in before.labels.items() if name not in annotators}
    return _relabelled(before, after, len(before.labels) - len(after), 0)


def with_recoded_labels(before: CodedItem, recoded: Mapping[str, CodedLabel]) -> Relabelled:
    """Returns the item with its labels written anew on another scale; their contents and times stay."""
    after = {
        name: msgspec.structs.replace(recoded[name], content=label.content, at_ms=label.at_ms)
        for name, label in before.labels.items()
    }
    return _relabelled(before, after, sum(label != before.labels[name] for name, label in after.items()), 0)


def _relabelled(before: CodedItem, labels: dict[str, CodedLabel], changed: int, now_ms: int) -> Relabelled:
    first_label_ms = (before.first_label_ms or now_ms) if labels else 0
    after = CodedItem(labels=labels, scores=before.scores, first_label_ms=first_label_ms)
    return Relabelled(after, difference(contribution(before), contribution(after)), changed)


def _bound(labels: dict[str, CodedLabel], content: str) -> dict[str, CodedLabel]:
    """Gives the content to the labels that have none."""
    return {
        name: label if label.content else msgspec.structs.replace(label, content=content)
        for name, label in labels.items()
    }


def _without_old_scores(item: CodedItem, series: Iterable[str], kept: set[str]) -> CodedItem:
    """Drops these series' scores of the contents that are not among `kept`."""
    if item.scores.keys() <= kept:
        return item
    dropped = set(series)
    scores = defaultdict[str, dict[str, CodedScore]](dict)
    for content, theirs in item.scores.items():
        for name, score in theirs.items():
            if content in kept or name not in dropped:
                scores[content][name] = score
    return msgspec.structs.replace(item, scores=dict(scores))


def _met(scores: Mapping[str, CodedScore], replaced: Iterable[str]) -> dict[tuple[str, str], int]:
    return {
        (min(mine, other), max(mine, other)): max(scores[mine].at_ms, scores[other].at_ms)
        for mine in replaced
        for other in scores
        if other != mine
    }
