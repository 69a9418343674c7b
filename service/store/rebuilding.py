"""Recounts the counters of agreement from the stored labels and judgments, and says whether they are equal."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable
from typing import Any, cast

import msgspec
from redis.asyncio import Redis
from redis.exceptions import WatchError

from service.agreement.contributions import LABELLED, Judged, Label, Row, recount
from service.agreement.counter_fields import unquoted
from service.store import agreement_counters as tallies
from service.store import clock, keys, labels
from service.store.connection import pipeline, reply, translated
from service.store.errors import BusyError

_ATTEMPTS = 5
_AT_ONCE = 500
_EXAMPLES = 20

_Hashes = dict[str, dict[str, int]]  # of counters, by their keys


class Differing(msgspec.Struct, frozen=True, kw_only=True):
    """A counter that is not what the labels make it. `hash` names the kind, bucket, series and criterion."""

    hash: str
    field: str
    stored: int
    recounted: int


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """What was read and compared. `differing` counters did not fit; `examples` has some; `repaired` if they now do."""

    items: int
    labels: int
    counters: int
    differing: int
    examples: list[Differing]
    repaired: bool


async def rebuild(redis: Redis, *, repair: bool) -> Rebuilt:
    """Compares the counters with a recount; with `repair` writes what differs anew.

    Raises BusyError where labels were changed each time while they were read.
    """
    for _ in range(_ATTEMPTS):
        before = await reply(redis.get(keys.CHANGES))
        items, count, recounted = await _recounted(redis)
        stored = await _stored(redis)
        differing = list(_differing(stored, recounted))
        if repair and differing:
            unchanged = await _repair(redis, before, {each.hash for each in differing}, recounted)
        else:
            unchanged = await reply(redis.get(keys.CHANGES)) == before
        if unchanged:
            return Rebuilt(
                items=items,
                labels=count,
                counters=sum(map(len, recounted.values())),
                differing=len(differing),
                examples=differing[:_EXAMPLES],
                repaired=repair and bool(differing),
            )
    raise BusyError("labels were changed while they were counted; try again when fewer come in")


async def _recounted(redis: Redis) -> tuple[int, int, _Hashes]:
    """The number of labelled items and of labels, and what the counters have to be."""
    now_ms = clock.now_ms()
    items = count = 0
    hashes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    async for _, stored in _all(redis, keys.item("*")):
        if b"labelled" not in stored:
            continue
        items += 1
        for row in rows_of(stored):
            count += len(row.labels)
            for counted, fields in recount([row], LABELLED).items():
                for bucket in tallies.buckets_at(counted.at_ms, now_ms):
                    hashes[keys.tally(counted.kind, bucket, counted.series, counted.criterion)].update(fields)
    kept = {name: {field: n for field, n in fields.items() if n} for name, fields in hashes.items()}
    return items, count, {name: fields for name, fields in kept.items() if fields}


def rows_of(stored: dict[bytes, bytes]) -> list[Row]:
    """What an item's hash has of each criterion."""
    given: defaultdict[str, dict[str, Label]] = defaultdict(dict)
    judged: defaultdict[str, dict[tuple[str, str], Judged]] = defaultdict(dict)
    first: dict[str, int] = {}
    for criterion, annotator, label in labels.rows(stored):
        given[criterion][annotator] = Label(
            key=label.key,
            number=label.number,
            units=label.units,
            per_cent=label.per_cent,
            selection=cast("Any", label.drawn),
            probability=label.probability,
            content=label.content,
            at_ms=label.at,
            off_scale=label.is_off_scale,
        )
    for field, value in stored.items():
        kind, *words = field.decode().split("\t")
        if kind == "J":
            criterion, series, content = words
            plain: list[Any] = [None if each is False else each for each in msgspec.msgpack.decode(value)]
            key, number, units, per_cent, at_ms, length, own = plain
            judged[unquoted(criterion)][series, content] = Judged(
                key=key, number=number, units=units, per_cent=per_cent, at_ms=at_ms, length=length, own=own
            )
        elif kind == "A":
            first[unquoted(words[0])] = int(value)
    return [
        Row(criterion=each, labels=given[each], judged=judged[each], first_label_ms=first.get(each, 0))
        for each in {*given, *judged}
    ]


async def _stored(redis: Redis) -> _Hashes:
    return {
        key: {field.decode(): int(n) for field, n in stored.items()}
        for kind in LABELLED
        async for key, stored in _all(redis, f"{keys.PREFIX}{kind}:*")
    }


async def _all(redis: Redis, pattern: str) -> AsyncIterator[tuple[str, dict[bytes, bytes]]]:
    """Every hash of a pattern, with its key."""
    cursor, seen = 0, set[bytes]()
    while True:
        cursor, found = await reply(redis.scan(cursor, match=pattern, count=_AT_ONCE))
        new = [key for key in found if key not in seen]  # a scan may show a key twice
        seen.update(new)
        async with pipeline(redis) as pipe:
            for key in new:
                pipe.hgetall(key)
            stored = await pipe.execute()
        for key, fields in zip(new, stored, strict=True):
            yield key.decode(), fields
        if cursor == 0:
            return


def _differing(stored: _Hashes, recounted: _Hashes) -> Iterable[Differing]:
    for name in sorted(stored.keys() | recounted.keys()):
        mine, theirs = stored.get(name, {}), recounted.get(name, {})
        for field in sorted(mine.keys() | theirs.keys()):
            if mine.get(field, 0) != theirs.get(field, 0):
                yield Differing(hash=name, field=field, stored=mine.get(field, 0), recounted=theirs.get(field, 0))


async def _repair(redis: Redis, before: bytes | str | None, names: Iterable[str], recounted: _Hashes) -> bool:
    """Writes these hashes anew, unless a label was changed since `before`; whether it did."""
    with translated():
        async with redis.pipeline(transaction=True) as pipe:
            await pipe.watch(keys.CHANGES)
            if await pipe.get(keys.CHANGES) != before:
                return False
            pipe.multi()  # type: ignore[no-untyped-call]
            for name in names:
                pipe.delete(name)
                if name in recounted:
                    pipe.hset(name, mapping=cast("Any", recounted[name]))
                    if expires := tallies.expiry_ms(name.split(":")[2]):
                        pipe.pexpireat(name, expires)
            try:
                await pipe.execute()
            except WatchError:
                return False
    return True
