"""`judged archive`: the state of the archive, and its work done at once."""

import argparse
import contextlib
import math
from typing import TYPE_CHECKING, Any

from service.cli.arguments import add_config_option
from service.cli.command import SOME_FAILED, SUCCEEDED, Command, CommandError
from service.cli.commands.backup import store_settings
from service.cli.console import print_json, print_note

if TYPE_CHECKING:
    from service.launch.archive import ArchiveStatus

_ACTIONS = ("status", "run", "compact", "forget", "off")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        choices=_ACTIONS,
        help="status: what it has and what waits; run: archive what is due now; compact: make few files of many;"
        " forget: remove judgments for good; off: let go of what waits, once archive.url is removed",
    )
    parser.add_argument("--older-than-hours", type=_hours, metavar="N", help="for run: in place of archive.after_hours")
    parser.add_argument("--item", action="append", default=[], metavar="ID", help="for forget: an item; repeatable")
    parser.add_argument("--job", action="append", default=[], metavar="ID", help="for forget: a job; repeatable")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_config_option(parser)


def _hours(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 <= (hours := float(text)) < math.inf:
            return hours
    raise argparse.ArgumentTypeError(f"{text} is not a number of hours")


def _run(options: argparse.Namespace) -> int:
    from service.launch.archive import ArchiveError, StoreError

    try:
        return _ran(options)
    except (ArchiveError, StoreError) as error:
        raise CommandError([str(error)]) from error


def _ran(options: argparse.Namespace) -> int:
    from service.launch import archive

    settings = store_settings(options)
    if options.action == "status":
        return _print_status(archive.archive_status(settings), options)
    if options.action == "run":
        hours = options.older_than_hours
        after_s = settings.archive.after_s if hours is None else hours * 3600
        written = archive.write_archive(settings, after_s)
        text = f"archived: {written.judgments} judgments, {written.jobs} jobs, labels of {written.labelled} items"
        _print(options, text, written._asdict())
    elif options.action == "off":
        jobs = archive.turn_archive_off(settings)
        _print(options, f"{jobs} jobs no longer wait for the archive, and expire in their time", {"jobs": jobs})
    elif options.action == "forget" and not options.item and not options.job:
        raise CommandError(["name what to forget: --item ID or --job ID"])
    else:
        is_forget = options.action == "forget"
        done = (
            archive.forget_archived(settings, items=options.item, jobs=options.job)
            if is_forget
            else archive.compact_archive(settings)
        )
        text = (
            f"{done.replaced} files replaced by fewer, {done.removed} old ones and {done.leftovers} leftovers removed"
        )
        _print(options, f"forgotten; {text}" if is_forget else text, done._asdict())
        for words in done.damaged:
            print_note(f"left as it is: {words}")
        return SOME_FAILED if done.damaged else SUCCEEDED
    return SUCCEEDED


def _print(options: argparse.Namespace, text: str, value: dict[str, Any]) -> None:
    if options.json:
        print_json(value)
    else:
        print(text)


def _print_status(status: "ArchiveStatus", options: argparse.Namespace) -> int:
    import msgspec

    if options.json:
        print_json(msgspec.to_builtins(status))
        return SOME_FAILED if status.missing else SUCCEEDED
    print(f"archive   {status.url} ({'on' if status.is_on else 'off: no worker has run with it'})")
    print(
        f"waiting   {status.waiting_jobs} jobs, labels of {status.waiting_labels} items;"
        f" the oldest job has been due for {status.lag_seconds:.0f} s"
    )
    for each in status.tables:
        days = "" if each.first_day is None else f", {each.first_day} to {each.last_day}"
        print(f"{each.table:<10}{each.rows:,} rows in {each.files} files, {each.size:,} bytes{days}")
    if status.to_forget:
        print(f"forgotten {status.to_forget} items and jobs")
    for path in status.missing:
        print(f"missing   {path}")
    return SOME_FAILED if status.missing else SUCCEEDED


ARCHIVE_COMMAND = Command(
    "archive",
    "show the archive of finished judgments, and write, compact or shorten it now",
    _add_arguments,
    _run,
    {SOME_FAILED: "files of the archive are missing or damaged"},
)
