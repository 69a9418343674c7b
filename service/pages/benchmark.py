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

from service.api.origins import TAKES_FORMS
from service.benchmarks import benchmark_page, cancel_benchmark, show_benchmark
from service.config.settings import Settings
from service.contracts.benchmarks import Benchmark
from service.jobs import View
from service.pages.access import can, shown_to
from service.pages.documents import PAGE_HEADERS, document
from service.rendering.benchmark_leaderboard import judge_name, measure_text, served_notes
from service.rendering.drawing import CostPoint, cost_plot
from service.store.signals import Signals

_Row = Mapping[str, Any]  # of a leaderboard, as the API has it

_PLACE = Annotated[str | None, QueryParameter(max_length=200)]
_BENCHMARKS_A_PAGE = 50
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
    include_in_schema = False

    @get()
    async def list_newest(
        self,
        request: Request[Any, Any, Any],
        redis: NamedDependency[Redis],
        view: NamedDependency[View],
        cursor: _PLACE = None,
    ) -> Response[bytes]:
        """Shows the newest benchmarks."""
        found = await benchmark_page(redis, view, _BENCHMARKS_A_PAGE, cursor)
        return await document(request, "benchmarks.html", benchmarks=found.benchmarks, next_cursor=found.next_cursor)

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
            boards=boards,
            judge_name=judge_name,
            measure=measure_text,
            notes=[note for board in boards for note in served_notes([row for _, row in board.rows])],
            may_cancel=can(request, "submit") and not benchmark.is_over,
        )

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
        return Redirect(f"/benchmarks/{benchmark.id}", status_code=303, headers=PAGE_HEADERS)


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
    told = "; ".join(f"{number} {judge_name(row)} {row['model']} {_figure(row)}" for number, row in rows[:_MOST_DRAWN])
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
