"""The store's side of the archive: what waits for it, the plan of the file being written, and letting go.

While the archive is on, ended jobs and their items do not expire. They wait in UNARCHIVED until a file has them; then
they get the expiry that they would have had. The plan of a file names its jobs before the file is written, so that a
worker that takes over from a dead one writes the same file again.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast

import msgspec
from redis.asyncio import Redis

from service.contracts.names import unquoted
from service.store import clock, counters, keys
from service.store.agreement_counters import expiry_ms
from service.store.connection import Script, pipeline, reply, scanned_names
from service.store.counters import add_counts, increment
from service.store.items import ItemState, state_of
from service.store.records import from_json

ARCHIVE_LEASE_S = 60.0
READERS_NEED_S = 60.0  # a reader that saw the job in the store a moment ago may still read it there
_ITEMS_AT_ONCE = 500
_KEYS_AT_ONCE = 500
_STATE_FIELD = keys.item_state("")

_let_go = Script("let_go")
_let_items_go = Script("let_items_go")
_adopt_job = Script("adopt_job")
_adopt_items = Script("adopt_items")
_read_labels = Script("read_labels")
_clear_labels = Script("clear_labels")
_end_plan = Script("end_plan")
_hold_lease = Script("hold_lease")

_TYPES = ("string", "hash", "zset", "set", "stream")  # of these keys
_COUNTER_KINDS = ("agreed", "ceiling", "between", "panel", "seen", "labels")


class Part(NamedTuple):
    """Chunks of a job, from `first` up to and without `end`; `is_last` if the job has no more."""

    job_id: str
    first: int
    end: int
    is_last: bool


class FilePlan(NamedTuple):
    """A file of judgments that is being written: the UTC day on which its jobs ended, and the jobs' chunks."""

    day: str
    parts: list[Part]


class StoredChunk(NamedTuple):
    """The items of a chunk, and its judgments by position, as they are stored: perhaps packed."""

    items: bytes | None
    results: dict[int, bytes]


class LabelledState(NamedTuple):
    """An item's labels and scores on a criterion as they were read; `stored` is the field, empty if it is gone."""

    place: str
    item_id: str
    criterion: str
    content: str
    stored: bytes

    @property
    def state(self) -> ItemState:
        return state_of(self.item_id, self.stored)


class StoredCounters(NamedTuple):
    """The counters of one kind, bucket, series and criterion; `expires_ms` is None if they never do."""

    kind: str
    bucket: str
    series: str
    criterion: str
    expires_ms: int | None
    fields: dict[str, int]


class ArchiveState(NamedTuple):
    """The jobs and labels that wait for the archive. `oldest_ms` is the end of the oldest job, None without."""

    is_on: bool
    version: int
    jobs: int
    labels: int
    oldest_ms: int | None
    after_ms: int

    def lag_s(self, now_ms: int) -> float:
        """Returns for how many seconds the oldest job has been due."""
        return 0.0 if self.oldest_ms is None else max(now_ms - self.oldest_ms - self.after_ms, 0) / 1000


async def turn_on(redis: Redis, after_s: int) -> None:
    """From now on nothing is let go that is not archived. Harmless if it was so before."""
    await reply(redis.hset(keys.ARCHIVE, mapping={"on": 1, "after_ms": after_s * 1000}))


async def turn_off(redis: Redis, *, keep_s: int) -> int:
    """Lets go of all that waits for the archive, as if there had been none. Returns the number of jobs.

    Judgments that end from now on expire in their time.
    """
    await reply(redis.hdel(keys.ARCHIVE, "on", "adopted", "plan", "written"))
    let_go = 0
    while ids := [each.decode() for each in await reply(redis.zrange(keys.UNARCHIVED, 0, _KEYS_AT_ONCE - 1))]:
        for job_id in ids:
            chunks = int(await reply(redis.hget(keys.job(job_id), "chunks")) or 0)
            for chunk in range(chunks):
                stored = await load_chunks(redis, job_id, chunk, chunk + 1)
                await let_items_go(redis, _ids_in(stored[0]), [job_id], keep_s=keep_s)
            let_go += await let_go_of(redis, Part(job_id, 0, chunks, True), keep_s=keep_s)
        await reply(redis.zrem(keys.UNARCHIVED, *ids))
    await reply(redis.delete(keys.UNARCHIVED_LABELS))
    return let_go


async def archive_state(redis: Redis) -> ArchiveState:
    """Returns the numbers of jobs and labels that wait for the archive."""
    async with pipeline(redis) as pipe:
        pipe.hmget(keys.ARCHIVE, ["on", "version", "after_ms"])
        pipe.zcard(keys.UNARCHIVED)
        pipe.zcard(keys.UNARCHIVED_LABELS)
        pipe.zrange(keys.UNARCHIVED, 0, 0, withscores=True)
        (is_on, version, after_ms), jobs, labels, oldest = await pipe.execute()
    return ArchiveState(
        is_on=is_on is not None,
        version=int(version or 0),
        jobs=jobs,
        labels=labels,
        oldest_ms=int(oldest[0][1]) if oldest else None,
        after_ms=int(after_ms or 0),
    )


async def archive_version(redis: Redis) -> int:
    """Returns a number that grows when the archive has changed."""
    return int(await reply(redis.hget(keys.ARCHIVE, "version")) or 0)


async def note_change(redis: Redis) -> None:
    """Lets every reader look for the archive's newest catalog; from now on there is one."""
    async with pipeline(redis) as pipe:
        pipe.hincrby(keys.ARCHIVE, "version", 1)
        pipe.hset(keys.ARCHIVE, "written", "1")
        await pipe.execute()


async def is_written(redis: Redis) -> bool:
    """Returns whether there must be a catalog: the archive was changed, and not turned off since."""
    return bool(await reply(redis.hexists(keys.ARCHIVE, "written")))


async def hold_lease(redis: Redis, holder: str) -> bool:
    """Takes or renews the lease of the archive's writer. Returns whether the caller has it."""
    return bool(await _hold_lease(redis, [keys.ARCHIVE_LEASE], [holder, int(ARCHIVE_LEASE_S * 1000)]))


async def end_lease(redis: Redis, holder: str) -> None:
    """Gives the lease back."""
    if await reply(redis.get(keys.ARCHIVE_LEASE)) == holder.encode():
        await reply(redis.delete(keys.ARCHIVE_LEASE))


async def due_jobs(redis: Redis, until_ms: int, limit: int) -> list[tuple[str, int]]:
    """Returns (job id, end in milliseconds) of the jobs that ended up to then and wait, the oldest first."""
    found = await reply(redis.zrangebyscore(keys.UNARCHIVED, "-inf", until_ms, 0, limit, withscores=True))
    return [(job_id.decode(), int(ended_ms)) for job_id, ended_ms in found]


async def forget_waiting(redis: Redis, job_id: str) -> None:
    """Takes a job that is gone from those that wait."""
    await reply(redis.zrem(keys.UNARCHIVED, job_id))


async def load_job_fields(redis: Redis, job_id: str) -> tuple[dict[bytes, bytes], dict[bytes, bytes]]:
    """Returns the fields of a job, and those of its benchmark."""
    async with pipeline(redis) as pipe:
        pipe.hgetall(keys.job(job_id))
        pipe.hgetall(keys.job_benchmark(job_id))
        job, benchmark = await pipe.execute()
    return job, benchmark


async def load_chunks(redis: Redis, job_id: str, first: int, end: int) -> list[StoredChunk]:
    """Returns chunks of a job in order."""
    async with pipeline(redis) as pipe:
        for chunk in range(first, end):
            pipe.get(keys.chunk_items(job_id, chunk))
            pipe.hgetall(keys.chunk_results(job_id, chunk))
        found = await pipe.execute()
    return [
        StoredChunk(items, {int(position): result for position, result in results.items()})
        for items, results in zip(found[::2], found[1::2], strict=True)
    ]


async def current_plan(redis: Redis) -> FilePlan | None:
    """Returns the plan that a worker made and has not ended."""
    stored = await reply(redis.hget(keys.ARCHIVE, "plan"))
    return None if stored is None else _plan_of(cast("bytes", stored))


async def set_plan(redis: Redis, plan: FilePlan) -> FilePlan:
    """Makes a plan the current one unless there is one; returns the current one."""
    if await reply(redis.hsetnx(keys.ARCHIVE, "plan", msgspec.msgpack.encode(plan))):  # type: ignore[arg-type]
        return plan
    return await current_plan(redis) or plan


def _plan_of(stored: bytes) -> FilePlan:
    day, parts = msgspec.msgpack.decode(stored)
    return FilePlan(day, [Part(*each) for each in parts])


async def end_plan(redis: Redis, plan: FilePlan, *, judgments: int, jobs: int) -> bool:
    """Ends a plan and counts its judgments and jobs in the metrics, once. Returns whether this call did."""
    totals = (increment(counters.ARCHIVED_JUDGMENTS, by=judgments), increment(counters.ARCHIVED_JOBS, by=jobs))
    counted = [word for each in totals for word in (each.series, each.by)]
    return bool(await _end_plan(redis, [keys.ARCHIVE, keys.COUNTERS], [msgspec.msgpack.encode(plan), *counted]))


async def count_failure(redis: Redis) -> None:
    """Counts a run of the archive that failed."""
    await add_counts(redis, [increment(counters.ARCHIVE_FAILURES)])


async def let_items_go(redis: Redis, item_ids: Iterable[str], archived_jobs: Sequence[str], *, keep_s: int) -> None:
    """Lets items expire that have neither labels nor judgments that wait; judgments of these jobs count as archived."""
    names = [keys.item(each) for each in dict.fromkeys(item_ids)]
    for start in range(0, len(names), _ITEMS_AT_ONCE):
        await _let_items_go(
            redis,
            [keys.UNARCHIVED, keys.OPEN_JOBS, *names[start : start + _ITEMS_AT_ONCE]],
            [clock.now_ms(), keep_s, int(READERS_NEED_S * 1000), *archived_jobs],
        )


async def let_go_of(redis: Redis, part: Part, *, keep_s: int) -> bool:
    """Notes that a part of a job is archived. Returns whether the job as a whole is, and was let go now."""
    job_id = part.job_id
    return bool(
        await _let_go(
            redis,
            [keys.UNARCHIVED, keys.job(job_id), keys.job_benchmark(job_id)],
            [
                *(job_id, part.end, clock.now_ms(), keep_s, int(READERS_NEED_S * 1000)),
                *(keys.job_items(job_id), keys.job_results(job_id)),
            ],
        )
    )


async def adopt(redis: Redis) -> None:
    """Lets all that has ended without knowing of the archive wait for it too, once a day.

    It ended before there was an archive, or a process of an earlier version ended it.
    """
    today = clock.today()
    if cast("bytes | None", await reply(redis.hget(keys.ARCHIVE, "adopted"))) == today.encode():
        return
    async for names in scanned_names(redis, keys.job("*")):
        ids = [name for each in names if ":" not in (name := each.removeprefix(keys.job("")))]
        for job_id in ids:
            await _adopt_job(
                redis,
                [keys.UNARCHIVED, keys.job(job_id), keys.job_benchmark(job_id)],
                [job_id, keys.job_items(job_id), keys.job_results(job_id)],
            )
    async for names in scanned_names(redis, keys.item("*")):
        waiting = [keys.UNARCHIVED, keys.OPEN_JOBS, keys.UNARCHIVED_LABELS]
        await _adopt_items(redis, [*waiting, *names], [clock.now_ms(), _STATE_FIELD])
    await reply(redis.hset(keys.ARCHIVE, "adopted", today))


async def waiting_labels(redis: Redis, limit: int) -> list[str]:
    """Returns places of labels that are not archived as they are now, the oldest first."""
    return [each.decode() for each in await reply(redis.zrange(keys.UNARCHIVED_LABELS, 0, limit - 1))]


async def labels_at_once(redis: Redis, places: Sequence[str]) -> tuple[int, list[LabelledState]]:
    """Returns the labels at these places as they are at one moment, and a number that grows with each reading."""
    split = [place.split("\n", 1) for place in places]
    number, *found = await _read_labels(
        redis, [keys.ARCHIVE, *(key for key, _ in split)], [field for _, field in split]
    )
    return number, [
        LabelledState(
            place, key.removeprefix(keys.item("")), unquoted(field.removeprefix(_STATE_FIELD)), content.decode(), stored
        )
        for place, (key, field), (stored, content) in zip(places, split, found, strict=True)
    ]


async def clear_labels(redis: Redis, archived: Sequence[LabelledState]) -> int:
    """Takes labels from those that wait, except those that have changed since; returns how many."""
    split = [each.place.split("\n", 1) for each in archived]
    pairs = [word for (_, field), each in zip(split, archived, strict=True) for word in (field, each.stored)]
    return int(await _clear_labels(redis, [keys.UNARCHIVED_LABELS, *(key for key, _ in split)], pairs))


async def all_stored_counters(redis: Redis) -> AsyncIterator[StoredCounters]:
    """Yields all counters of agreement, some of them twice."""
    for kind in _COUNTER_KINDS:
        async for names in scanned_names(redis, keys.agreement_counters_of(kind)):
            async with pipeline(redis) as pipe:
                for name in names:
                    pipe.hgetall(name)
                    pipe.pttl(name)
                found = await pipe.execute()
            for name, fields, left_ms in zip(names, found[::2], found[1::2], strict=True):
                bucket = keys.bucket_of(name)
                series, _, criterion = name.split(f":{bucket}:", 1)[1].rpartition(":")
                counts = {field.decode(): int(count) for field, count in fields.items()}
                yield StoredCounters(kind, bucket, series, unquoted(criterion), _end_of(left_ms), counts)


async def restore_counters(redis: Redis, found: Sequence[StoredCounters]) -> None:
    """Writes counters of agreement, except those that have expired."""
    async with pipeline(redis) as pipe:
        for each in found:
            expires = each.expires_ms or expiry_ms(each.bucket)
            if each.fields and (expires is None or expires > clock.now_ms()):
                name = keys.agreement_counters(each.kind, each.bucket, each.series, each.criterion)
                fields: Mapping[Any, Any] = each.fields
                pipe.hset(name, mapping=dict(fields))
                if expires is not None:
                    pipe.pexpireat(name, expires)
        await pipe.execute()


def _lasting() -> tuple[str, ...]:
    """Returns what the names of the keys begin with that `judged restore` needs beside jobs, items and counters.

    Not among them are the secret, sessions, leases, the queue, and all that is found out again.
    """
    return (
        *(keys.CRITERIA, keys.CRITERION_RECORDS, keys.QUEUED_CRITERIA, keys.LABELLED_CRITERIA, keys.JUDGE_SCALES),
        *(keys.JUDGES, keys.judge(""), keys.SERIES, keys.MET, keys.DATASETS, keys.dataset(""), keys.COUNTERS),
        *(keys.PREFIX + each for each in ("dataset_items:", "served:", "groups:", "group:", "to_label:")),
        *(keys.PREFIX + each for each in ("labelled:", "labelled_places:", "unchecked:", "arena:counters")),
        *(keys.ANCHORS, keys.ARENA_VOTES, keys.CHANGES),
    )


async def lasting_keys(redis: Redis) -> AsyncIterator[tuple[str, int | None, bytes]]:
    """Yields (name without the prefix, expiry in milliseconds, content) of lasting keys, some of them twice.

    The content is msgpack of the key's type and its value, which every version of every server can take back.
    """
    async for names in scanned_names(redis, keys.PREFIX + "*"):
        wanted = [name for name in names if name.startswith(_lasting())]
        async with pipeline(redis) as pipe:
            for name in wanted:
                pipe.type(name)
                pipe.pttl(name)
            told = await pipe.execute()
        types = [each.decode() for each in told[::2]]
        async with pipeline(redis) as pipe:
            for name, kind in zip(wanted, types, strict=True):
                _read_value(pipe, name, kind)
            values = iter(await pipe.execute())
        for name, kind, left_ms in zip(wanted, types, told[1::2], strict=True):
            if kind in _TYPES and (value := next(values)):
                content = msgspec.msgpack.encode((kind, list(value.items()) if kind == "hash" else _listed(value)))
                yield name.removeprefix(keys.PREFIX), _end_of(left_ms), content


def _end_of(left_ms: int) -> int | None:
    """Returns when a key expires, None for never, from the reply of PTTL."""
    return clock.now_ms() + left_ms if left_ms > 0 else None


def _read_value(pipe: Any, name: str, kind: str) -> None:
    if kind == "string":
        pipe.get(name)
    elif kind == "hash":
        pipe.hgetall(name)
    elif kind == "zset":
        pipe.zrange(name, 0, -1, withscores=True)
    elif kind == "set":
        pipe.smembers(name)
    elif kind == "stream":
        pipe.xrange(name)


def _listed(value: Any) -> Any:
    return sorted(value) if isinstance(value, set) else value


async def restore_lasting_keys(redis: Redis, found: Sequence[tuple[str, int | None, bytes]]) -> None:
    """Writes keys that `lasting_keys` yielded to a store that has none of them."""
    async with pipeline(redis) as pipe:
        for name, expires_ms, content in found:
            if expires_ms is None or expires_ms > clock.now_ms():
                kind, value = msgspec.msgpack.decode(content)
                _write_value(pipe, keys.PREFIX + name, kind, value)
                if expires_ms is not None:
                    pipe.pexpireat(keys.PREFIX + name, expires_ms)
        await pipe.execute()


def _write_value(pipe: Any, name: str, kind: str, value: Any) -> None:
    if kind == "string":
        pipe.set(name, value)
    elif kind == "hash":
        pipe.hset(name, mapping=dict(value))
    elif kind == "zset":
        pipe.zadd(name, dict(value))
    elif kind == "set":
        pipe.sadd(name, *value)
    elif kind == "stream":
        for entry, fields in value:
            pipe.xadd(name, fields, id=entry)


def _ids_in(chunk: StoredChunk) -> list[str]:
    return [from_json(each, _ItemIdOnly, "a judgment").item_id for each in chunk.results.values()]


class _ItemIdOnly(msgspec.Struct):
    item_id: str
