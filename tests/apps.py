"""Applications for tests. One takes a fifth of a second to build, so that tests use it one after the other."""

from collections.abc import Iterator
from contextlib import contextmanager

from litestar import Litestar

from service.app import create_app, opened
from service.config.settings import Settings

_idle: list[Litestar] = []


@contextmanager
def app_of(settings: Settings) -> Iterator[Litestar]:
    """An application that no other test uses meanwhile, with these settings and connections of its own."""
    if _idle:
        app = _idle.pop()
        app.state.update(opened(settings))
    else:
        app = create_app(settings)
    yield app
    _idle.append(app)
