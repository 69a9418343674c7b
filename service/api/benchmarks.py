"""`/v1/benchmarks`: judges and models measured side by side on a dataset with people's values."""

from typing import Any

import msgspec
from litestar import Controller, Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath
from redis.asyncio import Redis

from service.api.access import needs, paying_caller
from service.api.bodies import CSV, MARKDOWN, form_wanted, read_fingerprinted, read_json
from service.api.cursors import id_in
from service.api.etags import etag_of, is_unchanged
from service.api.openapi import headers, json_body, operation, text
from service.api.parameters import Cursor, IdempotencyKey, Limit, Wait
from service.api.problems import documented
from service.benchmarks import (
    BoardRow,
    begin_benchmark,
    benchmark_page,
    cancel_benchmark,
    estimate_benchmark,
    show_benchmark,
)
from service.config.settings import Settings
from service.contracts.benchmarks import Benchmark, BenchmarkEstimate, BenchmarkPage, BenchmarkRequest
from service.jobs import View
from service.rendering.benchmark_leaderboard import benchmark_csv, benchmark_markdown
from service.store.signals import Signals

_EXAMPLE = {"dataset": "support", "judges": ["helpfulness"], "models": ["openai/gpt-6-luna"]}


class BenchmarksController(Controller):
    path = "/v1/benchmarks"
    tags = ("benchmarks",)

    @post(
        operation_id="beginBenchmark",
        summary="Begin a benchmark",
        opt=needs("submit"),
        status_code=202,
        response_description="The benchmark is stored, with its estimated cost if all prices are known.",
        response_headers=headers(
            Location="The URL of the benchmark.",
            Idempotent_Replayed="`true` if the Idempotency-Key was used before: this is the benchmark of that request.",
        ),
        responses=documented(400, 401, 403, 408, 409, 413, 415, 422, 429, 503),
        operation_class=operation(body=json_body(BenchmarkRequest, _EXAMPLE)),
    )
    async def begin(
        self,
        request: Request[Any, Any, Any],
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
        idempotency_key: IdempotencyKey = None,
    ) -> Response[Benchmark]:
        """Has each judge judge a dataset with each model, in one job with its own cache, budget and progress."""
        caller = await paying_caller(redis, request, idempotency_key)
        most_bytes = settings.server.max_body_bytes
        asked, fingerprint = await read_fingerprinted(request, BenchmarkRequest, most_bytes, self.path)
        begun = await begin_benchmark(redis, settings, asked, caller, fingerprint)
        location = {"Location": f"{self.path}/{begun.benchmark.id}"}
        replayed = {"Idempotent-Replayed": "true"} if begun.is_repeat else {}
        return Response(begun.benchmark, status_code=202, headers=location | replayed)

    @post(
        "/estimate",
        operation_id="estimateBenchmark",
        summary="Estimate a benchmark's cost",
        opt=needs("submit"),
        status_code=200,
        response_description="The size and the cost of the benchmark.",
        responses=documented(400, 401, 403, 408, 413, 415, 422, 503),
        operation_class=operation(body=json_body(BenchmarkRequest, _EXAMPLE)),
    )
    async def estimate(
        self, request: Request[Any, Any, Any], redis: NamedDependency[Redis], settings: NamedDependency[Settings]
    ) -> BenchmarkEstimate:
        """Checks a benchmark and estimates its cost, without beginning it."""
        asked = await read_json(request, BenchmarkRequest, settings.server.max_body_bytes)
        return await estimate_benchmark(redis, settings, asked)

    @get(
        operation_id="listBenchmarks",
        summary="List benchmarks",
        opt=needs("read"),
        response_description="A page of benchmarks.",
        responses=documented(400, 401, 403, 503),
    )
    async def list_newest(
        self,
        redis: NamedDependency[Redis],
        view: NamedDependency[View],
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> BenchmarkPage:
        """Lists the benchmarks of the caller's key without their leaderboards, newest first; with the scope admin,
        those of all keys.
        """
        return await benchmark_page(redis, view, limit, id_in(cursor, "job"))

    @get(
        "/{benchmark_id:str}",
        operation_id="showBenchmark",
        summary="Show a benchmark",
        opt=needs("read"),
        response_description="The benchmark; with its leaderboard once it is over.",
        response_headers=headers(ETag="Of a benchmark that is over; send it as If-None-Match.", Vary="`Accept`."),
        responses={
            304: ResponseSpec(None, description="Unchanged since it had the ETag in If-None-Match."),
            **documented(400, 401, 403, 404, 503),
        },
        operation_class=operation(content={200: text(CSV, MARKDOWN, types=[BoardRow])}),
    )
    async def show(
        self,
        benchmark_id: FromPath[str],
        request: Request[Any, Any, Any],
        redis: NamedDependency[Redis],
        signals: NamedDependency[Signals],
        settings: NamedDependency[Settings],
        view: NamedDependency[View],
        wait: Wait = None,
    ) -> Response[Benchmark]:
        """Shows a benchmark; once it is over, with its leaderboard, also as `text/csv` or `text/markdown`."""
        wait_s = min(wait or 0.0, settings.server.max_wait_seconds)
        benchmark = await show_benchmark(redis, signals, settings, view, benchmark_id, wait_s)
        form = form_wanted(request, CSV, MARKDOWN)
        content = benchmark_in_form(benchmark, form)
        known = {"Vary": "Accept"}
        if benchmark.is_over:
            known["ETag"] = etag_of(content)
            if is_unchanged(request, known["ETag"]):
                return Response(b"", status_code=304, media_type=form, headers=known)  # type: ignore[arg-type]
        return Response(content, media_type=form, headers=known)  # type: ignore[arg-type]

    @delete(
        "/{benchmark_id:str}",
        operation_id="cancelBenchmark",
        summary="Cancel a benchmark",
        opt=needs("submit"),
        status_code=200,
        response_description="The benchmark; with its leaderboard if no call is in flight any more.",
        responses=documented(400, 401, 403, 404, 503),
    )
    async def cancel(
        self,
        benchmark_id: FromPath[str],
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
        view: NamedDependency[View],
    ) -> Benchmark:
        """Cancels the judgments that have not started. The leaderboard is then made of the others."""
        return await cancel_benchmark(redis, settings, view, benchmark_id)


def benchmark_in_form(benchmark: Benchmark, form: str) -> bytes:
    """Returns a benchmark as JSON, or its leaderboard as CSV or Markdown, by media type."""
    content = msgspec.json.encode(benchmark)
    render = {CSV: benchmark_csv, MARKDOWN: benchmark_markdown}.get(form)
    return content if render is None else render(msgspec.json.decode(content)).encode()
