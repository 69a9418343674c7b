"""Creates the application from its parts."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, cast

import msgspec
from litestar import Litestar, Router
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.enums import ScopeType
from litestar.exceptions import NotFoundException
from litestar.handlers import BaseRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import License
from litestar.types import LifeSpanReceive, LifeSpanScope, LifeSpanSend, Receive, Scope, Send

from service.api.access import check_access
from service.api.agreement import AgreementController, estimates
from service.api.anchors import AnchorsController
from service.api.archive import archived_judgments
from service.api.arena import ArenaController
from service.api.benchmarks import BenchmarksController
from service.api.calibration import calibration
from service.api.callbacks import show_callback_secret
from service.api.comparisons import CompareController, list_groups
from service.api.connections import LimitedHttp
from service.api.criteria import CriteriaController
from service.api.datasets import DatasetsController
from service.api.items import show_item
from service.api.jobs import JobsController
from service.api.judges import JudgesController
from service.api.labels import LabelsController
from service.api.methods import route_by_method
from service.api.models import models
from service.api.openapi import SCHEMA_PATH, SchemaJson, document_of, make_document
from service.api.operations import healthz, metrics, readyz
from service.api.origins import check_origin
from service.api.parameters import check_query
from service.api.parse import parse
from service.api.paths import keep_names_whole
from service.api.problems import HANDLERS
from service.api.provided import PROVIDED, redis_of, settings_of, signals_of
from service.api.request_limits import KeyRequests, check_rate
from service.api.request_log import logging_request
from service.api.request_spans import in_span
from service.api.responses import with_own_headers
from service.api.statistics import statistics
from service.archive.objects import Objects
from service.archive.reading import ArchiveReader
from service.config.settings import Settings, SettingsError, load_settings, without_password
from service.config.version import version
from service.gauges.refresher import keep_refreshing
from service.pages import pages, unknown_path
from service.store.connection import cancelled, connect
from service.store.health import keep_watching
from service.store.installations import use_prefix
from service.store.signals import Signals

__all__ = ["LimitedHttp", "create_app", "end_waits", "openapi_document"]

logger = logging.getLogger(__name__)

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
            asked: Any = scope
            keep_names_whole(asked)
            seen = self.state.key_requests.counting(asked, with_own_headers(asked, cast("Send", send)))
            await in_span(self._routed, asked, cast("Receive", receive), logging_request(asked, seen))
        else:
            await super().__call__(scope, receive, send)

    async def _routed(self, scope: Scope, receive: Receive, send: Send) -> None:
        await route_by_method(super().__call__, self, scope, receive, send)


async def _check_request(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Guards each handler. It is one guard, since Litestar copies the handler for each, which takes long."""
    for check in (check_origin, check_access, check_rate, check_query):
        await check(connection, handler)


@asynccontextmanager
async def _watched(app: Litestar) -> AsyncIterator[None]:
    """Watches the store while the API runs, which serves all the same while the store is away, and refreshes gauges."""
    redis, settings = redis_of(app.state), settings_of(app.state)
    url = str(settings.store.redis_url)
    watching = asyncio.create_task(keep_watching(redis, url, without_password(url)))
    refreshing = asyncio.create_task(keep_refreshing(redis, settings))
    try:
        yield
    finally:
        await cancelled(watching, refreshing)


def _reread_on_hangup(read_again: Callable[[], Settings], app: Litestar) -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reread_keys, app, read_again)


def reread_keys(app: Litestar, read_again: Callable[[], Settings]) -> None:
    """Takes the keys of the configuration as it is now; if it has problems or no keys, the present ones stay."""
    try:
        keys = read_again().keys
    except SettingsError as error:
        for problem in error.problems:
            logger.error("the keys stay as they were: %s", problem)
        return
    if settings_of(app.state).keys and not keys:  # a file that is just being written, for instance
        logger.error("the keys stay as they were: the configuration has none; restart to serve everyone without a key")
        return
    app.state.settings = msgspec.structs.replace(settings_of(app.state), keys=keys)
    logger.info("keys read again: %s", ", ".join(key.name for key in keys) or "none")


def end_waits(app: Litestar) -> None:
    """Lets requests that wait for a job be answered now, with its present state, since the server is stopping."""
    signals_of(app.state).end()


async def _close(app: Litestar) -> None:
    await app.state.key_requests.aclose()
    await signals_of(app.state).aclose()
    await redis_of(app.state).aclose()


def opened(settings: Settings) -> dict[str, Any]:
    """Returns the objects that handlers share, by name. The store is connected to with the first request.

    Raises ValueError if the settings name no store.
    """
    if settings.store.redis_url is None:
        raise ValueError("the API needs a store: set JUDGED_REDIS_URL, or run `judged up`")
    use_prefix(settings.store.prefix)
    redis = connect(str(settings.store.redis_url), retries=_REDIS_RETRIES, max_connections=_REDIS_CONNECTIONS)
    return {
        "settings": settings,
        "redis": redis,
        "signals": Signals(redis),
        "key_requests": KeyRequests(redis),
        "archive": ArchiveReader(Objects(settings.archive)) if settings.archive.url else None,
    }


def create_app(settings: Settings, read_again: Callable[[], Settings] | None = None) -> Litestar:
    """Returns the API for these settings. On SIGHUP it takes the keys of those that `read_again` returns.

    Raises ValueError if the settings name no store.
    """
    return _App(
        route_handlers=[
            JobsController,
            show_callback_secret,
            JudgesController,
            LabelsController,
            CriteriaController,
            AgreementController,
            calibration,
            models,
            estimates,
            CompareController,
            list_groups,
            AnchorsController,
            show_item,
            archived_judgments,
            parse,
            statistics,
            DatasetsController,
            BenchmarksController,
            ArenaController,
            healthz,
            readyz,
            metrics,
            pages,
        ],
        state=State(opened(settings), deep_copy=False),
        dependencies=PROVIDED,
        guards=[_check_request],
        exception_handlers={**HANDLERS, NotFoundException: unknown_path},
        lifespan=[_watched],
        logging_config=None,  # the command sets logging up
        on_startup=[] if read_again is None else [partial(_reread_on_hangup, read_again)],
        on_shutdown=[_close],
        request_max_body_size=None,  # service/api/bodies.py has the limits
        openapi_config=OpenAPIConfig(
            title="judged",
            version=version(),
            description="LLM-as-a-judge over HTTP: judge jobs in, scored judgments out.",
            license=License(name="Apache-2.0", identifier="Apache-2.0"),
            use_handler_docstrings=True,
            render_plugins=[SchemaJson()],
            openapi_router=Router(
                SCHEMA_PATH, route_handlers=[], include_in_schema=False, before_request=make_document
            ),
        ),
    )


def openapi_document() -> dict[str, Any]:
    """Returns the OpenAPI 3.1 document of the API, which no setting changes. Connects to nothing."""
    return document_of(create_app(load_settings(None, {"JUDGED_REDIS_URL": "redis://127.0.0.1"})))
