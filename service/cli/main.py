"""The command `judged`."""

import argparse
from collections.abc import Sequence

from service.cli import agreement, api, arena, bench, check_config, import_, openapi, rebuild, score, up, worker

_COMMANDS = {
    "up": up,
    "api": api,
    "worker": worker,
    "check-config": check_config,
    "openapi": openapi,
    "score": score,
    "import": import_,
    "agreement": agreement,
    "rebuild": rebuild,
    "arena": arena,
    "bench": bench,
}
_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    options = _parser().parse_args(argv)
    try:
        code: int = _COMMANDS[options.command].run(options)
        return code
    except KeyboardInterrupt:
        return _INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="judged", description="LLM-as-a-judge that shows how far it can be trusted.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in _COMMANDS.items():
        described = {"help": command.SUMMARY, "description": command.SUMMARY}
        command.configure(commands.add_parser(name, **described))
    return parser
