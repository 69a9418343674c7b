"""Labels in the store. Each change of one changes, in the same step, all counters that it bears on."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, cast

import msgspec
from redis.asyncio import Redis

from service.agreement.coding import Coding, OffScaleError, Said, written
from service.agreement.counter_fields import quoted, unquoted
from service.contracts.criteria import CriterionScale
from service.contracts.judges import Judge
from service.contracts.labels import Drawn, Label, NewLabel
from service.store import clock, counters, criteria, keys, labelling
from service.store.connection import Script, reply
from service.store.counters import increment

_AT_ONCE = 500  # labels a script call
_NUMBER, _LABEL = "s", "l"  # how a label was given
_DRAWN: dict[str, Drawn] = {"r": "random", "t": "targeted"}

_put_labels = Script("counting", "rows", "put_labels")


class Stored(NamedTuple):
    """How many labels are new or differ from what was there, and how many were there already."""

    stored: int
    unchanged: int


class OffScaleLabelsError(ValueError):
    """Labels that can't be given on their criterion's scale: (index, the field, what is wrong)."""

    def __init__(self, problems: list[tuple[int, str, str]]) -> None:
        super().__init__("; ".join(f"{index}: {detail}" for index, _, detail in problems))
        self.problems = problems


class StoredLabel(NamedTuple):
    """A label as the item's hash has it (rows.lua); `kind` tells whether it was given as a score or as a label."""

    key: str
    number: float | None
    units: int | None
    per_cent: int | None
    drawn: str
    probability: float | None
    content: str
    at: int
    is_off_scale: bool
    kind: str


class _Change(NamedTuple):
    annotator: str
    label: tuple[Any, ...] | bool  # False to remove it


async def put(redis: Redis, labels: Sequence[NewLabel], *, keep_s: int) -> Stored:
    """Stores labels; one that an annotator gave before for the item and the criterion is replaced.

    Raises OffScaleLabelsError where any does not fit its criterion's scale: then nothing is stored. A large number is
    stored in steps; each step is whole, and sending all again does no harm.
    """
    stored = 0
    scales = {
        name: await criteria.stored_or_built_in(redis, name)
        for name in dict.fromkeys(each.criterion for each in labels)
    }
    coded = _coded(labels, scales)
    for start in range(0, len(labels), _AT_ONCE):
        part = range(start, min(start + _AT_ONCE, len(labels)))
        while (done := await _apply(redis, [(labels[i], coded[i]) for i in part], scales, keep_s)) is None:
            scales = {name: await criteria.stored_or_built_in(redis, name) for name in scales}
            coded = _coded(labels, scales)
        stored += done
    return Stored(stored, len(labels) - stored)


async def delete(redis: Redis, item_id: str, criterion: str, annotator: str, *, keep_s: int) -> bool:
    """Removes a label; whether it was there."""
    while True:
        scale = await criteria.stored_scale(redis, criterion)
        entry = _entry(item_id, criterion, scale, [_Change(quoted(annotator), False)])
        answer = await _run(redis, [entry], keep_s)
        if answer[0] == b"done":
            return bool(answer[2])


async def of_item(redis: Redis, item_id: str) -> list[Label]:
    """All labels of an item, by criterion and annotator."""
    found = [
        _shown(item_id, criterion, annotator, label)
        for criterion, annotator, label in rows(await reply(redis.hgetall(keys.item(item_id))))
    ]
    return sorted(found, key=lambda label: (label.criterion, label.annotator))


def rows(stored: dict[bytes, bytes]) -> Iterable[tuple[str, str, StoredLabel]]:
    """(criterion, annotator, label) of an item's hash."""
    for field, value in stored.items():
        if field.startswith(b"L\t"):
            _, criterion, annotator = field.decode().split("\t")
            packed: list[Any] = [None if each is False else each for each in msgspec.msgpack.decode(value)]
            label = StoredLabel(*packed)._replace(is_off_scale=bool(packed[8]))
            yield unquoted(criterion), unquoted(annotator), label


async def admit(redis: Redis, judges: Sequence[Judge], *, keep_s: int) -> list[tuple[int, str]]:
    """Gives the judges' criteria their scales, and labels that waited for one their place on it.

    (position, what is wrong) for each judge whose criterion has another scale; [] where all fit.
    """
    wrong = await criteria.register(redis, judges)
    for criterion in dict.fromkeys(judge.criterion for judge in judges):
        await _check_waiting(redis, criterion, keep_s)
    return wrong


async def _check_waiting(redis: Redis, criterion: str, keep_s: int) -> None:
    """Labels that are off the scale stay, and count nowhere."""
    unchecked = keys.unchecked(criterion)
    while item_ids := cast("list[bytes]", await reply(redis.srandmember(unchecked, _AT_ONCE))):
        scale = await criteria.stored_scale(redis, criterion)
        if not scale:  # a ranking's criterion
            return
        coding = Coding(msgspec.json.decode(scale, type=CriterionScale))
        entries = []
        for item_id in (each.decode() for each in item_ids):
            stored = rows(await reply(redis.hgetall(keys.item(item_id))))
            changes = [
                _Change(quoted(annotator), _rewritten(coding, label))
                for of, annotator, label in stored
                if of == criterion
            ]
            entries.append(_entry(item_id, criterion, scale, changes, is_rewrite=True))
        await _run(redis, entries, keep_s)
        await reply(redis.srem(unchecked, *item_ids))


def _coded(labels: Sequence[NewLabel], scales: dict[str, bytes]) -> list[tuple[Any, ...]]:
    codings = {
        name: Coding(msgspec.json.decode(scale, type=CriterionScale)) if scale else None
        for name, scale in scales.items()
    }
    coded, problems = [], []
    for index, label in enumerate(labels):
        coding = codings[label.criterion]
        try:
            said = _unchecked(label) if coding is None else coding.by_person(label.score, label.label)
        except OffScaleError as error:
            problems.append((index, "score" if label.label is None else "label", str(error)))
            continue
        is_number = label.score is not None if coding is None else not coding.is_words
        coded.append(_packed(said, label.selection[0], label.probability, _NUMBER if is_number else _LABEL))
    if problems:
        raise OffScaleLabelsError(problems)
    return coded


def _unchecked(label: NewLabel) -> Said:
    """A label of a criterion that has no scale yet."""
    if label.score is None:
        return Said(label.label or "", None, None, None)
    return Said(written(label.score), label.score, None, None)


def _packed(
    said: Said, drawn: str, probability: float | None, kind: str, *, is_off_scale: bool = False
) -> tuple[Any, ...]:
    """As rows.lua has it; the content and the time are filled in there."""
    plain = [False if each is None else each for each in (said.number, said.units, said.per_cent)]
    return (said.key, *plain, drawn, False if probability is None else probability, "", 0, is_off_scale, kind)


def _rewritten(coding: Coding, label: StoredLabel) -> tuple[Any, ...]:
    score, name = (label.number, None) if label.kind == _NUMBER else (None, label.key)
    try:
        said = coding.by_person(score, name)
    except OffScaleError:
        bare = Said(label.key, label.number, None, None)
        return _packed(bare, label.drawn, label.probability, label.kind, is_off_scale=True)
    return _packed(said, label.drawn, label.probability, _LABEL if coding.is_words else _NUMBER)


async def _apply(
    redis: Redis, part: Sequence[tuple[NewLabel, tuple[Any, ...]]], scales: dict[str, bytes], keep_s: int
) -> int | None:
    """How many were stored; None where a criterion got its scale meanwhile, and nothing was."""
    changes: dict[tuple[str, str], list[_Change]] = {}
    for label, packed in part:
        place = changes.setdefault((label.item_id, label.criterion), [])
        place.append(_Change(quoted(label.annotator), packed))
    entries = [
        _entry(item_id, criterion, scales[criterion], theirs) for (item_id, criterion), theirs in changes.items()
    ]
    answer = await _run(redis, entries, keep_s)
    return int(answer[1]) if answer[0] == b"done" else None


def _entry(
    item_id: str, criterion: str, scale: bytes, changes: Sequence[_Change], *, is_rewrite: bool = False
) -> tuple[Any, ...]:
    counted = increment(counters.LABELS, criterion)
    return (
        keys.item(item_id),
        item_id,
        criterion,
        quoted(criterion),
        scale.decode(),
        labelling.place(criterion, item_id),
        changes,
        is_rewrite,
        (counted.series, counted.other),
    )


async def _run(redis: Redis, entries: Sequence[tuple[Any, ...]], keep_s: int) -> list[Any]:
    args = [clock.now_ms(), keep_s, counters.MAX_SERIES, msgspec.msgpack.encode(entries)]
    answer: list[Any] = await _put_labels(redis, [keys.CRITERIA, keys.COUNTERS], args)
    return answer


def _shown(item_id: str, criterion: str, annotator: str, label: StoredLabel) -> Label:
    is_number = label.kind == _NUMBER
    at = clock.at(label.at)
    assert at is not None, "a label has its time"
    return Label(
        item_id=item_id,
        criterion=criterion,
        annotator=annotator,
        score=label.number if is_number else None,
        label=None if is_number else label.key,
        selection=_DRAWN[label.drawn],
        probability=label.probability,
        created_at=at,
        counted=not label.is_off_scale,
    )
