"""Jobs: committed as a whole, listed, claimed chunk by chunk, and cancelled."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast

import msgspec
from redis.asyncio import Redis

from service.contracts.items import Item, content_digest, item_id
from service.contracts.jobs import (
    INLINE_JUDGMENTS,
    CallbackStatus,
    Job,
    JobCallback,
    JobCounts,
    JobRecord,
    Purpose,
    job_status,
)
from service.contracts.judges import JudgeRef
from service.contracts.judgments import Usage
from service.contracts.outcomes import JobStatus
from service.store import clock, keys, queue
from service.store.changes import NANO
from service.store.connection import Script, pipeline, reply
from service.store.errors import IdempotencyConflictError, QueueFullError, StagingExpiredError, UnreadableRecordError
from service.store.idempotency import Idempotency
from service.store.judgments import unpacked_judgments
from service.store.packing import unpacked_bytes
from service.store.records import from_json, from_msgpack, readable
from service.threads import aside_if_large

_log = logging.getLogger(__name__)

CHUNK_JUDGMENTS = 50  # judgments that share the millisecond that an arq job costs
_AT_ONCE = 200  # jobs in one round trip
_MOST_LOOKED_AT = 10_000  # jobs of which a page of a filtered list is made
AHEAD = 6  # chunks of a job in the queue at a time: enough to keep workers busy, few enough for others to come soon
_ANCHORS_LINE = "~anchors"  # anchors take no turn from the jobs of the key that marked them; no key has this name
_STAGED_S = 3600  # the maximum duration of an upload
NO_BOUND = 10**15  # judgments that may be pending
QUEUED_MS = 400 * 24 * 3600 * 1000  # longer than any queue
JUDGE_CHUNK = "judge_chunk"
ALL_LISTED = b"2"  # for jobs and benchmarks; 1 was for jobs
CALL_BACK = "call_back"

_commit = Script("commit")
_claim = Script("claim")
_give_back = Script("give_back")
_note_items = Script("note_items")


class Tried(msgspec.Struct, frozen=True, array_like=True):
    """The calls for a vote that was put off: all of them, and those that failed, since `failed_at` (Unix seconds)."""

    model: str
    sample: int
    order: str | None
    attempts: int
    faults: int
    failed_at: float | None


_decode_tried = msgspec.msgpack.Decoder(dict[int, list[Tried]]).decode


class Claim(NamedTuple):
    """A chunk at work: its items in order, and the positions in the job that are done already.

    `starts_job` if it is the first chunk of its job to begin. `tried` has, by position, the calls for votes that were
    put off.
    """

    record: JobRecord
    items: list[Item]
    changed: list[bool]
    done: frozenset[int]
    tries: int
    cancelled: bool
    spent_usd: float
    starts_job: bool = False
    tried: Mapping[int, Sequence[Tried]] = {}


class JobFilter(NamedTuple):
    """The jobs that are meant; None is any.

    `judge` is a name, `name@version` or a digest, `owner` a key's name; `suits` tells of a job whether it is meant.
    """

    group: str | None = None
    status: JobStatus | None = None
    judge: str | None = None
    owner: str | None = None
    suits: Callable[[JobRecord], bool] | None = None

    def takes(self, record: JobRecord, job: Job) -> bool:
        """Returns whether a job is meant."""
        return (
            self.owner in (None, record.owner)
            and self.group in (None, *record.groups)
            and self.status in (None, job.status)
            and (self.suits is None or self.suits(record))
            and (self.judge is None or any(self.judge in judge_references(judge.ref) for judge in record.judges))
        )


ANY_JOB = JobFilter()


def judge_references(ref: JudgeRef) -> tuple[str | None, str, str]:
    """Returns the references that a judge may be meant by: its name, `name@version` and its digest."""
    return ref.name, f"{ref.name}@{ref.version}", ref.digest


def items_per_chunk(judges: int) -> int:
    """Returns the number of items in a full chunk of a job with so many judges."""
    return max(1, CHUNK_JUDGMENTS // judges)


def encoded_chunk(items: Sequence[Item]) -> bytes:
    """Returns items as a chunk is stored."""
    return msgspec.msgpack.encode(items)


async def stage_job(redis: Redis, job_id: str, first: int, chunks: Sequence[bytes]) -> None:
    """Stores encoded chunks of items, numbered from `first` on, for `commit_job`.

    Without it they expire.
    """
    async with pipeline(redis) as pipe:
        for number, chunk in enumerate(chunks, first):
            pipe.set(keys.chunk_items(job_id, number), chunk, ex=_STAGED_S)
        await pipe.execute()


async def discard_job(redis: Redis, job_id: str, chunks: int) -> None:
    """Removes staged chunks of a job that was not committed."""
    if chunks:
        await reply(redis.unlink(*(keys.chunk_items(job_id, chunk) for chunk in range(chunks))))


async def commit_job(
    redis: Redis,
    record: JobRecord,
    idempotency: Idempotency | None,
    idempotency_keep_h: float,
    most_pending: int = NO_BOUND,
    chunks: Sequence[bytes] = (),
) -> str:
    """Makes the staged chunks, or else those given, a job and queues it, in one step.

    Returns the job's id, which may be an earlier one. A benchmark's job also needs `benchmarks.stage_order`; jobs of
    battles and anchors are not in the list of jobs. Raises IdempotencyConflictError if the key was used for another
    request, StagingExpiredError, and QueueFullError if more than `most_pending` judgments would wait.
    """
    callback = _arq_job(CALL_BACK, record.id) if record.callback_url else ("", "", "")
    queued: list[Any] = []
    for chunk, items in enumerate(chunks or [b""] * record.chunks):
        queued += [keys.chunk_items(record.id, chunk), items, *chunk_arq_job(record.id, chunk)]
    answer, told = await _commit(
        redis,
        [
            keys.job(record.id),
            keys.idempotency(idempotency.caller, idempotency.key_digest) if idempotency else keys.NO_KEY,
            keys.JOBS if is_listed(record.purpose) else keys.NO_KEY,
            keys.PENDING,
            keys.QUEUE,
            keys.TURNS,
            keys.OPEN_JOBS,
            keys.owned(keys.JOBS, record.owner) if record.owner and is_listed(record.purpose) else keys.NO_KEY,
            *_benchmark_keys(record),
            keys.NO_KEY,
        ],
        [
            record.id,
            msgspec.json.encode(record),
            record.total,
            idempotency.fingerprint if idempotency else "",
            int(idempotency_keep_h * 3600) or 1,
            QUEUED_MS,
            keys.WAKE,
            *callback,
            _lane(record, [model for judge in record.judges for model in judge.models]),
            _ANCHORS_LINE if record.purpose == "anchor" else record.owner or "",
            AHEAD,
            most_pending,
            *queued,
        ],
    )
    if answer == b"conflict":
        raise IdempotencyConflictError("this Idempotency-Key was used for another request")
    if answer == b"expired":
        raise StagingExpiredError("the upload took longer than an hour")
    if answer == b"full":
        raise QueueFullError(int(told))
    return str(told.decode())


def _benchmark_keys(record: JobRecord) -> list[str]:
    if record.purpose != "benchmark":
        return [keys.NO_KEY] * 3
    owned = keys.owned(keys.BENCHMARKS, record.owner) if record.owner else keys.NO_KEY
    return [keys.job_benchmark(record.id), keys.BENCHMARKS, owned]


def is_listed(purpose: Purpose) -> bool:
    """Returns whether jobs of a purpose are in the list of jobs."""
    return purpose not in ("battle", "anchor")


def chunk_arq_job(job_id: str, chunk: int | str) -> tuple[str, str, bytes]:
    """Returns the arq job of a chunk: its key, its id, and itself."""
    return _arq_job(JUDGE_CHUNK, job_id, chunk)


def chunk_arq_job_id(job_id: str, chunk: int | str) -> str:
    """Returns the id of the arq job of a chunk."""
    return _arq_id(JUDGE_CHUNK, job_id, chunk)


def _arq_id(function: str, *args: str | int) -> str:
    return ":".join((function, *map(str, args)))


def _arq_job(function: str, *args: str | int) -> tuple[str, str, bytes]:
    arq_id = _arq_id(function, *args)
    return keys.ARQ_JOB + arq_id, arq_id, queue.queued(function, *args)


def _lane(record: JobRecord, models: Iterable[str]) -> str:
    """Returns the judgments of a full chunk and the models that it has to ask, joined by tabs."""
    judgments = min(record.items, record.chunk_items) * len(record.judges)
    return "\t".join((str(judgments), *dict.fromkeys(models)))


async def load_job(redis: Redis, job_id: str) -> tuple[JobRecord, Job] | None:
    """Returns a job's record and its state without its judgments, None if there is no such job."""
    stored = await reply(redis.hgetall(keys.job(job_id)))
    return _shown(job_id, stored) if b"record" in stored else None


async def load_small_job(redis: Redis, job_id: str) -> tuple[JobRecord, Job] | None:
    """Returns the same in as many round trips, with the judgments of a job of a single chunk that is over."""
    async with pipeline(redis) as pipe:
        pipe.hgetall(keys.job(job_id))
        pipe.hgetall(keys.chunk_results(job_id, 0))
        stored, results = await pipe.execute()
    if b"record" not in stored:
        return None
    record, job = _shown(job_id, stored)
    if not job.is_over or record.chunks > 1 or record.total > INLINE_JUDGMENTS:
        return record, job
    placed = [results[position] for position in sorted(results, key=int)]
    found = await unpacked_judgments(placed, f"a judgment of job {job_id}")
    return record, msgspec.structs.replace(job, judgments=[each for each in found if each is not None])


async def list_jobs(
    redis: Redis, *, before: str | None, limit: int, wanted: JobFilter = ANY_JOB, index: str | None = None
) -> tuple[list[Job], str | None]:
    """Returns the jobs after the id `before`, the newest first, and the id that the next page follows.

    `index` is the key of a list of jobs, by default of those of the API.

    At most `_MOST_LOOKED_AT` jobs are looked at: with a filter that few jobs pass, a page may be short, or even empty,
    although another one follows. Of an owner's list of jobs, only these are looked at.
    """
    index = index or keys.JOBS
    has_owned = index in (keys.JOBS, keys.BENCHMARKS)
    if wanted.owner and has_owned and await reply(redis.get(keys.OWNERS_LISTED)) == ALL_LISTED:
        index = keys.owned(index, wanted.owner)
    found: list[Job] = []
    looked_at, at_once = 0, limit
    while True:
        upper = "+" if before is None else f"({before}"
        ids = [each.decode() for each in await reply(redis.zrevrangebylex(index, upper, "-", 0, at_once + 1))]
        for job_id, each in await _loaded(redis, index, ids[:at_once]):
            if wanted.takes(*each):
                found.append(each[1])
                if len(found) == limit:
                    return found, None if job_id == ids[-1] else job_id
        looked_at += at_once
        if len(ids) <= at_once:
            return found, None
        before = ids[at_once - 1]
        if looked_at >= _MOST_LOOKED_AT or wanted == ANY_JOB:
            return found, before
        at_once = _AT_ONCE


async def _loaded(redis: Redis, index: str, ids: list[str]) -> list[tuple[str, tuple[JobRecord, Job]]]:
    """Returns the jobs that have not expired, by their ids, and removes the others from the index."""
    stored = await _stored(redis, ids)
    if gone := [job_id for job_id, each in stored.items() if not each]:
        await reply(redis.zrem(index, *gone))
    return list(_readable(stored))


async def load_jobs(redis: Redis, job_ids: Iterable[str]) -> list[tuple[str, tuple[JobRecord, Job]]]:
    """Returns the jobs of some ids that are there and that this version can read, as `load_job` does, by their ids."""
    return list(_readable(await _stored(redis, list(dict.fromkeys(job_ids)))))


async def _stored(redis: Redis, ids: Sequence[str]) -> dict[str, dict[bytes, bytes]]:
    async with pipeline(redis) as pipe:
        for job_id in ids:
            pipe.hgetall(keys.job(job_id))
        return dict(zip(ids, await pipe.execute(), strict=True))


def _readable(stored: Mapping[str, dict[bytes, bytes]]) -> Iterator[tuple[str, tuple[JobRecord, Job]]]:
    return readable(stored, lambda job_id: _shown(job_id, stored[job_id]) if stored[job_id] else None)


def first_view(record: JobRecord) -> Job:
    """Returns a job as it was when it was committed."""
    counts = JobCounts(total=record.total, pending=record.total, scored=0, unscored=0, failed=0, cancelled=0)
    job = _job(record, counts, Usage(), None, None)
    if record.callback_url is not None:
        job = msgspec.structs.replace(job, callback=_callback({}))
    return msgspec.structs.replace(job, judgments=[]) if record.total <= INLINE_JUDGMENTS else job


def _shown(job_id: str, stored: dict[bytes, bytes]) -> tuple[JobRecord, Job]:
    record = from_json(stored.get(b"record", b""), JobRecord, f"job {job_id}")

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
    job = _job(record, counts, usage, started, finished)
    if record.callback_url is not None:
        job = msgspec.structs.replace(job, callback=_callback(stored))
    return record, job


def _callback(stored: Mapping[bytes, bytes]) -> JobCallback:
    error = stored.get(b"callback_error")
    return JobCallback(
        status=cast("CallbackStatus", stored.get(b"callback_status", b"pending").decode()),
        attempts=int(stored.get(b"callback_attempts", 0)),
        last_error=None if error is None else error.decode(),
    )


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
    """Begins a chunk for the first time or again. Returns None if its job has expired.

    Raises UnreadableRecordError for a job of a newer version; then nobody has tried the chunk.
    """
    answer = await _claim(
        redis,
        [keys.job(job_id), keys.chunk_results(job_id, chunk), keys.QUEUE, keys.TURNS, keys.chunk_items(job_id, chunk)],
        [chunk, clock.now_ms(), keys.job_events(job_id), f"{JUDGE_CHUNK}:{job_id}:", AHEAD, keys.WAKE],
    )
    if answer is None:
        return None
    record, cancelled, nano, tries, tried, starts_job, stored, *done = answer
    if not stored:  # it has just expired, and so will the job
        return None
    try:
        decoded = from_json(record, JobRecord, f"job {job_id}")
        items = from_msgpack(stored, list[Item], f"job {job_id}")
    except UnreadableRecordError:
        await _give_back(redis, [keys.job(job_id)], [chunk, tried])
        raise
    return Claim(
        record=decoded,
        items=items,
        changed=await _changed(redis, decoded, items, keep_s),
        done=frozenset(map(int, done)),
        tries=tries,
        cancelled=cancelled == b"1",
        spent_usd=int(nano) / NANO,
        starts_job=bool(starts_job),
        tried=_readable_tried(tried),
    )


def _readable_tried(tried: bytes) -> dict[int, list[Tried]]:
    """Returns the calls that were made before, none if another version has noted them."""
    try:
        return _decode_tried(tried) if tried else {}
    except msgspec.MsgspecError:
        return {}


async def _changed(redis: Redis, record: JobRecord, items: list[Item], keep_s: int) -> list[bool]:
    """Returns whether each item's id stood for another content before, which an id made of the content never did.

    The ids of a benchmark or a battle are its own: they neither change nor become those of judged items. Nor do those
    of anchors, whose texts are older.
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


async def give_back_chunk(
    redis: Redis, job_id: str, chunk: int, tried: Mapping[int, Sequence[Tried]] | None = None
) -> None:
    """Takes back the try of a chunk whose items are put off, or whose worker stops in good order.

    `tried` has, by position, the calls that were made for their votes.
    """
    await _give_back(redis, [keys.job(job_id)], [chunk, msgspec.msgpack.encode(tried) if tried else ""])


async def is_chunk_stored(redis: Redis, job_id: str, chunk: int, judgments: int) -> bool:
    """Returns whether the store has so many judgments of a chunk, or its job is gone.

    A store that was restored from an earlier state has lost some that it had.
    """
    async with pipeline(redis) as pipe:
        pipe.exists(keys.job(job_id))
        pipe.hlen(keys.chunk_results(job_id, chunk))
        exists, stored = await pipe.execute()
    return not exists or stored >= judgments


async def mark_cancelled(redis: Redis, job_id: str) -> list[int]:
    """Marks a job as cancelled. Returns the chunks that nobody is at: no worker will ask a model about them.

    Workers take them whether or not there is room for calls of the job's models.
    """
    async with pipeline(redis, atomic=True) as pipe:
        pipe.hset(keys.job(job_id), "cancel", "1")
        pipe.hgetall(keys.job(job_id))
        pipe.publish(keys.job_events(job_id), "cancel")
        _, stored, _ = await pipe.execute()
    record, _ = _shown(job_id, stored)
    await reply(redis.hset(keys.job(job_id), "lane", _lane(record, models=())))
    return [chunk for chunk in range(record.chunks) if stored.get(b"tries:%d" % chunk, b"0") == b"0"]


async def load_chunk(redis: Redis, job_id: str, chunk: int) -> list[Item]:
    """Returns the items of a chunk in order."""
    stored = await reply(redis.get(keys.chunk_items(job_id, chunk)))
    if stored is None:
        return []
    return await aside_if_large(unpacked_bytes(stored), from_msgpack, stored, list[Item], f"job {job_id}")


async def stopped_jobs(redis: Redis, job_ids: Sequence[str]) -> dict[str, str]:
    """Returns which of these jobs are `cancelled`, and which are `gone` from the store."""
    async with pipeline(redis) as pipe:
        for job_id in job_ids:
            pipe.hmget(keys.job(job_id), ["total", "cancel"])
        answer = await pipe.execute()
    states = ("gone" if total is None else "cancelled" if flag == b"1" else "" for total, flag in answer)
    return {job_id: state for job_id, state in zip(job_ids, states, strict=True) if state}


async def count_pending(redis: Redis) -> int:
    """Returns the number of judgments that are accepted and not finished, over all jobs."""
    return int(await reply(redis.get(keys.PENDING)) or 0)
