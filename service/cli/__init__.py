"""One module a command: `SUMMARY`, `configure(parser)` and `run(options)`, which returns the exit code.

Importing one is cheap, since each start of `judged` imports them all; its `run` imports what it needs.
"""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress

REFUSED = 2  # the exit code for what can't be done as it was asked


def add_config_option(parser: argparse.ArgumentParser) -> None:
    """The option that all commands of the service itself have."""
    parser.add_argument("--config", metavar="FILE", help="settings; else JUDGED_CONFIG, else ./judged.toml")


def add_client_options(parser: argparse.ArgumentParser) -> None:
    """The options that all clients of the HTTP API have."""
    parser.add_argument("--url", help="where judged answers; else JUDGED_URL, else http://127.0.0.1:8000")
    parser.add_argument("--key", help="the API key; else JUDGED_API_KEY")
    parser.add_argument("--json", action="store_true", help="print for machines, one JSON value a line")


def judge_of(name_or_file: str) -> str | dict[str, Any]:
    """A judge's definition where there is such a file, else its name. Raises ValueError, OSError."""
    path = Path(name_or_file)
    if not path.is_file():
        return name_or_file
    try:
        definition = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: not valid JSON: {error}") from error
    if not isinstance(definition, dict):
        raise ValueError(f"{path}: a judge is a JSON object")
    return definition


def progress_bar() -> "Progress":
    """A bar on standard error that shows how far something is; where nobody sees it, it shows nothing."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
