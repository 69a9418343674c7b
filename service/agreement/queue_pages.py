"""Pages of the label queue: the items to label next, half of them drawn at random, and half by doubt.

An item's probability is that with which the queue has come to an item of such doubt by the end of the page. Whichever
half shows an item, it counts as random if the random half has come to it.
"""

import math
from typing import NamedTuple

from redis.asyncio import Redis

from service.agreement.contributions import CodedItem
from service.agreement.doubt import RATES
from service.agreement.stored_items import KnownItem, known_item
from service.contracts.items import Item
from service.contracts.labels import Drawn, ItemTexts, QueuedItem
from service.store import label_queue
from service.store.item_texts import texts_of_contents
from service.store.items import load_states

_LEAST = 1e-9  # a probability is never 0
_BOTH = 2  # halves that take turns


class QueueQuery(NamedTuple):
    """A query for the items of a criterion whose newest text has fewer than `per_item` annotators.

    Items whose newest text the annotator has labelled are left out. `cursor` is that of the page before, None for the
    first page.
    """

    criterion: str
    annotator: str | None
    per_item: int
    limit: int
    cursor: str | None
    has_texts: bool = False


class Draw(NamedTuple):
    """How the label queue came to an item. `probability` is None if it has not: the item was picked by hand."""

    selection: Drawn
    probability: float | None


class _Shown(NamedTuple):
    """An item of the queue with its places in both halves; the targeted one is infinite without doubt."""

    item_id: str
    content: str
    doubt: float
    random: float
    targeted: float


class _Place(NamedTuple):
    """The places that the pages before reached in both halves, and the half whose turn it is: 0 is the random one."""

    at_random: float
    by_doubt: float
    turn: int


class _Half:
    """One half of the queue, read in order from the place `after` on; `next` is None at its end."""

    def __init__(self, redis: Redis, half: Drawn, query: QueueQuery, after: float) -> None:
        self._redis = redis
        self._half: Drawn = half
        self._query = query
        self._read_to = after
        self._ready: list[_Shown] = []
        self._is_read = False

    async def next(self) -> _Shown | None:
        while not self._ready and not self._is_read:
            self._ready = await self._more()
        return self._ready.pop(0) if self._ready else None

    async def _more(self) -> list[_Shown]:
        query, count = self._query, self._query.limit + 1
        page = await label_queue.items_after(
            self._redis, self._half, query.criterion, per_item=query.per_item, after=self._read_to, count=count
        )
        self._is_read = len(page) < count
        if page:
            self._read_to = page[-1][1]
        stored = await load_states(self._redis, [(item_id, query.criterion) for item_id, _ in page])
        items = {
            item_id: known_item(each, query.criterion)
            for (item_id, _), each in zip(page, stored, strict=True)
            if each.states
        }
        if gone := [item_id for item_id, _ in page if item_id not in items]:
            await label_queue.forget_items(self._redis, query.criterion, gone)
        return [
            shown
            for item_id, place in page
            if item_id in items
            and self._is_wanted(items[item_id].item, shown := _shown(query.criterion, item_id, items[item_id]), place)
        ]

    def _is_wanted(self, item: CodedItem, shown: _Shown, place: float) -> bool:
        """Whether to show an item: not at a place that it had by an earlier doubt."""
        is_placed = place == (shown.random if self._half == "random" else shown.targeted)
        labels = item.current_labels
        return is_placed and self._query.annotator not in labels and len(labels) < self._query.per_item


async def page_to_label(redis: Redis, query: QueueQuery) -> tuple[list[QueuedItem], str | None]:
    """Returns a page of items to label, and the cursor of the next page.

    Random items and doubtful ones take turns, as far as there are some. Raises ValueError if the cursor is not from an
    earlier page.
    """
    items, cursor, is_end = await _page(redis, query)
    return items, None if is_end else cursor


async def next_to_label(redis: Redis, query: QueueQuery) -> tuple[QueuedItem | None, str]:
    """Returns the next item to label whose texts are stored, None at the end, and the cursor that follows it.

    Raises ValueError if the cursor is not from an earlier page.
    """
    query = query._replace(limit=1, has_texts=True)
    while True:
        items, cursor, is_end = await _page(redis, query)
        if not items or items[0].item is not None:
            return (items[0] if items else None), cursor
        if is_end:
            return None, cursor
        query = query._replace(cursor=cursor)


async def _page(redis: Redis, query: QueueQuery) -> tuple[list[QueuedItem], str, bool]:
    """Returns a page, the cursor that follows it, and whether the queue is at its end."""
    page, reached, is_end = await _taken(redis, query, _read(query.cursor))
    threshold = max(reached.at_random, await label_queue.random_threshold(redis, query.criterion))
    contents = {each.item_id: each.content for each in page}
    texts = await texts_of_contents(redis, contents) if query.has_texts else None
    items = [
        QueuedItem(
            item_id=each.item_id,
            selection="random" if each.random <= threshold else "targeted",
            probability=_probability(threshold, reached.by_doubt, each.doubt),
            content=each.content,
            **({} if texts is None else {"item": _texts(texts.get(each.item_id))}),
        )
        for each in page
    ]
    if items:
        await label_queue.note_reading(redis, query.criterion)
    return items, _written(reached), is_end


async def draw_of(redis: Redis, criterion: str, item_id: str, cursor: str | None) -> Draw:
    """Returns how the queue came to an item by the end of the page that this cursor follows.

    Raises ValueError if the cursor is not from an earlier page.
    """
    reached = _read(cursor)
    [stored] = await load_states(redis, [(item_id, criterion)])
    shown = _shown(criterion, item_id, known_item(stored, criterion))
    threshold = max(reached.at_random, await label_queue.random_threshold(redis, criterion))
    if shown.random > threshold and shown.targeted > reached.by_doubt:
        return Draw("targeted", None)
    selection: Drawn = "random" if shown.random <= threshold else "targeted"
    return Draw(selection, _probability(threshold, reached.by_doubt, shown.doubt))


async def _taken(redis: Redis, query: QueueQuery, after: _Place) -> tuple[list[_Shown], _Place, bool]:
    """Returns the items of the page, the place that it reached, and whether the queue is at its end."""
    at_random, by_doubt, turn = after
    random, targeted = _Half(redis, "random", query, at_random), _Half(redis, "targeted", query, by_doubt)
    one, other = await random.next(), await targeted.next()
    page: list[_Shown] = []
    while one is not None or other is not None:
        if one is not None and one.targeted <= by_doubt:  # the other half has shown it
            one = await random.next()
        elif other is not None and other.random <= at_random:
            other = await targeted.next()
        elif len(page) == query.limit:
            return page, _Place(at_random, by_doubt, (turn + len(page)) % _BOTH), False
        elif one is not None and (other is None or (turn + len(page)) % _BOTH == 0):
            page.append(one)
            at_random, one = one.random, await random.next()
        elif other is not None:
            page.append(other)
            by_doubt, other = other.targeted, await targeted.next()
    return page, _Place(at_random, by_doubt, (turn + len(page)) % _BOTH), True


def _shown(criterion: str, item_id: str, known: KnownItem) -> _Shown:
    doubt = RATES[known.item.doubt]
    targeted = label_queue.targeted_place(criterion, item_id, doubt)
    random = label_queue.random_place(criterion, item_id)
    return _Shown(item_id, known.content, doubt, random, math.inf if targeted is None else targeted)


def _probability(at_random: float, by_doubt: float, doubt: float) -> float:
    """Returns 1 - (1 - t)(1 - min(1, t' doubt)), with the thresholds t and t' of the two halves."""
    drawn = min(1.0, max(by_doubt, 0.0) * doubt)
    return min(max(1 - (1 - max(at_random, 0.0)) * (1 - drawn), _LEAST), 1.0)


def _texts(item: Item | None) -> ItemTexts | None:
    if item is None:
        return None
    return ItemTexts(
        input=item.input,
        output=item.output,
        outputs=item.outputs,
        context=item.context,
        reference=item.reference,
        metadata=item.metadata,
    )


def _written(place: _Place) -> str:
    return f"{place.at_random.hex()},{place.by_doubt.hex()},{place.turn}"


def _read(cursor: str | None) -> _Place:
    """Returns the place that the page before reached; -1 in both halves before the first page."""
    if cursor is None:
        return _Place(-1.0, -1.0, 0)
    try:
        random, targeted, *turn = cursor.split(",")
        place = _Place(float.fromhex(random), float.fromhex(targeted), int(*turn or "0"))
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError("not a cursor from an earlier page") from error
    if not (math.isfinite(place.at_random) and math.isfinite(place.by_doubt) and place.turn in range(_BOTH)):
        raise ValueError("not a cursor from an earlier page")
    return place
