"""Command-line options that several commands share, and how their values are read."""

import argparse
import json
import os
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from service.cli.command import CommandError

_AGO = re.compile(r"(\d+)([dh])")


def add_config_option(parser: argparse.ArgumentParser) -> None:
    """Adds the option of the commands that run a part of the service."""
    parser.add_argument(
        "--config", metavar="FILE", help="the settings file (default: JUDGED_CONFIG, then ./judged.toml)"
    )


def add_client_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of the commands that call the HTTP API."""
    parser.add_argument("--url", help="the address of the service (default: JUDGED_URL, then http://127.0.0.1:8000)")
    parser.add_argument("--key", help="the API key (default: JUDGED_API_KEY)")
    parser.add_argument("--json", action="store_true", help="print JSON for machines, one value per line")


def add_models_option(parser: argparse.ArgumentParser, purpose: str) -> None:
    """Adds `--models`, which `split_models` reads."""
    parser.add_argument("--models", default="", metavar="A,B", help=purpose)


def split_models(text: str) -> list[str]:
    """Returns the names in a list with commas; an empty list if there are none."""
    return [model.strip() for model in text.split(",") if model.strip()]


def add_series_options(parser: argparse.ArgumentParser, *, window: str) -> None:
    """Adds `--model`, `--served` and `--window`, which choose the scores of a judge; `window` is the default."""
    parser.add_argument("--model", help="a model, or `panel` (default: the judge's only model, else panel)")
    parser.add_argument(
        "--served",
        metavar="MODEL",
        help="a model that the provider ran under this name, or `unknown` (default: the one that answered last)",
    )
    parser.add_argument(
        "--window",
        choices=["24h", "7d", "30d", "all"],
        default=window,
        help=f"count judgments made within this time (default: {window})",
    )


def add_map_option(parser: argparse.ArgumentParser, examples: str) -> None:
    """Adds `--map`, which `read_mapping` reads."""
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="COLUMN=NAME",
        help=f"the name under which a column is read, such as {examples}; may be repeated",
    )


def read_mapping(mappings: Sequence[str]) -> dict[str, str]:
    """Returns the pairs of `--map`. Raises CommandError if one of them is no pair."""
    found = {}
    for text in mappings:
        left, equals, right = text.rpartition("=")
        if not equals or not left or not right:
            raise CommandError([f"--map {text}: must be a column and its name here, such as question=input"])
        found[left] = right
    return found


def read_judge(name_or_file: str) -> str | dict[str, Any]:
    """Returns a judge's definition if the argument is a file, else the argument as the judge's name.

    Raises CommandError if there is no such file or it has no JSON object, OSError if it can't be read.
    """
    path = Path(name_or_file)
    if not path.is_file():
        if "/" in name_or_file or path.suffix == ".json":
            raise CommandError([f"--judge {name_or_file}: no such file"])
        return name_or_file
    try:
        definition = json.loads(path.read_bytes())
    except ValueError as error:
        raise CommandError([f"{path}: not valid JSON: {error}"]) from error
    if not isinstance(definition, dict):
        raise CommandError([f"{path}: a judge must be a JSON object"])
    return definition


def check_out_file(file: str) -> None:
    """Raises CommandError if a result can't be written to this file: before anything has been paid for."""
    path = Path(file)
    if path.is_dir():
        raise CommandError([f"{file}: is a folder, not a file"])
    if not path.parent.is_dir():
        raise CommandError([f"{file}: there is no folder {path.parent}"])
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise CommandError([f"{file}: can't be written: permission denied"])


def whole_number(least: int, most: int | None = None) -> Callable[[str], int]:
    """Returns what reads an argument that is a whole number from `least` to `most`. For `type` of an argument."""
    allowed = f"of {least} or more" if most is None else f"from {least} to {most}"

    def read(text: str) -> int:
        number = int(text) if re.fullmatch(r"[+-]?[0-9]{1,18}", text) else None
        if number is None or number < least or (most is not None and number > most):
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number {allowed}")
        return number

    return read


port_number = whole_number(0, 65_535)


def given_moment(text: str) -> datetime:
    """Returns the time that an argument names, in UTC unless it says otherwise. For `type` of an argument."""
    if ago := _AGO.fullmatch(text):
        try:
            return datetime.now(UTC) - timedelta(**{"days" if ago[2] == "d" else "hours": int(ago[1])})
        except OverflowError:
            raise argparse.ArgumentTypeError(f"{text} ago is before the year 1") from None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        message = f"{text} is not a time: say 2026-11-01, 2026-11-01T08:00+01:00, 7d or 24h"
        raise argparse.ArgumentTypeError(message) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
