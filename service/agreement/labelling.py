"""Puts, removes and shows labels. Every change of a label changes the counters of agreement in the same atomic step."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from redis.asyncio import Redis

from service.agreement.coding import CodedValue, OffScaleError, written
from service.agreement.contributions import CodedLabel
from service.agreement.criteria import LabelScale, scale_for_labels
from service.agreement.evidence import SeriesValue, baseline_values
from service.agreement.item_changes import Relabelled, baselines_lacking, with_labels
from service.agreement.label_changes import LabelPlace, applied_changes, label_change
from service.agreement.promotion import promote_labels
from service.agreement.recording import MAX_ATTEMPTS
from service.agreement.series_names import token_of
from service.agreement.stored_items import KnownItem, coded_item, known_item
from service.contracts.items import content_digest
from service.contracts.labels import Label, NewLabel
from service.contracts.pointing import MOST_FAULTS
from service.contracts.refusals import Fault, Kind, Refused, impossible
from service.store import clock, counters
from service.store.changes import Change
from service.store.counters import increment
from service.store.errors import BusyError
from service.store.item_texts import judged_texts
from service.store.items import StoredItem, load_item, load_states
from service.threads import aside

MOST_ANNOTATORS_OF_AN_ITEM = 1000  # of an item on one criterion
_AT_ONCE = 100  # labels in one script call, and in one step of the event loop

_Coded = tuple[str, CodedLabel]  # an annotator and the label


class LabelCounts(NamedTuple):
    """The result of storing labels.

    `stored` labels are new or differ from the stored ones, `replaced` counts those of them that differ, and `unchanged`
    ones were stored already. `unmatched` labels are of items that nobody has judged. `unknown_criteria` are those that
    nobody has put and no judge has.
    """

    stored: int
    unchanged: int
    replaced: int
    unmatched: int
    unknown_criteria: list[str]


class _Put(NamedTuple):
    stored: int = 0
    replaced: int = 0
    unmatched: int = 0

    def plus(self, relabelled: Relabelled, given: Sequence[_Coded]) -> "_Put":
        labels = relabelled.item.labels
        unmatched = sum(not labels[annotator].is_matched for annotator, _ in given)
        return _Put(self.stored + relabelled.changed, self.replaced + relabelled.replaced, self.unmatched + unmatched)


class OffScaleLabelsError(ValueError):
    """Labels that are not on their criterion's scale: `problems` has (index, field, message)."""

    def __init__(self, problems: list[tuple[int, str, str]]) -> None:
        super().__init__("; ".join(f"{index}: {detail}" for index, _, detail in problems))
        self.problems = problems


async def put_labels(redis: Redis, labels: Sequence[NewLabel], *, keep_s: int) -> LabelCounts:
    """Stores labels. A label replaces the one that its annotator gave before to the same item and criterion.

    Targeted labels become random once the random half of the label queue has come to their items. Many labels are
    stored in several steps, and a repeat of all of them is harmless.

    Raises OffScaleLabelsError, and stores nothing, if one is not on its criterion's scale; Refused if an item would
    have too many annotators, and (item-changed) if an item's newest texts are others than the `content` of its label;
    BusyError if an item changed at each of several attempts.
    """
    names = dict.fromkeys(label.criterion for label in labels)
    _check_annotators(await aside(_annotators, labels))
    scales = {name: await scale_for_labels(redis, name) for name in names}
    coded = await aside(_coded, labels, scales)
    bound = list(dict.fromkeys(label.place for label in labels if label.content is not None))
    _check_contents(labels, dict(zip(bound, await load_states(redis, bound), strict=True)))
    done = _Put()
    for start in range(0, len(labels), _AT_ONCE):
        end = start + _AT_ONCE
        done = await _put(redis, labels[start:end], coded[start:end], scales, keep_s, done)
    for name in names:
        await promote_labels(redis, name, keep_s=keep_s)
    return LabelCounts(
        stored=done.stored,
        unchanged=len(labels) - done.stored,
        replaced=done.replaced,
        unmatched=done.unmatched,
        unknown_criteria=[name for name, scale in scales.items() if not scale.is_known],
    )


async def labels_of_item(redis: Redis, item_id: str) -> list[Label]:
    """Returns all labels of an item, by criterion and annotator."""
    stored = await load_item(redis, item_id)
    found = [
        shown_label(item_id, criterion, annotator, label)
        for criterion, state in stored.states.items()
        for annotator, label in coded_item(state).labels.items()
    ]
    return sorted(found, key=lambda label: (label.criterion, label.annotator))


async def current_label(redis: Redis, item_id: str, criterion: str, annotator: str) -> Label | None:
    """Returns an annotator's label of an item's newest texts, None if there is none."""
    [stored] = await load_states(redis, [(item_id, criterion)])
    known = known_item(stored, criterion)
    label = known.item.labels.get(annotator)
    is_current = label is not None and label.content == known.content
    return shown_label(item_id, criterion, annotator, label) if label is not None and is_current else None


async def _put(
    redis: Redis,
    labels: Sequence[NewLabel],
    coded: Sequence[CodedLabel],
    scales: Mapping[str, LabelScale],
    keep_s: int,
    done: _Put,
) -> _Put:
    """Stores labels and returns `done` with them."""
    places = list(dict.fromkeys(label.place for label in labels))
    items = dict(zip(places, await load_states(redis, places), strict=True))
    for _ in range(MAX_ATTEMPTS):
        _check_contents(labels, items)
        given = _by_place(labels, coded)
        known = {place: known_item(stored, place[1]) for place, stored in items.items()}
        baselines = await baselines_of(redis, known)
        relabelled = {
            place: _with_labels(each, given[place], baselines.get(place, ())) for place, each in known.items()
        }
        _check_annotators({place: len(each.item.labels) for place, each in relabelled.items()})
        changes = {
            place: _put_change(place, known[place], each, scales[place[1]].text) for place, each in relabelled.items()
        }
        items = await applied_changes(redis, changes, keep_s)
        for place, each in relabelled.items():
            if place not in items:
                done = done.plus(each, given[place])
        if not items:
            return done
        scales = {name: await scale_for_labels(redis, name) for name in scales}
        coded = _coded(labels, scales)
    raise BusyError(f"{len(items)} of the items change all the time")


def _annotators(labels: Sequence[NewLabel]) -> Counter[LabelPlace]:
    """Returns the number of annotators of each item and criterion."""
    return Counter(place for place, _ in {(label.place, label.annotator) for label in labels})


def _check_annotators(numbers: Mapping[LabelPlace, int]) -> None:
    """Raises Refused (impossible) if an item would have labels of too many annotators: each change writes them all."""
    for place, number in numbers.items():
        if number > MOST_ANNOTATORS_OF_AN_ITEM:
            detail = f"item {place[0]!r} would have labels of more than {MOST_ANNOTATORS_OF_AN_ITEM} annotators"
            raise impossible([Fault("/labels", detail)])


def _check_contents(labels: Sequence[NewLabel], items: Mapping[LabelPlace, StoredItem]) -> None:
    """Raises Refused (item-changed) if an item has other texts than those that the label is about."""
    faults = [
        Fault(f"/labels/{index}/content", f"item {label.place[0]!r} has other texts by now: read it again")
        for index, label in enumerate(labels)
        if label.content is not None and label.place in items and items[label.place].content != label.content
    ]
    if faults:
        raise Refused(Kind.ITEM_CHANGED, faults[:MOST_FAULTS])


def _by_place(labels: Sequence[NewLabel], coded: Sequence[CodedLabel]) -> dict[LabelPlace, list[_Coded]]:
    found: dict[LabelPlace, list[_Coded]] = {}
    for label, each in zip(labels, coded, strict=True):
        found.setdefault(label.place, []).append((label.annotator, each))
    return found


def _with_labels(known: KnownItem, labels: Sequence[_Coded], baselines: Sequence[SeriesValue]) -> Relabelled:
    return with_labels(known.item, labels, newest_content=known.content, now_ms=clock.now_ms(), baselines=baselines)


def _put_change(place: LabelPlace, known: KnownItem, relabelled: Relabelled, scale: str) -> Change | None:
    """Returns the change of an item, None if all of its labels are stored already and no baseline is new."""
    if not relabelled.changed and not relabelled.increments:
        return None
    change = label_change(place, known, relabelled, scale=scale)
    assert change.item is not None, "a change of labels changes an item"
    series, _, other = increment(counters.LABELS, place[1])
    return change._replace(
        item=change.item._replace(newest_content=known.content),
        metrics=[counters.Increment(series, relabelled.changed, other)],
    )


def _coded(labels: Sequence[NewLabel], scales: Mapping[str, LabelScale]) -> list[CodedLabel]:
    """Returns the labels on their criteria's scales. Raises OffScaleLabelsError for one off a scale that is firm."""
    codings = {name: scale.coding for name, scale in scales.items()}
    coded, problems = [], []
    for index, label in enumerate(labels):
        coding, value, is_off_scale = codings[label.criterion], _without_scale(label), False
        is_score = label.score is not None
        if coding is not None:
            try:
                value, is_score = coding.by_person(label.score, label.label), not coding.is_words
            except OffScaleError as error:
                is_off_scale = True
                if scales[label.criterion].is_firm:
                    problems.append((index, "score" if label.label is None else "label", str(error)))
        coded.append(_of_value(value, label, is_score=is_score, is_off_scale=is_off_scale))
    if problems:
        raise OffScaleLabelsError(problems)
    return coded


def _of_value(value: CodedValue, label: NewLabel, *, is_score: bool, is_off_scale: bool) -> CodedLabel:
    return CodedLabel(
        **value._asdict(),
        selection="r" if label.selection == "random" else "t",
        probability=label.probability,
        is_off_scale=is_off_scale,
        is_score=is_score,
        comment=label.comment or "",
    )


def _without_scale(label: NewLabel) -> CodedValue:
    """Returns the value of a label whose criterion has no scale yet."""
    if label.score is None:
        return CodedValue(label.label or "", None, None, None)
    return CodedValue(written(label.score), label.score, None, None)


def shown_label(item_id: str, criterion: str, annotator: str, label: CodedLabel) -> Label:
    """Returns a label as the API shows it."""
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
        comment=label.comment or None,
    )


async def baselines_of(redis: Redis, known: Mapping[LabelPlace, KnownItem]) -> dict[LabelPlace, list[SeriesValue]]:
    """Returns the baselines' scores of each item's newest content for the judges that scored it.

    Those that are known already are left out, and those of texts that have expired. Of items that are labelled first,
    the worker computes them with the judgment.
    """
    lacking = {place: baselines_lacking(each.item, each.content) for place, each in known.items()}
    criteria: defaultdict[str, list[str]] = defaultdict(list)
    for (item_id, criterion), tokens in lacking.items():
        if tokens:
            criteria[item_id].append(criterion)
    found: defaultdict[LabelPlace, list[SeriesValue]] = defaultdict(list)
    if not criteria:
        return found
    async for judged in judged_texts(redis, list(criteria)):
        place, token = (judged.item_id, judged.judge.definition.criterion), token_of(judged.judge.ref)
        if token in lacking.get(place, ()) and content_digest(judged.item) == known[place].content:
            lacking[place].discard(token)
            found[place] += baseline_values(judged.judge, judged.item)
    return found
