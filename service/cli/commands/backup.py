"""`judged backup`: the whole store in a file."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from service.cli.arguments import add_config_option
from service.cli.command import SUCCEEDED, Command, CommandError
from service.cli.console import counting, interrupted_by_signals

if TYPE_CHECKING:
    from service.config.settings import Settings


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=Path, help="the file to write; it must not exist")
    add_store_options(parser)


def add_store_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that choose a store, which `store_settings` reads."""
    parser.add_argument(
        "--data",
        metavar="DIR",
        help="the data folder of a `judged up` (default: the store at JUDGED_REDIS_URL, else the folder store.data)",
    )
    add_config_option(parser)


def store_settings(options: argparse.Namespace) -> "Settings":
    """Returns the settings. Raises CommandError with each problem."""
    from service.config.settings import SettingsError, load_settings

    try:
        return load_settings(options.config, os.environ, resolve_keys=False)
    except SettingsError as error:
        raise CommandError(error.problems) from error


def _run(options: argparse.Namespace) -> int:
    from service.launch.backup import BackupError, StartError, StoreError, backup

    interrupted_by_signals()
    settings = store_settings(options)
    try:
        with counting("saving", "bytes") as count:
            size = backup(settings, options.data, options.file, count)
    except (BackupError, StartError, StoreError) as error:
        raise CommandError([str(error)]) from error
    print(f"{options.file}: {size:,} bytes")
    return SUCCEEDED


BACKUP = Command(
    "backup", "write the whole store, as it is at one moment, to a file, while everything runs", _add_arguments, _run
)
