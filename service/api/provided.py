"""What handlers may ask for by name, as `redis: NamedDependency[Redis]`: the objects of the app's state, and a view.

Each is provided after the one before, for which it asks. Litestar would provide them at the same time, with a task for
each, which took a tenth of the CPU of a small request.
"""

from collections.abc import Callable
from typing import Any, cast

from litestar import Request
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from redis.asyncio import Redis

from service.api.access import view_of
from service.archive.reading import ArchiveReader
from service.config.settings import Settings
from service.jobs import View
from service.store.signals import Signals


def redis_of(state: State) -> Redis:
    """Returns the store's client."""
    return cast("Redis", state.redis)


def signals_of(state: State) -> Signals:
    """Returns the store's messages to this process."""
    return cast("Signals", state.signals)


def settings_of(state: State) -> Settings:
    """Returns the settings, whose keys may change while the process runs."""
    return cast("Settings", state.settings)


def _signals(state: State, redis: NamedDependency[Redis]) -> Signals:
    return signals_of(state)


def _settings(state: State, signals: NamedDependency[Signals]) -> Settings:
    return settings_of(state)


def _view(request: Request[Any, Any, Any], settings: NamedDependency[Settings]) -> View:
    return view_of(request)


def _archive(state: State, view: NamedDependency[View]) -> ArchiveReader | None:
    return cast("ArchiveReader | None", state.archive)


_PROVIDERS: dict[str, Callable[..., Any]] = {
    "redis": redis_of,
    "signals": _signals,
    "settings": _settings,
    "view": _view,
    "archive": _archive,
}
PROVIDED = {name: Provide(provider, sync_to_thread=False) for name, provider in _PROVIDERS.items()}
