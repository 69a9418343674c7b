"""The counters of agreement of one group of items, computed from the items themselves.

Only the events of a group are counted as they come (`seen` under the name of the series and the group). The rest is the
sum of `contribution` over the group's items, each limited to the contents that belong to the group.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from service.agreement.contributions import CodedItem, contribution, without_zeros
from service.agreement.series_names import group_series
from service.agreement.stored_items import known_item
from service.contracts.labels import Window
from service.contracts.names import suggestion
from service.contracts.refusals import Fault, impossible
from service.store import clock
from service.store.agreement_counters import (
    Wanted,
    buckets_of,
    buckets_of_hour,
    group_buckets_of,
    read_windows,
    sum_fields,
)
from service.store.groups import members_of_group, newest_groups
from service.store.items import load_states

ReadCounters = Callable[[Sequence[Wanted]], Awaitable[list[dict[str, int]]]]

_AT_ONCE = 500  # items in one round trip
_MOST_NAMED = 20  # groups in a message

_Sums = dict[tuple[str, str], dict[str, int]]  # by kind and series


class GroupItem(NamedTuple):
    """An item of a group, with its labels and scores of the contents that belong to the group.

    `cases` has the case of each of these contents.
    """

    item_id: str
    cases: dict[str, str]
    item: CodedItem


def window_counters(redis: Redis, window: Window) -> ReadCounters:
    """Returns the function that reads counters of all items, summed over a window."""

    async def read(wanted: Sequence[Wanted]) -> list[dict[str, int]]:
        return await read_windows(redis, wanted, buckets_of(window, clock.now_ms()))

    return read


async def group_counters(redis: Redis, criterion: str, group: str, window: Window, *, keep_s: int) -> ReadCounters:
    """Returns the function that reads counters of a group's items on a criterion, in the window.

    Raises Refused (impossible) with the pointer /group if no item of the group was judged.
    """
    items = await items_of_group(redis, criterion, group, keep_s=keep_s)
    sums = await asyncio.to_thread(_summed, [each.item for each in items], window)
    buckets = group_buckets_of(window, clock.now_ms(), keep_s)

    async def read(wanted: Sequence[Wanted]) -> list[dict[str, int]]:
        in_group = [each._replace(series=group_series(each.series, group)) for each in wanted]
        events = await read_windows(redis, [each for each in in_group if each.kind == "seen"], buckets)
        counted = iter(events)
        return [
            sum_fields([sums.get((each.kind, each.series), {}), *([next(counted)] if each.kind == "seen" else [])])
            for each in wanted
        ]

    return read


async def items_of_group(
    redis: Redis, criterion: str, group: str, *, keep_s: int, at: str = "/group"
) -> list[GroupItem]:
    """Returns the items of a group that were judged on a criterion.

    Raises Refused (impossible) with the pointer `at` if there is none.
    """
    members = await members_of_group(redis, criterion, group, keep_s=keep_s)
    if not members:
        known = [each.name for each in await newest_groups(redis, criterion, keep_s=keep_s, limit=_MOST_NAMED)]
        detail = f"no item of the group {group!r} was judged on {criterion!r}{suggestion(group, known)}"
        raise impossible([Fault(at, detail)])
    by_item: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for member in members:
        by_item[member.item_id][member.content] = member.case
    found: list[GroupItem] = []
    ids = list(by_item)
    for start in range(0, len(ids), _AT_ONCE):
        places = [(item_id, criterion) for item_id in ids[start : start + _AT_ONCE]]
        for (item_id, _), stored in zip(places, await load_states(redis, places), strict=True):
            cases = by_item[item_id]
            found.append(GroupItem(item_id, cases, _limited(known_item(stored, criterion).item, cases)))
    return found


def in_window(window: Window, now_ms: int) -> Callable[[int], bool]:
    """Returns the function that tells whether an hour (since the epoch) is in a window, as its buckets have it."""
    buckets = set(buckets_of(window, now_ms))
    known: dict[int, bool] = {}

    def is_in(hour: int) -> bool:
        if hour not in known:
            known[hour] = not buckets.isdisjoint(buckets_of_hour(hour, now_ms))
        return known[hour]

    return is_in


def _limited(item: CodedItem, contents: Iterable[str]) -> CodedItem:
    """Returns the item with its labels and scores of these contents alone."""
    kept = set(contents)
    return msgspec.structs.replace(
        item,
        labels={name: label for name, label in item.labels.items() if label.content in kept},
        scores={content: scores for content, scores in item.scores.items() if content in kept},
    )


def _summed(items: Iterable[CodedItem], window: Window) -> _Sums:
    """Returns the sums of the items' contributions in a window."""
    is_in = in_window(window, clock.now_ms())
    sums: defaultdict[tuple[str, str], defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for item in items:
        for counters, fields in contribution(item).items():
            if is_in(counters.hour):
                mine = sums[counters.kind, counters.series]
                for name, count in fields.items():
                    mine[name] += count
    return {place: without_zeros(fields) for place, fields in sums.items()}
