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
from service.store import counters, gauges, jobs, workers

_PREFIX = "judged_"  # of each metric
_OPENMETRICS = "application/openmetrics-text"


class Health(msgspec.Struct, frozen=True):
    """`status` is `ok`."""

    status: str


class Readiness(msgspec.Struct, frozen=True):
    """`status` is `ready`; `workers` is the number of workers that are alive."""

    status: str
    workers: int


@get(
    "/healthz",
    operation_id="showHealth",
    summary="Is this process alive?",
    tags=["operations"],
    response_description="The process is alive.",
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
    responses=documented(503),
)
async def readyz(redis: NamedDependency[Redis]) -> Readiness:
    """Answers 200 if the store is available and at least one worker is alive."""
    alive = await workers.count_alive(redis)
    if not alive:
        raise ProblemError(503, "no-worker", "no worker is alive; jobs that are submitted wait in the queue")
    return Readiness("ready", alive)


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
    responses=documented(503),
    operation_class=operation(content={200: text("text/plain", _OPENMETRICS)}),
)
async def metrics(request: Request[Any, Any, Any], redis: NamedDependency[Redis]) -> Response[bytes]:
    """Returns the metrics of all processes together, in the text format or as OpenMetrics."""
    registry = CollectorRegistry()
    families: list[Metric] = [*await counters.metric_families(redis, _PREFIX), *await _gauges(redis)]
    registry.register(_Collected([*families, *await gauges.gauge_families(redis, _PREFIX)]))
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
    ]
