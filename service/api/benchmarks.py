"""`/v1/benchmarks`: judges and models measured side by side on what people labelled."""

import asyncio
from hashlib import sha256
from typing import Any

import msgspec
from litestar import Controller, Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from redis.asyncio import Redis

from service.api.access import caller_of, needs
from service.api.bodies import CSV, JSON, MARKDOWN, Body, form_wanted, media_type
from service.api.etags import etag_of, is_unchanged
from service.api.parameters import Cursor, IdempotencyKey, Limit, Wait
from service.api.problems import documented
from service.benchmarks.intake import BenchmarkIntake, judges_of
from service.benchmarks.leaderboard import Board, Heard
from service.config.settings import Settings
from service.contracts.benchmarks import Benchmark, BenchmarkEstimate, BenchmarkOrder, BenchmarkRequest, Progress
from service.contracts.decoding import decode
from service.contracts.jobs import Job, JobRecord
from service.contracts.refusals import Fault, Refused, impossible, not_found
from service.jobs import cancel_job, check_budget, until_over
from service.rendering.board_text import as_csv, as_markdown
from service.store import benchmarks, datasets, jobs, judgments, keys
from service.store.signals import Signals

_PREFIX, _JOB_PREFIX = "bench_", "job_"

_making: dict[str, "asyncio.Task[msgspec.Raw]"] = {}  # leaderboards that are being made just now, by their job


class BenchmarkPage(msgspec.Struct, frozen=True, kw_only=True):
    """Benchmarks without their leaderboards."""

    benchmarks: list[Benchmark]
    next_cursor: str | None


class BenchmarksController(Controller):
    path = "/v1/benchmarks"
    tags = ("benchmarks",)

    @post(
        opt=needs("submit"),
        status_code=202,
        responses=documented(400, 401, 403, 408, 409, 413, 415, 422, 429, 503),
    )
    async def begin(
        self,
        request: Request[Any, Any, Any],
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
        idempotency_key: IdempotencyKey = None,
    ) -> Response[Benchmark]:
        """Has every judge with every model judge a dataset, and says what that will cost about.

        The work is one job, with its cache, its budget and its progress.
        """
        await check_budget(redis, request.state.key)
        body = Body(request, settings.server.max_body_bytes)
        intake = await _taken(request, body, redis, settings, idempotency_key)
        fingerprint = sha256(f"{self.path}\n{body.digest}".encode()).hexdigest()
        (record, is_repeat), order = await intake.commit(fingerprint)
        headers = {"Location": f"{self.path}/{_id_of(record.id)}"}
        if not is_repeat:
            return Response(_shown(jobs.first_view(record), order, []), status_code=202, headers=headers)
        headers["Idempotent-Replayed"] = "true"
        _, job, order, _ = await _existing(redis, _id_of(record.id))
        return Response(_shown(job, order, []), status_code=202, headers=headers)

    @post(
        "/estimate",
        opt=needs("submit"),
        status_code=200,
        responses=documented(400, 401, 403, 408, 413, 415, 422, 503),
    )
    async def estimate(
        self, request: Request[Any, Any, Any], redis: NamedDependency[Redis], settings: NamedDependency[Settings]
    ) -> BenchmarkEstimate:
        """Says what a benchmark would cost about, or why it can't be. Begins nothing."""
        intake = await _taken(request, Body(request, settings.server.max_body_bytes), redis, settings)
        order = await intake.order()
        await intake.discard()
        return BenchmarkEstimate(
            judgments=intake.judgments, estimated_cost_usd=order.estimated_cost_usd, warning=order.warning
        )

    @get(opt=needs("read"), responses=documented(400, 401, 403, 503))
    async def list_newest(
        self, redis: NamedDependency[Redis], limit: Limit = 100, cursor: Cursor = None
    ) -> BenchmarkPage:
        """Benchmarks, newest first, without their leaderboards."""
        page, next_cursor = await jobs.list_jobs(redis, before=cursor, limit=limit, index=keys.BENCHMARKS)
        found = [(job, await benchmarks.find_benchmark(redis, job.id)) for job in page]
        shown = [_shown(job, stored[0], None) for job, stored in found if stored is not None]
        return BenchmarkPage(benchmarks=shown, next_cursor=next_cursor)

    @get("/{benchmark_id:str}", opt=needs("read"), responses=documented(400, 401, 403, 404, 503))
    async def show(
        self,
        benchmark_id: FromPath[str],
        request: Request[Any, Any, Any],
        redis: NamedDependency[Redis],
        signals: NamedDependency[Signals],
        settings: NamedDependency[Settings],
        wait: Wait = None,
    ) -> Response[Benchmark]:
        """A benchmark as it stands; once it is over, with its leaderboard, also as `text/csv` or `text/markdown`."""
        await _existing(redis, benchmark_id)
        wait_s = min(wait or 0.0, settings.server.max_wait_seconds)
        await until_over(redis, signals, _job_id_of(benchmark_id), wait_s)
        job, shown = await _with_rows(redis, settings, benchmark_id)
        response = _answer(request, shown)
        if not job.is_over:
            return response
        etag = etag_of(response.content)
        response.headers["ETag"] = etag
        if is_unchanged(request, etag):
            return Response(b"", status_code=304, headers=response.headers)  # type: ignore[arg-type]
        return response

    @delete("/{benchmark_id:str}", opt=needs("submit"), status_code=200, responses=documented(400, 401, 403, 404, 503))
    async def cancel(
        self, benchmark_id: FromPath[str], redis: NamedDependency[Redis], settings: NamedDependency[Settings]
    ) -> Benchmark:
        """Cancels what has not started. The leaderboard is made of what was judged until then."""
        record, job, _, _ = await _existing(redis, benchmark_id)
        await cancel_job(redis, settings, record, job)
        _, shown = await _with_rows(redis, settings, benchmark_id)
        return shown


async def _taken(
    request: Request[Any, Any, Any], body: Body, redis: Redis, settings: Settings, idempotency_key: str | None = None
) -> BenchmarkIntake:
    """The benchmark that a body asks for, checked and staged. Raises a problem that names each bad place."""
    media_type(request, JSON)
    asked = decode(await body.whole(), BenchmarkRequest)
    dataset = await datasets.find_dataset(redis, asked.dataset)
    if dataset is None:
        raise impossible([Fault("/dataset", f"there is no dataset {asked.dataset}")])
    judges = await judges_of(redis, settings, asked, dataset)
    caller = caller_of(request, idempotency_key)
    intake = BenchmarkIntake(redis, settings, asked, dataset, judges, caller)
    try:
        await intake.take()
    except Refused:
        await intake.discard()
        raise
    return intake


async def _existing(redis: Redis, benchmark_id: str) -> tuple[JobRecord, Job, BenchmarkOrder, msgspec.Raw | None]:
    """The job, what was asked for, and the rows if they are made. Raises a 404 problem."""
    job_id = _job_id_of(benchmark_id)
    found = await jobs.load_job(redis, job_id)
    stored = await benchmarks.find_benchmark(redis, job_id) if found is not None else None
    if found is None or stored is None:
        raise not_found(f"benchmark {benchmark_id}")
    return *found, *stored


async def _with_rows(redis: Redis, settings: Settings, benchmark_id: str) -> tuple[Job, Benchmark]:
    """As it stands, with the leaderboard once it is over. Raises a 404 problem."""
    record, job, order, stored = await _existing(redis, benchmark_id)
    if not job.is_over:
        return job, _shown(job, order, [])
    rows = stored or await _made(redis, settings, record, order)
    return job, _shown(job, order, msgspec.json.decode(rows, type=list[msgspec.Raw]))


async def _made(redis: Redis, settings: Settings, record: JobRecord, order: BenchmarkOrder) -> msgspec.Raw:
    """The rows, made once however many ask for them at the same time."""
    task = _making.get(record.id)
    if task is None:
        task = _making[record.id] = asyncio.create_task(_make(redis, settings, record, order))
        task.add_done_callback(lambda _: _making.pop(record.id, None))
    return await asyncio.shield(task)


async def _make(redis: Redis, settings: Settings, record: JobRecord, order: BenchmarkOrder) -> msgspec.Raw:
    board = Board(record.judges, [humans async for humans in benchmarks.humans_of(redis, record.id)])
    decoder = msgspec.json.Decoder(Heard)
    async for placed in judgments.judgments_in_order(redis, record):
        board.hear(placed.position, decoder.decode(placed.judgment))
    rows = await asyncio.to_thread(board.rows, epsilon=order.epsilon, sort=order.sort, key=record.id)
    encoded = msgspec.json.encode(rows)
    await benchmarks.keep_leaderboard(redis, record.id, encoded, keep_s=settings.store.keep_s)
    return msgspec.Raw(encoded)


def _answer(request: Request[Any, Any, Any], shown: Benchmark) -> Response[Any]:
    """In the form that is asked for."""
    form = form_wanted(request)
    render = {CSV: as_csv, MARKDOWN: as_markdown}.get(form)
    content = msgspec.json.encode(shown)
    if render is not None:
        content = render(msgspec.json.decode(content)).encode()
    return Response(content, media_type=form, headers={"Vary": "Accept"})


def _shown(job: Job, order: BenchmarkOrder, rows: list[msgspec.Raw] | None) -> Benchmark:
    """Without `leaderboard` where there are no rows to show, not even none."""
    counts = job.counts
    return Benchmark(
        id=_id_of(job.id),
        status=job.status,
        dataset=order.dataset,
        job_id=job.id,
        progress=Progress(done=counts.total - counts.pending, total=counts.total),
        estimated_cost_usd=order.estimated_cost_usd,
        cost_usd=job.usage.cost_usd,
        warning=order.warning,
        leaderboard=msgspec.UNSET if rows is None else rows,
        created_at=job.created_at,
        finished_at=job.finished_at,
    )


def _id_of(job_id: str) -> str:
    """A benchmark goes by its job's id with another prefix."""
    return _PREFIX + job_id.removeprefix(_JOB_PREFIX)


def _job_id_of(benchmark_id: str) -> str:
    if not benchmark_id.startswith(_PREFIX):
        raise not_found(f"benchmark {benchmark_id}")
    return _JOB_PREFIX + benchmark_id.removeprefix(_PREFIX)
