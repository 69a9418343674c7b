"""`/healthz`, `/readyz` and `/metrics`: health, readiness and metrics of the service."""

from collections.abc import Iterable
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from redis.asyncio import Redis

from service.api.openapi import operation, text
from service.api.problems import ProblemError, documented
from service.contracts.jobs import FailingModel
from service.store import archiving, clock, counters, jobs, workers
from service.store.breakers import failing_models, load_breakers
from service.store.health import check_kind, check_writable, durability_faults
from service.store.metric_families import gauge_families, metric_families

_PREFIX = "judged_"  # of each metric
_NO_WORKER_RETRY_S = 5
_OPENMETRICS = "application/openmetrics-text"


class Health(msgspec.Struct, frozen=True):
    """`status` is `ok`."""

    status: str


class Readiness(msgspec.Struct, frozen=True, omit_defaults=True):
    """`status` is `ready`; `workers` is the number of workers that are alive.

    `failing_models` are those whose breaker is open. The service is ready all the same: items wait. `warnings` are the
    settings of the store by which accepted work may be lost, each in a sentence.
    """

    status: str
    workers: int
    failing_models: list[FailingModel] = []
    warnings: list[str] = []


@get(
    "/healthz",
    operation_id="showHealth",
    summary="Is this process alive?",
    tags=["operations"],
    response_description="The process is alive.",
    responses=documented(403),
)
async def healthz() -> Health:
    """Answers if this process is alive. It does not use the store."""
    return Health("ok")


@get(
    "/readyz",
    operation_id="showReadiness",
    summary="Is the service ready?",
    tags=["operations"],
    response_description="The service is ready.",
    responses=documented(403, 503),
)
async def readyz(redis: NamedDependency[Redis]) -> Readiness:
    """Answers 200 if the store is available and takes writes, and at least one worker is alive."""
    await check_kind(redis)
    await check_writable(redis)
    alive = await workers.count_alive(redis)
    if not alive:
        raise ProblemError(
            503,
            "no-worker",
            "no worker is alive; jobs that are submitted wait in the queue",
            {"Retry-After": str(_NO_WORKER_RETRY_S)},
        )
    return Readiness("ready", alive, await failing_models(redis), await durability_faults(redis))


class _Collected(Collector):
    """Metrics that are fetched before the exposition collects them."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


@get(
    "/metrics",
    operation_id="showMetrics",
    summary="Metrics for Prometheus",
    tags=["operations"],
    media_type="text/plain",
    response_description="The metrics.",
    responses=documented(403, 503),
    operation_class=operation(content={200: text("text/plain", _OPENMETRICS)}),
)
async def metrics(request: Request[Any, Any, Any], redis: NamedDependency[Redis]) -> Response[bytes]:
    """Returns the metrics of all processes together, in the text format or as OpenMetrics."""
    registry = CollectorRegistry()
    families: list[Metric] = [*await metric_families(redis, _PREFIX), *await _gauges(redis)]
    registry.register(_Collected([*families, *await gauge_families(redis, _PREFIX)]))
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(registry), headers={"Content-Type": content_type})  # which includes the charset


async def _gauges(redis: Redis) -> list[Metric]:
    return [
        GaugeMetricFamily(
            _PREFIX + "queue_items",
            "Judgments that are accepted and not finished",
            value=await jobs.count_pending(redis),
        ),
        GaugeMetricFamily(_PREFIX + "workers", "Workers that are alive", value=await workers.count_alive(redis)),
        await _breakers(redis),
        *await _archive(redis),
    ]


async def _archive(redis: Redis) -> list[Metric]:
    """Returns what waits for the archive; nothing if there is none."""
    state = await archiving.archive_state(redis)
    if not state.is_on:
        return []
    return [
        GaugeMetricFamily(
            _PREFIX + "archive_lag_seconds",
            "For how long the oldest job that should be archived has waited",
            value=state.lag_s(clock.now_ms()),
        ),
        GaugeMetricFamily(
            _PREFIX + "unarchived_jobs", "Jobs that have ended and stay in the store until archived", value=state.jobs
        ),
    ]


async def _breakers(redis: Redis) -> Metric:
    """Returns 1 for each model whose breaker is open, and 0 for each other model that was called."""
    states = dict.fromkeys(await counters.called_models(redis), 0)
    states |= {model: int(state is not None) for model, state in (await load_breakers(redis)).items()}
    family = GaugeMetricFamily(
        _PREFIX + "provider_breaker_open",
        "Whether calls to a model wait because its provider fails",
        labels=("provider", "model"),
    )
    for model, is_open in sorted(states.items()):
        family.add_metric((model.partition("/")[0], model), is_open)
    return family
