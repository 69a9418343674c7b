"""Joins the parts of the service into an application."""

from collections.abc import Callable
from typing import Any, cast

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.types import LifeSpanReceive, LifeSpanScope, LifeSpanSend, Receive, Scope, Send
from redis.asyncio import Redis

from service.api.access import check_access
from service.api.agreement import AgreementController, estimates
from service.api.arena import rate_votes
from service.api.arena_battles import ArenaController
from service.api.benchmarks import BenchmarksController
from service.api.datasets import DatasetsController
from service.api.describing import DescribedJson
from service.api.items import show_item
from service.api.jobs import JobsController
from service.api.judges import JudgesController
from service.api.labels import LabelsController
from service.api.operations import healthz, metrics, readyz
from service.api.parse import parse
from service.api.paths import keep_names_whole
from service.api.problems import HANDLERS
from service.api.statistics import statistics
from service.config.settings import Settings
from service.store.connection import connect
from service.store.signals import Signals

_REDIS_RETRIES = 3  # over a fraction of a second: then the client is told that the store is away
_REDIS_CONNECTIONS = 64


class _App(Litestar):
    """Routes by the path as it came, in which an item's id may hold a `/`: middleware would come too late for that."""

    async def __call__(
        self, scope: Scope | LifeSpanScope, receive: Receive | LifeSpanReceive, send: Send | LifeSpanSend
    ) -> None:
        keep_names_whole(cast("dict[str, Any]", scope))
        await super().__call__(scope, receive, send)


def _redis(state: State) -> Redis:
    return cast("Redis", state.redis)


def _signals(state: State) -> Signals:
    return cast("Signals", state.signals)


def _settings(state: State) -> Settings:
    return cast("Settings", state.settings)


_SHARED: dict[str, Callable[[State], Any]] = {"redis": _redis, "signals": _signals, "settings": _settings}


async def _close(app: Litestar) -> None:
    await _signals(app.state).aclose()
    await _redis(app.state).aclose()


def opened(settings: Settings) -> dict[str, Any]:
    """What the handlers share, by the names under which they ask for it. Connects when the first request comes."""
    if settings.store.redis_url is None:
        raise ValueError("the API needs a store: set JUDGED_REDIS_URL, or run `judged up`")
    redis = connect(str(settings.store.redis_url), retries=_REDIS_RETRIES, max_connections=_REDIS_CONNECTIONS)
    return {"settings": settings, "redis": redis, "signals": Signals(redis)}


def create_app(settings: Settings) -> Litestar:
    """The API for these settings."""
    return _App(
        route_handlers=[
            JobsController,
            JudgesController,
            LabelsController,
            AgreementController,
            estimates,
            show_item,
            parse,
            statistics,
            DatasetsController,
            BenchmarksController,
            ArenaController,
            rate_votes,
            healthz,
            readyz,
            metrics,
        ],
        state=State(opened(settings), deep_copy=False),
        dependencies={name: Provide(provide, sync_to_thread=False) for name, provide in _SHARED.items()},
        guards=[check_access],
        exception_handlers=HANDLERS,
        on_shutdown=[_close],
        request_max_body_size=None,  # bodies.py has the limits
        openapi_config=OpenAPIConfig(
            title="judged",
            version="0.1.0",
            description="LLM-as-a-judge over HTTP: judge jobs in, scored judgments out.",
            path="/schema",
            use_handler_docstrings=True,
            render_plugins=[DescribedJson()],
        ),
    )
