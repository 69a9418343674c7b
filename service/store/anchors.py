"""Anchors: the items of each set with their texts, whose turn it is to be judged again, and the scores they got."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from service.contracts.anchors import AnchorScore, AnchorSet
from service.contracts.items import Item, item_id
from service.store import clock, keys
from service.store.connection import pipeline, reply
from service.store.records import from_json, readable

MOST_SCORES = 50_000  # kept of a set: 100 days at the highest rate
MOST_ANCHOR_JOBS = 10_000  # in the list
SLOT = "anchors"  # the name of the periodic task in `keys.due`

_encoder = msgspec.json.Encoder()


class TimedScore(NamedTuple):
    """A judgment of an anchor, and when it ended, in milliseconds since the epoch."""

    at_ms: int
    score: AnchorScore


class _Stored(msgspec.Struct, frozen=True):
    owner: str | None
    created_at: datetime
    baseline_at: datetime
    problem: str | None = None


async def put_anchors(redis: Redis, judge: str, items: Sequence[Item], owner: str | None) -> bool:
    """Makes these items the anchors of a judge, in place of earlier ones, and returns whether it had none.

    Items that stay keep their scores, as long as their content is the same, and their turn.
    """
    known = await find_anchors(redis, judge)
    now = clock.now()
    stored = _Stored(owner, known.created_at if known else now, known.baseline_at if known else now)
    by_id = {item_id(each): _encoder.encode(each) for each in items}
    gone = [name for name in await _ids(redis, judge) if name not in by_id]
    async with pipeline(redis, atomic=True) as pipe:
        pipe.zadd(keys.ANCHORS, {judge: 0})
        pipe.set(keys.anchor_set(judge), _encoder.encode(stored))
        pipe.delete(keys.anchor_items(judge))
        pipe.hset(keys.anchor_items(judge), mapping=by_id)
        pipe.zadd(keys.anchor_turns(judge), {name: _first_turn(name) for name in by_id}, nx=True)
        if gone:
            pipe.zrem(keys.anchor_turns(judge), *gone)
        if known is None:  # a judgment of anchors that were removed meanwhile may have left its score
            pipe.unlink(keys.anchor_scores(judge))
        await pipe.execute()
    return known is None


async def find_anchors(redis: Redis, judge: str) -> AnchorSet | None:
    """Returns the anchors of a judge, None if it has none."""
    return _set(judge, *(await _stored_sets(redis, [judge]))[judge])


async def list_anchors(redis: Redis, *, after: str | None, limit: int) -> tuple[list[AnchorSet], str | None]:
    """Returns the sets of anchors after the judge `after`, by judge, and the judge that the next page follows."""
    lower = "-" if after is None else f"({after}"
    found = [each.decode() for each in await reply(redis.zrangebylex(keys.ANCHORS, lower, "+", 0, limit + 1))]
    return await _sets(redis, found[:limit]), found[limit - 1] if len(found) > limit else None


async def every_anchor_set(redis: Redis) -> list[AnchorSet]:
    """Returns all sets of anchors by judge."""
    names = [each.decode() for each in await reply(redis.zrange(keys.ANCHORS, 0, -1))]
    return await _sets(redis, names)


async def load_anchor_items(redis: Redis, judge: str) -> list[Item]:
    """Returns the anchors of a judge with their texts, by id."""
    stored = await reply(redis.hgetall(keys.anchor_items(judge)))
    return [from_json(content, Item, f"anchors of {judge}") for _, content in sorted(stored.items())]


async def delete_anchors(redis: Redis, judge: str) -> bool:
    """Removes the anchors of a judge with their scores, and returns whether there were any."""
    async with pipeline(redis, atomic=True) as pipe:
        pipe.zrem(keys.ANCHORS, judge)
        pipe.unlink(
            keys.anchor_set(judge), keys.anchor_items(judge), keys.anchor_turns(judge), keys.anchor_scores(judge)
        )
        removed, _ = await pipe.execute()
    return bool(removed)


async def delete_anchor(redis: Redis, judge: str, name: str) -> bool:
    """Removes one anchor of a judge by its item id, and returns whether it was there; the last one with its set."""
    async with pipeline(redis, atomic=True) as pipe:
        pipe.hdel(keys.anchor_items(judge), name)
        pipe.zrem(keys.anchor_turns(judge), name)
        pipe.hlen(keys.anchor_items(judge))
        removed, _, left = await pipe.execute()
    if removed and not left:
        await delete_anchors(redis, judge)
    return bool(removed)


async def restart_anchors(redis: Redis, judge: str) -> AnchorSet | None:
    """Makes the next judgments of the anchors their first ones. Returns None if the judge has no anchors."""
    return await _changed(redis, judge, {"baseline_at": clock.now()})


async def note_problem(redis: Redis, judge: str, problem: str | None) -> None:
    """Notes why the anchors of a judge can't be judged; None if they can."""
    await _changed(redis, judge, {"problem": problem})


async def slots_taken(redis: Redis, slots: Sequence[tuple[str, int]]) -> list[bool]:
    """Returns, for each judge and slot of time, whether an anchor was submitted in it."""
    async with pipeline(redis) as pipe:
        for judge, slot in slots:
            pipe.exists(keys.due(f"{SLOT}:{judge}", slot))
        return [bool(each) for each in await pipe.execute()]


async def take_slot(redis: Redis, judge: str, slot: int, slot_s: float) -> bool:
    """Takes a slot of time of `slot_s` seconds for a judge; False if it was taken."""
    return bool(await reply(redis.set(keys.due(f"{SLOT}:{judge}", slot), b"1", nx=True, px=int(2000 * slot_s) + 1)))


async def next_anchor(redis: Redis, judge: str, now_ms: int) -> Item | None:
    """Returns the anchor whose turn it is, and puts it at the end of the order; None if there is none."""
    first = await reply(redis.zrange(keys.anchor_turns(judge), 0, 0))
    if not first:
        return None
    await reply(redis.zadd(keys.anchor_turns(judge), {first[0]: now_ms}, xx=True))
    stored = await reply(redis.hget(keys.anchor_items(judge), first[0].decode()))
    return None if stored is None else from_json(stored, Item, f"anchors of {judge}")


async def list_anchor_job(redis: Redis, judge: str, job_id: str) -> None:
    """Puts a job among those that judged anchors, and drops the oldest jobs and scores past the maximum."""
    async with pipeline(redis) as pipe:
        pipe.zadd(keys.ANCHOR_JOBS, {job_id: 0})
        pipe.zremrangebyrank(keys.ANCHOR_JOBS, 0, -MOST_ANCHOR_JOBS - 1)
        pipe.zremrangebyrank(keys.anchor_scores(judge), 0, -MOST_SCORES - 1)
        await pipe.execute()


def anchor_entry(judge: str, score: AnchorScore, at_ms: int) -> tuple[str, int, str, str]:
    """Returns the entry of `changes.Change.ranked` that stores a score of an anchor with its judgment."""
    return keys.anchor_scores(judge), 0, str(at_ms), _encoder.encode(score).decode()


async def read_anchor_scores(redis: Redis, anchors: AnchorSet) -> list[TimedScore]:
    """Returns the scores of a set since its baseline, in the order of time."""
    since = int(anchors.baseline_at.timestamp() * 1000)
    found = await reply(redis.zrangebyscore(keys.anchor_scores(anchors.judge), since, "+inf", withscores=True))
    name = f"anchors of {anchors.judge}"
    return [TimedScore(int(at_ms), from_json(text, AnchorScore, name)) for text, at_ms in found]


async def count_anchor_scores(redis: Redis, judge: str) -> int:
    """Returns the number of stored scores of a judge's anchors."""
    return int(await reply(redis.zcard(keys.anchor_scores(judge))))


async def _ids(redis: Redis, judge: str) -> list[str]:
    return [each.decode() for each in await reply(redis.zrange(keys.anchor_turns(judge), 0, -1))]


async def _sets(redis: Redis, judges: Sequence[str]) -> list[AnchorSet]:
    stored = await _stored_sets(redis, judges)
    return [found for _, found in readable(judges, lambda judge: _set(judge, *stored[judge]))]


async def _stored_sets(redis: Redis, judges: Sequence[str]) -> dict[str, tuple[bytes | None, int]]:
    """Returns each judge's set as it is stored, and the number of its items."""
    async with pipeline(redis) as pipe:
        for judge in judges:
            pipe.get(keys.anchor_set(judge))
            pipe.hlen(keys.anchor_items(judge))
        found = await pipe.execute()
    return dict(zip(judges, zip(found[::2], found[1::2], strict=True), strict=True))


def _set(judge: str, stored: bytes | None, items: int) -> AnchorSet | None:
    if stored is None:
        return None
    known = from_json(stored, _Stored, f"anchors of {judge}")
    return AnchorSet(judge=judge, items=items, **msgspec.structs.asdict(known))


async def _changed(redis: Redis, judge: str, fields: Mapping[str, object]) -> AnchorSet | None:
    stored = await reply(redis.get(keys.anchor_set(judge)))
    if stored is None:
        return None
    before = from_json(stored, _Stored, f"anchors of {judge}")
    after = msgspec.structs.replace(before, **fields)
    if after != before:
        await reply(redis.set(keys.anchor_set(judge), _encoder.encode(after), xx=True))
    return await find_anchors(redis, judge)


def _first_turn(name: str) -> float:
    """Returns the place of an anchor that had no turn yet: before all others, in an order that is as good as random."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6]) / 2**48
