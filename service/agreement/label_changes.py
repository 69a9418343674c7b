"""The changes of the store that put, replace or remove the labels of an item, with its place in the label queue."""

from collections.abc import Mapping

import msgspec
from redis.asyncio import Redis

from service.agreement.coding import CodedValue
from service.agreement.contributions import CodedItem, CodedLabel
from service.agreement.item_changes import Relabelled
from service.agreement.queue_places import queue_moves
from service.agreement.stored_items import KnownItem, item_write
from service.store import keys
from service.store.changes import Change, apply_changes
from service.store.items import StoredItem, new_revision

LabelPlace = tuple[str, str]  # an item's id and a criterion


def coded_label(value: CodedValue, like: CodedLabel, *, is_score: bool, is_off_scale: bool) -> CodedLabel:
    """Returns a label with this value, and all the rest of another label."""
    return msgspec.structs.replace(like, **value._asdict(), is_score=is_score, is_off_scale=is_off_scale)


def label_change(place: LabelPlace, known: KnownItem, relabelled: Relabelled, *, scale: str | None = None) -> Change:
    """Returns the change of an item; `scale` is the scale that the criterion must have, None if any will do."""
    item_id, criterion = place
    after = relabelled.item
    write = item_write(item_id, criterion, known, after, new_revision(), relabelled.increments)
    write = write._replace(scale=scale, state=b"" if after == CodedItem() else write.state)
    labelled, moves = keys.labelled_items(criterion), queue_moves(item_id, criterion, known.item, after)
    if not after.labels:
        return Change(item=write, ranked=moves.ranked, unranked=[*moves.unranked, (labelled, item_id)])
    return Change(
        item=write,
        ranked=[*moves.ranked, (labelled, 0, "0", item_id)],
        members=[(keys.LABELLED_CRITERIA, criterion)],
        unranked=moves.unranked,
    )


async def applied_changes(
    redis: Redis, changes: Mapping[LabelPlace, Change | None], keep_s: int
) -> dict[LabelPlace, StoredItem]:
    """Applies the changes, and returns the items of those that have to be computed again."""
    needed = {place: change for place, change in changes.items() if change is not None}
    if not needed:
        return {}
    applied = await apply_changes(redis, list(needed.values()), keep_s=keep_s)
    places = list(needed)
    return {places[index]: stored for index, stored in applied.moved.items()}
