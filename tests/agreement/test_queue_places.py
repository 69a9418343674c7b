"""The zsets of the label queue that an item enters and leaves by a change."""

from typing import Literal

import msgspec

from service.agreement.contributions import CodedItem
from service.agreement.doubt import RATES
from service.agreement.queue_places import QueueMoves, queue_moves
from service.store import keys
from service.store.changes import MAX_WAITING
from service.store.label_queue import MOST_QUEUED_ANNOTATORS, random_place, targeted_place
from tests.agreement.items import FIVE, SERIES, judged, label

NEW = CodedItem()
RANDOM = repr(random_place("wit", "t"))


def item(annotators: int = 0, *, doubt: int = 0, drawn: Literal["r", "d", "t"] = "r") -> CodedItem:
    labels = {f"{number}": label(FIVE, 3, drawn) for number in range(annotators)}
    return CodedItem(labels=labels, scores={"c1": {SERIES: judged(FIVE, 4)}}, doubt=doubt)


def moves(before: CodedItem, after: CodedItem) -> QueueMoves:
    return queue_moves("t", "wit", before, after)


def test_a_judged_item_waits_in_both_halves_if_there_is_doubt() -> None:
    assert moves(NEW, NEW) == ([], [])
    waiting = keys.label_queue("random", "wit")
    assert moves(NEW, item()) == ([(waiting, MAX_WAITING, RANDOM, "t")], [])
    place = repr(targeted_place("wit", "t", RATES[3]))
    assert moves(NEW, item(doubt=3)).ranked[1] == (keys.label_queue("targeted", "wit"), MAX_WAITING, place, "t")


def test_a_label_moves_an_item_to_those_with_one_annotator_more() -> None:
    ranked, unranked = moves(item(), item(1))
    assert ranked == [
        (keys.label_queue("random", "wit", 1), 0, RANDOM, "t"),
        (keys.labelled_places("random", "wit"), 0, RANDOM, "t"),
    ]
    assert unranked == [(keys.label_queue("random", "wit"), "t")]
    assert moves(item(1), item()).unranked == [(key, "t") for key, *_ in ranked]


def test_one_random_label_makes_an_item_random() -> None:
    targeted, random = (keys.labelled_places(half, "wit") for half in ("targeted", "random"))
    by_doubt = item(1, doubt=2, drawn="d")
    assert [key for key, *_ in moves(item(doubt=2), by_doubt).ranked if key.startswith("judged:labelled")] == [targeted]
    assert (targeted, "t") in moves(by_doubt, item(1, doubt=2)).unranked
    assert (random, 0, RANDOM, "t") in moves(by_doubt, item(1, doubt=2)).ranked


def test_labels_of_an_earlier_text_or_off_the_scale_do_not_count() -> None:
    old = item(2)
    new = msgspec.structs.replace(old, scores={**old.scores, "c2": {SERIES: judged(FIVE, 4, at_ms=9)}})
    ranked, unranked = moves(old, new)
    assert (keys.label_queue("random", "wit"), MAX_WAITING, RANDOM, "t") in ranked
    assert (keys.label_queue("random", "wit", 2), "t") in unranked
    of_new = {"0": msgspec.structs.replace(label(FIVE, 3, content="c2"), at_ms=10)}
    relabelled = msgspec.structs.replace(new, labels={**new.labels, **of_new})
    assert (keys.label_queue("random", "wit"), "t") in moves(new, relabelled).unranked
    assert (keys.label_queue("random", "wit", 1), 0, RANDOM, "t") in moves(new, relabelled).ranked
    off = CodedItem(labels={"a": msgspec.structs.replace(label(FIVE, 3), is_off_scale=True)}, scores=old.scores)
    assert (keys.label_queue("random", "wit"), MAX_WAITING, RANDOM, "t") in moves(NEW, off).ranked


def test_a_label_of_a_text_that_is_still_being_judged_counts() -> None:
    old = item()
    ahead = msgspec.structs.replace(label(FIVE, 3, content="c2"), at_ms=9)
    assert (keys.label_queue("random", "wit"), "t") in moves(
        old, msgspec.structs.replace(old, labels={"a": ahead})
    ).unranked


def test_with_its_most_annotators_an_item_leaves_the_queue() -> None:
    ranked, _ = moves(item(MOST_QUEUED_ANNOTATORS - 1, doubt=2), item(MOST_QUEUED_ANNOTATORS, doubt=2))
    assert [key for key, *_ in ranked] == [keys.labelled_places("random", "wit")]
