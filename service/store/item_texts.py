"""The texts of judged items, with the judges that judged them: kept as long as the jobs that they came with."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from service.contracts.items import Item, content_digest
from service.contracts.jobs import JobRecord
from service.contracts.judges import ResolvedJudge
from service.store import keys
from service.store.connection import pipeline
from service.store.items import item_of, refs_in
from service.store.judgments import owners_of_jobs
from service.store.packing import unpacked_bytes
from service.store.records import from_json, from_msgpack, readable
from service.threads import aside_if_large

_MOST_JUDGMENTS = 20  # of one item, the newest
_CHUNKS_AT_ONCE = 32

_Chunk = tuple[str, int]  # a job's id and the chunk's number
_Place = tuple[str, int]  # an item's id and the position of its judgment


class JudgedText(NamedTuple):
    """An item as it was judged, the judge, and the job."""

    item_id: str
    item: Item
    judge: ResolvedJudge
    job_id: str


async def newest_texts(redis: Redis, item_ids: Sequence[str], owner: str | None = None) -> dict[str, Item]:
    """Returns each item as it was in its newest judgment, by id; those whose job has expired are left out.

    If `owner` is given, only the jobs of this API key count.
    """
    return {each.item_id: each.item async for each in judged_texts(redis, item_ids, most=1, owner=owner)}


async def texts_of_contents(redis: Redis, contents: Mapping[str, str]) -> dict[str, Item]:
    """Returns each item as it was judged with the content of this digest, by id.

    Those of which no such text is stored are left out.
    """
    found = await newest_texts(redis, list(contents))
    known = {name: item for name, item in found.items() if content_digest(item) == contents[name]}
    if others := [name for name in found if name not in known]:  # the newest judgment was of another content
        async for each in judged_texts(redis, others):
            if content_digest(each.item) == contents[each.item_id]:
                known[each.item_id] = each.item
    return known


async def judged_texts(
    redis: Redis, item_ids: Sequence[str], *, most: int = _MOST_JUDGMENTS, owner: str | None = None
) -> AsyncIterator[JudgedText]:
    """Yields the texts of the newest judgments of each item, at most so many; those that have expired are left out.

    If `owner` is given, only the jobs of this API key count.
    """
    by_chunk = await _judgments(redis, item_ids, most, owner)
    records = await _records(redis, list(dict.fromkeys(job_id for job_id, _ in by_chunk)))
    kept = [chunk for chunk in by_chunk if chunk[0] in records]
    for start in range(0, len(kept), _CHUNKS_AT_ONCE):
        chunks = kept[start : start + _CHUNKS_AT_ONCE]
        async with pipeline(redis) as pipe:
            for job_id, chunk in chunks:
                pipe.get(keys.chunk_items(job_id, chunk))
            found = await pipe.execute()
        for place, stored in zip(chunks, found, strict=True):
            if stored is not None:
                record, wanted = records[place[0]], by_chunk[place]
                for judged in await aside_if_large(unpacked_bytes(stored), _of_chunk, record, place[1], stored, wanted):
                    yield judged


async def _judgments(
    redis: Redis, item_ids: Sequence[str], most: int, owner: str | None
) -> Mapping[_Chunk, list[_Place]]:
    """Returns the items' newest judgments by the chunks that have them."""
    async with pipeline(redis) as pipe:
        for item_id in item_ids:
            pipe.hgetall(keys.item(item_id))
        found = await pipe.execute()
    refs = [refs_in(item_of(item_id, fields)) for item_id, fields in zip(item_ids, found, strict=True)]
    if owner is not None:
        owners = await owners_of_jobs(redis, {job_id for each in refs for job_id, _, _ in each})
        refs = [[place for place in each if owners.get(place[0]) == owner] for each in refs]
    by_chunk: dict[_Chunk, list[_Place]] = {}
    for item_id, places in zip(item_ids, refs, strict=True):
        for job_id, chunk, position in places[-most:]:
            by_chunk.setdefault((job_id, chunk), []).append((item_id, int(position)))
    return by_chunk


async def _records(redis: Redis, job_ids: Sequence[str]) -> dict[str, JobRecord]:
    async with pipeline(redis) as pipe:
        for job_id in job_ids:
            pipe.hget(keys.job(job_id), "record")
        found = await pipe.execute()
    stored = {job_id: record for job_id, record in zip(job_ids, found, strict=True) if record is not None}
    return dict(readable(stored, lambda job_id: from_json(stored[job_id], JobRecord, f"job {job_id}")))


def _of_chunk(record: JobRecord, chunk: int, stored: bytes, places: Sequence[_Place]) -> list[JudgedText]:
    """Decodes only the items that are asked for; the other items of the chunk stay encoded."""
    name, found = f"job {record.id}", []
    items = from_msgpack(stored, list[msgspec.Raw], name)
    for item_id, position in places:
        item = items[position // len(record.judges) - chunk * record.chunk_items]
        decoded = from_msgpack(item, Item, name)
        found.append(JudgedText(item_id, decoded, record.judge_at(position), record.id))
    return found
