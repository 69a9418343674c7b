"""Applies changes of jobs, items and counters in one atomic step, many in one round trip.

A change carries its increments, which its caller computed from the item as it had read it. If the item has changed
since then, nothing of that change is applied, and the caller gets the item's fields to compute the change again.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from redis.asyncio import Redis

from service.contracts.outcomes import Outcome
from service.store import clock, counters, keys
from service.store.agreement_counters import kept_buckets
from service.store.cache import stored_place
from service.store.connection import Script
from service.store.counters import Increment
from service.store.installations import packs
from service.store.items import StoredItem, item_from_pairs, state_value
from service.store.packing import Packing, packed_judgment

NANO = 10**9  # nano-dollars in a dollar
MAX_WAITING = 10_000  # items in each half of a criterion's label queue
KEPT = -1  # in place of a maximum number of members: they are kept for the keep time
MOST_COUNTED = 10**15  # an increment; the store's scripts count exactly up to here
ONCE = -2  # in place of a maximum number of members: each is added once

_apply = Script("counting", "apply_changes")
_encoded = msgspec.msgpack.Encoder().encode


class UncountableError(ValueError):
    """A change can't be applied, now or later. Nothing was written."""


class StoredResult(NamedTuple):
    """A judgment to store, unless its job is gone or the judgment is there already.

    `counts` are increments of the job's fields. `spend_key` is empty if nobody's spending grows by `spent_nano`.
    `cached_votes` has the cache key of each vote to keep, and its place in the judgment (`cache.cache_place`).
    """

    job_id: str
    chunk: int
    position: int
    judgment: bytes
    counts: Sequence[tuple[str, int]]
    spend_key: str
    spent_nano: int
    cached_votes: Sequence[tuple[str, str]]


class ItemWrite(NamedTuple):
    """The new state of an item on one criterion, and its increments of the counters of agreement.

    `revision` is that of the state as it was read, empty if there was none; `state` is the JSON of the new one, empty
    to remove it, and `new_revision` its revision.
    `newest_content` is the digest that the item's newest content must have, None if any will do, and `scale` the scale
    that the criterion must have, None if any will do. `first_content` becomes the item's content if it has none.
    `counters` has (kind, series, hour, (field, increment) pairs), and `labelled` changes the number of criteria with
    labels.
    """

    item_id: str
    criterion: str
    revision: str
    new_revision: str
    state: bytes
    counters: tuple[tuple[str, str, int, tuple[tuple[str, int], ...]], ...]
    is_labelled: bool
    labelled: int = 0
    newest_content: str | None = None
    first_content: str | None = None
    scale: str | None = None
    refs: Sequence[tuple[str, str]] = ()
    expired_refs: Sequence[str] = ()


class Change(NamedTuple):
    """One change, applied whole or not at all; `metrics` are increments of the metrics.

    `ranked` has (zset, maximum number of members or 0, score, member); with KEPT for the maximum, scores are times in
    milliseconds, and members past the keep time are removed; with ONCE, members that are there keep their score.
    `members` has (set, member) to add, and `unranked` (zset, member) to remove.
    """

    result: StoredResult | None = None
    item: ItemWrite | None = None
    metrics: Sequence[Increment] = ()
    ranked: Sequence[tuple[str, int, str, str]] = ()
    members: Sequence[tuple[str, str]] = ()
    unranked: Sequence[tuple[str, str]] = ()


class JobState(NamedTuple):
    """The facts that a worker needs about a job before it goes on with it.

    `ended` has the number of its judgments by outcome, if a change has ended the job; None otherwise.
    """

    cancelled: bool
    spent_usd: float
    ended: dict[str, int] | None = None


class Applied(NamedTuple):
    """The state of each job in the changes, and the changes that were not applied by their index, with their items."""

    jobs: dict[str, JobState]
    moved: dict[int, StoredItem]


async def apply_changes(redis: Redis, changes: Sequence[Change], *, keep_s: int) -> Applied:
    """Applies the changes in order, in one atomic step.

    Returns those that were not applied because their item or scale had changed; all others were applied, or were
    applied before, or belong to a job that is gone. Raises UncountableError, before it writes anything, if an increment
    is none that can be counted.
    """
    batch = _Batch(keep_s, await packs(redis))
    heads = [False if each.item is None else _head(each.item) for each in changes]
    bodies = [_encoded(batch.change(each)) for each in changes]
    states, moved = await _apply(
        redis,
        [
            *(keys.PENDING, keys.COUNTERS, keys.QUEUE, keys.CRITERIA, keys.CHANGES, keys.OPEN_JOBS, keys.CALLBACKS),
            *(keys.ARCHIVE, keys.UNARCHIVED, keys.UNARCHIVED_LABELS, keys.ENDED),
        ],
        [batch.now_ms, keep_s, counters.MAX_SERIES, _encoded(heads), _encoded(batch.lists()), b"".join(bodies)],
    )
    ids = {keys.job(job_id): job_id for job_id in batch.jobs}
    return Applied(
        {ids[state[0].decode()]: _job_state(*state[1:]) for state in states},
        dict(_moved(changes[int(place) - 1], int(place) - 1, fields) for place, fields in moved),
    )


def _moved(change: Change, index: int, fields: Sequence[bytes]) -> tuple[int, StoredItem]:
    assert change.item is not None, "only a change of an item is not applied"
    return index, item_from_pairs(change.item.item_id, fields)


def _job_state(cancelled: bytes, nano: bytes, *counts: bytes) -> JobState:
    ended = dict(zip(map(str, Outcome), map(int, counts), strict=True)) if counts else None
    return JobState(cancelled == b"1", int(nano) / NANO, ended)


class _Batch:
    """Writes changes as apply_changes.lua reads them: each key and field once, named by its place in a list."""

    def __init__(self, keep_s: int, packing: Packing) -> None:
        self._packing = packing
        self.now_ms = clock.now_ms()
        self._keep_ms = keep_s * 1000
        self.jobs: dict[str, int] = {}
        self._groups: dict[object, int] = {}
        self._packed_groups: list[list[str]] = []
        self._fields: dict[tuple[int, str], int] = {}
        self._of_items: dict[tuple[str, Any], list[int]] = {}
        self._series: dict[tuple[str, str], int] = {}
        self._zsets: dict[tuple[str, int], int] = {}

    def lists(self) -> tuple[Any, ...]:
        jobs = [
            (
                keys.job(each),
                keys.job_events(each),
                keys.job_items(each),
                keys.job_results(each),
                keys.job_benchmark(each),
                each,
            )
            for each in self.jobs
        ]
        groups, names = [group for group, _ in self._fields], [name for _, name in self._fields]
        series, others = [name for name, _ in self._series], [other for _, other in self._series]
        return jobs, self._packed_groups, groups, names, series, others, list(self._zsets)

    def change(self, change: Change) -> tuple[Any, ...]:
        increments: list[int] = []
        if change.result is not None:
            self._count(increments, self._job_group(change.result.job_id), change.result.counts)
        if change.item is not None:
            increments += self._item_increments(change.item.criterion, change.item.counters)
        series: list[int] = []
        for name, by, other in change.metrics:
            series += (_placed(self._series, (name, other)), _countable(name, by))
        ranked: list[Any] = []
        for key, most, score, member in change.ranked:
            ranked += (_placed(self._zsets, (key, most)), score, member)
        return (
            False if change.result is None else self._result(change.result),
            False if change.item is None else self._item(change.item),
            increments,
            series,
            ranked,
            _flat(change.members),
            _flat(change.unranked),
        )

    def _result(self, result: StoredResult) -> tuple[Any, ...]:
        place = stored_place(result.job_id, result.chunk, result.position, self._packing)
        return (
            _placed(self.jobs, result.job_id),
            result.chunk,
            result.position,
            _string(packed_judgment(result.judgment) if self._packing >= Packing.VALUES else result.judgment),
            result.spend_key,
            _countable(result.spend_key, result.spent_nano),
            _flat([(key, place + in_judgment) for key, in_judgment in result.cached_votes]),
        )

    def _item(self, item: ItemWrite) -> tuple[Any, ...]:
        is_packed = self._packing >= Packing.STATES
        return (
            _string(state_value(item.item_id, item.new_revision, item.state, packed=is_packed)) if item.state else "",
            _flat(item.refs),
            item.expired_refs,
            item.first_content or False,
            item.labelled,
            int(item.is_labelled),
        )

    def _item_increments(self, criterion: str, counters: Any) -> list[int]:
        """Returns the increments of an item's counters; many items of a batch have equal ones."""
        known = self._of_items.get((criterion, counters))
        if known is None:
            known = self._of_items[criterion, counters] = []
            for kind, name, hour, fields in counters:
                self._count(known, self._counter_group(kind, name, criterion, hour), fields)
        return known

    def _count(self, increments: list[int], group: int, fields: Any) -> None:
        for name, by in fields:
            increments += (_placed(self._fields, (group, name)), _countable(name, by))

    def _job_group(self, job_id: str) -> int:
        known = self._groups.get(job_id)
        return known or self._new_group(job_id, [keys.job(job_id), ""])

    def _counter_group(self, kind: str, series: str, criterion: str, hour: int) -> int:
        name = (kind, series, criterion, hour)
        known = self._groups.get(name)
        if known is not None:
            return known
        group = []
        for bucket, expires in kept_buckets(series, hour, self.now_ms, self._keep_ms):
            group += [keys.agreement_counters(kind, bucket, series, criterion), "" if expires is None else str(expires)]
        return self._new_group(name, group)

    def _new_group(self, name: object, packed: list[str]) -> int:
        self._packed_groups.append(packed)
        self._groups[name] = len(self._packed_groups)
        return len(self._packed_groups)


def _string(value: bytes) -> msgspec.Raw:
    """Returns bytes as MessagePack of a text, which they need not be: cmsgpack knows no binary strings."""
    return msgspec.Raw(b"\xdb" + len(value).to_bytes(4, "big") + value)


def _placed(places: dict[Any, int], each: object) -> int:
    """Returns the place of one in a list, counted from 1; adds it if it is not there."""
    return places.get(each) or places.setdefault(each, len(places) + 1)


def _countable(name: str, by: int) -> int:
    if not -MOST_COUNTED < by < MOST_COUNTED:
        raise UncountableError(f"{name} can't be increased by {by}")
    return by


def _head(item: ItemWrite) -> tuple[Any, ...]:
    """Returns the item with the conditions of its write."""
    return (
        keys.item(item.item_id),
        keys.item_state(item.criterion),
        item.revision,
        False if item.newest_content is None else item.newest_content,
        False if item.scale is None else item.criterion,
        False if item.scale is None else item.scale,
    )


def _flat(pairs: Sequence[tuple[str, str]]) -> list[str]:
    return [each for pair in pairs for each in pair] if pairs else []
