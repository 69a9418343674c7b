"""The places of an item in the label queue, from its labels and its doubt."""

from functools import lru_cache
from typing import NamedTuple

from service.agreement.contributions import CodedItem
from service.agreement.doubt import RATES
from service.contracts.labels import Drawn
from service.store import keys, label_queue
from service.store.changes import MAX_WAITING


class QueueMoves(NamedTuple):
    """The entries of a `Change`: (zset, maximum number of members or 0, score, member), and (zset, member)."""

    ranked: list[tuple[str, int, str, str]]
    unranked: list[tuple[str, str]]


def queue_moves(item_id: str, criterion: str, before: CodedItem, after: CodedItem) -> QueueMoves:
    """Returns the entries of the label queue that an item gets and loses by a change.

    A judged item is in the halves of the queue by the number of annotators of its newest text. If that has labels, its
    place is noted: as a random one if one of them is random, else as a targeted one.
    """
    lost = _places(item_id, criterion, before)
    gained = _places(item_id, criterion, after)
    waiting = _unlabelled(criterion)
    return QueueMoves(
        [(key, MAX_WAITING if key in waiting else 0, repr(place), item_id) for key, place in gained.items()],
        [(key, item_id) for key in lost if key not in gained],
    )


_HALVES: tuple[Drawn, Drawn] = ("random", "targeted")


@lru_cache(maxsize=1024)
def _unlabelled(criterion: str) -> frozenset[str]:
    """Returns the zsets of items without any label, in both halves."""
    return frozenset(keys.label_queue(half, criterion) for half in _HALVES)


def _places(item_id: str, criterion: str, item: CodedItem) -> dict[str, float]:
    if not item.is_answered:
        return {}
    labels, random = item.current_labels, label_queue.random_place(criterion, item_id)
    rate = RATES[item.doubt]
    targeted = label_queue.targeted_place(criterion, item_id, rate) if rate else None
    places, annotators = {}, len(labels)
    if annotators < label_queue.MOST_QUEUED_ANNOTATORS:
        places[keys.label_queue("random", criterion, annotators)] = random
        if targeted is not None:
            places[keys.label_queue("targeted", criterion, annotators)] = targeted
    if labels:
        is_random = any(label.selection == "r" for label in labels.values())
        places[keys.labelled_places("random" if is_random else "targeted", criterion)] = random
    return places
