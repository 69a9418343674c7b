"""`judged restore`: an empty store filled from the file of a backup."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from service.cli.arguments import given_moment, whole_number
from service.cli.command import SUCCEEDED, Command, CommandError
from service.cli.commands.backup import add_store_options, store_settings
from service.cli.console import counting, interrupted_by_signals

if TYPE_CHECKING:
    from service.config.settings import Settings


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        metavar="FILE",
        type=Path,
        nargs="?",
        help="a file that `judged backup` wrote, or another RDB file; none with --archive",
    )
    parser.add_argument(
        "--archive",
        action="store_true",
        help="restore what the archive at archive.url has, into the store at JUDGED_REDIS_URL",
    )
    parser.add_argument(
        "--since", type=given_moment, metavar="TIME", help="with --archive: only jobs that ended from this day on (UTC)"
    )
    parser.add_argument(
        "--database",
        type=whole_number(0),
        metavar="N",
        help="the number of the database to take from the backup, if several have data of judged",
    )
    add_store_options(parser)


def _run(options: argparse.Namespace) -> int:
    from service.launch.backup import BackupError, StartError, StoreError, restore

    interrupted_by_signals()
    settings = store_settings(options)
    if options.archive:
        return _restore_archive(settings, options)
    if options.file is None:
        raise CommandError(["name the file of a backup, or --archive"])
    try:
        with counting("restoring", "keys") as count:
            where = restore(settings, options.data, options.file, options.database, count)
    except (BackupError, StartError, StoreError) as error:
        raise CommandError([str(error)]) from error
    print(f"{where} has what {options.file} had; jobs go on as soon as the API and the workers run")
    return SUCCEEDED


def _restore_archive(settings: "Settings", options: argparse.Namespace) -> int:
    from service.launch.archive import ArchiveError, StoreError, restore_from_archive

    if options.file is not None or options.data is not None:
        raise CommandError(["--archive needs no file, and restores into the store at JUDGED_REDIS_URL alone"])
    try:
        with counting("restoring", "judgments") as count:
            done = restore_from_archive(settings, options.since, count)
    except (ArchiveError, StoreError) as error:
        raise CommandError([str(error)]) from error
    print(f"restored: {done.judgments} judgments of {done.jobs} jobs, {done.labels} labels, {done.counters} counters")
    return SUCCEEDED


RESTORE = Command("restore", "fill an empty store from the file of a backup, or from the archive", _add_arguments, _run)
