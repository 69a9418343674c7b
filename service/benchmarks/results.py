"""The results of benchmarks: their progress, and their leaderboards once everything is judged.

A benchmark is a job with an order and people's values beside it, and lives as long as the job does.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from service.benchmarks.leaderboard import BenchmarkBoard, HeardJudgment
from service.config.settings import Settings
from service.contracts.benchmarks import Benchmark, BenchmarkOrder, BenchmarkPage, Progress
from service.contracts.jobs import Job, JobRecord
from service.contracts.refusals import not_found
from service.jobs import EVERYTHING, View, cancel_job, until_over, with_waits
from service.store import benchmarks, jobs, judgments, keys
from service.store.signals import Signals
from service.threads import aside

_HEARD_AT_ONCE = 1000  # judgments decoded in one step beside the event loop: some hundredths of a second
_PREFIX, _JOB_PREFIX = "bench_", "job_"

_making: dict[str, "asyncio.Task[msgspec.Raw]"] = {}  # leaderboards that are being computed, by the id of their job


class _Stored(NamedTuple):
    """A benchmark as it is stored; `rows` is None until the leaderboard is made."""

    record: JobRecord
    job: Job
    order: BenchmarkOrder
    rows: msgspec.Raw | None


async def show_benchmark(
    redis: Redis, signals: Signals, settings: Settings, view: View, benchmark: str, wait_s: float
) -> Benchmark:
    """Returns a benchmark, with its leaderboard if it is over. Waits up to `wait_s` seconds for that.

    Raises Refused (not-found) if there is no such benchmark, or if it is another key's.
    """
    await _stored(redis, benchmark, view)
    await until_over(redis, signals, _job_id(benchmark), wait_s)
    return await _with_leaderboard(redis, settings, benchmark, view)


async def cancel_benchmark(redis: Redis, settings: Settings, view: View, benchmark: str) -> Benchmark:
    """Cancels the judgments that have not started; the leaderboard is then made of the others.

    Raises Refused (not-found) if there is no such benchmark, or if it is another key's.
    """
    stored = await _stored(redis, benchmark, view)
    await cancel_job(redis, settings, stored.record, stored.job)
    return await _with_leaderboard(redis, settings, benchmark, view)


async def benchmark_page(redis: Redis, view: View, limit: int, cursor: str | None) -> BenchmarkPage:
    """Returns benchmarks without their leaderboards, newest first.

    A page may be short although it has a `next_cursor`, because only so many benchmarks are read for one page.
    """
    wanted = jobs.JobFilter(owner=view.owner)
    page, next_cursor = await jobs.list_jobs(redis, before=cursor, limit=limit, wanted=wanted, index=keys.BENCHMARKS)
    orders = await benchmarks.find_orders(redis, [job.id for job in page])
    shown = [_shown(job, orders[job.id], None) for job in page if job.id in orders]
    return BenchmarkPage(benchmarks=shown, next_cursor=next_cursor)


async def stored_benchmark(redis: Redis, benchmark: str) -> Benchmark:
    """Returns a benchmark with an empty leaderboard. Raises Refused (not-found) if there is no such benchmark."""
    stored = await _stored(redis, benchmark, EVERYTHING)
    return _shown(stored.job, stored.order, [])


def new_benchmark(record: JobRecord, order: BenchmarkOrder) -> Benchmark:
    """Returns a benchmark that has just been taken in."""
    return _shown(jobs.first_view(record), order, [])


def benchmark_id(job_id: str) -> str:
    """Returns the id of the benchmark of a job: the same with another prefix."""
    return _PREFIX + job_id.removeprefix(_JOB_PREFIX)


def _job_id(benchmark: str) -> str:
    if not benchmark.startswith(_PREFIX):
        raise not_found(f"benchmark {benchmark}")
    return _JOB_PREFIX + benchmark.removeprefix(_PREFIX)


async def _stored(redis: Redis, benchmark: str, view: View) -> _Stored:
    job_id = _job_id(benchmark)
    found = await jobs.load_job(redis, job_id)
    beside = await benchmarks.find_benchmark(redis, job_id) if found is not None else None
    if found is None or beside is None or not view.shows(found[0].owner):
        raise not_found(f"benchmark {benchmark}")
    return _Stored(*found, *beside)


async def _with_leaderboard(redis: Redis, settings: Settings, benchmark: str, view: View) -> Benchmark:
    stored = await _stored(redis, benchmark, view)
    if not stored.job.is_over:
        return _shown(await with_waits(redis, stored.record, stored.job), stored.order, [])
    rows = stored.rows or await _made_once(redis, settings, stored)
    return _shown(stored.job, stored.order, msgspec.json.decode(rows, type=list[msgspec.Raw]))


async def _made_once(redis: Redis, settings: Settings, stored: _Stored) -> msgspec.Raw:
    """The rows of the leaderboard, computed once if several requests ask for them at the same time."""
    job_id = stored.record.id
    task = _making.get(job_id)
    if task is None:
        task = _making[job_id] = asyncio.create_task(_make_leaderboard(redis, settings, stored))
        task.add_done_callback(lambda _: _making.pop(job_id, None))
    return await asyncio.shield(task)


async def _make_leaderboard(redis: Redis, settings: Settings, stored: _Stored) -> msgspec.Raw:
    """Reads all judgments and people's values, computes the rows, and stores them as JSON."""
    record, order = stored.record, stored.order
    board = BenchmarkBoard(record.judges, [humans async for humans in benchmarks.humans_of(redis, record.id)])
    read: list[judgments.PlacedJudgment] = []
    async for placed in judgments.judgments_in_order(redis, record):
        read.append(placed)
        if len(read) == _HEARD_AT_ONCE:
            await aside(_hear, board, read)
            read.clear()
    await aside(_hear, board, read)
    rows = await asyncio.to_thread(board.rows, epsilon=order.epsilon, sort=order.sort, key=record.id)
    encoded = msgspec.json.encode(rows)
    await benchmarks.keep_leaderboard(redis, record.id, encoded, keep_s=settings.store.keep_s)
    return msgspec.Raw(encoded)


def _hear(board: BenchmarkBoard, read: Sequence[judgments.PlacedJudgment]) -> None:
    decoder = msgspec.json.Decoder(HeardJudgment)
    for placed in read:
        board.hear(placed.position, decoder.decode(placed.judgment))


def _shown(job: Job, order: BenchmarkOrder, rows: list[msgspec.Raw] | None) -> Benchmark:
    """The benchmark; without the field `leaderboard` if `rows` is None."""
    counts = job.counts
    return Benchmark(
        id=benchmark_id(job.id),
        status=job.status,
        dataset=order.dataset,
        job_id=job.id,
        progress=Progress(done=counts.total - counts.pending, total=counts.total),
        estimated_cost_usd=order.estimated_cost_usd,
        cost_usd=job.usage.cost_usd,
        warning=order.warning,
        leaderboard=msgspec.UNSET if rows is None else rows,
        failing_models=job.failing_models,
        paused_providers=job.paused_providers,
        created_at=job.created_at,
        finished_at=job.finished_at,
    )
