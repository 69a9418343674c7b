"""Puts, removes and shows labels. Every change of a label changes the counters of agreement in the same atomic step."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from service.agreement.coding import CodedValue, Coding, OffScaleError, written
from service.agreement.contributions import CodedItem, CodedLabel, Selected
from service.agreement.criteria import coding_of_scale, register_scales, scale_for_labels
from service.agreement.item_changes import Relabelled, with_labels, with_recoded_labels, without_label
from service.agreement.recording import MAX_ATTEMPTS
from service.agreement.stored_items import KnownItem, coded_item, item_write, known_item, new_revision
from service.contracts.judges import Judge
from service.contracts.labels import Label, NewLabel
from service.store import clock, counters, criteria, keys, label_queue
from service.store.changes import Change, apply_changes
from service.store.counters import increment
from service.store.errors import BusyError
from service.store.items import StoredItem, load_item, load_states

_AT_ONCE = 500  # labels in one script call
_HALVES = ("random", "targeted")

LabelPlace = tuple[str, str]  # an item's id and a criterion
_Coded = tuple[str, CodedLabel]  # an annotator and the label


class LabelCounts(NamedTuple):
    """`stored` labels are new or differ from the stored ones, `unchanged` ones were stored already."""

    stored: int
    unchanged: int


class OffScaleLabelsError(ValueError):
    """Labels that are not on their criterion's scale: `problems` has (index, field, message)."""

    def __init__(self, problems: list[tuple[int, str, str]]) -> None:
        super().__init__("; ".join(f"{index}: {detail}" for index, _, detail in problems))
        self.problems = problems


async def put_labels(redis: Redis, labels: Sequence[NewLabel], *, keep_s: int) -> LabelCounts:
    """Stores labels. A label replaces the one that its annotator gave before to the same item and criterion.

    Many labels are stored in several steps, and a repeat of all of them is harmless. Raises OffScaleLabelsError, and
    stores nothing, if one is not on its criterion's scale; BusyError if an item changed at each of several attempts.
    """
    names = dict.fromkeys(label.criterion for label in labels)
    scales = {name: await scale_for_labels(redis, name) for name in names}
    coded = _coded(labels, scales)
    stored = 0
    for start in range(0, len(labels), _AT_ONCE):
        end = start + _AT_ONCE
        stored += await _put(redis, labels[start:end], coded[start:end], scales, keep_s)
    return LabelCounts(stored, len(labels) - stored)


async def remove_label(redis: Redis, item_id: str, criterion: str, annotator: str, *, keep_s: int) -> bool:
    """Removes a label and returns whether it was there. Raises BusyError if the item changed at each attempt."""
    [stored] = await load_states(redis, [(item_id, criterion)])
    for _ in range(MAX_ATTEMPTS):
        known = known_item(stored, criterion)
        if annotator not in known.item.labels:
            return False
        change = _change((item_id, criterion), known, without_label(known.item, annotator))
        applied = await apply_changes(redis, [change], keep_s=keep_s)
        if not applied.moved:
            return True
        stored = applied.moved[0]
    raise BusyError(f"the item '{item_id}' changes all the time")


async def labels_of_item(redis: Redis, item_id: str) -> list[Label]:
    """Returns all labels of an item, by criterion and annotator."""
    stored = await load_item(redis, item_id)
    found = [
        _shown(item_id, criterion, annotator, label)
        for criterion, state in stored.states.items()
        for annotator, label in coded_item(state).labels.items()
    ]
    return sorted(found, key=lambda label: (label.criterion, label.annotator))


async def admit_judges(redis: Redis, judges: Sequence[Judge], *, keep_s: int) -> list[tuple[int, str]]:
    """Gives the judges' criteria their scales, and counts the labels that were put before.

    Returns (position, message) for each judge whose criterion has another scale; [] if all fit.
    """
    faults = await register_scales(redis, judges)
    for criterion in dict.fromkeys(judge.criterion for judge in judges):
        await _check_early_labels(redis, criterion, keep_s)
    return faults


async def _check_early_labels(redis: Redis, criterion: str, keep_s: int) -> None:
    """Codes the labels from before the criterion had a scale. Those off the scale stay and are not counted."""
    while item_ids := await criteria.unchecked_items(redis, criterion, _AT_ONCE):
        coding = coding_of_scale(await criteria.stored_scale(redis, criterion))
        if coding is None:  # a ranking's criterion
            return
        places = [(item_id, criterion) for item_id in dict.fromkeys(item_ids)]
        items = dict(zip(places, await load_states(redis, places), strict=True))
        for _ in range(MAX_ATTEMPTS):
            changes = {place: _recoded(place, stored, coding) for place, stored in items.items()}
            items = await _applied(redis, changes, keep_s)
            if not items:
                break
        else:
            raise BusyError(f"the labels on '{criterion}' change all the time")
        await criteria.forget_unchecked(redis, criterion, item_ids)


async def _applied(
    redis: Redis, changes: Mapping[LabelPlace, Change | None], keep_s: int
) -> dict[LabelPlace, StoredItem]:
    """Applies the changes, and returns the items of those that have to be computed again."""
    needed = {place: change for place, change in changes.items() if change is not None}
    if not needed:
        return {}
    applied = await apply_changes(redis, list(needed.values()), keep_s=keep_s)
    places = list(needed)
    return {places[index]: stored for index, stored in applied.moved.items()}


async def _put(
    redis: Redis, labels: Sequence[NewLabel], coded: Sequence[CodedLabel], scales: Mapping[str, str], keep_s: int
) -> int:
    """Stores labels and returns how many were new or different."""
    left = dict.fromkeys(label.place for label in labels)
    places = list(left)
    items = dict(zip(places, await load_states(redis, places), strict=True))
    stored = 0
    for _ in range(MAX_ATTEMPTS):
        given = _by_place(labels, coded)
        relabelled = {place: _with_labels(place, items[place], given[place]) for place in items}
        changes = {
            place: _put_change(place, known_item(items[place], place[1]), each, scales[place[1]])
            for place, each in relabelled.items()
        }
        moved = await _applied(redis, changes, keep_s)
        stored += sum(each.changed for place, each in relabelled.items() if place not in moved)
        if not moved:
            return stored
        items = moved
        scales = {name: await scale_for_labels(redis, name) for name in scales}
        coded = _coded(labels, scales)
    raise BusyError(f"{len(items)} of the items change all the time")


def _by_place(labels: Sequence[NewLabel], coded: Sequence[CodedLabel]) -> dict[LabelPlace, list[_Coded]]:
    found: dict[LabelPlace, list[_Coded]] = {}
    for label, each in zip(labels, coded, strict=True):
        found.setdefault(label.place, []).append((label.annotator, each))
    return found


def _with_labels(place: LabelPlace, stored: StoredItem, labels: Sequence[_Coded]) -> Relabelled:
    known = known_item(stored, place[1])
    return with_labels(known.item, labels, newest_content=known.content, now_ms=clock.now_ms())


def _put_change(place: LabelPlace, known: KnownItem, relabelled: Relabelled, scale: str) -> Change | None:
    """Returns the change of an item, None if all of its labels are stored already."""
    if not relabelled.changed:
        return None
    item_id, criterion = place
    change = _change(place, known, relabelled)
    assert change.item is not None, "a change of labels changes an item"
    series, _, other = increment(counters.LABELS, criterion)
    return change._replace(
        item=change.item._replace(newest_content=known.content, scale=scale),
        metrics=[counters.Increment(series, relabelled.changed, other)],
        members=[] if scale else [(keys.unchecked(criterion), item_id)],
    )


def _recoded(place: LabelPlace, stored: StoredItem, coding: Coding) -> Change | None:
    known = known_item(stored, place[1])
    recoded = {annotator: _recoded_label(coding, label) for annotator, label in known.item.labels.items()}
    relabelled = with_recoded_labels(known.item, recoded)
    return _change(place, known, relabelled) if relabelled.changed else None


def _change(place: LabelPlace, known: KnownItem, relabelled: Relabelled) -> Change:
    """Returns the change of an item, with its place in the label queue."""
    item_id, criterion = place
    after = relabelled.item
    write = item_write(item_id, criterion, known, after, new_revision(), relabelled.increments)
    if after == CodedItem():
        write = write._replace(state="")
    queues = [keys.label_queue(half, criterion) for half in _HALVES]
    if after.labels:
        return Change(item=write, unranked=[] if known.item.labels else [(queue, item_id) for queue in queues])
    place_ = repr(label_queue.random_place(criterion, item_id))
    return Change(item=write, ranked=[(queues[0], 0, place_, item_id)] if after.scores else [])


def _coded(labels: Sequence[NewLabel], scales: Mapping[str, str]) -> list[CodedLabel]:
    """Returns the labels on their criteria's scales. Raises OffScaleLabelsError."""
    codings = {name: coding_of_scale(scale) for name, scale in scales.items()}
    coded, problems = [], []
    for index, label in enumerate(labels):
        coding = codings[label.criterion]
        try:
            value = _without_scale(label) if coding is None else coding.by_person(label.score, label.label)
        except OffScaleError as error:
            problems.append((index, "score" if label.label is None else "label", str(error)))
            continue
        is_score = label.score is not None if coding is None else not coding.is_words
        coded.append(_coded_label(value, "r" if label.selection == "random" else "t", label.probability, is_score))
    if problems:
        raise OffScaleLabelsError(problems)
    return coded


def _without_scale(label: NewLabel) -> CodedValue:
    """Returns the value of a label whose criterion has no scale yet."""
    if label.score is None:
        return CodedValue(label.label or "", None, None, None)
    return CodedValue(written(label.score), label.score, None, None)


def _coded_label(value: CodedValue, selection: Selected, probability: float | None, is_score: bool) -> CodedLabel:
    return CodedLabel(
        key=value.key,
        number=value.number,
        units=value.units,
        per_cent=value.per_cent,
        selection=selection,
        probability=probability,
        is_score=is_score,
    )


def _recoded_label(coding: Coding, label: CodedLabel) -> CodedLabel:
    """Returns a label from before the scale as one on the scale, or marks it as off the scale."""
    score, word = (label.number, None) if label.is_score else (None, label.key)
    try:
        value = coding.by_person(score, word)
    except OffScaleError:
        bare = _coded_label(
            CodedValue(label.key, label.number, None, None), label.selection, label.probability, label.is_score
        )
        return msgspec.structs.replace(bare, is_off_scale=True)
    return _coded_label(value, label.selection, label.probability, not coding.is_words)


def _shown(item_id: str, criterion: str, annotator: str, label: CodedLabel) -> Label:
    at = clock.at(label.at_ms)
    assert at is not None, "every label has its time"
    return Label(
        item_id=item_id,
        criterion=criterion,
        annotator=annotator,
        score=label.number if label.is_score else None,
        label=None if label.is_score else label.key,
        selection="random" if label.selection == "r" else "targeted",
        probability=label.probability,
        created_at=at,
        counted=not label.is_off_scale,
    )
