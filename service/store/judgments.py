"""Finished judgments in the order of items, as the JSON that is stored."""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from service.contracts.jobs import JobRecord
from service.contracts.outcomes import Outcome
from service.store import keys
from service.store.connection import pipeline, reply
from service.store.errors import UnreadableRecordError
from service.store.items import item_of, load_item, refs_in
from service.store.packing import unpacked, unpacked_bytes
from service.store.records import say_once
from service.threads import aside_if_large

_FASTER_THAN_READ = 8  # times as many bytes are unpacked in the time in which others are read


class PlacedJudgment(NamedTuple):
    """A judgment's JSON and its position in the job."""

    position: int
    judgment: msgspec.Raw


class _OutcomeOnly(msgspec.Struct):
    outcome: Outcome


class _OwnerOnly(msgspec.Struct):
    owner: str | None


async def judgments_in_order(
    redis: Redis, record: JobRecord, *, start: int = 0, outcome: Outcome | None = None
) -> AsyncIterator[PlacedJudgment]:
    """Yields the judgments that are done, from position `start` on, of one outcome if it is given."""
    in_chunk = record.chunk_items * len(record.judges)
    for chunk in range(start // in_chunk, record.chunks):
        stored = await reply(redis.hgetall(keys.chunk_results(record.id, chunk)))
        placed = sorted((int(field), value) for field, value in stored.items() if int(field) >= start)
        found = await unpacked_judgments([value for _, value in placed], f"a judgment of job {record.id}")
        for (position, _), judgment in zip(placed, found, strict=True):
            if judgment is not None and (outcome is None or _outcome(judgment) is outcome):
                yield PlacedJudgment(position, judgment)


async def page_of_judgments(
    redis: Redis, record: JobRecord, *, start: int, limit: int, outcome: Outcome | None
) -> tuple[list[msgspec.Raw], int | None]:
    """Returns at most `limit` judgments, and the position that the next page starts at, None at the end."""
    shown: list[msgspec.Raw] = []
    async for placed in judgments_in_order(redis, record, start=start, outcome=outcome):
        if len(shown) == limit:
            return shown, placed.position
        shown.append(placed.judgment)
    return shown, None


async def judgments_of_item(redis: Redis, item_id: str, owner: str | None) -> list[msgspec.Raw]:
    """Returns all judgments of an item that have not expired, the newest last; only those of one API key's jobs if
    `owner` is given.
    """
    places = refs_in(await load_item(redis, item_id))
    if owner is not None:
        owners = await owners_of_jobs(redis, {job_id for job_id, _, _ in places})
        places = [place for place in places if owners.get(place[0]) == owner]
    async with pipeline(redis) as pipe:
        for job_id, chunk, position in places:
            pipe.hget(keys.chunk_results(job_id, chunk), position)
        stored = await pipe.execute()
    found = await unpacked_judgments(stored, f"a judgment of item {item_id}")
    return [judgment for judgment in found if judgment is not None]


async def unpacked_judgments(stored: Sequence[bytes | None], name: str) -> list[msgspec.Raw | None]:
    """Returns the JSON of judgments as they are stored; None in place of None, and of one that can't be unpacked.

    `name` names each, such as `a judgment of job job_01`.
    """
    size = sum(unpacked_bytes(each) for each in stored if each is not None)
    return await aside_if_large(size // _FASTER_THAN_READ, _all_unpacked, stored, name)


def _all_unpacked(stored: Sequence[bytes | None], name: str) -> list[msgspec.Raw | None]:
    found: list[msgspec.Raw | None] = []
    for each in stored:
        try:
            found.append(None if each is None else msgspec.Raw(unpacked(each, name)))
        except UnreadableRecordError as error:
            say_once(error)
            found.append(None)
    return found


async def owners_of_jobs(redis: Redis, job_ids: Iterable[str]) -> dict[str, str | None]:
    """Returns the API key that made each of these jobs that have not expired, None for those that no key made."""
    ids = list(job_ids)
    async with pipeline(redis) as pipe:
        for job_id in ids:
            pipe.hget(keys.job(job_id), "record")
        records = await pipe.execute()
    return {
        job_id: msgspec.json.decode(record, type=_OwnerOnly).owner
        for job_id, record in zip(ids, records, strict=True)
        if record is not None
    }


async def judgments_ended_at(redis: Redis, wanted: Sequence[tuple[str, int]]) -> list[list[msgspec.Raw]]:
    """Returns, for each (item id, time in milliseconds), the item's judgments that ended then and have not expired."""
    async with pipeline(redis) as pipe:
        for item_id, _ in wanted:
            pipe.hgetall(keys.item(item_id))
        found_items = await pipe.execute()
    items = [item_of(item_id, fields) for (item_id, _), fields in zip(wanted, found_items, strict=True)]
    places = [
        refs_in(item._replace(refs={ref: ms for ref, ms in item.refs.items() if ms == at_ms}))
        for item, (_, at_ms) in zip(items, wanted, strict=True)
    ]
    async with pipeline(redis) as pipe:
        for job_id, chunk, position in (place for each in places for place in each):
            pipe.hget(keys.chunk_results(job_id, chunk), position)
        stored = await pipe.execute()
    found = iter(await unpacked_judgments(stored, "a judgment of an item"))
    return [[judgment for _ in each if (judgment := next(found)) is not None] for each in places]


def _outcome(judgment: msgspec.Raw) -> Outcome:
    return msgspec.json.decode(judgment, type=_OutcomeOnly).outcome
