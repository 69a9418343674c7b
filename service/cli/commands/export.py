"""`judged export`: the judgments and labels of a time, as NDJSON and Parquet."""

import argparse
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from service.cli.arguments import add_client_options, given_moment
from service.cli.command import SUCCEEDED, Command, CommandError
from service.cli.console import counting, print_json, print_note

if TYPE_CHECKING:
    from service.cli.client import Client

_LONGEST_JOB = timedelta(days=31)  # the latest deadline of a job is 30 days after its beginning
_JOBS_OF_A_PAGE = "100"
_GONE = 404
_NO_PARQUET = 'Only NDJSON was written: pip install "judged[parquet]" for Parquet too.'


class Period(NamedTuple):
    """A time from `since` on and before `until`."""

    since: datetime
    until: datetime

    def has(self, moment: str) -> bool:
        return self.since <= datetime.fromisoformat(moment) < self.until


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", type=Path, help="the folder to write to; an export in it is replaced")
    parser.add_argument(
        "--since",
        required=True,
        type=given_moment,
        metavar="TIME",
        help="what was judged or labelled from then on: 2026-11-01, 2026-11-01T08:00+01:00 (else UTC), 7d or 24h",
    )
    parser.add_argument("--until", type=given_moment, metavar="TIME", help="and before then (default: now)")
    parser.add_argument(
        "--purpose",
        choices=["judging", "benchmark", "trial"],
        help="only judgments of submitted jobs, of benchmarks, or of tried judges (default: all of them)",
    )
    add_client_options(parser)


def _run(options: argparse.Namespace) -> int:
    from service.cli.client import Client
    from service.files.export_columns import JUDGMENT_COLUMNS, LABEL_COLUMNS
    from service.files.export_files import ExportFiles, has_parquet

    period = Period(options.since, options.until or datetime.now(UTC))
    if period.until <= period.since:
        raise CommandError([f"--until must be after --since, {period.since:%Y-%m-%dT%H:%M%z}"])
    options.folder.mkdir(parents=True, exist_ok=True)
    with (
        Client.from_options(options) as client,
        ExportFiles(options.folder, "judgments", JUDGMENT_COLUMNS) as judgments,
        ExportFiles(options.folder, "labels", LABEL_COLUMNS) as labels,
    ):
        _write(_judgments_in(client, period, options.purpose), judgments.add, "judgments")
        _write((each for each in client.labels() if period.has(each["created_at"])), labels.add, "labels")
    written = _write_description(options.folder, period, {"judgments": judgments.rows, "labels": labels.rows})
    if options.json:
        print_json(written)
    else:
        print(f"{options.folder}: {judgments.rows} judgments, {labels.rows} labels")
    if not has_parquet():
        print_note(_NO_PARQUET)
    return SUCCEEDED


def _write(rows: Iterable[dict[str, Any]], add: Callable[[dict[str, Any]], None], unit: str) -> None:
    with counting("exporting", unit) as count:
        for number, row in enumerate(rows, 1):
            add(row)
            count(number)


def _judgments_in(client: "Client", period: Period, purpose: str | None) -> Iterator[dict[str, Any]]:
    """Yields the judgments that ended in the period, each once: those in the store, of the newest job first, since jobs
    may have begun long before; then those that only the archive has.
    """
    from service.cli.client import ClientError

    stored, query = set[str](), {"purpose": purpose} if purpose else {}
    for each in _stored_judgments(client, period, query):
        stored.add(each["id"])
        yield each
    try:
        yield from (each for each in client.archived_judgments(*period, query) if each["id"] not in stored)
    except ClientError as error:
        if error.status != _GONE:  # an older service, which has no archive
            raise


def _stored_judgments(client: "Client", period: Period, query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    from service.cli.client import ClientError

    for job in client.jobs({"limit": _JOBS_OF_A_PAGE, **query}):
        created_at = datetime.fromisoformat(job["created_at"])
        if created_at < period.since - _LONGEST_JOB:
            return
        ended_before = job["finished_at"] and datetime.fromisoformat(job["finished_at"]) < period.since
        if created_at >= period.until or ended_before:
            continue
        try:
            yield from (each for each in client.judgments(job["id"]) if period.has(each["finished_at"]))
        except ClientError as error:
            if error.status != _GONE:  # it expired since the page was read
                raise


def _write_description(folder: Path, period: Period, rows: dict[str, int]) -> dict[str, Any]:
    """Writes and returns what the files hold."""
    from service.files.export_columns import SCHEMA_VERSION

    times = {"since": period.since.isoformat(), "until": period.until.isoformat()}
    description = {"schema_version": SCHEMA_VERSION, **times, **rows}
    part = folder / f".export.json.{os.getpid()}.part"
    part.write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")
    part.replace(folder / "export.json")
    return description


EXPORT = Command("export", "write judgments with their votes, and labels, as NDJSON and Parquet", _add_arguments, _run)
