"""Checks stored labels against the scale that their criterion got after them: those off the scale are not counted."""

from redis.asyncio import Redis

from service.agreement.coding import CodedValue, Coding, OffScaleError
from service.agreement.contributions import CodedLabel
from service.agreement.criteria import coding_of_scale
from service.agreement.item_changes import with_recoded_labels
from service.agreement.label_changes import LabelPlace, applied_changes, coded_label, label_change
from service.agreement.recording import MAX_ATTEMPTS
from service.agreement.stored_items import known_item
from service.store.changes import Change
from service.store.criteria import forget_unchecked, stored_scale, unchecked_items
from service.store.errors import BusyError
from service.store.items import StoredItem, load_states

_AT_ONCE = 500  # items in one script call


async def recode_labels(redis: Redis, criterion: str, *, keep_s: int) -> None:
    """Writes the labels that are not checked yet on their criterion's scale. Those off the scale stay, uncounted.

    A process that stops midway leaves the rest to the next call. Raises BusyError if an item changed at each of several
    attempts.
    """
    while item_ids := await unchecked_items(redis, criterion, _AT_ONCE):
        places = [(item_id, criterion) for item_id in dict.fromkeys(item_ids)]
        items = dict(zip(places, await load_states(redis, places), strict=True))
        for _ in range(MAX_ATTEMPTS):
            scale = await stored_scale(redis, criterion)
            coding = coding_of_scale(scale)
            if coding is None:
                return
            changes = {place: _recoded(place, stored, coding, scale) for place, stored in items.items()}
            items = await applied_changes(redis, changes, keep_s)
            if not items:
                break
        else:
            raise BusyError(f"the labels on '{criterion}' change all the time")
        if await stored_scale(redis, criterion) == scale:
            await forget_unchecked(redis, criterion, item_ids)


def recoded_label(coding: Coding, label: CodedLabel) -> CodedLabel:
    """Returns a label on another scale than it was stored on, or marks it as off the scale."""
    score, word = (label.number, None) if label.is_score else (None, label.key)
    try:
        value, is_off_scale = coding.by_person(score, word), False
    except OffScaleError:
        value, is_off_scale = CodedValue(label.key, label.number, None, None), True
    is_score = label.is_score if is_off_scale else not coding.is_words
    return coded_label(value, label, is_score=is_score, is_off_scale=is_off_scale)


def _recoded(place: LabelPlace, stored: StoredItem, coding: Coding, scale: str) -> Change | None:
    known = known_item(stored, place[1])
    recoded = {annotator: recoded_label(coding, label) for annotator, label in known.item.labels.items()}
    relabelled = with_recoded_labels(known.item, recoded)
    return label_change(place, known, relabelled, scale=scale) if relabelled.changed else None
