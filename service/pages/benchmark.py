"""`/benchmarks`: the progress of benchmarks, and their leaderboards as plots of agreement by cost and as tables."""

from collections.abc import Mapping
from itertools import groupby
from typing import Annotated, Any

import minijinja
import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect
from redis.asyncio import Redis

from service.api.access import can
from service.api.benchmarks import benchmark_in_form
from service.api.bodies import CSV
from service.api.origins import TAKES_FORMS
from service.benchmarks import (
    begin_benchmark,
    benchmark_page,
    cancel_benchmark,
    estimate_benchmark,
    show_benchmark,
)
from service.config.settings import Settings
from service.contracts.benchmarks import Benchmark, BenchmarkEstimate, BenchmarkRequest
from service.contracts.decoding import decode
from service.contracts.refusals import Refused
from service.jobs import View
from service.pages.access import shown_to
from service.pages.documents import attachment, document, redirect
from service.pages.forms import (
    FAULT_STATUSES,
    TAKES_TEXTS,
    PageForm,
    dollars_in,
    faults_by_place,
    new_ticket,
    read_paid_form,
)
from service.rendering.benchmark_leaderboard import measure_text, row_notes
from service.rendering.drawing import CostPoint, cost_plot
from service.rendering.judge_names import judge_name
from service.store import datasets, judges, workers
from service.store.signals import Signals

_Row = Mapping[str, Any]  # of a leaderboard, as the API has it

_PLACE = Annotated[str | None, QueryParameter(max_length=200)]
_BENCHMARKS_A_PAGE = 50
_DATASETS = 200  # to choose from
_PLACES = ("/dataset", "/judges", "/models", "/budget_usd")
_MOST_DRAWN = 40  # rows
_SHOWN = ("exact", "pearson", "spearman", "kendall_tau_b", "cohen_kappa", "cohen_kappa_quadratic", "bias", "mae")


class CriterionBoard(msgspec.Struct, frozen=True):
    """The rows of one criterion, numbered as in the drawing, which is None if no row has a figure."""

    criterion: str
    rows: list[tuple[int, _Row]]
    drawing: str | None
    undrawn: int
    people: str
    statistics: list[str]


class BenchmarkPages(Controller):
    path = "/benchmarks"
    opt = shown_to("read")

    @get()
    async def list_newest(
        self,
        request: Request[Any, Any, Any],
        redis: NamedDependency[Redis],
        view: NamedDependency[View],
        cursor: _PLACE = None,
    ) -> Response[bytes]:
        """Shows the form that begins a benchmark, and the newest ones."""
        return await _start(request, redis, view, PageForm({}, ""), cursor=cursor)

    @post(opt=shown_to("submit") | TAKES_FORMS, **TAKES_TEXTS)
    async def begin(
        self,
        request: Request[Any, Any, Any],
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
        view: NamedDependency[View],
    ) -> Response[Any]:
        """Begins the benchmark that a form asks for, and leads to it; or says what it would cost."""
        form, caller = await read_paid_form(request, redis)
        try:
            asked = _asked(form)
            if form.text("act") == "estimate":
                estimate = await estimate_benchmark(redis, settings, asked)
                return await _start(request, redis, view, form, estimate=estimate)
            begun = await begin_benchmark(redis, settings, asked, caller, form.digest)
        except Refused as refused:
            if refused.kind not in FAULT_STATUSES:
                raise
            return await _start(request, redis, view, form, refused=refused)
        return redirect(f"/benchmarks/{begun.benchmark.id}")

    @get("/{benchmark_id:str}")
    async def show(
        self,
        request: Request[Any, Any, Any],
        benchmark_id: FromPath[str],
        redis: NamedDependency[Redis],
        signals: NamedDependency[Signals],
        settings: NamedDependency[Settings],
        view: NamedDependency[View],
    ) -> Response[bytes]:
        """Shows a benchmark: its progress while it runs, then its leaderboard."""
        benchmark = await show_benchmark(redis, signals, settings, view, benchmark_id, 0)
        boards = boards_of(benchmark)
        return await document(
            request,
            "benchmark.html",
            benchmark=benchmark,
            is_idle=not benchmark.is_over and not await workers.count_alive(redis),
            boards=boards,
            judge_name=judge_name,
            measure=measure_text,
            notes=[note for board in boards for note in row_notes([row for _, row in board.rows])],
            may_cancel=can(request, "submit") and not benchmark.is_over,
        )

    @get("/{benchmark_id:str}/leaderboard")
    async def download(
        self,
        benchmark_id: FromPath[str],
        redis: NamedDependency[Redis],
        signals: NamedDependency[Signals],
        settings: NamedDependency[Settings],
        view: NamedDependency[View],
    ) -> Response[bytes]:
        """Sends the leaderboard as the API does, as CSV to be kept as a file."""
        benchmark = await show_benchmark(redis, signals, settings, view, benchmark_id, 0)
        content = benchmark_in_form(benchmark, CSV)
        return Response(content, media_type=CSV, headers=attachment(f"{benchmark.id}.csv"))

    @post("/{benchmark_id:str}/cancel", opt=shown_to("submit") | TAKES_FORMS, status_code=303)
    async def cancel(
        self,
        benchmark_id: FromPath[str],
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
        view: NamedDependency[View],
    ) -> Redirect:
        """Cancels the judgments that have not started."""
        benchmark = await cancel_benchmark(redis, settings, view, benchmark_id)
        return redirect(f"/benchmarks/{benchmark.id}")


async def _start(
    request: Request[Any, Any, Any],
    redis: Redis,
    view: View,
    form: PageForm,
    *,
    cursor: str | None = None,
    estimate: BenchmarkEstimate | None = None,
    refused: Refused | None = None,
) -> Response[bytes]:
    """The page that begins benchmarks; after a refusal with the form as it was sent, and the faults at its fields."""
    found = await benchmark_page(redis, view, _BENCHMARKS_A_PAGE, cursor)
    known, _ = await datasets.list_datasets(redis, after=None, limit=_DATASETS)
    criteria = {name for each in known for name in each.criteria}
    return await document(
        request,
        "benchmarks.html",
        status_code=200 if refused is None else FAULT_STATUSES[refused.kind],
        benchmarks=found.benchmarks,
        next_cursor=found.next_cursor,
        form=form,
        datasets=known,
        judges=[each.name for each in await judges.every_judge(redis) if each.criterion in criteria],
        estimate=estimate,
        faults={} if refused is None else faults_by_place(refused.faults, _PLACES),
        ticket=new_ticket(),
        may_begin=can(request, "submit"),
    )


def _asked(form: PageForm) -> BenchmarkRequest:
    """The benchmark that a form asks for. Raises Refused (invalid) that names each fault."""
    sent = {
        "dataset": form.text("dataset"),
        "judges": form.listed("judges"),
        "models": form.listed("models") or None,
        "budget_usd": dollars_in(form, "budget_usd"),
    }
    return decode(msgspec.json.encode(sent), BenchmarkRequest)


def boards_of(benchmark: Benchmark) -> list[CriterionBoard]:
    """Returns the leaderboard by criterion; empty until the benchmark is over."""
    rows: list[_Row] = msgspec.json.decode(msgspec.json.encode(benchmark.leaderboard or []))
    return [
        _board(name, list(enumerate(group, 1))) for name, group in groupby(rows, key=lambda row: str(row["criterion"]))
    ]


def _board(criterion: str, rows: list[tuple[int, _Row]]) -> CriterionBoard:
    first = rows[0][1]
    ceiling = first["human_ceiling"]["statistics"].get(first["sort"])
    points = [point for number, row in rows[:_MOST_DRAWN] if (point := _point(number, row)) is not None]
    told = "; ".join(
        f"{number} {judge_name(row['judge'])} {row['model']} {_figure(row)}" for number, row in rows[:_MOST_DRAWN]
    )
    drawing = cost_plot(
        points,
        f"Agreement with people ({first['sort']}) by cost: {told}",
        people=None if ceiling is None else ceiling["value"],
    )
    return CriterionBoard(
        criterion,
        rows,
        minijinja.safe(drawing) if points else None,
        len(rows) - len(points),
        measure_text(ceiling),
        [name for name in _SHOWN if any(name in row["statistics"] for _, row in rows)],
    )


def _point(number: int, row: _Row) -> CostPoint | None:
    measure = row["statistics"].get(row["sort"])
    if measure is None or measure["value"] is None:
        return None
    ends = measure["lower"], measure["upper"]
    return CostPoint(number, row["cost_usd_per_1000"], measure["value"], *ends, row["control"])


def _figure(row: _Row) -> str:
    return measure_text(row["statistics"].get(row["sort"]))
