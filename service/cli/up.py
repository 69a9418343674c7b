"""`judged up`: everything on one machine."""

import argparse
import os

from service.cli import add_config_option

SUMMARY = "run everything on this machine: a store, the API and the workers"

_OVERRIDES = {
    "host": "JUDGED_HOST",
    "port": "JUDGED_PORT",
    "data": "JUDGED_DATA",
    "workers": "JUDGED_WORKERS",
}


def configure(parser: argparse.ArgumentParser) -> None:
    add_config_option(parser)
    parser.add_argument("--host", help="the address to listen on, 127.0.0.1 unless given")
    parser.add_argument("--port", type=int, help="the port to listen on, 8000 unless given")
    parser.add_argument("--data", metavar="DIR", help="where everything is kept, ./judged-data unless given")
    parser.add_argument("--workers", type=int, metavar="N", help="worker processes, 1 unless given")
    parser.add_argument(
        "--local",
        nargs="?",
        const="",
        metavar="GGUF",
        help="serve a local model too: the file given, else the small one that is installed",
    )


def run(options: argparse.Namespace) -> int:
    """An option is an override like the environment's, so that every process is told the same."""
    environ = dict(os.environ)
    for option, variable in _OVERRIDES.items():
        if (value := getattr(options, option)) is not None:
            environ[variable] = str(value)
    if options.config:
        environ["JUDGED_CONFIG"] = options.config
    from service.launch.up import up

    return up(environ, local=options.local)
