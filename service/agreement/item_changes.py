"""How judgments and labels change an item, and the increments of the counters that follow. Pure: no Redis, no clock."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec

from service.agreement.coding import CodedValue
from service.agreement.contributions import (
    COUNTER_KINDS,
    HOUR_MS,
    CodedItem,
    CodedLabel,
    CodedScore,
    Contribution,
    CounterGroup,
    CounterKind,
    contribution,
    difference,
)
from service.agreement.counter_fields import field
from service.agreement.evidence import Evidence, OwnText, SeriesValue
from service.agreement.rival_fields import judges_scores
from service.agreement.series_names import group_series, is_baseline, split_series

_Scores = dict[str, dict[str, CodedScore]]  # by content and series

_UNKNOWN = CodedItem()
_MOST_GROUPED = 32  # contents of one item: an id that each nightly run uses again must not grow for ever

# Counted of the item as it is stored; the other kinds keep the scores that it drops.
_LABEL_STATES: tuple[CounterKind, ...] = ("labels",)
_SCORE_KINDS = tuple(kind for kind in COUNTER_KINDS if kind not in _LABEL_STATES)


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
    the labels that came before any. Scores of contents that are not the newest and have neither label nor group are
    dropped from the item and stay in the counters. The first judgment that was answered sets the item's doubt, and so
    does the first of another content while the item has no label.
    """
    if before == _UNKNOWN:
        return _first_judged(evidence, at_ms)
    content = evidence.content
    scores = dict(before.scores.get(content, {}))
    events = evidence.events
    replaced = []
    for series, value, own in evidence.values:
        old = scores.get(series)
        if old is not None and old.at_ms > at_ms:
            continue
        if old is not None and not cached:
            events = [*events, (series, field("repeat", old.key, value.key))]
        scores[series] = _coded_score(value, own, evidence.length, evidence.group, at_ms)
        replaced.append(series)
    labels = _bound(before.labels, content) if before.labels and evidence.is_answered else before.labels
    if labels and replaced and any(label.content == content for label in labels.values()):
        scores = _with_baselines(scores, evidence.baselines())
    all_scores = before.scores | {content: scores} if scores else before.scores
    doubt = evidence.doubt if evidence.is_answered and _is_first(before, content) else before.doubt
    after = CodedItem(labels=labels, scores=all_scores, first_label_ms=before.first_label_ms, doubt=doubt)
    stored = after
    if len(all_scores) > 1:
        kept = {content, newest_content, *(label.content for label in labels.values()), *_grouped(all_scores)}
        stored = _without_old_scores(after, replaced, kept)
    if stored is after:
        increments = difference(contribution(before), contribution(after))
    else:
        increments = difference(contribution(before, _SCORE_KINDS), contribution(after, _SCORE_KINDS))
        increments |= difference(contribution(before, _LABEL_STATES), contribution(stored, _LABEL_STATES))
    _count_events(increments, events, evidence.group, at_ms // HOUR_MS)
    return Judged(stored, increments, _met(judges_scores(scores), replaced) if len(scores) > 1 else {})


def _first_judged(evidence: Evidence, at_ms: int) -> Judged:
    """Returns an item that nothing was known of, after its first judgment: nearly all items have but one."""
    length, group = evidence.length, evidence.group
    doubt = evidence.doubt if evidence.is_answered else 0
    scores = {name: _coded_score(value, own, length, group, at_ms) for name, value, own in evidence.values}
    item = CodedItem(scores={evidence.content: scores} if scores else {}, doubt=doubt)
    values, events = tuple(evidence.values), tuple(evidence.events)
    increments = _increments_of_first(values, events, length, group, doubt, at_ms // HOUR_MS)
    return Judged(item, increments, _met(scores, scores) if len(scores) > 1 else {})


@lru_cache(maxsize=4096)
def _increments_of_first(
    values: tuple[SeriesValue, ...],
    events: tuple[tuple[str, str], ...],
    length: int,
    group: str,
    doubt: int,
    hour: int,
) -> Contribution:
    """Returns the increments of a first judgment, which depend neither on the content nor on the minute."""
    scores = {name: _coded_score(value, own, length, group, hour * HOUR_MS) for name, value, own in values}
    item = CodedItem(scores={"": scores} if scores else {}, doubt=doubt)
    increments = difference({}, contribution(item))
    _count_events(increments, events, group, hour)
    return increments


def _coded_score(value: CodedValue, own: OwnText, length: int, group: str, at_ms: int) -> CodedScore:
    return CodedScore(
        key=value.key,
        number=value.number,
        units=value.units,
        per_cent=value.per_cent,
        at_ms=at_ms,
        length=length,
        own=own,
        group=group,
    )


def _count_events(increments: Contribution, events: Iterable[tuple[str, str]], group: str, hour: int) -> None:
    for series, name in events:
        _count_one(increments, CounterGroup("seen", series, hour), name)
        if group:
            _count_one(increments, CounterGroup("seen", group_series(series, group), hour), name)


def with_labels(
    before: CodedItem,
    labels: Iterable[tuple[str, CodedLabel]],
    *,
    newest_content: str,
    now_ms: int,
    baselines: Sequence[SeriesValue] = (),
) -> Relabelled:
    """Returns the item after these annotators' labels were put one after the other.

    A label is about the item's newest content, or about the first that will be judged if `newest_content` is empty.
    A label that is already there with the same value, selection, probability, comment and content is left as it is.
    `baselines` are the baselines' scores of the newest content, if that is judged and lacks them.
    """
    after, changed, replaced = dict(before.labels), 0, 0
    for annotator, label in labels:
        old = after.get(annotator)
        new = msgspec.structs.replace(label, content=newest_content, at_ms=now_ms)
        if old is None or _as_sent(old, now_ms) != new:
            after[annotator] = new
            changed += 1
            replaced += old is not None
    scores = before.scores
    if baselines and newest_content in scores:
        scores = scores | {newest_content: _with_baselines(scores[newest_content], baselines)}
    return _relabelled(before, after, changed, now_ms, scores)._replace(replaced=replaced)


def with_promoted_labels(before: CodedItem) -> Relabelled:
    """Returns the item with its targeted labels as random ones: the random half of the label queue has come to it."""
    after = {
        name: msgspec.structs.replace(label, selection="r", is_promoted=True) if label.selection == "t" else label
        for name, label in before.labels.items()
    }
    return _relabelled(before, after, sum(label != before.labels[name] for name, label in after.items()), 0)


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


def baselines_lacking(item: CodedItem, content: str) -> set[str]:
    """Returns the judges, by their names in counters, that scored the content and whose baselines are not known."""
    scores = item.scores.get(content, {})
    names = {split_series(series) for series in scores}
    return {each.token for each in names} - {each.token for each in names if is_baseline(each.model)}


def _as_sent(label: CodedLabel, now_ms: int) -> CodedLabel:
    """Returns the label as its annotator sent it, as if it had come now."""
    selection = "t" if label.is_promoted else label.selection
    return msgspec.structs.replace(label, at_ms=now_ms, selection=selection, is_promoted=False)


def _relabelled(
    before: CodedItem, labels: dict[str, CodedLabel], changed: int, now_ms: int, scores: _Scores | None = None
) -> Relabelled:
    """Only a labelled item has scores of baselines."""
    first_label_ms = (before.first_label_ms or now_ms) if labels else 0
    scores = before.scores if scores is None else scores
    if not labels:
        scores = {content: dict(judged) for content, theirs in scores.items() if (judged := judges_scores(theirs))}
    after = msgspec.structs.replace(before, labels=labels, scores=scores, first_label_ms=first_label_ms)
    return Relabelled(after, difference(contribution(before), contribution(after)), changed)


def _count_one(increments: Contribution, group: CounterGroup, name: str) -> None:
    fields = increments.setdefault(group, {})
    fields[name] = fields.get(name, 0) + 1


def _grouped(scores: Mapping[str, Mapping[str, CodedScore]]) -> list[str]:
    """Returns the contents that belong to a group, which comparisons of groups need; only the newest if many do."""
    times = {
        content: max(score.at_ms for score in theirs.values())
        for content, theirs in scores.items()
        if any(score.group for score in theirs.values())
    }
    return sorted(times, key=times.__getitem__, reverse=True)[:_MOST_GROUPED]


def _is_first(before: CodedItem, content: str) -> bool:
    """Whether no judgment has set the doubt about this content yet, and no label rests on the doubt about another."""
    if not before.scores:
        return not before.doubt  # the first judgment may have been without a score
    return content not in before.scores and not any(label.is_matched for label in before.labels.values())


def _bound(labels: dict[str, CodedLabel], content: str) -> dict[str, CodedLabel]:
    """Gives the content to the labels that have none."""
    return {
        name: label if label.content else msgspec.structs.replace(label, content=content)
        for name, label in labels.items()
    }


def _without_old_scores(item: CodedItem, series: Iterable[str], kept: set[str]) -> CodedItem:
    """Drops the scores of these series' models, of any served model, of the contents that are not among `kept`."""
    if item.scores.keys() <= kept:
        return item
    dropped = {split_series(each)[:2] for each in series}
    scores = defaultdict[str, dict[str, CodedScore]](dict)
    for content, theirs in item.scores.items():
        for name, score in theirs.items():
            if content in kept or split_series(name)[:2] not in dropped:
                scores[content][name] = score
    return msgspec.structs.replace(
        item, scores={content: each for content, each in scores.items() if judges_scores(each)}
    )


def _with_baselines(scores: Mapping[str, CodedScore], baselines: Iterable[SeriesValue]) -> dict[str, CodedScore]:
    """Returns the scores of a content with those of the baselines, at the time of the newest."""
    at_ms = max(score.at_ms for score in scores.values())
    known = {name: CodedScore(**value._asdict(), at_ms=at_ms) for name, value, _ in baselines}
    return {**scores, **known}


def _met(scores: Mapping[str, CodedScore], replaced: Iterable[str]) -> dict[tuple[str, str], int]:
    return {
        (min(mine, other), max(mine, other)): max(scores[mine].at_ms, scores[other].at_ms)
        for mine in replaced
        for other in scores
        if other != mine
    }
