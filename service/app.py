"""Creates the application from its parts."""

from collections.abc import Callable
from typing import Any, cast

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.enums import ScopeType
from litestar.openapi import OpenAPIConfig
from litestar.types import LifeSpanReceive, LifeSpanScope, LifeSpanSend, Receive, Scope, Send
from redis.asyncio import Redis

from service.api.access import check_access
from service.api.agreement import AgreementController, estimates
from service.api.arena import ArenaController
from service.api.benchmarks import BenchmarksController
from service.api.criteria import CriteriaController
from service.api.datasets import DatasetsController
from service.api.items import show_item
from service.api.jobs import JobsController
from service.api.judges import JudgesController
from service.api.labels import LabelsController
from service.api.openapi import SchemaJson, document_of
from service.api.operations import healthz, metrics, readyz
from service.api.parameters import check_query
from service.api.parse import parse
from service.api.paths import keep_names_whole
from service.api.problems import HANDLERS
from service.api.request_ids import with_request_id
from service.api.statistics import statistics
from service.config.settings import Settings, load_settings
from service.config.version import version
from service.store.connection import connect
from service.store.signals import Signals

_REDIS_RETRIES = 3  # within a fraction of a second; then the client gets 503
_REDIS_CONNECTIONS = 64


class _App(Litestar):
    """Gives each request its id, and routes by the path as it was sent, in which a name may contain an encoded `/`.

    Middleware would come too late: it runs after routing.
    """

    async def __call__(
        self, scope: Scope | LifeSpanScope, receive: Receive | LifeSpanReceive, send: Send | LifeSpanSend
    ) -> None:
        if scope["type"] == ScopeType.HTTP:
            keep_names_whole(cast("dict[str, Any]", scope))
            send = with_request_id(cast("dict[str, Any]", scope), cast("Send", send))
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
    """Returns the objects that handlers share, by name. The store is connected to with the first request.

    Raises ValueError if the settings name no store.
    """
    if settings.store.redis_url is None:
        raise ValueError("the API needs a store: set JUDGED_REDIS_URL, or run `judged up`")
    redis = connect(str(settings.store.redis_url), retries=_REDIS_RETRIES, max_connections=_REDIS_CONNECTIONS)
    return {"settings": settings, "redis": redis, "signals": Signals(redis)}


def create_app(settings: Settings) -> Litestar:
    """Returns the API for these settings. Raises ValueError if they name no store."""
    return _App(
        route_handlers=[
            JobsController,
            JudgesController,
            LabelsController,
            CriteriaController,
            AgreementController,
            estimates,
            show_item,
            parse,
            statistics,
            DatasetsController,
            BenchmarksController,
            ArenaController,
            healthz,
            readyz,
            metrics,
        ],
        state=State(opened(settings), deep_copy=False),
        dependencies={name: Provide(provide, sync_to_thread=False) for name, provide in _SHARED.items()},
        guards=[check_access, check_query],
        exception_handlers=HANDLERS,
        on_shutdown=[_close],
        request_max_body_size=None,  # service/api/bodies.py has the limits
        openapi_config=OpenAPIConfig(
            title="judged",
            version=version(),
            description="LLM-as-a-judge over HTTP: judge jobs in, scored judgments out.",
            path="/schema",
            use_handler_docstrings=True,
            render_plugins=[SchemaJson()],
        ),
    )


def openapi_document() -> dict[str, Any]:
    """Returns the OpenAPI 3.1 document of the API, which no setting changes. Connects to nothing."""
    return document_of(create_app(load_settings(None, {"JUDGED_REDIS_URL": "redis://127.0.0.1"})))
