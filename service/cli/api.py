"""`judged api`: the HTTP API alone."""

import argparse
import logging
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING

from service.cli import REFUSED, add_config_option

if TYPE_CHECKING:
    from service.config.settings import Settings

SUMMARY = "run the HTTP API alone, with the store at JUDGED_REDIS_URL"

_BACKLOG = 2048


def configure(parser: argparse.ArgumentParser) -> None:
    add_config_option(parser)
    parser.add_argument("--fd", type=int, help=argparse.SUPPRESS)  # a listening socket, from the supervisor


def run(options: argparse.Namespace) -> int:
    for number in (signal.SIGTERM, signal.SIGINT):  # which uvicorn raises once more when all is drained
        signal.signal(number, lambda *_: sys.exit(0))
    from service.config.settings import SettingsError, load_settings

    try:
        settings = load_settings(options.config, os.environ, resolve_keys=False)
        if settings.store.redis_url is None:
            raise SettingsError(["store.redis_url: set JUDGED_REDIS_URL, or run `judged up`, which has a store"])
    except SettingsError as error:
        print(*error.problems, sep="\n", file=sys.stderr)
        return REFUSED
    _serve(settings, options.fd)
    return 0


def _serve(settings: "Settings", descriptor: int | None) -> None:
    import uvicorn

    from service.app import create_app

    logging.basicConfig(level=settings.log.level.upper(), format="%(levelname)s %(name)s: %(message)s")
    config = uvicorn.Config(
        create_app(settings),
        host=settings.server.host,
        port=settings.server.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="debug" if settings.log.level == "debug" else "warning",  # the supervisor says the rest
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=settings.server.shutdown_seconds,
    )
    sockets = None if descriptor is None else [socket.socket(fileno=descriptor)]
    uvicorn.Server(config).run(sockets=sockets)
