"""`/healthz`, `/readyz` and `/metrics`."""

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

from service.api.problems import ProblemError, documented
from service.store import counters, gauges, jobs, workers

PREFIX = "judged_"


class Health(msgspec.Struct, frozen=True):
    status: str


class Readiness(msgspec.Struct, frozen=True):
    status: str
    workers: int


@get("/healthz", tags=["operations"])
async def healthz() -> Health:
    """This process answers."""
    return Health("ok")


@get("/readyz", tags=["operations"], responses=documented(503))
async def readyz(redis: NamedDependency[Redis]) -> Readiness:
    """The store answers and at least one worker is alive."""
    alive = await workers.alive(redis)
    if not alive:
        raise ProblemError(503, "no-worker", "no worker is alive; what is sent waits in the queue")
    return Readiness("ready", alive)


class _Collected(Collector):
    """Metrics that were fetched before the exposition asks for them."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


@get("/metrics", tags=["operations"], media_type="text/plain", responses=documented(503))
async def metrics(request: Request[Any, Any, Any], redis: NamedDependency[Redis]) -> Response[bytes]:
    """The metrics of all processes together, for Prometheus."""
    registry = CollectorRegistry()
    families: list[Metric] = [*await counters.families(redis, PREFIX), *await _gauges(redis)]
    registry.register(_Collected([*families, *await gauges.families(redis, PREFIX)]))
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(registry), headers={"Content-Type": content_type})  # which says its charset itself


async def _gauges(redis: Redis) -> list[Metric]:
    return [
        GaugeMetricFamily(
            PREFIX + "queue_items",
            "Judgments accepted and not finished",
            value=await jobs.pending(redis),
        ),
        GaugeMetricFamily(PREFIX + "workers", "Workers alive", value=await workers.alive(redis)),
    ]
