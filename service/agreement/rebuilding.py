"""Recounts the counters of labels from the stored items, and reports or repairs those that differ."""

from collections import Counter, defaultdict
from collections.abc import Iterable

import msgspec
from redis.asyncio import Redis

from service.agreement.contributions import LABEL_KINDS, CodedItem, contribution, without_zeros
from service.agreement.stored_items import coded_item
from service.store import agreement_counters, clock, keys
from service.store.errors import BusyError, UnreadableRecordError
from service.store.items import StoredItem, all_items
from service.store.records import say_once

_MAX_ATTEMPTS = 5
_MAX_EXAMPLES = 20

_Hashes = dict[str, dict[str, int]]  # counters by their keys


class Differing(msgspec.Struct, frozen=True, kw_only=True):
    """A counter that differs from the recount. `hash` names the kind, bucket, series and criterion."""

    hash: str
    field: str
    stored: int
    recounted: int


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a recount.

    `items` labelled items with `labels` labels make `counters` counters, of which `differing` had another value;
    `examples` has some of these. `repaired` means that they were put right. `unreadable` names labels and scores that
    this version can't read, some of them if there are many: the recount is without them.
    """

    items: int
    labels: int
    counters: int
    differing: int
    examples: list[Differing]
    repaired: bool
    unreadable: list[str]


class _Recount:
    """What the stored items make: the counters by their keys, without those that are 0."""

    def __init__(self) -> None:
        self.items = self.labels = 0
        self.unreadable: list[str] = []
        self._now_ms = clock.now_ms()
        self._hashes: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def add(self, stored: StoredItem) -> None:
        """Counts a labelled item."""
        self.items += 1
        for criterion, state in stored.states.items():
            try:
                item = coded_item(state)
            except UnreadableRecordError as error:
                say_once(error)
                self.unreadable.append(error.name)
            else:
                self._count(criterion, item)

    def _count(self, criterion: str, item: CodedItem) -> None:
        self.labels += len(item.labels)
        for group, fields in contribution(item).items():
            if group.kind in LABEL_KINDS:
                for bucket in agreement_counters.buckets_of_hour(group.hour, self._now_ms):
                    key = keys.agreement_counters(group.kind, bucket, group.series, criterion)
                    self._hashes[key].update(fields)

    def hashes(self) -> _Hashes:
        """Returns the counters."""
        kept = {key: without_zeros(fields) for key, fields in self._hashes.items()}
        return {key: fields for key, fields in kept.items() if fields}


async def rebuild(redis: Redis, *, repair: bool) -> Rebuilt:
    """Compares the counters of labels with a recount; with `repair` writes the differing ones anew.

    Raises BusyError if labels changed during each of several attempts.
    """
    for _ in range(_MAX_ATTEMPTS):
        since = await agreement_counters.labelled_changes(redis)
        recount = _Recount()
        async for item in all_items(redis):
            if item.is_labelled:
                recount.add(item)
        recounted = recount.hashes()
        stored = await agreement_counters.all_counters(redis, LABEL_KINDS)
        differing = list(_differing(stored, recounted))
        if repair and differing:
            repaired = {each.hash: recounted.get(each.hash, {}) for each in differing}
            is_sound = await agreement_counters.replace_counters(redis, since, repaired)
        else:
            is_sound = await agreement_counters.labelled_changes(redis) == since
        if is_sound:
            return Rebuilt(
                items=recount.items,
                labels=recount.labels,
                counters=sum(map(len, recounted.values())),
                differing=len(differing),
                examples=differing[:_MAX_EXAMPLES],
                repaired=repair and bool(differing),
                unreadable=recount.unreadable[:_MAX_EXAMPLES],
            )
    raise BusyError("labels were changed during the recount; try again when fewer come in")


def _differing(stored: _Hashes, recounted: _Hashes) -> Iterable[Differing]:
    for key in sorted(stored.keys() | recounted.keys()):
        mine, theirs = stored.get(key, {}), recounted.get(key, {})
        for field in sorted(mine.keys() | theirs.keys()):
            if mine.get(field, 0) != theirs.get(field, 0):
                yield Differing(hash=key, field=field, stored=mine.get(field, 0), recounted=theirs.get(field, 0))
