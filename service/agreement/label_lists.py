"""Lists, reads and removes labels by item, criterion, annotator, and whether somebody has judged their item."""

from collections.abc import AsyncIterator
from typing import NamedTuple

from redis.asyncio import Redis

from service.agreement.contributions import CodedLabel
from service.agreement.item_changes import without_labels
from service.agreement.label_changes import LabelPlace, applied_changes, label_change
from service.agreement.labelling import shown_label
from service.agreement.recording import MAX_ATTEMPTS
from service.agreement.stored_items import known_item
from service.contracts.labels import Label
from service.contracts.refusals import Fault, invalid
from service.store.changes import Change
from service.store.criteria import labelled_criteria, page_of_labelled
from service.store.errors import BusyError
from service.store.items import StoredItem, load_item, load_states

_AT_ONCE = 500  # items in one round trip

ListPlace = tuple[str, str, str]  # criterion, item's id and annotator: labels are listed in this order
StoredPlace = tuple[LabelPlace, StoredItem]


class LabelFilter(NamedTuple):
    """The labels that are meant; None is any. A label is matched if its item has been judged, or is being judged."""

    item_id: str | None = None
    criterion: str | None = None
    annotator: str | None = None
    matched: bool | None = None

    def takes(self, annotator: str, label: CodedLabel) -> bool:
        """Returns whether a label of the item and the criterion is meant."""
        return self.annotator in (None, annotator) and self.matched in (None, label.is_matched)


async def labels_in_order(redis: Redis, wanted: LabelFilter, after: ListPlace | None = None) -> AsyncIterator[Label]:
    """Yields the labels by criterion, item and annotator, from the one that follows `after`."""
    async for batch in _batches(redis, wanted, after):
        for (item_id, criterion), stored in batch:
            for annotator, label in sorted(known_item(stored, criterion).item.labels.items()):
                is_new = after is None or (criterion, item_id, annotator) > after
                if is_new and wanted.takes(annotator, label):
                    yield shown_label(item_id, criterion, annotator, label)


async def page_of_labels(
    redis: Redis, wanted: LabelFilter, *, after: ListPlace | None, limit: int
) -> tuple[list[Label], ListPlace | None]:
    """Returns at most `limit` labels, and the place that the next page follows, None at the end."""
    page: list[Label] = []
    async for label in labels_in_order(redis, wanted, after):
        if len(page) == limit:
            last = page[-1]
            return page, (last.criterion, last.item_id, last.annotator)
        page.append(label)
    return page, None


async def remove_labels(redis: Redis, wanted: LabelFilter, *, keep_s: int) -> int:
    """Removes labels with all that they count, in steps of some hundred items, and returns how many.

    A repeat removes the rest. Raises Refused (invalid) if no filter is given, BusyError if an item changed at each of
    several attempts.
    """
    if wanted == LabelFilter():
        detail = "missing: name at least one of item_id, criterion, annotator and matched"
        raise invalid([Fault("/criterion", detail)])
    removed = 0
    async for batch in _batches(redis, wanted, None):
        items = dict(batch)
        for _ in range(MAX_ATTEMPTS):
            counts: dict[LabelPlace, int] = {}
            changes = {place: _removal(place, stored, wanted, counts) for place, stored in items.items()}
            items = await applied_changes(redis, changes, keep_s)
            removed += sum(count for place, count in counts.items() if place not in items)
            if not items:
                break
        else:
            raise BusyError(f"{len(items)} of the items change all the time")
    return removed


def _removal(
    place: LabelPlace, stored: StoredItem, wanted: LabelFilter, counts: dict[LabelPlace, int]
) -> Change | None:
    """Returns the change that removes the item's labels that are meant, and notes their number; None without any."""
    known = known_item(stored, place[1])
    names = {annotator for annotator, label in known.item.labels.items() if wanted.takes(annotator, label)}
    if not names:
        return None
    counts[place] = len(names)
    return label_change(place, known, without_labels(known.item, names))


async def _batches(redis: Redis, wanted: LabelFilter, after: ListPlace | None) -> AsyncIterator[list[StoredPlace]]:
    """Yields the items with labels by criterion and id, from the item of `after` on, with their states."""
    if wanted.item_id is not None:
        yield await _of_item(redis, wanted.item_id, wanted.criterion)
        return
    names = await labelled_criteria(redis) if wanted.criterion is None else [wanted.criterion]
    for criterion in names:
        if after is not None and criterion < after[0]:
            continue
        async for batch in labelled_batches(redis, criterion, after[1] if after and criterion == after[0] else None):
            yield batch


async def _of_item(redis: Redis, item_id: str, criterion: str | None) -> list[StoredPlace]:
    stored = await load_item(redis, item_id)
    return [((item_id, name), stored) for name in sorted(stored.states) if criterion in (None, name)]


async def labelled_batches(redis: Redis, criterion: str, start: str | None = None) -> AsyncIterator[list[StoredPlace]]:
    """Yields the items with labels on a criterion, some hundred at a time, in order; from the item `start` on."""
    last: str | None = None
    item_ids = [] if start is None else [start]
    while True:
        item_ids += await page_of_labelled(redis, criterion, after=last or start, limit=_AT_ONCE)
        if not item_ids:
            return
        places = [(item_id, criterion) for item_id in item_ids]
        yield list(zip(places, await load_states(redis, places), strict=True))
        last, item_ids = item_ids[-1], []


async def remove_label(redis: Redis, item_id: str, criterion: str, annotator: str, *, keep_s: int) -> bool:
    """Removes a label and returns whether it was there. Raises BusyError if the item changed at each attempt."""
    return await remove_labels(redis, LabelFilter(item_id, criterion, annotator), keep_s=keep_s) > 0


_MOST_READ = 20_000  # items


class LabelledContent(NamedTuple):
    """Texts of an item, by their digest, with people's values by annotator.

    `is_random` means that all of these labels were drawn at random.
    """

    item_id: str
    content: str
    values: dict[str, float | str]
    is_random: bool


async def labelled_contents(redis: Redis, criterion: str) -> list[LabelledContent]:
    """Returns the labelled texts of a criterion, those of the first 20,000 items; of an item, those labelled last.

    Labels off the criterion's scale, and labels of items that nobody has judged, are left out.
    """
    found: list[LabelledContent] = []
    read = 0
    async for batch in labelled_batches(redis, criterion):
        for (item_id, _), stored in batch:
            labels = known_item(stored, criterion).item.labels
            counted = {name: each for name, each in labels.items() if each.is_matched and not each.is_off_scale}
            if counted:
                newest = max(counted.values(), key=lambda each: each.at_ms).content
                same = {name: each for name, each in counted.items() if each.content == newest}
                values = {name: _value(each) for name, each in sorted(same.items())}
                is_random = all(each.selection == "r" for each in same.values())
                found.append(LabelledContent(item_id, newest, values, is_random))
        read += len(batch)
        if read >= _MOST_READ:
            break
    return found


def _value(label: CodedLabel) -> float | str:
    return label.number if label.is_score and label.number is not None else label.key
