"""A benchmark: judges and models measured side by side on a dataset that people labelled."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from service.contracts.jobs import JudgeReference
from service.contracts.judges import Judge, ModelName
from service.contracts.outcomes import JobStatus

EPSILON = 0.2  # what a skilled expert's time is worth in the alternative annotator test
MOST_ROWS = 200  # of a leaderboard: judges x models, the baselines among them


class BenchmarkRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of `POST /v1/benchmarks`.

    Every judge is measured with each of `models`, or with each of its own where there are none. `sort` is the statistic
    that ranks: spearman for scales and exact for labels unless given. `controls` adds baselines that read no meaning.
    """

    dataset: Annotated[str, Meta(min_length=1, max_length=100)]
    judges: Annotated[list[JudgeReference | Judge], Meta(min_length=1, max_length=20)]
    models: Annotated[list[ModelName], Meta(min_length=1, max_length=20)] | None = None
    epsilon: Annotated[float, Meta(ge=0, lt=1)] = EPSILON
    sort: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    budget_usd: Annotated[float, Meta(gt=0)] | None = None
    cache: bool = True
    controls: bool = True


class BenchmarkOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a request beside its job. `estimated_cost_usd` is None where a price is unknown."""

    dataset: str
    epsilon: float
    sort: str | None
    estimated_cost_usd: float | None
    warning: str | None


class BenchmarkEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """What a benchmark would take: how many judgments, and US dollars, None where a price is unknown."""

    judgments: int
    estimated_cost_usd: float | None
    warning: str | None


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How many judgments are over, of how many."""

    done: int
    total: int


class Benchmark(msgspec.Struct, frozen=True, kw_only=True):
    """How a benchmark is shown. `leaderboard` is empty until its job, `job_id`, is over, and left out of lists."""

    id: str
    status: JobStatus
    dataset: str
    job_id: str
    progress: Progress
    estimated_cost_usd: float | None
    cost_usd: float | None
    warning: str | None
    leaderboard: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET
    created_at: datetime
    finished_at: datetime | None
