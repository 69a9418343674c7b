"""`judged up`: everything on one machine."""

import argparse
import os

from service.cli.arguments import add_config_option, port_number, whole_number
from service.cli.command import SOME_FAILED, Command

_VARIABLES = {
    "config": "JUDGED_CONFIG",
    "host": "JUDGED_HOST",
    "port": "JUDGED_PORT",
    "data": "JUDGED_DATA",
    "workers": "JUDGED_WORKERS",
}


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_option(parser)
    parser.add_argument("--host", help="the address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=port_number, help="the port to listen on (default: 8000)")
    parser.add_argument("--data", metavar="DIR", help="the folder that keeps all data (default: ./judged-data)")
    parser.add_argument(
        "--workers", type=whole_number(1), metavar="N", help="the number of worker processes (default: 1)"
    )
    parser.add_argument(
        "--local",
        nargs="?",
        const="",
        metavar="GGUF",
        help="also serve a local model: this file, or the small model that is installed",
    )


def _run(options: argparse.Namespace) -> int:
    """Passes the options on as environment variables, so that every process that is started has the same settings."""
    environ = dict(os.environ)
    for option, variable in _VARIABLES.items():
        if (value := getattr(options, option)) is not None:
            environ[variable] = str(value)
    from service.launch.up import up

    return up(environ, local=options.local)


UP = Command(
    "up",
    "run everything on this machine: a store, the API and the workers",
    _add_arguments,
    _run,
    {SOME_FAILED: "a process did not stop in time and was killed"},
)
