"""The entry point of `judged`: reads the arguments, runs one command, prints its error and returns its exit code."""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from typing import NoReturn

from service.cli.command import INTERRUPTED, READER_GONE, REFUSED, Command, CommandError
from service.cli.commands.agreement import AGREEMENT
from service.cli.commands.api import API
from service.cli.commands.archive import ARCHIVE_COMMAND
from service.cli.commands.arena import ARENA
from service.cli.commands.backup import BACKUP
from service.cli.commands.bench import BENCH
from service.cli.commands.check_config import CHECK_CONFIG
from service.cli.commands.compare import COMPARE
from service.cli.commands.completion import COMPLETION
from service.cli.commands.demo import DEMO
from service.cli.commands.export import EXPORT
from service.cli.commands.gate import GATE
from service.cli.commands.import_labels import IMPORT
from service.cli.commands.jobs import JOBS_COMMAND
from service.cli.commands.judges import JUDGES_COMMAND
from service.cli.commands.label import LABEL
from service.cli.commands.openapi import OPENAPI
from service.cli.commands.rebuild import REBUILD
from service.cli.commands.restore import RESTORE
from service.cli.commands.score import SCORE
from service.cli.commands.up import UP
from service.cli.commands.worker import WORKER
from service.cli.console import print_error
from service.config.version import version
from service.contracts.names import did_you_mean

COMMANDS = (
    UP,
    DEMO,
    API,
    WORKER,
    BACKUP,
    RESTORE,
    ARCHIVE_COMMAND,
    CHECK_CONFIG,
    OPENAPI,
    SCORE,
    JOBS_COMMAND,
    JUDGES_COMMAND,
    IMPORT,
    LABEL,
    EXPORT,
    AGREEMENT,
    COMPARE,
    GATE,
    REBUILD,
    ARENA,
    BENCH,
    COMPLETION,
)

_INVALID_CHOICE = re.compile(r"invalid choice: '(?P<typed>[^']*)' \(choose from (?P<choices>.*)\)")
_UNKNOWN_OPTION = re.compile(r"unrecognized arguments: (?P<typed>--[\w-]+)")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code. Raises SystemExit for `--help`, `--version` and bad arguments."""
    _open_missing_streams()
    options = _parse(argv)
    command: Command = options.command
    try:
        code = command.run(options)
        sys.stdout.flush()
    except CommandError as error:
        print_error(error.lines)
        return REFUSED
    except BrokenPipeError:  # `judged jobs --json | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python would complain at its end
        return READER_GONE
    except OSError as error:
        print_error([f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)])
        return REFUSED
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        other = _otherness(options)
        if other is None:
            raise
        print_error([f"{other}: its answers can't be read ({type(error).__name__}: {error})"])
        return REFUSED
    return code


def _open_missing_streams() -> None:
    """Drops all that is written to a standard output or error that the shell closed (`2>&-`): Python has None there."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - open until the end


def _otherness(options: argparse.Namespace) -> str | None:
    """Returns in which way the service is another one than this command expects; None if it is the same version, or
    if the command asks no service.
    """
    if not hasattr(options, "url"):
        return None
    from service.cli.client import Client

    with Client.from_options(options) as client:
        return client.unlike(version())


class _Parser(argparse.ArgumentParser):
    """Names the nearest command, value or option when one is misspelt."""

    def error(self, message: str) -> NoReturn:
        typed, known = "", list[str]()
        if found := _INVALID_CHOICE.search(message):
            typed, known = found["typed"], re.findall(r"[\w.-]+", found["choices"])
        elif found := _UNKNOWN_OPTION.search(message):
            typed, known = found["typed"], re.findall(r"--[\w-]+", self.format_help())
        hint = f": {typed} stands after the command" if typed in known else did_you_mean(typed, known)
        super().error(message + hint)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="judged", description="LLM-as-a-judge that shows how far the judge can be trusted.")
    parser.add_argument("--version", action="version", version=f"judged {version()}")
    subparsers = parser.add_subparsers(metavar="COMMAND")
    by_name: dict[str, argparse.ArgumentParser] = {}
    for command in COMMANDS:
        description = f"{command.summary[:1].upper()}{command.summary[1:]}."
        added = subparsers.add_parser(
            command.name, help=command.summary, description=description, epilog=command.exit_codes_text()
        )
        command.add_arguments(added)
        added.set_defaults(command=command, parser=added, parsers=by_name)
        by_name[command.name] = added
    return parser


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser()
    options, unknown = parser.parse_known_args(argv)
    named: argparse.ArgumentParser = getattr(options, "parser", parser)
    if unknown:
        named.error(f"unrecognized arguments: {' '.join(unknown)}")
    if named is parser:
        parser.error("the following arguments are required: COMMAND")
    return options
