"""A benchmark is one job over its judges, models and baselines; its results follow the job."""

from typing import Any

import pytest
from redis.asyncio import Redis

from service.benchmarks.benchmark_intake import begin_benchmark, estimate_benchmark, judge_rows
from service.benchmarks.dataset_intake import store_dataset
from service.benchmarks.results import benchmark_page, cancel_benchmark, show_benchmark, stored_benchmark
from service.config.settings import Settings
from service.contracts.benchmarks import BenchmarkRequest, Progress
from service.contracts.datasets import DatasetItem
from service.contracts.decoding import numbered
from service.contracts.judges import Judge, Method
from service.contracts.refusals import Kind, Refused
from service.jobs import EVERYTHING, Caller
from service.store import keys
from service.store.signals import Signals
from tests.leaderboards.test_leaderboard import judge

WIT = Judge(criterion="wit", method=Method.RATING, instructions="Is it funny?")
CALLER = Caller(None, None)


def asked(**changes: Any) -> BenchmarkRequest:
    return BenchmarkRequest(**{"dataset": "d", "judges": [WIT], "models": ["control/length"], **changes})


async def stock(redis: Redis, settings: Settings) -> None:
    items = [DatasetItem(id=f"t-{n}", output="x" * n, human={"wit": [1 + n % 5], "odd": [7]}) for n in range(10)]
    await store_dataset(redis, settings, "d", numbered(items))


def test_each_judge_has_its_models_and_then_the_baselines() -> None:
    several = judge("several", model="x/m", samples=3)
    rows = judge_rows([several, judge("length", model="control/length")], with_controls=True)
    assert [(row.ref.name, row.models, row.definition.samples) for row in rows] == [
        ("several", ["x/m"], 3),
        ("several", ["control/length"], 1),
        ("several", ["control/overlap"], 1),
        ("length", ["control/length"], 1),
        ("length", ["control/overlap"], 1),
    ]
    assert judge_rows([several], with_controls=False) == [several]


async def test_a_benchmark_is_shown_listed_and_cancelled(redis: Redis, settings: Settings) -> None:
    await stock(redis, settings)
    estimate = await estimate_benchmark(redis, settings, asked())
    assert (estimate.judgments, estimate.estimated_cost_usd) == (20, 0)
    assert not [key async for key in redis.scan_iter(f"{keys.PREFIX}job:*")]
    begun = await begin_benchmark(redis, settings, asked(), CALLER, "f")
    assert (begun.benchmark.progress, begun.is_repeat) == (Progress(done=0, total=20), False)
    assert await stored_benchmark(redis, begun.benchmark.id) == begun.benchmark
    listed = await benchmark_page(redis, EVERYTHING, 5, None)
    assert [each.id for each in listed.benchmarks] == [begun.benchmark.id]
    cancelled = await cancel_benchmark(redis, settings, EVERYTHING, begun.benchmark.id)
    assert cancelled.is_over
    signals = Signals(redis)
    shown = await show_benchmark(redis, signals, settings, EVERYTHING, begun.benchmark.id, 5)
    await signals.aclose()
    assert len(shown.leaderboard) == 2  # type: ignore[arg-type]
    assert shown == cancelled


@pytest.mark.parametrize(
    ("changes", "pointer", "detail"),
    [
        ({"dataset": "dd"}, "/dataset", "there is no dataset 'dd'; did you mean 'd'?"),
        ({"judges": ["helpfulness"]}, "/judges/0",
         "the dataset has no labels for 'helpfulness' (it has: odd, wit)"),
        ({"sort": "nonsense"}, "/sort", "'nonsense' is not a statistic of the answers of judge 0 (exact, "),
        ({"judges": [Judge(criterion="odd", method=Method.RATING, instructions="?")]}, "/judges/0",
         "people's values are not on the judge's scale: item 't-0': 7 "),
    ],
)  # fmt: skip
async def test_what_can_not_be_measured_is_refused(
    redis: Redis, settings: Settings, changes: dict[str, Any], pointer: str, detail: str
) -> None:
    await stock(redis, settings)
    with pytest.raises(Refused) as refused:
        await begin_benchmark(redis, settings, asked(**changes), CALLER, "f")
    assert refused.value.kind is Kind.IMPOSSIBLE
    [fault] = refused.value.faults
    assert (fault.pointer, fault.detail[: len(detail)]) == (pointer, detail)
    assert not [key async for key in redis.scan_iter(f"{keys.PREFIX}job:*")]
