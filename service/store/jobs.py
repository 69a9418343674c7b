"""Jobs: committed as a whole, listed, claimed chunk by chunk, and cancelled."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from redis.asyncio import Redis

from service.contracts.items import Item, content_digest, item_id
from service.contracts.jobs import INLINE_JUDGMENTS, Job, JobCounts, JobRecord, job_status
from service.contracts.judgments import Usage
from service.store import clock, keys, queue
from service.store.changes import NANO
from service.store.connection import Script, pipeline, reply
from service.store.errors import IdempotencyConflictError, StagingExpiredError

CHUNK_JUDGMENTS = 50  # judgments that share the millisecond that an arq job costs
_STAGED_S = 3600  # the maximum duration of an upload
_ARQ_JOB_MS = 400 * 24 * 3600 * 1000  # longer than any queue
JUDGE_CHUNK = "judge_chunk"
CALL_BACK = "call_back"

_commit = Script("commit")
_claim = Script("claim")
_note_items = Script("note_items")


class Idempotency(NamedTuple):
    """`key_digest` is the digest of the caller's Idempotency-Key, `fingerprint` that of the request."""

    caller: str
    key_digest: str
    fingerprint: str


class Claim(NamedTuple):
    """A chunk at work: its items in order, and the positions in the job that are done already."""

    record: JobRecord
    items: list[Item]
    changed: list[bool]
    done: frozenset[int]
    tries: int
    cancelled: bool
    spent_usd: float


def items_per_chunk(judges: int) -> int:
    """Returns the number of items in a full chunk of a job with so many judges."""
    return max(1, CHUNK_JUDGMENTS // judges)


async def stage_job(redis: Redis, job_id: str, first: int, chunks: Sequence[Sequence[Item]]) -> None:
    """Stores chunks of items, numbered from `first` on, for `commit_job`.

    Without it they expire.
    """
    async with pipeline(redis) as pipe:
        for number, items in enumerate(chunks, first):
            pipe.set(keys.chunk_items(job_id, number), msgspec.msgpack.encode(items), ex=_STAGED_S)
        await pipe.execute()


async def discard_job(redis: Redis, job_id: str, chunks: int) -> None:
    """Removes staged chunks of a job that was not committed."""
    if chunks:
        await reply(redis.unlink(*(keys.chunk_items(job_id, chunk) for chunk in range(chunks))))


async def commit_job(
    redis: Redis, record: JobRecord, idempotency: Idempotency | None, idempotency_keep_h: float
) -> str:
    """Makes the staged chunks a job and queues it, in one step. Returns the job's id, which may be an earlier one.

    A benchmark's job also needs `benchmarks.stage_order`; a battle's job is in no list. Raises IdempotencyConflictError
    if the key was used for another request, and StagingExpiredError if a chunk has expired.
    """
    callback = _arq_job(CALL_BACK, record.id) if record.callback_url else ("", "", "")
    chunks: list[Any] = []
    for chunk in range(record.chunks):
        chunks += [keys.chunk_items(record.id, chunk), *_arq_job(JUDGE_CHUNK, record.id, chunk)]
    answer, job_id = await _commit(
        redis,
        [
            keys.job(record.id),
            keys.idempotency(idempotency.caller, idempotency.key_digest) if idempotency else "",
            "" if record.purpose == "battle" else keys.JOBS,
            keys.PENDING,
            keys.QUEUE,
            *((keys.job_benchmark(record.id), keys.BENCHMARKS) if record.purpose == "benchmark" else ()),
        ],
        [
            record.id,
            msgspec.json.encode(record),
            record.total,
            idempotency.fingerprint if idempotency else "",
            int(idempotency_keep_h * 3600) or 1,
            _ARQ_JOB_MS,
            keys.WAKE,
            *callback,
            *chunks,
        ],
    )
    if answer == b"conflict":
        raise IdempotencyConflictError("this Idempotency-Key was used for another request")
    if answer == b"expired":
        raise StagingExpiredError("the upload took longer than an hour")
    return str(job_id.decode())


def _arq_job(function: str, *args: str | int) -> tuple[str, str, bytes]:
    arq_id = ":".join((function, *map(str, args)))
    return queue.ARQ_JOB_PREFIX + arq_id, arq_id, queue.queued(function, *args)


async def load_job(redis: Redis, job_id: str) -> tuple[JobRecord, Job] | None:
    """Returns a job's record and its state without its judgments, None if there is no such job."""
    stored = await reply(redis.hgetall(keys.job(job_id)))
    return _shown(stored) if b"record" in stored else None


async def list_jobs(
    redis: Redis, *, before: str | None, limit: int, index: str = keys.JOBS
) -> tuple[list[Job], str | None]:
    """Returns the jobs after the id `before`, the newest first, and the id that the next page follows."""
    upper = "+" if before is None else f"({before}"
    ids = [each.decode() for each in await reply(redis.zrevrangebylex(index, upper, "-", 0, limit + 1))]
    async with pipeline(redis) as pipe:
        for job_id in ids[:limit]:
            pipe.hgetall(keys.job(job_id))
        stored = await pipe.execute()
    await _forget(redis, index, [job_id for job_id, each in zip(ids, stored, strict=False) if not each])
    return [_shown(each)[1] for each in stored if each], ids[limit - 1] if len(ids) > limit else None


async def _forget(redis: Redis, index: str, job_ids: list[str]) -> None:
    """Removes expired jobs from an index."""
    if job_ids:
        await reply(redis.zrem(index, *job_ids))


def first_view(record: JobRecord) -> Job:
    """Returns a job as it was when it was committed."""
    counts = JobCounts(total=record.total, pending=record.total, scored=0, unscored=0, failed=0, cancelled=0)
    job = _job(record, counts, Usage(), None, None)
    return msgspec.structs.replace(job, judgments=[]) if record.total <= INLINE_JUDGMENTS else job


def _shown(stored: dict[bytes, bytes]) -> tuple[JobRecord, Job]:
    record = msgspec.json.decode(stored[b"record"], type=JobRecord)

    def number(field: bytes) -> int:
        return int(stored.get(field, 0))

    done = {each: number(each.encode()) for each in ("scored", "unscored", "failed", "cancelled")}
    counts = JobCounts(total=record.total, pending=record.total - sum(done.values()), **done)
    usage = Usage(
        input_tokens=number(b"input_tokens"),
        output_tokens=number(b"output_tokens"),
        cost_usd=None if number(b"unpriced") else number(b"cost_nano") / NANO,
    )
    started, finished = clock.at(stored.get(b"started_at")), clock.at(stored.get(b"finished_at"))
    return record, _job(record, counts, usage, started, finished)


def _job(
    record: JobRecord, counts: JobCounts, usage: Usage, started: datetime | None, finished: datetime | None
) -> Job:
    refs = [judge.ref for judge in record.judges]
    return Job(
        id=record.id,
        status=job_status(counts, started=started is not None),
        judge=refs if record.several_judges else refs[0],
        counts=counts,
        usage=usage,
        created_at=record.created_at,
        started_at=started,
        finished_at=finished,
    )


async def claim_chunk(redis: Redis, job_id: str, chunk: int, *, keep_s: int) -> Claim | None:
    """Begins a chunk for the first time or again. Returns None if its job has expired."""
    answer = await _claim(
        redis,
        [keys.job(job_id), keys.chunk_results(job_id, chunk)],
        [chunk, clock.now_ms(), keys.job_events(job_id)],
    )
    if answer is None:
        return None
    record, cancelled, nano, tries, *done = answer
    stored = await reply(redis.get(keys.chunk_items(job_id, chunk)))
    if stored is None:  # it has just expired, and so will the job
        return None
    items = msgspec.msgpack.decode(stored, type=list[Item])
    decoded = msgspec.json.decode(record, type=JobRecord)
    return Claim(
        record=decoded,
        items=items,
        changed=await _changed(redis, decoded, items, keep_s),
        done=frozenset(map(int, done)),
        tries=tries,
        cancelled=cancelled == b"1",
        spent_usd=int(nano) / NANO,
    )


async def _changed(redis: Redis, record: JobRecord, items: list[Item], keep_s: int) -> list[bool]:
    """Returns whether each item's id stood for another content before, which an id made of the content never did.

    The ids of a benchmark or a battle are its own: they neither change nor become those of judged items.
    """
    named = [(item_id(each), content_digest(each)) for each in items if each.id is not None]
    if not named or record.purpose != "judging":
        return [False] * len(items)
    answer = iter(
        await _note_items(
            redis, [keys.item(name) for name, _ in named], [record.id, keep_s, *(digest for _, digest in named)]
        )
    )
    return [each.id is not None and bool(next(answer)) for each in items]


async def give_back_chunk(redis: Redis, job_id: str, chunk: int) -> None:
    """Takes back the try of a chunk whose worker stops in good order."""
    await reply(redis.hincrby(keys.job(job_id), f"tries:{chunk}", -1))


async def mark_cancelled(redis: Redis, job_id: str) -> list[int]:
    """Marks a job as cancelled. Returns the chunks that nobody has begun: no worker will ask a model about them."""
    async with pipeline(redis, atomic=True) as pipe:
        pipe.hset(keys.job(job_id), "cancel", "1")
        pipe.hgetall(keys.job(job_id))
        pipe.publish(keys.job_events(job_id), "cancel")
        _, stored, _ = await pipe.execute()
    record, _ = _shown(stored)
    return [chunk for chunk in range(record.chunks) if b"tries:%d" % chunk not in stored]


async def load_chunk(redis: Redis, job_id: str, chunk: int) -> list[Item]:
    """Returns the items of a chunk in order."""
    stored = await reply(redis.get(keys.chunk_items(job_id, chunk)))
    return [] if stored is None else msgspec.msgpack.decode(stored, type=list[Item])


async def cancelled_jobs(redis: Redis, job_ids: Sequence[str]) -> dict[str, bool]:
    """Returns for each of these jobs whether it was cancelled."""
    async with pipeline(redis) as pipe:
        for job_id in job_ids:
            pipe.hget(keys.job(job_id), "cancel")
        answer = await pipe.execute()
    return {job_id: flag == b"1" for job_id, flag in zip(job_ids, answer, strict=True)}


async def count_pending(redis: Redis) -> int:
    """Returns the number of judgments that are accepted and not finished, over all jobs."""
    return int(await reply(redis.get(keys.PENDING)) or 0)
