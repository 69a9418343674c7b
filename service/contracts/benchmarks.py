"""Benchmarks: judges and models measured side by side on a dataset with people's values."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from service.contracts.jobs import FailingModels, JudgeReference, PausedProviders
from service.contracts.judges import Judge, ModelName
from service.contracts.outcomes import JobStatus

EXPERT_EPSILON = 0.2  # of the alternative annotator test, for skilled experts
MOST_ROWS = 200  # of a leaderboard: judges times models, with the baselines

EncodedBoardRow = Annotated[msgspec.Raw, Meta(extra_json_schema={"$ref": "#/components/schemas/BoardRow"})]
"""A row of a leaderboard as JSON, as it is stored."""


class BenchmarkRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of `POST /v1/benchmarks`.

    Every judge is measured with each of `models`, or with each of its own models if `models` is null. `sort` is the
    statistic to rank by: spearman for scales and exact for labels by default. `controls` adds baselines that do not
    read the texts.
    """

    dataset: Annotated[str, Meta(min_length=1, max_length=100)]
    judges: Annotated[list[JudgeReference | Judge], Meta(min_length=1, max_length=20)]
    models: Annotated[list[ModelName], Meta(min_length=1, max_length=20)] | None = None
    epsilon: Annotated[float, Meta(ge=0, lt=1)] = EXPERT_EPSILON
    sort: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    budget_usd: Annotated[float, Meta(gt=0)] | None = None
    cache: bool = True
    controls: bool = True


class BenchmarkOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a request that is stored beside its job. `estimated_cost_usd` is None if a price is unknown."""

    dataset: str
    epsilon: float
    sort: str | None
    estimated_cost_usd: float | None
    warning: str | None


class BenchmarkEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """The size of a benchmark: its judgments and their cost in US dollars, which is null if a price is unknown."""

    judgments: int
    estimated_cost_usd: float | None
    warning: str | None


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """The number of judgments that are over, and of all judgments."""

    done: int
    total: int


class Benchmark(msgspec.Struct, frozen=True, kw_only=True):
    """A benchmark as clients see it."""

    id: str
    status: JobStatus
    dataset: str
    job_id: str
    progress: Progress
    estimated_cost_usd: float | None
    cost_usd: float | None
    warning: str | None
    leaderboard: (
        Annotated[
            list[EncodedBoardRow],
            Meta(description="The best row first. Empty until the benchmark is over, and left out of lists."),
        ]
        | msgspec.UnsetType
    ) = msgspec.UNSET
    failing_models: FailingModels = msgspec.UNSET
    paused_providers: PausedProviders = msgspec.UNSET
    created_at: datetime
    finished_at: datetime | None

    @property
    def is_over(self) -> bool:
        return self.progress.done == self.progress.total


class BenchmarkPage(msgspec.Struct, frozen=True, kw_only=True):
    """Benchmarks without their leaderboards, newest first."""

    benchmarks: list[Benchmark]
    next_cursor: str | None
