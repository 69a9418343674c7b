"""Finds jobs and callbacks that nobody works on, and counts that do not match, whatever the cause, and mends them.

A store that loses its last writes comes back in the state of a moment before. The workers, which know more than it
does, may then have ended work that is open again.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from service.contracts.jobs import Purpose
from service.contracts.judgments import Judgment
from service.store import clock, keys
from service.store.changes import Change, StoredResult, apply_changes
from service.store.connection import Script, pipeline, reply
from service.store.errors import UnreadableRecordError
from service.store.finishing import judgment_counts
from service.store.jobs import ALL_LISTED, CALL_BACK, QUEUED_MS, chunk_arq_job, chunk_arq_job_id, is_listed
from service.store.records import from_json, readable, say_once

_log = logging.getLogger(__name__)

_AT_ONCE = 500  # jobs in one round trip
_MOST_CHUNKS = 2_000  # that one script call looks at: some milliseconds
_ADOPTED = 1_000  # of the newest jobs, those that are open and in no index of open jobs are put there
_MOST_RECOUNTED = 5_000  # open jobs of which the pending judgments are added up in one step
_COUNTS = ("scored", "unscored", "failed", "cancelled", "input_tokens", "output_tokens", "cost_nano", "unpriced")

_sweep_jobs = Script("sweep_jobs")
_recount_job = Script("recount_job")
_recount_pending = Script("recount_pending")
_sweep_callbacks = Script("sweep_callbacks")


class _Listed(msgspec.Struct):
    """The part of a job's record that says which lists it is in."""

    owner: str | None = None
    purpose: Purpose = "judging"


class _OpenJob(_Listed, kw_only=True):
    """The part of a job's record that a sweep reads: to decode all of it takes ten times as long."""

    id: str
    judges: list[msgspec.Raw]
    items: int
    chunk_items: int

    @property
    def total(self) -> int:
        return self.items * len(self.judges)

    @property
    def chunks(self) -> int:
        return -(-self.items // self.chunk_items)


class Swept(NamedTuple):
    """The repairs of a sweep: chunks and callbacks queued again, jobs that were recounted or ended, a wrong total."""

    requeued: int = 0
    recounted: int = 0
    closed: int = 0
    pending: int = 0
    callbacks: int = 0

    def __add__(self, other: "Swept") -> "Swept":  # type: ignore[override]
        return Swept(*(mine + more for mine, more in zip(self, other, strict=True)))


async def sweep(redis: Redis, *, keep_s: int) -> Swept:
    """Mends every open job, and the number of pending judgments. Returns the repairs. Raises StoreError."""
    await _list_by_owner(redis)
    await _adopt(redis)
    swept = Swept()
    last = "-"
    while ids := [each.decode() for each in await reply(redis.zrangebylex(keys.OPEN_JOBS, last, "+", 0, _AT_ONCE))]:
        open_jobs = await _open_jobs(redis, ids)
        await _list_jobs(redis, open_jobs)
        for few in _parted(open_jobs):
            swept += await _sweep_few(redis, few, keep_s)
        last = f"({ids[-1]}"
    before, now = await _recount_pending(redis, [keys.PENDING, keys.OPEN_JOBS], [keys.job(""), _MOST_RECOUNTED])
    swept += Swept(pending=int(before != now), callbacks=await _queue_callbacks_again(redis))
    if any(swept):
        _log.warning(
            "mended: %d chunks and %d callbacks were not in the queue, %d jobs had wrong counts, %d had ended, "
            "pending was %d and is %d",
            swept.requeued,
            swept.callbacks,
            swept.recounted,
            swept.closed,
            before,
            now,
        )
    return swept


async def _list_by_owner(redis: Redis) -> None:
    """Puts every job into the lists of its owner, once: the lists are younger than jobs may be."""
    if await reply(redis.get(keys.OWNERS_LISTED)) == ALL_LISTED:
        return
    last = "-"
    while ids := [each.decode() for each in await reply(redis.zrangebylex(keys.JOBS, last, "+", 0, _ADOPTED))]:
        async with pipeline(redis) as pipe:
            for job_id in ids:
                pipe.hget(keys.job(job_id), "record")
            records = await pipe.execute()
        await _list(redis, {job_id: _listed(record) for job_id, record in zip(ids, records, strict=True)})
        last = f"({ids[-1]}"
    await reply(redis.set(keys.OWNERS_LISTED, ALL_LISTED))


def _listed(record: bytes | None) -> _Listed:
    """Returns what the lists need to know of a job; nothing of a record that can't be read."""
    try:
        return msgspec.json.decode(record, type=_Listed) if record else _Listed()
    except msgspec.MsgspecError:
        return _Listed()


async def _adopt(redis: Redis) -> None:
    """Puts open jobs among the newest ones into the index of open jobs: it is younger than they may be."""
    ids = await reply(redis.zrevrange(keys.JOBS, 0, _ADOPTED - 1))
    async with pipeline(redis) as pipe:
        for job_id in ids:
            pipe.hmget(keys.job(job_id.decode()), ["total", "finished_at"])
        states = await pipe.execute()
    left = [job_id for job_id, (total, ended) in zip(ids, states, strict=True) if total and not ended]
    if left:
        await reply(redis.zadd(keys.OPEN_JOBS, dict.fromkeys(left, 0)))


async def _open_jobs(redis: Redis, ids: list[str]) -> list[_OpenJob]:
    """Returns the jobs that have not ended, and removes the others from the index of open jobs."""
    async with pipeline(redis) as pipe:
        for job_id in ids:
            pipe.hmget(keys.job(job_id), ["record", "finished_at"])
        states = await pipe.execute()
    ended = [job_id for job_id, (record, at) in zip(ids, states, strict=True) if not record or at]
    if ended:
        await reply(redis.zrem(keys.OPEN_JOBS, *ended))
    opened = {job_id: record for job_id, (record, at) in zip(ids, states, strict=True) if record and not at}
    found = readable(opened, lambda job_id: from_json(opened[job_id], _OpenJob, f"job {job_id}"))
    return [each for _, each in found]


async def _list_jobs(redis: Redis, open_jobs: list[_OpenJob]) -> None:
    """Puts jobs into the lists that they belong to."""
    listed: dict[str, _Listed] = {each.id: each for each in open_jobs if is_listed(each.purpose)}
    if listed:
        await reply(redis.zadd(keys.JOBS, dict.fromkeys(listed, 0), nx=True))
        await _list(redis, listed)


async def _list(redis: Redis, listed: Mapping[str, _Listed]) -> None:
    """Puts jobs into the lists of their owners."""
    by_list = defaultdict[str, list[str]](list)
    for job_id, each in listed.items():
        if each.owner:
            by_list[keys.owned(keys.JOBS, each.owner)].append(job_id)
            if each.purpose == "benchmark":
                by_list[keys.owned(keys.BENCHMARKS, each.owner)].append(job_id)
    async with pipeline(redis) as pipe:
        for name, ids in by_list.items():
            pipe.zadd(name, dict.fromkeys(ids, 0), nx=True)
        await pipe.execute()


def _parted(open_jobs: Iterable[_OpenJob]) -> Iterator[list[_OpenJob]]:
    """Yields the jobs, so many at a time that their chunks are few; a single one may have more."""
    few: list[_OpenJob] = []
    chunks = 0
    for each in open_jobs:
        chunks += each.chunks
        if few and chunks > _MOST_CHUNKS:
            yield few
            few, chunks = [], each.chunks
        few.append(each)
    if few:
        yield few


async def _sweep_few(redis: Redis, few: list[_OpenJob], keep_s: int) -> Swept:
    asked = [
        [
            keys.job(each.id),
            keys.job_results(each.id),
            chunk_arq_job_id(each.id, ""),
            each.total,
            each.chunk_items * len(each.judges),
        ]
        for each in few
    ]
    swept = Swept()
    states = await _sweep_jobs(redis, [keys.QUEUE], [msgspec.msgpack.encode(asked)])
    for job, (stored, counted, has_ended, *lost) in zip(few, states, strict=True):
        if has_ended:  # since it was found open: its last judgment ended it, and nothing is to be mended
            continue
        await _queue_again(redis, job.id, lost)
        recounted = stored != counted and await _recount(redis, job)
        is_right = stored == counted or recounted  # else it can't end: a judgment can't be read, or one came meanwhile
        closed = is_right and stored == job.total and await _close(redis, job.id, keep_s)
        swept += Swept(len(lost), int(recounted), int(closed))
    return swept


async def _queue_again(redis: Redis, job_id: str, chunks: list[int]) -> None:
    if not chunks:
        return
    async with pipeline(redis) as pipe:
        for chunk in chunks:
            name, arq_id, arq_job = chunk_arq_job(job_id, chunk)
            pipe.set(name, arq_job, nx=True, px=QUEUED_MS)
            pipe.zadd(keys.QUEUE, {arq_id: clock.now_ms()}, nx=True)
        pipe.publish(keys.WAKE, job_id)
        await pipe.execute()


async def _queue_callbacks_again(redis: Redis) -> int:
    queued, last = 0, "-"
    while ids := [each.decode() for each in await reply(redis.zrangebylex(keys.CALLBACKS, last, "+", 0, _AT_ONCE))]:
        queued += int(
            await _sweep_callbacks(redis, [keys.CALLBACKS, keys.QUEUE], [keys.job(""), clock.now_ms(), QUEUED_MS, *ids])
        )
        last = f"({ids[-1]}"
    if queued:
        await reply(redis.publish(keys.WAKE, CALL_BACK))
    return queued


async def _recount(redis: Redis, record: _OpenJob) -> bool:
    """Counts the stored judgments of a job anew. Returns False if others were stored meanwhile.

    A judgment of a newer version can't be counted here: then it returns False, too.
    """
    counts, read = dict.fromkeys(_COUNTS, 0), 0
    for chunk in range(record.chunks):
        for judgment in await reply(redis.hvals(keys.chunk_results(record.id, chunk))):
            read += 1
            try:
                decoded = from_json(judgment, Judgment, f"a judgment of job {record.id}")
            except UnreadableRecordError as error:
                say_once(error)
                return False
            for field, by in judgment_counts(decoded):
                counts[field] += by
    fields = [value for pair in counts.items() for value in pair]
    return bool(
        await _recount_job(redis, [keys.job(record.id)], [keys.job_results(record.id), record.chunks, read, *fields])
    )


async def _close(redis: Redis, job_id: str, keep_s: int) -> bool:
    """Ends a job whose judgments are all stored: storing one of them again changes nothing else."""
    [judgment] = await reply(redis.hmget(keys.chunk_results(job_id, 0), ["0"]))
    if judgment is None:
        return False
    change = Change(result=StoredResult(job_id, 0, 0, judgment, [], "", 0, []))
    await apply_changes(redis, [change], keep_s=keep_s)
    return True
