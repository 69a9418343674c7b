"""Counts targeted labels as random once the random half of the label queue has come to their items.

The random half never shows an item that is labelled already. Without this the items that the targeted half takes first,
or that somebody picks by hand, would be missing from the random sample. Without the queue nothing is known of how the
other items were drawn, and each label stays as it was sent.
"""

from redis.asyncio import Redis

from service.agreement.item_changes import with_promoted_labels
from service.agreement.label_changes import LabelPlace, applied_changes, label_change
from service.agreement.recording import MAX_ATTEMPTS
from service.agreement.stored_items import known_item
from service.store.changes import Change
from service.store.errors import BusyError
from service.store.items import StoredItem, load_states
from service.store.label_queue import random_threshold, targeted_up_to, was_queue_read

_AT_ONCE = 500  # items in one script call


async def promote_labels(redis: Redis, criterion: str, *, keep_s: int) -> None:
    """Makes random the targeted labels of all items that the random half has come to, if the queue is in use.

    Raises BusyError if an item changed at each of several attempts; the next call promotes the rest.
    """
    if not await was_queue_read(redis, criterion):
        return
    threshold = await random_threshold(redis, criterion)
    while threshold and (item_ids := await targeted_up_to(redis, criterion, threshold, _AT_ONCE)):
        places = [(item_id, criterion) for item_id in item_ids]
        items = dict(zip(places, await load_states(redis, places), strict=True))
        is_any = False
        for _ in range(MAX_ATTEMPTS):
            changes = {place: _promoted(place, stored) for place, stored in items.items()}
            is_any = is_any or any(changes.values())
            items = await applied_changes(redis, changes, keep_s)
            if not items:
                break
        else:
            raise BusyError(f"the labels on '{criterion}' change all the time")
        if not is_any:
            return


def _promoted(place: LabelPlace, stored: StoredItem) -> Change | None:
    known = known_item(stored, place[1])
    promoted = with_promoted_labels(known.item)
    return label_change(place, known, promoted) if promoted.changed else None
