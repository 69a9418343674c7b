"""`judged api`: the HTTP API alone."""

import argparse
import os
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from service.cli.arguments import add_config_option
from service.cli.command import SUCCEEDED, Command, CommandError

if TYPE_CHECKING:
    from service.config.settings import Settings

_BACKLOG = 2048


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_option(parser)
    parser.add_argument("--fd", type=int, help=argparse.SUPPRESS)  # a listening socket, from the supervisor


def _run(options: argparse.Namespace) -> int:
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises the signal again after it has drained
        signal.signal(number, lambda *_: sys.exit(0))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the API reads its keys again on it
    from service.config.settings import SettingsError, load_settings

    read = partial(load_settings, options.config, os.environ, resolve_keys=False)
    try:
        settings = read()
    except SettingsError as error:
        raise CommandError(error.problems) from error
    if settings.store.redis_url is None:
        raise CommandError(["store.redis_url: set JUDGED_REDIS_URL, or run `judged up`, which starts a store"])
    _serve(settings, read, _listener(settings, options.fd))
    return SUCCEEDED


def _listener(settings: "Settings", descriptor: int | None) -> socket.socket:
    """Returns the socket of the supervisor, else one on the configured address."""
    from service.launch.preflight import StartError, listen

    if descriptor is not None:
        return socket.socket(fileno=descriptor)
    try:
        return listen(settings.server.host, settings.server.port)
    except StartError as error:
        raise CommandError([str(error)]) from error


def _serve(settings: "Settings", read: "Callable[[], Settings]", listener: socket.socket) -> None:
    import uvicorn

    from service.app import LimitedHttp, create_app, end_waits
    from service.config.logs import set_up_logs
    from service.garbage import collect_less
    from service.telemetry import exporting

    set_up_logs(settings.log)
    app = create_app(settings, read_again=read)

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            end_waits(app)
            await super().shutdown(sockets)

    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=LimitedHttp,
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="debug" if settings.log.level == "debug" else "warning",  # the supervisor prints the rest
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=settings.server.shutdown_seconds,
    )
    collect_less()
    with exporting(settings.telemetry, os.environ, "api"):
        Server(config).run(sockets=[listener])


API = Command("api", "run the HTTP API alone, with the store at JUDGED_REDIS_URL", _add_arguments, _run)
