"""Writes jobs, items and labels that come from the archive to a store in which nothing else is written meanwhile."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from redis.asyncio import Redis

from service.contracts.items import Item
from service.contracts.jobs import JobRecord
from service.store import keys
from service.store.connection import pipeline
from service.store.installations import packs
from service.store.items import judgment_ref, new_revision, state_value
from service.store.jobs import encoded_chunk, is_listed
from service.store.packing import Packing, packed_items, packed_judgment
from service.store.records import from_msgpack

_GONE = Item(id="forgotten", output="")  # in place of an item of which the archive has no judgment


class RestoredJob(NamedTuple):
    """A job: its record, also as JSON, its other fields, and by chunk the items by place and judgments by position."""

    record: JobRecord
    text: str
    fields: Mapping[str, str]
    benchmark: Mapping[str, str]
    items: dict[int, dict[int, Item]]
    results: dict[int, dict[int, bytes]]


class RestoredItem(NamedTuple):
    """An item: its scores by criterion in JSON, the ends of its judgments by their places (job, chunk and position,
    joined by tabs) in milliseconds, and its newest content.
    """

    item_id: str
    states: dict[str, bytes]
    refs: dict[str, int]
    contents: list[str]


async def merge_chunks(redis: Redis, jobs: Iterable[RestoredJob]) -> None:
    """Adds the items of chunks that were restored before: a chunk's judgments may come from several files."""
    places = [(job, chunk) for job in jobs for chunk in job.items]
    async with pipeline(redis) as pipe:
        for job, chunk in places:
            pipe.get(keys.chunk_items(job.record.id, chunk))
        found = await pipe.execute()
    for (job, chunk), stored in zip(places, found, strict=True):
        if stored is not None:
            for place, item in enumerate(from_msgpack(stored, list[Item], f"job {job.record.id}")):
                if item != _GONE:
                    job.items[chunk].setdefault(place, item)


async def restore_jobs(redis: Redis, jobs: Iterable[RestoredJob], *, keep_s: int) -> None:
    """Writes ended jobs, which are kept for the keep time from now on and count as archived."""
    is_packed = await packs(redis) >= Packing.VALUES
    async with pipeline(redis) as pipe:
        for job in jobs:
            _write_job(pipe, job, keep_s, packed=is_packed)
        await pipe.execute()


def _write_job(pipe: Any, job: RestoredJob, keep_s: int, *, packed: bool) -> None:
    record = job.record
    name = keys.job(record.id)
    pipe.hset(name, mapping={**job.fields, "record": job.text, "archived": record.chunks})
    pipe.expire(name, keep_s)
    if job.benchmark:
        pipe.hset(keys.job_benchmark(record.id), mapping=dict(job.benchmark))
        pipe.expire(keys.job_benchmark(record.id), keep_s)
        pipe.zadd(keys.BENCHMARKS, {record.id: 0})
        if record.owner:
            pipe.zadd(keys.owned(keys.BENCHMARKS, record.owner), {record.id: 0})
    for chunk, items in job.items.items():
        length = min(record.chunk_items, record.items - chunk * record.chunk_items)
        whole = [items.get(place, _GONE) for place in range(length)]
        encoded = encoded_chunk(whole)
        pipe.set(keys.chunk_items(record.id, chunk), packed_items(encoded) if packed else encoded, ex=keep_s)
    for chunk, results in job.results.items():
        fields = {str(each): packed_judgment(text) if packed else text for each, text in results.items()}
        pipe.hset(keys.chunk_results(record.id, chunk), mapping=fields)
        pipe.expire(keys.chunk_results(record.id, chunk), keep_s)
    if is_listed(record.purpose):
        pipe.zadd(keys.JOBS, {record.id: 0})
        if record.owner:
            pipe.zadd(keys.owned(keys.JOBS, record.owner), {record.id: 0})
    elif record.purpose == "anchor":
        pipe.zadd(keys.ANCHOR_JOBS, {record.id: 0})


async def restore_items(redis: Redis, items: Iterable[RestoredItem], *, keep_s: int) -> None:
    """Writes the places of items' judgments, and the scores of those that have no labels."""
    listed, is_packed = list(items), await packs(redis) >= Packing.STATES
    async with pipeline(redis) as pipe:
        for item in listed:
            pipe.hexists(keys.item(item.item_id), "labelled")
        labelled = await pipe.execute()
    async with pipeline(redis) as pipe:
        for item, is_labelled in zip(listed, labelled, strict=True):
            fields = _state_fields(item.item_id, item.states, packed=is_packed)
            for place, ended_ms in item.refs.items():
                job_id, chunk, position = place.split("\t")
                fields[judgment_ref(job_id, int(chunk), int(position))] = ended_ms
            name = keys.item(item.item_id)
            pipe.hset(name, mapping={**fields, "digest": item.contents[-1]})
            if not is_labelled:
                pipe.expire(name, keep_s)
        await pipe.execute()


async def restore_labelled(redis: Redis, items: Sequence[tuple[str, str, Mapping[str, bytes]]]) -> None:
    """Writes items with labels: (id, newest content, labels and scores in JSON by criterion)."""
    is_packed = await packs(redis) >= Packing.STATES
    async with pipeline(redis) as pipe:
        for item_id, content, states in items:
            fields = _state_fields(item_id, states, packed=is_packed)
            if content:
                fields["digest"] = content
            pipe.hset(keys.item(item_id), mapping={**fields, "labelled": len(states)})
            for criterion in states:
                pipe.zadd(keys.labelled_items(criterion), {item_id: 0})
                pipe.sadd(keys.LABELLED_CRITERIA, criterion)
        await pipe.execute()


def _state_fields(item_id: str, states: Mapping[str, bytes], *, packed: bool) -> dict[str, Any]:
    return {
        keys.item_state(name): state_value(item_id, new_revision(), json, packed=packed)
        for name, json in states.items()
    }
